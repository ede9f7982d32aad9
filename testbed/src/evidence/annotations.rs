//! Comments for the packets that a judgement cites, so that a reader finds them in Wireshark.

use std::collections::BTreeMap;

use crate::verdict::{Judgement, Verdict};

/// Packet number in `capture.pcapng` to the comment that it gets: check, verdict and what the packet shows.
///
/// A packet that is cited several times has all of it, in the order of the checks.
pub fn annotations(judgement: &Judgement) -> BTreeMap<u64, String> {
    let mut comments: BTreeMap<u64, String> = BTreeMap::new();
    for check in judgement.checks.iter().filter(|check| check.verdict == Verdict::Fail) {
        // Number 0 is a packet that was counted but not stored.
        let cited =
            check.findings.iter().flat_map(|finding| &finding.packets).filter(|(_, number)| *number != 0);
        for (shows, number) in cited {
            let comment = format!("{} FAIL: {shows}", check.check);
            match comments.entry(*number).or_default() {
                known if known.contains(&comment) => {}
                known if known.is_empty() => *known = comment,
                known => *known = format!("{known}; {comment}"),
            }
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example::{good, leak, plan};
    use crate::verdict::judge;

    #[test]
    fn cited_packets_say_what_they_show_once_per_check() {
        let mut seen = good();
        leak(&mut seen.aims[0], "tcp/22", Some(112));
        leak(&mut seen.aims[1], "tcp/22", None);
        seen.conversations[2].syn_back = true;
        let comments = annotations(&judge(&plan(), &seen));
        assert_eq!(comments.keys().copied().collect::<Vec<_>>(), [10, 12, 110, 112]);
        assert_eq!(
            comments[&110],
            "vms-shut FAIL: tcp/22 to 10.30.0.10 entered at dock-1's tap; \
             vms-shut FAIL: tcp/22 to 10.20.0.1 entered at app's tap"
        );
        assert_eq!(comments[&10], "app-opens FAIL: first packet, at app's tap");
        assert!(annotations(&judge(&plan(), &good())).is_empty());
    }
}
