//! A fault as it is written: something of a living site is broken, changed or mended. Names resolved, values valid.
//!
//! The plan makes of it what is done to which port and which service (`plan/fault.rs`).

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::leaf::below;
use super::model::RuleFile;
use crate::names::{HostName, LinkName, NodeName, SpelledName};

/// How often a link flaps.
const TIMES: RangeInclusive<u32> = 1..=100;
/// From one loss to the next.
const EVERY: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(60);
/// How long a node may be without rules while they are loaded anew.
const GAPS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);
/// How long an answer about a name may be kept.
const LONGEST_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How late frames may come.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// Slowest and fastest rate, bits per second.
pub(super) const RATES: RangeInclusive<u64> = 8_000..=10_000_000_000;
/// 100 % in thousandths of a per cent.
const WHOLE: u32 = 100_000;

/// One thing that is done to a site that stands. `L` is how a link is named: by hand perhaps by its node alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault<L = End> {
    /// The links lose their carriers, as if the plugs were pulled at the far ends.
    Cut {
        /// Which; at least one, none twice.
        links: Vec<L>,
    },
    /// The links are as the scenario has them: with carrier, in their own segments, neither slow nor lossy.
    Heal {
        /// Which; at least one, none twice.
        links: Vec<L>,
    },
    /// Everything that is in force is mended, the last first.
    HealAll,
    /// The cables of two links change places.
    Swap {
        /// Which.
        links: [L; 2],
    },
    /// The link loses its carrier and gets it back, several times.
    Flap {
        /// Which.
        link: L,
        /// How often; 1 to 100, default 3.
        times: u32,
        /// From one loss to the next, without carrier for half of it; 20 ms to 1 min, default 1 s.
        every: Duration,
    },
    /// Power fails: services end at once, without a word.
    Kill {
        /// Of what.
        of: Victim,
    },
    /// Services end in good order.
    Stop {
        /// Of what.
        of: Victim,
    },
    /// It is started again, and ended before if it runs.
    Restart {
        /// What.
        of: Victim,
        /// Of a node as a whole that has a rule file: for how long its links are up, and it forwards, before that is loaded, 1 ms to 10 s;
        /// none: it is loaded first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap: Option<Duration>,
    },
    /// The node's own rule file is loaded anew.
    Reload {
        /// Whose.
        node: NodeName,
        /// For how long no rules stand in between, 1 ms to 10 s; none: it is one transaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap: Option<Duration>,
    },
    /// Another rule file takes the place of the node's own.
    Load {
        /// Whose.
        node: NodeName,
        /// Which.
        ruleset: RuleFile,
        /// Whether it is one that must be refused: the rules then stay as they were. Default false.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refused: bool,
    },
    /// The node's table of connections is filled until it takes no more.
    FillState {
        /// Whose.
        node: NodeName,
    },
    /// The node forgets all connections that it tracks.
    ClearState {
        /// Which.
        node: NodeName,
    },
    /// The server forgets the lease of this link, and the link asks for one anew.
    ExpireLease {
        /// Which.
        link: L,
    },
    /// The site's clouds answer a name with another address.
    MoveName {
        /// The name.
        name: HostName,
        /// Where it is now; none: where it was at first.
        to: Option<IpAddr>,
        /// For how long an answer may be kept, whole seconds; 0 s to a week, default 60 s.
        ttl: Duration,
        /// Who looks it up then, at its own name server; the name need not be one that the clouds answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_by: Option<NodeName>,
        /// The name as that node spells it; none: as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_as: Option<SpelledName>,
    },
    /// Not more than so much passes, either way.
    Rate {
        /// Over which link.
        link: L,
        /// How much.
        at: BitRate,
    },
    /// Frames are delayed, lost, doubled or overtaken, either way.
    Impair {
        /// On which link.
        link: L,
        /// How.
        how: Impairment,
    },
}

/// A link by its node; of a trunk, the trunk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct End {
    /// The node.
    pub node: NodeName,
    /// Its link, or its trunk.
    pub link: LinkName,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.link)
    }
}

/// What is ended or started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victim {
    /// The node.
    pub node: NodeName,
    /// What of it.
    pub part: Part,
}

/// What of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// All of it, with its links.
    Whole,
    /// Everything that runs in it.
    AllServices,
    /// These services, at least one, none twice.
    Services(Vec<ServiceWord>),
}

