//! dnsmasq, the program that sites really run: a forwarder for names, a DHCP server, or a router's advertiser.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use ipnet::Ipv6Net;

use super::ServiceError;
use super::command::{Program, Ready, find, text};
use crate::names::{LinkName, Mac};
use crate::plan::ServiceKind;
use crate::scenario::model::{NameSet, NftSet};

/// Nothing of the host's is read, and it stays in the foreground.
const ALONE: [&str; 5] =
    ["--keep-in-foreground", "--conf-file=/dev/null", "--bind-interfaces", "--log-facility=-", "--pid-file="];

/// Addresses of no host in the internet (RFC 6890). dnsmasq's own `--stop-dns-rebind` takes the networks of documentation, in
/// which the internet of a scenario may be, for private ones; and it knows no groups.
const INWARD: [&str; 13] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255",
    "::1",
    "::ffff:0:0/96",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// A forwarder, which asks `upstream` whatever it is asked, and puts the addresses of some names into sets of the node's
/// rules before it answers.
pub(super) fn forwarder(
    listen: &[IpAddr],
    upstream: IpAddr,
    sets: &[NameSet],
    refuses_inward: bool,
) -> Result<Program, ServiceError> {
    let mut arguments: Vec<String> =
        ["--no-hosts", "--no-resolv", "--no-poll", "--log-queries"].map(str::to_owned).to_vec();
    // Questions that wait for an answer: while the way to the server is cut, they are many.
    arguments.push("--dns-forward-max=5000".to_owned());
    arguments.push(format!("--server={upstream}"));
    arguments.extend(listen.iter().map(|address| format!("--listen-address={address}")));
    arguments.extend(sets.iter().map(nftset));
    if refuses_inward {
        arguments.extend(INWARD.map(|net| format!("--bogus-nxdomain={net}")));
    }
    if !sets.is_empty() {
        // An answer out of the cache fills nothing, and a set may forget sooner than the cache.
        arguments.push("--cache-size=0".into());
    }
    dnsmasq(arguments)
}

/// A server of addresses on one link, without names.
pub(super) fn dhcp_server(home: &Path, server: &ServiceKind) -> Result<Program, ServiceError> {
    let mut arguments: Vec<String> =
        ["--port=0", "--except-interface=lo", "--dhcp-authoritative", "--log-dhcp"]
            .map(str::to_owned)
            .to_vec();
    if let ServiceKind::DhcpServer { link, subnet, pool, lease, router, dns, ntp, reserve } = server {
        let (first, last) = pool;
        arguments.push(format!("--interface={link}"));
        arguments.push(format!("--dhcp-range={first},{last},{},{}", subnet.netmask(), lease.as_secs()));
        arguments.push(format!("--dhcp-leasefile={}", text(&leases(home, link))));
        arguments.push(named("router", router.as_slice()));
        arguments.push(named("dns-server", dns));
        arguments.push(named("ntp-server", ntp));
        arguments.extend(reserve.iter().map(|(mac, address)| format!("--dhcp-host={mac},{address}")));
    }
    dnsmasq(arguments)
}

/// Where a server keeps what it has given.
fn leases(home: &Path, link: &LinkName) -> PathBuf {
    home.join(format!("leases-{link}"))
}

/// Takes an Ethernet address out of what a server that does not run has given; the address that it had.
pub(super) fn forget(home: &Path, server: &ServiceKind, mac: Mac) -> io::Result<Option<Ipv4Addr>> {
    let ServiceKind::DhcpServer { link, .. } = server else { return Ok(None) };
    let file = leases(home, link);
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let (kept, address) = without(&text, mac);
    fs::write(&file, kept)?;
    Ok(address)
}

/// A line for each lease: when it ends, Ethernet address, address, name, client's id (dnsmasq, src/lease.c).
fn without(leases: &str, mac: Mac) -> (String, Option<Ipv4Addr>) {
    let (mut kept, mut address) = (String::new(), None);
    for line in leases.lines() {
        let mut words = line.split(' ').skip(1);
        match (words.next().and_then(|word| word.parse::<Mac>().ok()), words.next()) {
            (Some(of), given) if of == mac => address = given.and_then(|given| given.parse().ok()),
            _ => kept.extend([line, "\n"]),
        }
    }
    (kept, address)
}

