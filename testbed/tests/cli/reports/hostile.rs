//! Folders that somebody made to do harm, sealed as if they were a run's: reading them ends, with verdicts or with what
//! is wrong.

use proptest::prelude::*;
use serde_json::Value;
use testbed::run::rejudge;

use super::*;

/// The evidence that is read as JSON, and whether it is one document or lines.
const READ: [(RunFile, bool); 7] = [
    (RunFile::Run, false),
    (RunFile::Plan, false),
    (RunFile::Facts, true),
    (RunFile::Record, true),
    (RunFile::Sent, true),
    (RunFile::Filters, true),
    (RunFile::Sightings, true),
];

/// What is put in the place of something.
#[derive(Clone, Debug)]
enum Instead {
    Number(u64),
    Negative,
    Text(&'static str),
    Nothing,
    Empty,
    Twice,
    Other(prop::sample::Index),
}

fn instead() -> impl Strategy<Value = Instead> {
    prop_oneof![
        prop::sample::select(vec![0, 1, 255, 65_535, 65_536, u64::from(u32::MAX), u64::MAX])
            .prop_map(Instead::Number),
        Just(Instead::Negative),
        prop::sample::select(vec![
            "",
            "guest",
            "door",
            "fw",
            "tcp/*",
            "10.1.0.2",
            "0.0.0.0/0",
            "\u{0}",
            "../../x"
        ])
        .prop_map(Instead::Text),
        Just(Instead::Nothing),
        Just(Instead::Empty),
        Just(Instead::Twice),
        any::<prop::sample::Index>().prop_map(Instead::Other),
    ]
}

/// Every place in a document, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| places(item, &format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

fn put(document: &mut Value, place: &prop::sample::Index, instead: &Instead) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let other = match instead {
        Instead::Other(index) => document.pointer(&all[index.index(all.len())]).cloned(),
        _ => None,
    };
    let Some(here) = document.pointer_mut(&all[place.index(all.len())]) else { return };
    match (instead, here) {
        (Instead::Number(number), here) => *here = (*number).into(),
        (Instead::Negative, here) => *here = (-1).into(),
        (Instead::Text(text), here) => *here = (*text).into(),
        (Instead::Nothing, here) => *here = Value::Null,
        (Instead::Empty, Value::Array(items)) => items.clear(),
        (Instead::Twice, Value::Array(items)) => items.extend(items.clone()),
        (Instead::Other(_), here) => *here = other.unwrap_or_default(),
        (Instead::Empty | Instead::Twice, _) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Other values in the place of some: whatever still reads as evidence is judged, and nothing panics.
    #[test]
    fn no_value_in_the_evidence_makes_it_panic(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), instead()), 1..4),
        sealed in any::<bool>(),
    ) {
        let kept = Kept::new();
        let (file, lines) = &READ[which.index(READ.len())];
        kept.change(file, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let mut document = match lines {
                true => text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect(),
                false => serde_json::from_str::<Value>(&text).unwrap(),
            };
            changes.iter().for_each(|(place, instead)| put(&mut document, place, instead));
            *bytes = match (lines, &document) {
                (true, Value::Array(items)) => items.iter().flat_map(|item| format!("{item}\n").into_bytes()).collect(),
                _ => serde_json::to_vec(&document).unwrap(),
            };
        });
        if sealed {
            kept.seal_again();
        } else {
            kept.remove(&RunFile::Manifest);
        }
        let _ = rejudge(&kept.folder);
    }

    /// Other bytes in the place of some, in any file.
    #[test]
    fn no_bytes_in_the_evidence_make_it_panic(
        which in any::<prop::sample::Index>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let kept = Kept::new();
        let files = [RunFile::Capture, RunFile::OpenCopy, RunFile::Manifest];
        let files: Vec<_> = READ.iter().map(|(file, _)| file).chain(&files).collect();
        let file = files[which.index(files.len())];
        kept.change(file, |bytes| {
            if bytes.is_empty() {
                return;
            }
            for (place, byte) in &flips {
                let at = place.index(bytes.len());
                bytes[at] = *byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
        });
        if *file != RunFile::Manifest {
            kept.seal_again();
        }
        let _ = rejudge(&kept.folder);
    }
}

#[test]
fn lines_and_files_without_end_are_refused() {
    let kept = Kept::new();
    for file in [RunFile::Manifest, RunFile::Verdicts] {
        kept.remove(&file);
    }
    // Files that take no room on the disk: zeros that were never written.
    for (file, length, says) in [
        (RunFile::Plan, 1_u64 << 40, "more than 67108864 are not read"),
        (RunFile::Record, 1 << 40, "more than 536870912 are not read"),
        (RunFile::Capture, 1 << 40, "more than 335544320 are not read"),
        (RunFile::Facts, 1 << 28, "facts.jsonl, line 1: it ends in the midst, or never"),
    ] {
        let whole = fs::read(kept.file(&file)).unwrap();
        fs::File::options().write(true).open(kept.file(&file)).unwrap().set_len(length).unwrap();
        let said = kept.report(&["--verdicts", "-"]);
        assert!(said.all().contains(says), "{}: {said}", file.path());
        fs::write(kept.file(&file), whole).unwrap();
    }
}
