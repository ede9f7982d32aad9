//! The documented controls that a check can prove, by their ids.

use super::mistakes::nearest;
use crate::names::ControlId;

/// Areas of the control catalogue, and how many controls each has, numbered from 01.
const AREAS: [(&str, u8); 16] = [
    ("NET", 12),
    ("SGL", 2),
    ("DUA", 5),
    ("BRG", 6),
    ("DIR", 4),
    ("RTS", 7),
    ("DSC", 3),
    ("CLD", 8),
    ("DNS", 5),
    ("JOB", 5),
    ("NTP", 3),
    ("ADR", 3),
    ("RED", 3),
    ("TLS", 3),
    ("AUT", 2),
    ("OPS", 1),
];

/// Every documented control, in the order of the catalogue.
pub(crate) fn all() -> impl Iterator<Item = ControlId> {
    let numbered = AREAS.iter().flat_map(|(area, count)| (1..=*count).map(move |number| (area, number)));
    numbered.map(|(area, number)| {
        let id = format!("PAN-{area}-{number:02}");
        id.parse().expect("the catalogue's ids are well formed")
    })
}

/// What is wrong with an id that no documented control has.
pub(crate) fn known(id: &ControlId) -> Result<(), String> {
    let (area, number) = id.as_str()[4..].split_once('-').expect("a control id has three parts");
    match AREAS.iter().find(|(name, _)| *name == area) {
        Some((_, count)) if number.parse::<u8>().is_ok_and(|number| (1..=*count).contains(&number)) => Ok(()),
        Some((_, count)) => Err(format!("no such control: `PAN-{area}` goes from 01 to {count:02}")),
        None => Err(match nearest(area, AREAS.map(|(name, _)| name)) {
            Some(near) => format!("no control has this area; did you mean `PAN-{near}-{number}`?"),
            None => "no control has this area".to_owned(),
        }),
    }
}
