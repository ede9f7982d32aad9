//! Routes, packet lengths and address families: what Linux does with them is what the scenario says.

use std::process::Command;

use crate::sites;
use crate::support::{ONE_RUN, Place, say};

const SITE: &str = include_str!("layer3.yaml");
const RULES: &str = include_str!("layer3.nft");

#[test]
fn a_narrow_link_is_found_out_a_policy_route_is_asked_first_and_nat_hides_who_asks() {
    let place = Place::new();
    place.write("site/layer3.nft", RULES);
    let said = say(sites::run_allowed(&place, &place.write("site/layer3.yaml", SITE)), ONE_RUN);
    said.expect_code(0);
    let folder = &place.run_folders()[0];
    let state = std::fs::read_to_string(folder.join("before/near.json")).unwrap();
    for line in ["from 192.0.2.9/32 lookup 1000", "203.0.113.0/24 via 192.0.2.2 table 1000"] {
        assert!(state.contains(line), "`{line}` is not in {state}");
    }
    // The far one has no route back to whoever asks: it answers the router, which is who it hears.
    let mut tshark = Command::new("tshark");
    let filter = "icmp.type == 8 && ip.src == 198.51.100.1 && frame.interface_name == \"far.eth0\"";
    tshark.args(["-n", "-Y", filter, "-r"]).arg(folder.join("capture.pcapng"));
    let output = tshark.output().expect("tshark is there");
    assert!(output.status.success() && !output.stdout.is_empty(), "the far one hears the router");
}

/// Cameras, appliance, names, the time and the cloud without a single IPv4 address.
const SIX: &str = "
version: 1
name: six
site:
  segments:
    cam: { subnets: [\"2001:db8:20::/64\"] }
    wan: { subnets: [\"2001:db8:113::/64\"] }
  cameras:
    door: { segment: cam, video: { size: 320x176, fps: 30 } }
  appliances:
    app: { segment: cam, cameras: [door], cloud: aws, resolver: rtr, clock: rtr }
  routers:
    rtr:
      links: { cam0: { segment: cam }, wan0: { segment: wan } }
      serves: { dns: cam, ntp: cam, upstream: aws }
      ruleset: six.nft
  clouds:
    aws: { segment: wan, region: eu-west-1 }
flows:
  - use: panorama
    as: { appliance: app, cameras: door, cloud: aws, resolver: rtr, clock: rtr }
    allow: [F01, F03, F07-F11, F13, F15, F17, F18]
  - { id: S01, from: rtr, to: aws, ports: [udp/53, tcp/53, udp/123], why: what the router itself asks upstream }
checks:
  door-plays: { plays: { cameras: door, at: app, frames: 5 }, proves: PAN-RTS-03 (part) }
  app-clock: { clock: { of: app, from: rtr, upstream: aws }, proves: PAN-NTP-01 (part) }
  cloud-reached: { reach: { from: app, to: aws, ports: tcp/443 }, proves: PAN-CLD-01 (part) }
  internet-shut:
    no_reach: { from: door, to: aws, ports: [tcp/443, udp/53, icmp6/128] }
    alive: [F01, F07]
    proves: PAN-RTS-04 (part)
";

const SIX_RULES: &str = "flush ruleset
table inet site {
	chain own {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		iifname \"cam0\" udp dport { 53, 123 } accept
		iifname \"cam0\" tcp dport 53 accept
	}
	chain through {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname \"cam0\" oifname \"wan0\" ip6 saddr != 2001:db8:20::3 tcp dport 443 accept
	}
}
";

#[test]
fn a_site_without_ipv4_streams_and_is_attacked() {
    let place = Place::new();
    place.write("site/six.nft", SIX_RULES);
    let site = place.write("site/six.yaml", SIX);
    let mut plan = place.testbed();
    plan.arg("plan").arg(&site);
    let plan = say(plan, ONE_RUN).expect_code(0).stdout;
    assert!(plan.contains("at 2001:db8:20::3; 320x176"), "the rules know the camera by this address: {plan}");
    let said = say(place.run(&site), ONE_RUN).expect_code(0);
    assert!(said.stdout.contains("4 passed, 0 failed, 0 inconclusive"), "{said}");
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-Y", "ip or arp", "-r"]).arg(place.run_folders()[0].join("capture.pcapng"));
    let output = tshark.output().expect("tshark is there");
    assert!(output.status.success() && output.stdout.is_empty(), "no packet of IPv4");
}
