//! Whether a camera with these types and scopes is meant by a probe (WS-Discovery, section 5.1).

use super::message::Probe;
use crate::onvif::names::{DEVICE, DISCOVERY, NETWORK};
use crate::xml::Name;

/// What a camera is: namespace and local part.
const TYPES: [(&str, &str); 2] = [(NETWORK, "NetworkVideoTransmitter"), (DEVICE, "Device")];

/// Whether all that the probe asks for is there.
pub(super) fn is_meant(probe: &Probe, scopes: &[String]) -> bool {
    let typed = |name: &Name| TYPES.iter().any(|(namespace, local)| name.is(namespace, local));
    let rule: fn(&str, &str) -> bool = match probe.rule.strip_prefix(DISCOVERY) {
        _ if probe.rule.is_empty() => by_segments,
        Some("/rfc2396") => by_segments,
        Some("/strcmp0") => |asked, own| asked == own,
        _ => return false,
    };
    let scoped = |asked: &String| scopes.iter().any(|own| rule(asked, own));
    probe.types.iter().all(typed) && probe.scopes.iter().all(scoped)
}

/// Scheme and authority without regard to case, then the path's segments as a beginning of the other's.
fn by_segments(asked: &str, own: &str) -> bool {
    let ((asked_head, asked_path), (own_head, own_path)) = (split(asked), split(own));
    let mut own_segments = segments(own_path);
    asked_head.eq_ignore_ascii_case(own_head)
        && segments(asked_path)
            .all(|segment| !matches!(segment, "." | "..") && own_segments.next() == Some(segment))
}

/// `onvif://host` and `/path`.
fn split(uri: &str) -> (&str, &str) {
    let after = uri.find("://").map_or(0, |at| at + 3);
    let path = uri[after..].find('/').map_or(uri.len(), |at| after + at);
    uri.split_at(path)
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches('/').split('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(types: &[(&str, &str)], scopes: &[&str], rule: &str) -> bool {
        let name =
            |&(namespace, local): &(&str, &str)| Name { namespace: namespace.into(), local: local.into() };
        let probe = Probe {
            types: types.iter().map(name).collect(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            rule: rule.into(),
        };
        let own = ["onvif://www.onvif.org/Profile/Streaming", "onvif://www.onvif.org/name/dock-1"];
        is_meant(&probe, &own.map(str::to_owned))
    }

    #[test]
    fn all_types_must_be_the_cameras() {
        assert!(meant(&[], &[], ""));
        assert!(meant(&[(NETWORK, "NetworkVideoTransmitter")], &[], ""));
        assert!(meant(&[(NETWORK, "NetworkVideoTransmitter"), (DEVICE, "Device")], &[], ""));
        assert!(!meant(&[(NETWORK, "NetworkVideoDisplay")], &[], ""));
        assert!(!meant(&[("urn:printers", "NetworkVideoTransmitter")], &[], ""));
        assert!(!meant(&[(NETWORK, "NetworkVideoTransmitter"), ("urn:printers", "Printer")], &[], ""));
    }

    #[test]
    fn scopes_match_by_segments_of_their_path() {
        let scoped = |scope: &str| meant(&[], &[scope], "");
        assert!(scoped("onvif://www.onvif.org/Profile/Streaming"));
        assert!(scoped("onvif://www.onvif.org/Profile/"));
        assert!(scoped("onvif://www.onvif.org"));
        assert!(scoped("ONVIF://WWW.ONVIF.ORG/Profile"));
        assert!(!scoped("onvif://www.onvif.org/profile"), "paths have their case");
        assert!(!scoped("onvif://www.onvif.org/Prof"), "half a segment is none");
        assert!(!scoped("onvif://www.onvif.org/Profile/Streaming/more"));
        assert!(!scoped("onvif://www.onvif.org/./Profile"));
        assert!(!scoped("onvif://elsewhere.org/Profile"));
        assert!(!scoped("urn:other"));
        assert!(!meant(&[], &["onvif://www.onvif.org/Profile", "onvif://www.onvif.org/location/x"], ""));
    }

    #[test]
    fn the_rule_is_the_probes() {
        let strict = format!("{DISCOVERY}/strcmp0");
        assert!(meant(&[], &["onvif://www.onvif.org/name/dock-1"], &strict));
        assert!(!meant(&[], &["onvif://www.onvif.org/name"], &strict));
        assert!(meant(&[], &["onvif://www.onvif.org/name"], &format!("{DISCOVERY}/rfc2396")));
        assert!(!meant(&[], &["onvif://www.onvif.org/name"], &format!("{DISCOVERY}/ldap")));
    }
}
