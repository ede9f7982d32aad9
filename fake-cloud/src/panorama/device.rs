//! Devices: what they are called, how they are to be set up, and what they last said of themselves. Pure.

use std::collections::BTreeMap;

use fake_facts::{Fact, PortSaid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Monitoring jobs that may go unanswered before a device counts as gone.
const MISSES: u32 = 2;
/// The state of a port with a carrier.
const CONNECTED: &str = "CONNECTED";
/// What a device says where there is nothing to say.
const NONE: &str = "--";

/// One device.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) networking: Option<Networking>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    /// It has a certificate of its own.
    pub(super) provisioned: bool,
    /// It has answered, and is connected.
    pub(super) online: bool,
    /// Monitoring jobs in a row that it has not answered.
    pub(super) missed: u32,
    /// The monitoring job that it has not answered yet.
    pub(super) asked: Option<String>,
    pub(super) said: Option<Said>,
    /// How many jobs operators have given it.
    pub(super) jobs: u64,
}

/// What a device said of itself, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) software: String,
    ethernet: [Port; 2],
    ntp: Port,
    at: i64,
}

/// A port or a server: state, address, and Ethernet address or name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Port {
    state: String,
    address: String,
    other: String,
}

/// `NetworkingConfiguration`, as it was given.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Networking {
    #[serde(skip_serializing_if = "Option::is_none")]
    ethernet0: Option<Ethernet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ethernet1: Option<Ethernet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ntp: Option<Ntp>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Ethernet {
    connection_type: ConnectionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    static_ip_connection_info: Option<StaticIp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
enum ConnectionType {
    #[serde(rename = "STATIC_IP")]
    StaticIp,
    #[serde(rename = "DHCP")]
    Dhcp,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct StaticIp {
    ip_address: String,
    mask: String,
    dns: Vec<String>,
    default_gateway: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Ntp {
    ntp_servers: Vec<String>,
}

impl Networking {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, port) in [("Ethernet0", &self.ethernet0), ("Ethernet1", &self.ethernet1)] {
            let Some(port) = port else { continue };
            match (&port.connection_type, &port.static_ip_connection_info) {
                (ConnectionType::StaticIp, Some(info)) => {
                    info.check().map_err(|why| format!("{name}: {why}"))?
                }
                (ConnectionType::StaticIp, None) => {
                    return Err(format!("{name}: STATIC_IP needs StaticIpConnectionInfo"));
                }
                (ConnectionType::Dhcp, _) => {}
            }
        }
        match &self.ntp {
            Some(ntp) if ntp.ntp_servers.len() > 5 => Err("at most 5 NtpServers".into()),
            _ => Ok(()),
        }
    }
}

impl StaticIp {
    fn check(&self) -> Result<(), String> {
        let fixed = [
            ("IpAddress", &self.ip_address),
            ("Mask", &self.mask),
            ("DefaultGateway", &self.default_gateway),
        ];
        let all = fixed.into_iter().chain(self.dns.iter().map(|dns| ("Dns", dns)));
        for (what, text) in all {
            // The address may come with the length of its network.
            let address = text.split_once('/').map_or(text.as_str(), |(address, _)| address);
            address.parse::<std::net::Ipv4Addr>().map_err(|_| format!("{what} `{text}` is no address"))?;
        }
        Ok(())
    }
}

impl Port {
    fn known(&self) -> PortSaid {
        let word = |text: &str| (text != NONE).then(|| text.to_owned());
        PortSaid { connected: self.state == CONNECTED, address: word(&self.address), mac: word(&self.other) }
    }
}

impl Said {
    /// Reads the details of an answer: `softwareVersion`, and three words each for `eth0`, `eth1` and `ntp`.
    pub(super) fn read(details: &Map<String, Value>, at: i64) -> Option<Self> {
        let text = |key: &str| details.get(key).and_then(Value::as_str);
        let port = |key: &str| match text(key)?.split_whitespace().collect::<Vec<_>>()[..] {
            [state, address, other] if [CONNECTED, "NOT_CONNECTED", "CONNECTING"].contains(&state) => {
                Some(Port { state: state.into(), address: address.into(), other: other.into() })
            }
            _ => None,
        };
        let software =
            text("softwareVersion").filter(|version| !version.is_empty() && version.len() <= 255)?;
        Some(Self {
            software: software.into(),
            ethernet: [port("eth0")?, port("eth1")?],
            ntp: port("ntp")?,
            at,
        })
    }

    fn networking(&self) -> Value {
        let [first, second] = &self.ethernet;
        let ethernet = |port: &Port| json!({ "ConnectionStatus": port.state, "IpAddress": port.address, "HwAddress": port.other });
        let Port { state, address, other } = &self.ntp;
        json!({
            "Ethernet0Status": ethernet(first), "Ethernet1Status": ethernet(second),
            "NtpStatus": { "ConnectionStatus": state, "IpAddress": address, "NtpServerName": other },
            "LastUpdatedTime": seconds(self.at),
        })
    }
}

impl Device {
    /// One that nobody has heard of yet.
    pub(super) fn new(id: &str, name: &str, now: i64) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            description: None,
            networking: None,
            tags: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            provisioned: false,
            online: false,
            missed: 0,
            asked: None,
            said: None,
            jobs: 0,
        }
    }

    /// A monitoring job was answered.
    pub(super) fn answered(&mut self, said: Said) {
        (self.online, self.missed, self.asked) = (true, 0, None);
        self.updated_at = said.at;
        self.said = Some(said);
    }

    /// A monitoring job was not answered until the next one; after two of them the device is gone. Says whether that is new.
    pub(super) fn missed(&mut self) -> bool {
        self.missed += 1;
        let was = self.online;
        self.online &= self.missed < MISSES;
        was && !self.online
    }

    /// What monitoring has shown.
    pub(super) fn known(&self) -> Fact {
        Fact::Monitored {
            device: self.id.clone(),
            online: self.online,
            software: self.software().map(str::to_owned),
            ports: self.said.iter().flat_map(|said| said.ethernet.iter().map(Port::known)).collect(),
        }
    }

    /// `DeviceConnectionStatus`.
    pub(super) fn connection(&self) -> &'static str {
        match (self.provisioned, self.online) {
            (false, _) => "AWAITING_CREDENTIALS",
            (true, true) => "ONLINE",
            (true, false) => "OFFLINE",
        }
    }

    /// `ProvisioningStatus`.
    pub(super) fn provisioning(&self) -> &'static str {
        if self.provisioned { "SUCCEEDED" } else { "AWAITING_PROVISIONING" }
    }

    /// `DeviceAggregatedStatus`.
    pub(super) fn aggregated(&self) -> &'static str {
        if self.provisioned { self.connection() } else { "AWAITING_PROVISIONING" }
    }

    /// What lists say; `latest`: `LatestDeviceJob`.
    pub(super) fn listed(&self, latest: &Value) -> Value {
        json!({
            "DeviceId": self.id, "Name": self.name, "Description": self.description,
            "CreatedTime": seconds(self.created_at), "LastUpdatedTime": seconds(self.updated_at),
            "ProvisioningStatus": self.provisioning(), "DeviceAggregatedStatus": self.aggregated(),
            "CurrentSoftware": self.software(), "LatestDeviceJob": latest, "Tags": self.tags,
            "Brand": "AWS_PANORAMA", "Type": "PANORAMA_APPLIANCE",
        })
    }

    /// What DescribeDevice says.
    pub(super) fn described(&self, arn: &str, latest: &Value) -> Value {
        let mut said = self.listed(latest);
        said["Arn"] = arn.into();
        said["DeviceConnectionStatus"] = self.connection().into();
        // The newest that anybody has asked for, else what it runs.
        let asked = latest["ImageVersion"].as_str().map(str::to_owned);
        said["LatestSoftware"] = asked.or_else(|| self.software().map(str::to_owned)).into();
        if let Some(heard) = &self.said {
            said["CurrentNetworkingStatus"] = heard.networking();
        }
        if let Some(networking) = &self.networking {
            said["NetworkingConfiguration"] = serde_json::to_value(networking).unwrap_or_default();
        }
        said
    }

    fn software(&self) -> Option<&str> {
        self.said.as_ref().map(|said| said.software.as_str())
    }
}

