//! What the appliance knows of itself, and is asked by the cloud: its software, its ports, its time server, what runs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use serde_json::{Map, Value, json};

/// What stands where there is nothing to say.
const NONE: &str = "--";

/// All of it; shared by whoever learns something and whoever tells.
pub(crate) struct Own(Mutex<State>);

struct State {
    software: String,
    /// The time server, and whether it told the time when it was last asked.
    time: Option<(String, Option<IpAddr>)>,
    applications: BTreeSet<String>,
    every: Duration,
    /// Whether each port is told of with the Ethernet address of the other.
    mixed_up: bool,
}

/// One port.
#[derive(Debug, Default, PartialEq, Eq)]
struct Port {
    carrier: bool,
    address: Option<String>,
    mac: Option<String>,
}

impl Own {
    /// As it is when it starts; `every`: time between two signs of life; `mixed_up`: each port is told of with the
    /// Ethernet address of the other.
    pub(crate) fn new(every: Duration, mixed_up: bool) -> Self {
        Self(Mutex::new(State {
            software: env!("CARGO_PKG_VERSION").to_owned(),
            time: None,
            applications: BTreeSet::new(),
            every,
            mixed_up,
        }))
    }

    /// An update is in use.
    pub(crate) fn updated(&self, software: &str) {
        self.lock().software = software.to_owned();
    }

    /// A time server was asked; `at`: where it told the time.
    pub(crate) fn asked_for_time(&self, server: &str, at: Option<IpAddr>) {
        self.lock().time = Some((server.to_owned(), at));
    }

    /// An application runs from now on.
    pub(crate) fn deployed(&self, application: &str) {
        self.lock().applications.insert(application.to_owned());
    }

    /// An application is gone; says whether it was there.
    pub(crate) fn removed(&self, application: &str) -> bool {
        self.lock().applications.remove(application)
    }

    /// Whether an application runs.
    pub(crate) fn runs(&self, application: &str) -> bool {
        self.lock().applications.contains(application)
    }

    /// Time between two signs of life.
    pub(crate) fn every(&self) -> Duration {
        self.lock().every
    }

    /// The same, from now on.
    pub(crate) fn set_every(&self, every: Duration) {
        self.lock().every = every;
    }

    /// What the cloud's monitoring is told: `softwareVersion`, and for `eth0`, `eth1` and `ntp` the state, the address, and
    /// the Ethernet address or the server's name.
    pub(crate) fn status(&self) -> Value {
        let mut ports = ports().into_values();
        let (mut first, mut second) = (ports.next().unwrap_or_default(), ports.next().unwrap_or_default());
        let state = self.lock();
        if state.mixed_up {
            std::mem::swap(&mut first.mac, &mut second.mac);
        }
        let (eth0, eth1) = (first.said(), second.said());
        let ntp = match &state.time {
            None => format!("NOT_CONNECTED {NONE} {NONE}"),
            Some((server, None)) => format!("CONNECTING {NONE} {server}"),
            Some((server, Some(at))) => format!("CONNECTED {at} {server}"),
        };
        json!({ "softwareVersion": state.software, "eth0": eth0, "eth1": eth1, "ntp": ntp })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Port {
    fn said(&self) -> String {
        let state = if self.carrier { "CONNECTED" } else { "NOT_CONNECTED" };
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
        format!("{state} {} {}", word(&self.address), word(&self.mac))
    }
}

/// The ports of this machine but for its loopback, by name; none if the kernel does not tell.
fn ports() -> BTreeMap<String, Port> {
    let mut ports: BTreeMap<String, Port> = BTreeMap::new();
    for found in getifaddrs().into_iter().flatten() {
        if found.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let port = ports.entry(found.interface_name).or_default();
        port.carrier |= found.flags.contains(InterfaceFlags::IFF_RUNNING);
        let Some(address) = found.address else { continue };
        if let (Some(ip), Some(mask)) =
            (address.as_sockaddr_in(), found.netmask.as_ref().and_then(|mask| mask.as_sockaddr_in()))
        {
            let length = u32::from(mask.ip()).count_ones();
            port.address.get_or_insert(format!("{}/{length}", ip.ip()));
        }
        if let Some(mac) = address.as_link_addr().and_then(|link| link.addr()) {
            port.mac = Some(mac.map(|byte| format!("{byte:02x}")).join(":"));
        }
    }
    ports
}

/// A text for a job's details: at most 1024 printable characters (API "AWS IoT Jobs data plane", DetailsValue).
pub(crate) fn detail(text: &str) -> String {
    let printable = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    let text: String = printable.take(1024).collect();
    if text.is_empty() { NONE.to_owned() } else { text }
}

/// Details of one entry.
pub(crate) fn details(key: &str, text: &str) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), detail(text).into())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_has_three_words_each_and_the_software_in_use() {
        let own = Own::new(Duration::from_secs(30), false);
        own.asked_for_time("time.example", Some([10, 20, 0, 1].into()));
        own.updated("2.0.0");
        let status = own.status();
        assert_eq!(
            (&status["softwareVersion"], &status["ntp"]),
            (&json!("2.0.0"), &json!("CONNECTED 10.20.0.1 time.example"))
        );
        for key in ["eth0", "eth1", "ntp"] {
            assert_eq!(status[key].as_str().unwrap().split(' ').count(), 3, "{status}");
        }
        assert_eq!(Port::default().said(), "NOT_CONNECTED -- --");
        let port = Port {
            carrier: true,
            address: Some("10.0.0.5/24".into()),
            mac: Some("02:00:00:00:00:01".into()),
        };
        assert_eq!(port.said(), "CONNECTED 10.0.0.5/24 02:00:00:00:00:01");
    }

    #[test]
    fn a_detail_is_printable_and_short() {
        assert_eq!(detail("a\nb"), "a b");
        assert_eq!(detail(""), "--");
        assert_eq!(detail(&"x".repeat(2000)).len(), 1024);
    }
}
