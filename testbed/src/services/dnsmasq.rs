//! dnsmasq, the program that sites really run: a forwarder for names, or a DHCP server.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::ServiceError;
use super::command::{Program, Ready, find, text};
use crate::plan::ServiceKind;
use crate::scenario::model::{NameSet, NftSet};

/// Nothing of the host's is read, and it stays in the foreground.
const ALONE: [&str; 5] =
    ["--keep-in-foreground", "--conf-file=/dev/null", "--bind-interfaces", "--log-facility=-", "--pid-file="];

/// A forwarder, which asks `upstream` whatever it is asked, and puts the addresses of some names into sets of the node's
/// rules before it answers.
pub(super) fn forwarder(
    listen: &[IpAddr],
    upstream: IpAddr,
    sets: &[NameSet],
) -> Result<Program, ServiceError> {
    let mut arguments: Vec<String> =
        ["--no-hosts", "--no-resolv", "--no-poll", "--log-queries"].map(str::to_owned).to_vec();
    arguments.push(format!("--server={upstream}"));
    arguments.extend(listen.iter().map(|address| format!("--listen-address={address}")));
    arguments.extend(sets.iter().map(nftset));
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
        arguments.push(format!("--dhcp-leasefile={}", text(&home.join(format!("leases-{link}")))));
        arguments.push(named("router", router.as_slice()));
        arguments.push(named("dns-server", dns));
        arguments.push(named("ntp-server", ntp));
        arguments.extend(reserve.iter().map(|(mac, address)| format!("--dhcp-host={mac},{address}")));
    }
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
        ready: Ready::Line("started, version"),
        facts: false,
        of_scenario: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::SetFamily;

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
