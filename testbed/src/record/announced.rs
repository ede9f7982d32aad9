//! What was said before packets were sent in bulk, made again from what was sent.

use std::collections::BTreeMap;

use super::{Record, SentLine, Which, sent_lines};
use crate::plan::{Aim, Plan};
use crate::probe::{self, Role, Swept};
use crate::tap::Announced;

/// What a run of `plan` announced to the taps of the site itself, whose probes have this key.
pub fn announced(record: &Record, plan: &Plan, key: u32) -> impl Iterator<Item = Announced> {
    let aims = record.aims.iter().filter(|sent| !sent.again);
    let aims = aims.filter_map(|sent| Some((sent.number, Swept::of(sent.clone(), plan)?.aim)));
    let aims: BTreeMap<usize, Aim> = aims.collect();
    let lines = sent_lines(record).into_iter();
    lines.filter_map(move |line| {
        let SentLine { of, first, role, aim: number, traffic, .. } = line;
        let aim = aims.get(&number).filter(|_| of == Which::Site && role == Role::Attack)?;
        probe::announced(plan, aim, number, (first, traffic), key)
    })
}