/// A router that advertises itself on one link, with prefixes but no addresses to ask for.
pub(super) fn advertiser(
    home: &Path,
    link: &LinkName,
    prefixes: &[Ipv6Net],
) -> Result<Program, ServiceError> {
    let mut arguments: Vec<String> =
        ["--port=0", "--except-interface=lo", "--enable-ra", "--log-dhcp"].map(str::to_owned).to_vec();
    arguments.push(format!("--interface={link}"));
    arguments.push(format!("--dhcp-leasefile={}", text(&home.join(format!("leases6-{link}")))));
    let range = |net: &Ipv6Net| format!("--dhcp-range={},ra-only,{}", net.network(), net.prefix_len());
    arguments.extend(prefixes.iter().map(range));
    dnsmasq(arguments)
}

/// dnsmasq(8), `--nftset`: each name with everything below it.
fn nftset(one: &NameSet) -> String {
    let set = |family: u8, set: &Option<NftSet>| {
        set.as_ref().map(|set| format!("{family}#{}", set.to_string().replace(' ', "#")))
    };
    let sets: Vec<_> = [set(4, &one.ip4), set(6, &one.ip6)].into_iter().flatten().collect();
    format!("--nftset=/{}/{}", one.names.join("/"), sets.join(","))
}

/// An option with these addresses; without any, it is not sent.
fn named(option: &str, addresses: &[Ipv4Addr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(|address| format!(",{address}")).collect();
    format!("--dhcp-option=option:{option}{}", addresses.concat())
}

fn dnsmasq(own: Vec<String>) -> Result<Program, ServiceError> {
    let mut arguments: Vec<String> = ALONE.map(str::to_owned).to_vec();
    arguments.extend(own);
    if nix::unistd::geteuid().is_root() {
        // Its own choice is `dip`, a group that a user namespace need not have.
        arguments.extend(["--user=root", "--group=root"].map(str::to_owned));
    }
    Ok(Program {
        what: "dnsmasq".into(),
        program: find("dnsmasq", "dnsmasq-base")?,
        arguments,
        environment: Vec::new(),
        ready: Ready::Line("started, version".into()),
        facts: false,
        of_scenario: false,
        listens: false,
        ready_within: None,
        works_in: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::SetFamily;

    #[test]
    fn one_lease_is_forgotten_and_the_others_stay() {
        let other = "1764200000 02:00:00:00:00:02 10.20.0.6 * 01:02:00:00:00:00:02\n";
        let leases = format!("1764200000 02:00:00:00:00:01 10.20.0.5 app *\n{other}duid 00:01\n");
        let mac = "02:00:00:00:00:01".parse().unwrap();
        let (kept, address) = without(&leases, mac);
        assert_eq!((kept.as_str(), address), (&*format!("{other}duid 00:01\n"), Some([10, 20, 0, 5].into())));
        assert_eq!(without(&kept, mac), (kept.clone(), None));
    }

    #[test]
    fn sets_are_written_as_dnsmasq_reads_them() {
        let set = |family, set: &str| Some(NftSet { family, table: "site".into(), set: set.into() });
        let mut one = NameSet {
            names: vec!["iot.eu-west-1.amazonaws.com".into(), "logs.eu-west-1.amazonaws.com".into()],
            ip4: set(SetFamily::Inet, "aws4"),
            ip6: set(SetFamily::Ip6, "aws6"),
        };
        let names = "--nftset=/iot.eu-west-1.amazonaws.com/logs.eu-west-1.amazonaws.com/";
        assert_eq!(nftset(&one), format!("{names}4#inet#site#aws4,6#ip6#site#aws6"));
        one.ip4 = None;
        assert_eq!(nftset(&one), format!("{names}6#ip6#site#aws6"));
    }
}
