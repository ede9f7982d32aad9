//! Arguments of `fault`: each value is read as a scenario's is.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::names::{HostName, NodeName, PortRef, SpelledName};
use crate::scenario::fault::{BitRate, Fault, Impairment, Part, ServiceWord, Share, Victim};
use crate::scenario::leaf_of;
use crate::scenario::model::RuleFile;
use crate::scenario::{Below, Lasting, ServiceRef};

/// What is done to a lab.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Links lose their carriers, as if the plugs were pulled at the far ends.
    Cut {
        /// The links: `app.eth0`, or `app` where it has only one.
        #[arg(value_name = "LINK", required = true)]
        links: Vec<PortRef>,
    },
    /// Links are whole again: carrier, own place, neither slow nor lossy. With --all everything that is in force is mended.
    Heal {
        /// The links.
        #[arg(value_name = "LINK", required_unless_present = "all")]
        links: Vec<PortRef>,
        /// Links, nodes, services, rules and names.
        #[arg(long, conflicts_with = "links")]
        all: bool,
    },
    /// The cables of two links change places.
    Swap {
        /// One.
        #[arg(value_name = "LINK")]
        one: PortRef,
        /// The other.
        #[arg(value_name = "LINK")]
        other: PortRef,
    },
    /// A link loses its carrier and gets it back, several times.
    Flap {
        /// The link.
        #[arg(value_name = "LINK")]
        link: PortRef,
        /// How often, 1 to 100.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
        times: u32,
        /// From one loss to the next, 20ms to 1min.
        #[arg(long, default_value = "1s", value_parser = lasting::<20, 60_000>)]
        every: Duration,
    },
    /// Power fails: a node, or services of it, end at once.
    Kill(Of),
    /// A node, or services of it, end in good order.
    Stop(Of),
    /// A node, or services of it, are started again.
    Restart {
        /// What.
        #[command(flatten)]
        of: Of,
        /// For so long, 1ms to 10s, the node's links are up before its rules are loaded; else they come first.
        #[arg(long, value_name = "TIME", value_parser = lasting::<1, 10_000>, conflicts_with = "services")]
        gap: Option<Duration>,
    },
    /// A rule file is loaded anew, or another one in its place, in one transaction.
    Reload {
        /// The node.
        #[arg(value_name = "NODE")]
        node: NodeName,
        /// A file below the scenario's folder; else the node's own.
        #[arg(value_name = "FILE", value_parser = below)]
        file: Option<String>,
        /// The file is one that nft must refuse, and the rules must stay as they were.
        #[arg(long, requires = "file")]
        refused: bool,
        /// Its rules are taken away first, and for so long, 1ms to 10s, none stand in their place.
        #[arg(long, value_name = "TIME", value_parser = lasting::<1, 10_000>, conflicts_with = "file")]
        gap: Option<Duration>,
    },
    /// A node forgets the connections that it tracks.
    ClearState {
        /// The node.
        #[arg(value_name = "NODE")]
        node: NodeName,
    },
    /// A node's table of connections is filled until its kernel takes no more; `heal --all` takes away what it was filled with.
    FillState {
        /// The node.
        #[arg(value_name = "NODE")]
        node: NodeName,
    },
    /// The DHCP server forgets the lease of a link, and the link asks for one anew.
    ExpireLease {
        /// The link.
        #[arg(value_name = "LINK")]
        link: PortRef,
    },
    /// The clouds answer a name with another address.
    MoveName {
        /// The name.
        #[arg(value_name = "NAME")]
        name: HostName,
        /// Its address from now on.
        #[arg(value_name = "ADDRESS", required_unless_present = "back")]
        to: Option<IpAddr>,
        /// Where it was at first.
        #[arg(long, conflicts_with_all = ["to", "ttl", "asked_by", "asked_as"])]
        back: bool,
        /// This node looks it up then: also a name that the clouds do not answer, and that only looks like theirs.
        #[arg(long, value_name = "NODE")]
        asked_by: Option<NodeName>,
        /// The name as that node spells it: letters in any case.
        #[arg(long, value_name = "NAME", requires = "asked_by")]
        asked_as: Option<SpelledName>,
        /// For how long an answer may be kept, whole seconds up to 168h.
        #[arg(long, default_value = "60s", value_parser = lasting::<0, 604_800_000>)]
        ttl: Duration,
    },
    /// A link lets not more than so much through, each way.
    Rate {
        /// The link.
        #[arg(value_name = "LINK")]
        link: PortRef,
        /// 8kbit to 10gbit a second.
        #[arg(value_name = "RATE", value_parser = leaf_of::<BitRate>)]
        at: BitRate,
    },
    /// Frames of a link are delayed, lost, doubled or overtaken, each way; needs a kernel with netem.
    Impair(Impair),
    /// What is in force.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A node, or services of it.
#[derive(Args, Clone, Debug)]
pub struct Of {
    /// The node.
    #[arg(value_name = "NODE")]
    pub node: NodeName,
    /// Only this service: dns, ntp, dhcp, ra, lease, spare, camera, appliance, plays, cloud, run, or all of them; may be given again.
    #[arg(long = "service", value_name = "SERVICE", value_parser = leaf_of::<ServiceRef>)]
    services: Vec<ServiceRef>,
}

/// What becomes of frames.
#[derive(Args, Clone, Debug)]
pub struct Impair {
    /// The link.
    #[arg(value_name = "LINK")]
    pub link: PortRef,
    /// They come later by so much, up to 10s.
    #[arg(long, value_name = "TIME", value_parser = lasting::<0, 10_000>)]
    pub delay: Option<Duration>,
    /// Give or take so much.
    #[arg(long, value_name = "TIME", value_parser = lasting::<0, 10_000>)]
    pub jitter: Option<Duration>,
    /// So many never come: `1%`.
    #[arg(long, value_name = "SHARE", value_parser = leaf_of::<Share>)]
    pub loss: Option<Share>,
    /// So many come twice.
    #[arg(long, value_name = "SHARE", value_parser = leaf_of::<Share>)]
    pub duplicate: Option<Share>,
    /// So many overtake those that are delayed.
    #[arg(long, value_name = "SHARE", value_parser = leaf_of::<Share>)]
    pub reorder: Option<Share>,
}

