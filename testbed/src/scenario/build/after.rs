//! `after`: what a fault must not change for longer than a moment, or at all. And `periodic`: what comes at regular times.

use std::time::Duration;

use super::super::fault::Fault;
use super::super::leaf::{Lasting, Whole};
use super::super::mistakes::{Mistake, nearest};
use super::super::model::{Check, Event, Forgotten, Kind, Word};
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::checks::Reader;
use super::directory::Section;
use super::faults::Faults;
use super::or;
use crate::names::CheckName;

/// How long a fault stands at least, if the scenario does not say.
const LASTS: Duration = Duration::from_secs(1);

/// Whether a check is about something that comes again and again.
fn goes_on(word: &Word) -> bool {
    matches!(word, Word::Plays { .. } | Word::Periodic { .. })
}

impl Reader<'_> {
    /// A check that looks at others; `known` are those that could be read.
    pub(super) fn after(&mut self, name: &At<CheckName>, word: &raw::After, known: &[Check]) -> Option<Word> {
        let fault = word.fault.good().and_then(|fault| self.breaking(fault, name));
        let then = match &word.then {
            Slot::Absent => fault.as_ref().map(Fault::mended_by),
            slot => slot.good().and_then(|fault| self.fault(fault, name)),
        };
        if let (Some(fault), Some(then)) = (&fault, &then)
            && !fault.is_mended_by(then)
        {
            let title = format!("{} leaves the site broken", self.whose);
            let label = format!("`{then}` does not undo `{fault}`: `{}` does", fault.mended_by());
            self.out.push(Mistake::error(title, name.spot, label));
        }
        let resume = self.named(&word.resume, known, "`resume`", |word| {
            goes_on(word)
                .then_some(())
                .ok_or("only what goes on can go on again: name checks with `plays` or `periodic`")
        });
        let stops = self.named(&word.stops, known, "`stops`", |word| {
            goes_on(word)
                .then_some(())
                .ok_or("only what goes on can stop: name checks with `plays` or `periodic`")
        });
        let hold = self.named(&word.hold, known, "`hold`", |word| match word {
            Word::NoReach { forgotten: None, .. } | Word::Matrix { .. } => Ok(()),
            Word::NoReach { .. } => Err("what is `forgotten` is open meanwhile"),
            _ => Err("name checks with `no_reach` or `matrix`"),
        });
        let (resumes, stopped) = (!word.resume.is_absent(), !word.stops.is_absent());
        if !resumes && !stopped && word.hold.is_absent() {
            let title = format!("{} asserts nothing of a fault", self.whose);
            self.out.push(Mistake::error(title, name.spot, "write `resume`, `stops`, `hold`, or several"));
        }
        match (&word.within, !resumes && !stopped) {
            (Slot::Absent, false) => {
                let key = if resumes { "resume" } else { "stops" };
                let label = format!("`{key}` needs `within`: the longest pause");
                self.out.push(Mistake::error(format!("{} has no bound", self.whose), name.spot, label));
            }
            (Slot::Good(within), true) => {
                let label = "belongs to `resume` and `stops`";
                let title = format!("{} has a bound for nothing", self.whose);
                self.out.push(Mistake::error(title, within.spot, label));
            }
            _ => {}
        }
        let within = or(&word.within, Lasting(Duration::ZERO)).0;
        let lasts = or(&word.lasts, Lasting(LASTS)).0;
        Some(Word::After { fault: fault?, then: then?, lasts, within, resume, stops, hold })
    }

    /// A fault that stands at a check, and changes something.
    pub(super) fn breaking(&mut self, raw: &raw::Fault, name: &At<CheckName>) -> Option<Fault> {
        let fault = self.fault(raw, name)?;
        if fault.only_mends() {
            let title = format!("{} has a fault that breaks nothing", self.whose);
            self.out.push(Mistake::error(title, name.spot, format!("`{fault}` mends what is whole")));
            return None;
        }
        Some(fault)
    }

    /// The address that another check, written above, moves a name to and away from. What is wrong with that check is
    /// said at its own place.
    pub(super) fn forgotten(&mut self, raw: &raw::Forgotten, name: &At<CheckName>) -> Option<Forgotten> {
        let since = raw.since.good()?;
        let title = format!("{} waits for no name to leave", self.whose);
        let entries = self.raw.checks.good().map_or(&[][..], |named| &named.entries);
        let above = entries.iter().take_while(|(other, _)| other.value != name.value);
        let Some((_, check)) = above.into_iter().find(|(other, _)| other.value == since.value) else {
            let label = "there is no check of this name above: checks are carried out in the order written";
            self.out.push(Mistake::error(title, since.spot, label));
            return None;
        };
        let fault = check.as_ref()?.after.good().map(|after| &after.fault);
        match fault {
            Some(Slot::Bad) => return None,
            Some(Slot::Good(fault)) if !fault.move_name.is_absent() && !fault.to.is_absent() => {
                let within = raw.within.good()?.value.0;
                let address = fault.to.good()?.value;
                return Some(Forgotten { since: since.value.clone(), address, within });
            }
            _ => {}
        }
        let label = "name a check with `after: { fault: { move_name: …, to: … } }`";
        self.out.push(Mistake::error(title, since.spot, label));
        None
    }

    /// Something that is done at a check.
    pub(super) fn fault(&mut self, raw: &raw::Fault, name: &At<CheckName>) -> Option<Fault> {
        let (whose, directory, nodes, files) = (self.whose, self.directory, self.nodes, self.files);
        Faults { whose, directory, nodes, files, out: self.out }.read(raw, name.spot)
    }

    /// Other checks of the scenario, of a word that makes sense there.
    fn named(
        &mut self,
        names: &Slot<OneOrMany<At<CheckName>>>,
        known: &[Check],
        key: &str,
        fits: impl Fn(&Word) -> Result<(), &'static str>,
    ) -> Vec<Check> {
        let mut found: Vec<Check> = Vec::new();
        for name in names.good().map_or(&[][..], |many| &many.0) {
            let title = format!("{} cannot use a check that {key} names", self.whose);
            let Some(check) = known.iter().find(|check| check.name == name.value) else {
                // one that could not be read is told of at its own place
                if !self.written.contains(&name.value) {
                    let near = nearest(name.value.as_str(), self.written.iter().map(CheckName::as_str));
                    let label = match near {
                        Some(near) => format!("there is no check of this name; did you mean `{near}`?"),
                        None => "there is no check of this name".to_owned(),
                    };
                    self.out.push(Mistake::error(title, name.spot, label));
                } else if self.is_after(&name.value) {
                    let label = "it has `after` itself: one fault at a time";
                    self.out.push(Mistake::error(title, name.spot, label));
                }
                continue;
            };
            if let Err(label) = fits(&check.word) {
                self.out.push(Mistake::error(title, name.spot, label));
            } else if check.during.is_some() {
                let label = "it has a fault of its own (`during`): one fault at a time";
                self.out.push(Mistake::error(title, name.spot, label));
            } else if found.contains(check) {
                self.out.push(Mistake::error(title, name.spot, "it is in the list already"));
            } else {
                found.push(check.clone());
            }
        }
        found
    }

    /// Whether a check is one that looks at others.
    fn is_after(&self, name: &CheckName) -> bool {
        let mut entries = self.raw.checks.good().into_iter().flat_map(|named| &named.entries);
        entries.any(|(known, check)| {
            known.value == *name && check.as_ref().is_some_and(|check| !check.after.is_absent())
        })
    }

    pub(super) fn periodic(&mut self, word: &raw::Periodic) -> Option<Word> {
        let of = word
            .of_node
            .good()
            .and_then(|name| self.directory.one_of(name, &[Section::Appliance], self.whose, self.out))?;
        if let (Some(Kind::Appliance(appliance)), Some(name)) =
            (self.nodes.get(&of).map(|node| &node.kind), word.of_node.good())
            && appliance.cloud.is_none()
        {
            let title = format!("{} waits for what nobody sends", self.whose);
            let label = format!("`{of}` has no `cloud` to report to");
            self.out.push(Mistake::error(title, name.spot, label));
        }
        if let (Some(event), Some(Kind::Appliance(appliance))) =
            (word.event.good(), self.nodes.get(&of).map(|node| &node.kind))
            && event.value == Event::MonitorJob
            && !appliance.device
        {
            let title = format!("{} waits for what nobody asks", self.whose);
            let label = format!("`{of}` is no `device`, so that its cloud does not monitor it");
            self.out.push(Mistake::error(title, event.spot, label));
        }
        if let (Some(event), Some(Kind::Appliance(appliance))) =
            (word.event.good(), self.nodes.get(&of).map(|node| &node.kind))
            && event.value == Event::Application
            && appliance.application.is_none()
        {
            let title = format!("{} waits for what nobody calls", self.whose);
            let label = format!("`{of}` has no `application`");
            self.out.push(Mistake::error(title, event.spot, label));
        }
        let every = word.every.good()?;
        let tolerance = word.tolerance.good()?;
        if tolerance.value.0 >= every.value.0 {
            let title = format!("{} would take anything for regular", self.whose);
            let label = "must be less than `every`";
            self.out.push(Mistake::error(title, tolerance.spot, label));
        }
        Some(Word::Periodic {
            event: word.event.good()?.value,
            of,
            every: every.value.0,
            tolerance: tolerance.value.0,
            gaps: word.gaps.good()?.value.0,
            missing: or(&word.missing, Whole(0)).0,
        })
    }
}
