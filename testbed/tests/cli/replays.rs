//! `replay`: the scenario of a run folder is run again and held against the record.

use std::fs;

use testbed::evidence::{Manifest, RunFile, RunFolder};

use crate::reports::Kept;
use crate::support::{ONE_RUN, Said, say, verdicts_in};

impl Kept {
    fn replay(&self) -> Said {
        let mut command = self.place.testbed();
        command.arg("replay").arg(&self.folder).arg("--out").arg(self.place.out());
        say(command, ONE_RUN)
    }

    /// Changes the rules that lie in the folder.
    fn rules(&self, from: &str, to: &str) {
        self.change(&RunFile::Given("door.nft".into()), |bytes| {
            let text = String::from_utf8(bytes.clone()).expect("rules are text");
            assert!(text.contains(from), "{text}");
            *bytes = text.replace(from, to).into_bytes();
        });
        self.seal_again();
    }
}

#[test]
fn a_run_of_the_same_site_is_as_recorded_and_keeps_a_folder_of_its_own() {
    let kept = Kept::new();
    let before = Manifest::of(&kept.folder).unwrap();
    let said = kept.replay().expect_code(0);
    assert!(said.stdout.ends_with("\nas recorded: 3 verdicts, 3 flows\n"), "{said}");
    assert!(said.stdout.contains("PASS          guest-does-not"), "{said}");
    assert_eq!(Manifest::of(&kept.folder).unwrap(), before, "the record is only read");
    let [folder] = kept.place.run_folders().try_into().expect("one new run");
    assert_eq!(verdicts_in(&folder).counts, verdicts_in(&kept.folder).counts);
    assert_ne!(verdicts_in(&folder).started, verdicts_in(&kept.folder).started);
    // The new folder is a record as well.
    let mut again = kept.place.testbed();
    again.arg("replay").arg(&folder).arg("--out").arg(kept.place.out());
    say(again, ONE_RUN).expect_code(0);
}

#[test]
fn other_rules_differ_in_verdicts_and_flows() {
    let kept = Kept::new();
    // The guest gets where only the desk should, and the desk no longer does.
    kept.rules(
        "ip saddr 10.2.0.10 icmp type echo-request accept\n\t}\n}",
        "ip saddr 10.2.0.2 tcp dport 22 accept\n\t}\n}",
    );
    let said = kept.replay().expect_code(1);
    let (_, told) =
        said.stdout.split_once("\ndiffers from the record:\n").unwrap_or_else(|| panic!("{said}"));
    for line in [
        "  desk-asks was pass and is fail: ",
        "  guest-does-not was pass and is fail: guest reached door 10.1.0.2 on tcp/22, and tcp/22 from ",
        "  guest-does-not reports guest -> door by inet site through iifname \"office0\"",
        "  flow icmp desk -> door was answered and is not",
    ] {
        assert!(told.lines().any(|one| one.starts_with(line)), "{line}: {said}");
    }
}

#[test]
fn what_cannot_be_run_again_says_why() {
    let damaged = Kept::new();
    damaged.change(&RunFile::Given("door.nft".into()), |bytes| bytes.push(b'\n'));
    let said = damaged.replay().expect_code(2);
    assert!(said.stderr.contains("files/door.nft has ") && said.stderr.contains("it was added to"), "{said}");
    assert!(damaged.place.run_folders().is_empty(), "nothing is run of a damaged folder");

    let refused = Kept::new();
    refused.rules("policy drop;", "policy drip;");
    let said = refused.replay().expect_code(2);
    assert!(said.stdout.contains("door.nft"), "nft's own words: {said}");

    let gone = Kept::new();
    fs::remove_file(gone.folder.join("files/door.nft")).unwrap();
    RunFolder::at(&gone.folder).write_json(&RunFile::Manifest, &Manifest::of(&gone.folder).unwrap()).unwrap();
    let said = gone.replay().expect_code(2);
    assert!(said.stdout.contains("door.nft"), "{said}");
}