/// Services, in the words of the scenario's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceWord {
    /// A router that answers names.
    Dns,
    /// A router that tells the time.
    Ntp,
    /// Who hands out addresses.
    Dhcp,
    /// A router that advertises itself.
    Ra,
    /// Who asks for an address.
    Lease,
    /// What moves an appliance's addresses to its spare link and back.
    Spare,
    /// A camera's video.
    Camera,
    /// An appliance's own program.
    Appliance,
    /// A host that plays cameras.
    Plays,
    /// A host that calls a cloud in operators' place.
    Operates,
    /// A cloud.
    Cloud,
    /// A command of the scenario's own.
    Run,
}

impl ServiceWord {
    /// Each with its spelling.
    pub const ALL: [(&'static str, ServiceWord); 12] = [
        ("dns", ServiceWord::Dns),
        ("ntp", ServiceWord::Ntp),
        ("dhcp", ServiceWord::Dhcp),
        ("ra", ServiceWord::Ra),
        ("lease", ServiceWord::Lease),
        ("spare", ServiceWord::Spare),
        ("camera", ServiceWord::Camera),
        ("appliance", ServiceWord::Appliance),
        ("plays", ServiceWord::Plays),
        ("operates", ServiceWord::Operates),
        ("cloud", ServiceWord::Cloud),
        ("run", ServiceWord::Run),
    ];
}

impl fmt::Display for ServiceWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, one)| one == self).map_or("", |(word, _)| word);
        f.pad(word)
    }
}

/// Bits per second, 8 kbit to 10 gbit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BitRate(pub u64);

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bits if bits.is_multiple_of(1_000_000_000) => write!(f, "{}gbit", bits / 1_000_000_000),
            bits if bits.is_multiple_of(1_000_000) => write!(f, "{}mbit", bits / 1_000_000),
            bits => write!(f, "{}kbit", bits / 1000),
        }
    }
}

/// What becomes of frames, each way; at least one of it is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impairment {
    /// They come later by so much, up to 10 s.
    pub delay: Duration,
    /// Give or take so much; not more than `delay`.
    pub jitter: Duration,
    /// So many never come.
    pub loss: Share,
    /// So many come twice.
    pub duplicate: Share,
    /// So many overtake those that are delayed; needs `delay`.
    pub reorder: Share,
}

/// A share of frames in thousandths of a per cent, 0 to 100 000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share(pub u32);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        match rest {
            0 => write!(f, "{whole}%"),
            _ => write!(f, "{whole}.{}%", format!("{rest:03}").trim_end_matches('0')),
        }
    }
}

impl<L> Fault<L> {
    /// The same fault, its links named otherwise.
    ///
    /// Errors: the first of `name`.
    pub fn try_map<M, E>(self, mut name: impl FnMut(L) -> Result<M, E>) -> Result<Fault<M>, E> {
        Ok(match self {
            Fault::Cut { links } => {
                Fault::Cut { links: links.into_iter().map(name).collect::<Result<_, _>>()? }
            }
            Fault::Heal { links } => {
                Fault::Heal { links: links.into_iter().map(name).collect::<Result<_, _>>()? }
            }
            Fault::HealAll => Fault::HealAll,
            Fault::Swap { links: [one, other] } => Fault::Swap { links: [name(one)?, name(other)?] },
            Fault::Flap { link, times, every } => Fault::Flap { link: name(link)?, times, every },
            Fault::Kill { of } => Fault::Kill { of },
            Fault::Stop { of } => Fault::Stop { of },
            Fault::Restart { of, gap } => Fault::Restart { of, gap },
            Fault::Reload { node, gap } => Fault::Reload { node, gap },
            Fault::Load { node, ruleset, refused } => Fault::Load { node, ruleset, refused },
            Fault::FillState { node } => Fault::FillState { node },
            Fault::ClearState { node } => Fault::ClearState { node },
            Fault::ExpireLease { link } => Fault::ExpireLease { link: name(link)? },
            Fault::MoveName { name, to, ttl, asked_by, asked_as } => {
                Fault::MoveName { name, to, ttl, asked_by, asked_as }
            }
            Fault::Rate { link, at } => Fault::Rate { link: name(link)?, at },
            Fault::Impair { link, how } => Fault::Impair { link: name(link)?, how },
        })
    }

