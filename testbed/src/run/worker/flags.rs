//! What cannot wait for the verdict: a node that asks for a chosen address is offered another one. That is told at once, so that
//! whoever looks on knows before the node says anything to its cloud.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::Ipv4Addr;

use crate::event::Event;
use crate::observation::{DhcpKind, DhcpSeen, OfferFlagged};
use crate::plan::{Asking, Plan, Word};
use crate::probe::Site;

use super::teller::Teller;

/// Different offers that are told: more say nothing new.
const MOST: usize = 32;

/// What has been told so far: in a lab that stays, of all judgements, since each is told once.
#[derive(Default)]
pub(super) struct Flags(RefCell<Vec<OfferFlagged>>);

impl Flags {
    /// Tells whatever is to be told as it is seen; never ends.
    pub(super) async fn tell(&self, site: &Site, teller: &Teller) -> Infallible {
        let mut offers = site.watch.offers();
        loop {
            offers.mark_unchanged();
            self.look(site, teller);
            if offers.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Tells what has been seen so far.
    pub(super) fn look(&self, site: &Site, teller: &Teller) {
        let asking = choosing(&site.plan);
        if !asking.is_empty() {
            let seen = site.watch.offers().borrow().clone();
            seen.iter().for_each(|offer| self.look_at(offer, &asking, teller));
        }
    }

    fn look_at(&self, offer: &DhcpSeen, asking: &[&Asking], teller: &Teller) {
        let Some((one, flagged)) = astray(offer, asking) else { return };
        let mut known = self.0.borrow_mut();
        if known.len() < MOST && !known.iter().any(|known| known.is_of(offer)) {
            let by = flagged.from.as_ref().map_or("a stranger", |from| from.as_str());
            // of the chosen address it is who offers it that is wrong
            let not = match flagged.gives == one.bound {
                true => format!("by {}", one.server),
                false => one.bound.to_string(),
            };
            let text =
                format!("{}.{} was offered {} by {by}, and not {not}", one.node, one.link, flagged.gives);
            tracing::warn!("{text}");
            teller.tell(&Event::Warning { text });
            known.push(flagged);
        }
    }

    /// All that was told.
    pub(super) fn all(&self) -> Vec<OfferFlagged> {
        self.0.borrow().clone()
    }
}

/// The links that ask for an address of their choice, as checks have them.
fn choosing(plan: &Plan) -> Vec<&Asking> {
    let of = plan.checks.iter().filter_map(|check| match &check.word {
        Word::Address { of, .. } => Some(of),
        _ => None,
    });
    of.flatten().filter(|one| one.asked.is_some()).collect()
}

/// What is to be told of a message: it offers or gives one of these links something else than it must get, or is from somebody else.
fn astray<'a>(message: &DhcpSeen, asking: &[&'a Asking]) -> Option<(&'a Asking, OfferFlagged)> {
    let one = asking.iter().find(|one| one.node == message.node && one.link == message.link)?;
    let meant = |gives: Ipv4Addr| gives == one.bound && message.from.as_ref() == Some(&one.server);
    let gives = message.gives.filter(|gives| !meant(*gives) && !message.earlier)?;
    let offers = matches!(message.kind, DhcpKind::Offer | DhcpKind::Ack);
    let flagged = OfferFlagged {
        node: one.node.clone(),
        link: one.link.clone(),
        gives,
        from: message.from.clone(),
        at: message.at,
        flagged_at: fake_facts::now(),
    };
    offers.then_some((one, flagged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::DhcpSays;

    fn message(kind: DhcpKind, gives: &str) -> DhcpSeen {
        DhcpSeen {
            node: "app".parse().unwrap(),
            link: "eth0".parse().unwrap(),
            packet: 7,
            at: 5,
            kind,
            asks: None,
            gives: Some(gives.parse().unwrap()),
            server: None,
            from: Some("rtr".parse().unwrap()),
            says: DhcpSays::default(),
            earlier: false,
        }
    }

    #[test]
    fn an_offer_of_something_else_is_told_and_nothing_besides() {
        let one = Asking {
            node: "app".parse().unwrap(),
            link: "eth0".parse().unwrap(),
            asked: Some("10.0.0.5".parse().unwrap()),
            bound: "10.0.0.5".parse().unwrap(),
            server: "rtr".parse().unwrap(),
            told: Default::default(),
        };
        let told =
            |message: &DhcpSeen| astray(message, &[&one]).map(|(_, flagged)| flagged.gives.to_string());
        assert_eq!(told(&message(DhcpKind::Offer, "10.0.0.6")).as_deref(), Some("10.0.0.6"));
        assert_eq!(told(&message(DhcpKind::Ack, "10.0.0.7")).as_deref(), Some("10.0.0.7"));
        assert_eq!(told(&message(DhcpKind::Offer, "10.0.0.5")), None, "that is what it asked for");
        assert_eq!(told(&message(DhcpKind::Request, "10.0.0.6")), None, "that is no offer");
        let by_other =
            DhcpSeen { from: Some("guest".parse().unwrap()), ..message(DhcpKind::Offer, "10.0.0.5") };
        assert_eq!(
            told(&by_other).as_deref(),
            Some("10.0.0.5"),
            "that is nobody's to offer but the server's"
        );
        let earlier = DhcpSeen { earlier: true, ..message(DhcpKind::Offer, "10.0.0.6") };
        assert_eq!(told(&earlier), None, "that was told in its time");
        let other = DhcpSeen { link: "eth1".parse().unwrap(), ..message(DhcpKind::Offer, "10.0.0.6") };
        assert_eq!(told(&other), None, "nobody chose an address there");
    }
}
