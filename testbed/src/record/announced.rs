//! What was said before packets were sent in bulk, made again from what was sent.

use std::collections::BTreeMap;

use super::{Record, SentLine, Which, sent_lines};
use crate::plan::{Aim, Plan};
use crate::probe::{self, AimSent, Role};
use crate::tap::Announced;

/// What a run of `plan` announced to the taps of the site itself, whose probes have this key.
pub fn announced(record: &Record, plan: &Plan, key: u32) -> impl Iterator<Item = Announced> {
    let aims = record.aims.iter().filter(|sent| !sent.again);
    let aim =
        |sent: &AimSent| plan.checks.iter().find(|check| check.name == sent.check)?.word.aims().get(sent.aim);
    let aims: BTreeMap<usize, &Aim> = aims.filter_map(|sent| Some((sent.number, aim(sent)?))).collect();
    let lines = sent_lines(record).into_iter();
    lines.filter_map(move |line| {
        let SentLine { of, first, role, aim: number, .. } = line;
        let aim = aims.get(&number).filter(|_| of == Which::Site && role == Role::Attack)?;
        probe::announced(plan, aim, number, (first, line.kinds()), key)
    })
}