    /// What undoes it, if nothing else is asked for: a link is healed, what ended is started, the node's own rules and
    /// the name's first address come back. What leaves nothing to mend is followed by mending all that is in force.
    pub fn mended_by(&self) -> Fault<L>
    where
        L: Clone,
    {
        match self {
            Fault::Cut { links } => Fault::Heal { links: links.clone() },
            Fault::Flap { link, .. } | Fault::Rate { link, .. } | Fault::Impair { link, .. } => {
                Fault::Heal { links: vec![link.clone()] }
            }
            Fault::Kill { of } | Fault::Stop { of } => Fault::Restart { of: of.clone(), gap: None },
            Fault::Load { node, refused: false, .. } => Fault::Reload { node: node.clone(), gap: None },
            Fault::MoveName { name, ttl, .. } => {
                Fault::MoveName { name: name.clone(), to: None, ttl: *ttl, asked_by: None, asked_as: None }
            }
            Fault::Swap { .. }
            | Fault::Heal { .. }
            | Fault::HealAll
            | Fault::Restart { .. }
            | Fault::Reload { .. }
            | Fault::Load { refused: true, .. }
            | Fault::FillState { .. }
            | Fault::ClearState { .. }
            | Fault::ExpireLease { .. } => Fault::HealAll,
        }
    }

    /// What of it no scenario and no command line could say, in words. Whoever is asked for one by other means asks this.
    pub fn out_of_range(&self) -> Option<String> {
        let words = match self {
            Fault::Flap { times, every, .. } if !TIMES.contains(times) || !EVERY.contains(every) => {
                "`flap` is 1 to 100 times, every 20ms to 1min"
            }
            Fault::MoveName { name, asked_by, asked_as: Some(spelled), .. }
                if asked_by.is_none() || !spelled.is(name) =>
            {
                "`asked_as` is the name itself, as the node of `asked_by` spells it"
            }
            Fault::MoveName { ttl, .. } if *ttl > LONGEST_TTL || ttl.subsec_nanos() > 0 => {
                "`ttl` is whole seconds up to 168h"
            }
            Fault::Cut { links } | Fault::Heal { links } if links.is_empty() => {
                "`cut` and `heal` name one link at least"
            }
            Fault::Reload { gap: Some(gap), .. } | Fault::Restart { gap: Some(gap), .. }
                if !GAPS.contains(gap) =>
            {
                "`gap` is 1ms to 10s"
            }
            Fault::Restart { of, gap: Some(_) } if of.part != Part::Whole => {
                "`gap` is about a node as a whole, which has its links before its rules"
            }
            Fault::Rate { at, .. } if !RATES.contains(&at.0) => "a rate is 8kbit to 10gbit",
            Fault::Impair { how, .. } => return how.out_of_range(),
            Fault::Load { ruleset, .. } => {
                return below(&ruleset.path).err().map(|why| format!("`ruleset`: {why}"));
            }
            _ => return None,
        };
        Some(words.to_owned())
    }

    /// The kernel feature that it needs and not every kernel has, in the words of `requires`.
    pub fn needs(&self) -> Option<&'static str> {
        matches!(self, Fault::Impair { .. }).then_some("netem")
    }
}

impl Fault {
    /// Whether it breaks nothing on a site that is whole.
    pub fn only_mends(&self) -> bool {
        matches!(self, Fault::Heal { .. } | Fault::HealAll | Fault::MoveName { to: None, .. })
    }

    /// Whether another fault, carried out after it, leaves a site that was whole as it was.
    pub fn is_mended_by(&self, then: &Fault) -> bool {
        match (self, then) {
            (_, Fault::HealAll) => true,
            (Fault::Cut { links }, Fault::Heal { links: healed }) => {
                links.iter().all(|link| healed.contains(link))
            }
            (Fault::Rate { link, .. } | Fault::Impair { link, .. }, Fault::Heal { links }) => {
                links.contains(link)
            }
            (Fault::Swap { links: [one, other] }, Fault::Swap { links: [first, second] }) => {
                (one, other) == (first, second) || (one, other) == (second, first)
            }
            (Fault::Kill { of } | Fault::Stop { of }, Fault::Restart { of: again, .. }) => {
                of.is_within(again)
            }
            (Fault::Load { node, .. }, Fault::Reload { node: again, .. }) => node == again,
            (Fault::MoveName { name, .. }, Fault::MoveName { name: back, to: None, .. }) => name == back,
            _ => self.leaves_all_whole() && then.leaves_all_whole(),
        }
    }

    /// Whether nothing is broken once it is over.
    fn leaves_all_whole(&self) -> bool {
        match self {
            Fault::Flap { .. }
            | Fault::Restart { .. }
            | Fault::Reload { .. }
            | Fault::ClearState { .. }
            | Fault::ExpireLease { .. } => true,
            other => other.only_mends(),
        }
    }
}