/// Milliseconds as the API writes them.
pub(super) fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(eth0: &str) -> Map<String, Value> {
        let details = json!({
            "softwareVersion": "1.2.3", "eth0": eth0, "eth1": "NOT_CONNECTED -- 02:00:00:00:00:02",
            "ntp": "CONNECTED 10.20.0.1 time.example",
        });
        details.as_object().unwrap().clone()
    }

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let said = Said::read(&details("CONNECTED 10.20.0.5/24 02:00:00:00:00:01"), 5000).unwrap();
        let status = said.networking();
        assert_eq!(status["Ethernet0Status"]["IpAddress"], "10.20.0.5/24");
        assert_eq!(status["Ethernet1Status"]["ConnectionStatus"], "NOT_CONNECTED");
        assert_eq!(
            (&status["NtpStatus"]["NtpServerName"], &status["LastUpdatedTime"]),
            (&json!("time.example"), &json!(5.0))
        );
        for bad in ["", "UP 10.20.0.5/24 02:00:00:00:00:01", "CONNECTED 10.20.0.5/24"] {
            assert_eq!(Said::read(&details(bad), 0), None, "{bad}");
        }
        let mut none = details("CONNECTED -- --");
        none.remove("softwareVersion");
        assert_eq!(Said::read(&none, 0), None);
    }

    #[test]
    fn a_device_is_gone_after_two_misses_and_back_with_an_answer() {
        let mut device = Device::new("d", "d", 0);
        assert_eq!(
            (device.connection(), device.aggregated()),
            ("AWAITING_CREDENTIALS", "AWAITING_PROVISIONING")
        );
        device.provisioned = true;
        assert_eq!(device.connection(), "OFFLINE");
        let said = Said::read(&details("CONNECTED -- --"), 0).unwrap();
        device.answered(said.clone());
        device.missed();
        assert_eq!(device.connection(), "ONLINE");
        device.missed();
        assert_eq!(device.connection(), "OFFLINE");
        device.answered(said);
        assert_eq!(device.connection(), "ONLINE");
    }

    #[test]
    fn a_static_address_is_given_whole() {
        let read = |text: Value| {
            serde_json::from_value::<Networking>(text).map_err(|error| error.to_string())?.check()
        };
        let port = |address: &str| {
            json!({ "Ethernet0": { "ConnectionType": "STATIC_IP", "StaticIpConnectionInfo": {
                "IpAddress": address, "Mask": "255.255.255.0", "DefaultGateway": "10.0.0.1", "Dns": ["10.0.0.1"] } } })
        };
        assert_eq!(read(port("10.0.0.5")), Ok(()));
        assert_eq!(read(port("10.0.0.5/24")), Ok(()));
        assert!(read(port("nowhere")).is_err());
        assert!(read(json!({ "Ethernet0": { "ConnectionType": "STATIC_IP" } })).is_err());
        assert!(read(json!({ "Ethernet0": { "ConnectionType": "MAGIC" } })).is_err());
        assert!(read(json!({ "Ntp": { "NtpServers": ["a", "b", "c", "d", "e", "f"] } })).is_err());
    }
}