fn lasting<const MIN: u64, const MAX: u64>(text: &str) -> Result<Duration, String> {
    leaf_of::<Lasting<MIN, MAX>>(text).map(|lasting| lasting.0)
}

fn below(text: &str) -> Result<String, String> {
    leaf_of::<Below>(text).map(|path| path.0)
}

impl Action {
    /// The fault; none for `list`, which does nothing.
    ///
    /// Errors: arguments that do not go together.
    pub fn fault(&self) -> Result<Option<Fault<PortRef>>, String> {
        Ok(Some(match self.clone() {
            Action::Cut { links } => Fault::Cut { links },
            Action::Heal { all: true, .. } => Fault::HealAll,
            Action::Heal { links, .. } => Fault::Heal { links },
            Action::Swap { one, other } => Fault::Swap { links: [one, other] },
            Action::Flap { link, times, every } => Fault::Flap { link, times, every },
            Action::Kill(of) => Fault::Kill { of: of.victim() },
            Action::Stop(of) => Fault::Stop { of: of.victim() },
            Action::Restart { of, gap } => Fault::Restart { of: of.victim(), gap },
            Action::Reload { node, file: None, gap, .. } => Fault::Reload { node, gap },
            Action::Reload { node, file: Some(path), refused, .. } => {
                Fault::Load { node, ruleset: RuleFile { path }, refused }
            }
            Action::ClearState { node } => Fault::ClearState { node },
            Action::FillState { node } => Fault::FillState { node },
            Action::ExpireLease { link } => Fault::ExpireLease { link },
            Action::MoveName { ttl, .. } if ttl.subsec_millis() > 0 => {
                return Err("--ttl: whole seconds, as the DNS counts them".into());
            }
            Action::MoveName { name, to, ttl, asked_by, asked_as, .. } => {
                Fault::MoveName { name, to, ttl, asked_by, asked_as }
            }
            Action::Rate { link, at } => Fault::Rate { link, at },
            Action::Impair(impair) => Fault::Impair { how: impair.how()?, link: impair.link },
            Action::List { .. } => return Ok(None),
        }))
    }
}

impl Of {
    fn victim(self) -> Victim {
        let mut services: Vec<ServiceWord> = Vec::new();
        for service in &self.services {
            match service {
                ServiceRef::All => return Victim { node: self.node, part: Part::AllServices },
                ServiceRef::One(one) if !services.contains(one) => services.push(*one),
                ServiceRef::One(_) => {}
            }
        }
        let part = if services.is_empty() { Part::Whole } else { Part::Services(services) };
        Victim { node: self.node, part }
    }
}

impl Impair {
    fn how(&self) -> Result<Impairment, String> {
        let how = Impairment {
            delay: self.delay.unwrap_or_default(),
            jitter: self.jitter.unwrap_or_default(),
            loss: self.loss.unwrap_or_default(),
            duplicate: self.duplicate.unwrap_or_default(),
            reorder: self.reorder.unwrap_or_default(),
        };
        how.wrong().map_or(Ok(how), |(key, why)| {
            let key = if key == "impair" { key.to_owned() } else { format!("--{key}") };
            Err(format!("{key} {}", why.replace('`', "")))
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        action: Action,
    }

    fn fault(line: &str) -> Result<String, String> {
        let line = Line::try_parse_from(["fault"].into_iter().chain(line.split(' ')));
        let action = line.map_err(|error| error.to_string())?.action;
        action.fault().map(|fault| fault.expect("it does something").to_string())
    }

    #[test]
    fn a_fault_is_said_again_as_it_was_written() {
        for line in [
            "cut app",
            "heal app.eth0",
            "heal --all",
            "swap a.eth0 b",
            "flap app.eth0 --times 3 --every 200ms",
            "kill app",
            "stop rtr --service dns --service ntp",
            "restart rtr --service all",
            "restart rtr --gap 20ms",
            "reload rtr broken/x.nft",
            "reload rtr broken/x.nft --refused",
            "reload rtr --gap 20ms",
            "clear-state rtr",
            "fill-state rtr",
            "expire-lease app.eth0",
            "move-name iot.eu-west-1.amazonaws.com 203.0.113.9 --ttl 5s",
            "move-name iot.eu-west-1.amazonaws.com --back",
            "move-name aws-iot.eu-west-1.amazonaws.com 203.0.113.9 --ttl 5s --asked-by app",
            "rate app.eth0 2mbit",
            "impair app.eth0 --delay 20ms --jitter 5ms --loss 1% --reorder 0.5%",
        ] {
            assert_eq!(fault(line).unwrap(), line);
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_why() {
        for (line, why) in [
            ("impair app", "impair needs one of delay, loss, duplicate that is not zero"),
            ("impair app --delay 1ms --jitter 2ms", "--jitter is more than delay"),
            ("impair app --reorder 1%", "--reorder needs delay: only what waits can be overtaken"),
            ("move-name a.b 192.0.2.1 --ttl 1500ms", "--ttl: whole seconds, as the DNS counts them"),
        ] {
            assert_eq!(fault(line).unwrap_err(), why);
        }
        for line in
            ["rate app 2", "flap app --every 5ms", "reload rtr ../x", "cut App", "kill app --service x"]
        {
            assert!(fault(line).is_err(), "{line}");
        }
    }
}
