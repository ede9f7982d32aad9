//! dnsmasq, the program that sites really run: a forwarder for names, or a DHCP server.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::ServiceError;
use super::command::{Program, Ready, find, text};
use crate::plan::ServiceKind;

/// Nothing of the host's is read, and it stays in the foreground.
const ALONE: [&str; 5] =
    ["--keep-in-foreground", "--conf-file=/dev/null", "--bind-interfaces", "--log-facility=-", "--pid-file="];

/// A plain forwarder, which asks `upstream` whatever it is asked.
pub(super) fn forwarder(listen: &[IpAddr], upstream: IpAddr) -> Result<Program, ServiceError> {
    let mut arguments: Vec<String> =
        ["--no-hosts", "--no-resolv", "--no-poll", "--log-queries"].map(str::to_owned).to_vec();
    arguments.push(format!("--server={upstream}"));
    arguments.extend(listen.iter().map(|address| format!("--listen-address={address}")));
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
        of_scenario: false,
    })
}