/// As it is written on the command line: `cut app.eth0`.
impl<L: fmt::Display> fmt::Display for Fault<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Cut { links } => write!(f, "cut {}", spaced(links)),
            Fault::Heal { links } => write!(f, "heal {}", spaced(links)),
            Fault::HealAll => f.write_str("heal --all"),
            Fault::Swap { links: [one, other] } => write!(f, "swap {one} {other}"),
            Fault::Flap { link, times, every } => {
                write!(f, "flap {link} --times {times} --every {}", Lasting(*every))
            }
            Fault::Kill { of } => write!(f, "kill {of}"),
            Fault::Stop { of } => write!(f, "stop {of}"),
            Fault::Restart { of, gap: None } => write!(f, "restart {of}"),
            Fault::Restart { of, gap: Some(gap) } => write!(f, "restart {of} --gap {}", Lasting(*gap)),
            Fault::Reload { node, gap: None } => write!(f, "reload {node}"),
            Fault::Reload { node, gap: Some(gap) } => write!(f, "reload {node} --gap {}", Lasting(*gap)),
            Fault::Load { node, ruleset, refused: false } => write!(f, "reload {node} {}", ruleset.path),
            Fault::Load { node, ruleset, refused: true } => {
                write!(f, "reload {node} {} --refused", ruleset.path)
            }
            Fault::FillState { node } => write!(f, "fill-state {node}"),
            Fault::ClearState { node } => write!(f, "clear-state {node}"),
            Fault::ExpireLease { link } => write!(f, "expire-lease {link}"),
            Fault::MoveName { name, to: Some(to), ttl, asked_by, asked_as } => {
                write!(f, "move-name {name} {to} --ttl {}", Lasting(*ttl))?;
                asked_by.as_ref().map_or(Ok(()), |node| write!(f, " --asked-by {node}"))?;
                asked_as.as_ref().map_or(Ok(()), |name| write!(f, " --asked-as {name}"))
            }
            Fault::MoveName { name, to: None, .. } => write!(f, "move-name {name} --back"),
            Fault::Rate { link, at } => write!(f, "rate {link} {at}"),
            Fault::Impair { link, how } => write!(f, "impair {link}{how}"),
        }
    }
}

fn spaced<L: fmt::Display>(links: &[L]) -> String {
    links.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl Victim {
    /// Whether all of it is part of another.
    fn is_within(&self, other: &Victim) -> bool {
        let part = match (&self.part, &other.part) {
            (_, Part::Whole) | (Part::AllServices | Part::Services(_), Part::AllServices) => true,
            (Part::Services(these), Part::Services(those)) => these.iter().all(|one| those.contains(one)),
            _ => false,
        };
        self.node == other.node && part
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.node)?;
        match &self.part {
            Part::Whole => Ok(()),
            Part::AllServices => f.write_str(" --service all"),
            Part::Services(all) => all.iter().try_for_each(|service| write!(f, " --service {service}")),
        }
    }
}

impl Impairment {
    fn out_of_range(&self) -> Option<String> {
        let shares = [self.loss, self.duplicate, self.reorder];
        if self.delay > LONGEST_DELAY || shares.iter().any(|share| share.0 > WHOLE) {
            return Some("`delay` is up to 10s, and a share of frames up to 100%".to_owned());
        }
        self.wrong().map(|(key, why)| format!("`{key}` {why}"))
    }

    /// What of it cannot be: which key, and why.
    pub(crate) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if *self == Impairment::default() {
            return Some(("impair", "needs one of `delay`, `loss`, `duplicate` that is not zero"));
        }
        if self.jitter > self.delay {
            return Some(("jitter", "is more than `delay`"));
        }
        if self.reorder != Share::default() && self.delay.is_zero() {
            return Some(("reorder", "needs `delay`: only what waits can be overtaken"));
        }
        None
    }
}

impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, time) in [("delay", self.delay), ("jitter", self.jitter)] {
            if !time.is_zero() {
                write!(f, " --{what} {}", Lasting(time))?;
            }
        }
        for (what, share) in [("loss", self.loss), ("duplicate", self.duplicate), ("reorder", self.reorder)] {
            if share != Share::default() {
                write!(f, " --{what} {share}")?;
            }
        }
        Ok(())
    }
}

/// A duration as it is written: `200ms`, `3s`.
struct Lasting(Duration);

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis if millis.is_multiple_of(1000) => write!(f, "{}s", millis / 1000),
            millis => write!(f, "{millis}ms"),
        }
    }
}

#[cfg(test)]
mod tests;
