//! Everything of one aim, sent from the attacker's own link: in slices between signs of life, and what did not enter the
//! net once more.

use std::time::Instant;

use super::announced::announced;
use super::sweep::{ARRIVE_WITHIN, Sockets, craft_and_send, keep_pace, signs_of_life, source_mac};
use super::{Entry, Role, Site, Swept};
use crate::kernel::packet::PacketSocket;
use crate::names::{LinkName, Mac, Traffic};
use crate::observation::OpenSeen;
use crate::plan::{Aim, Check, Open};
use crate::tap::Direction;

/// Signs of life are asked for again after so long, so that each packet has one within a second.
const ALIVE_EVERY: std::time::Duration = std::time::Duration::from_millis(300);

/// How often packets are sent that did not enter the net, the first time included.
const TRIES: usize = 3;

/// Allowed flows that are asked for a sign of life again and again while a check attacks.
pub(super) struct Life<'a> {
    site: &'a Site,
    check: &'a Check,
    aims: &'a [Aim],
    alive: &'a [Open],
    patience: u32,
    asked: Instant,
    pub(super) opens: Vec<OpenSeen>,
}

impl<'a> Life<'a> {
    /// Asks for the first time.
    pub(super) async fn begin(
        site: &'a Site,
        check: &'a Check,
        aims: &'a [Aim],
        alive: &'a [Open],
        patience: u32,
    ) -> Self {
        let mut life = Self { site, check, aims, alive, patience, asked: Instant::now(), opens: Vec::new() };
        life.ask().await;
        life
    }

    pub(super) async fn ask(&mut self) {
        self.opens.extend(signs_of_life(self.site, self.check, self.aims, self.alive, self.patience).await);
        self.asked = Instant::now();
    }

    pub(super) async fn ask_if_due(&mut self) {
        if self.is_due() {
            self.ask().await;
        }
    }

    fn is_due(&self) -> bool {
        self.asked.elapsed() > ALIVE_EVERY
    }
}

/// A packet of the attack, for its second try.
struct Sent {
    n: u32,
    traffic: Traffic,
}

/// Sends all of one aim.
pub(super) async fn attack(
    site: &Site,
    sockets: &mut Sockets,
    life: &mut Life<'_>,
    number: usize,
    aim: &Aim,
) -> Swept {
    let mut swept = Swept::begin(site, life.check, number, aim, false);
    let way = site.way_out(&aim.from, &aim.link).ok_or_else(|| format!("{} has no carrier", aim.from));
    let opened = way.and_then(|(link, port)| Ok((sockets.of_link(site, &aim.from, link)?, port.clone())));
    let mut begun = swept.started_at;
    match opened {
        Ok((socket, port)) => {
            let sender = Sender { site, socket, aim, number, source: source_mac(site, aim), port };
            let mut sent = Vec::new();
            for (kind, traffic) in aim.ports.iter().enumerate() {
                let first = enter(site, number, kind, *traffic, aim);
                for (n, traffic) in (first..).zip(traffic.each()) {
                    if sender.is_slice_over(sent.len()) && life.is_due() {
                        swept.slices.push((begun, fake_facts::now()));
                        life.ask().await;
                        begun = fake_facts::now();
                    }
                    sent.push(Sent { n, traffic });
                    sender.send(&sent[sent.len() - 1], &mut swept.errors, TRIES == 1);
                }
            }
            sender.send_missing(&sent, &mut swept.errors);
        }
        Err(error) => swept.errors.push(error),
    }
    swept.ended_at = fake_facts::now();
    swept.slices.push((begun, swept.ended_at));
    swept
}

/// Enters one kind of an aim in the ledger, and says so to the taps; the number of its first packet.
fn enter(site: &Site, number: usize, kind: usize, traffic: Traffic, aim: &Aim) -> u32 {
    let first = site.ledger.enter_all(Entry { aim: number, kind, traffic, role: Role::Attack });
    if let Some(announced) = announced(&site.plan, aim, number, (first, traffic), site.key) {
        site.watch.announce(announced);
    }
    first
}

/// Sends packets of one aim out of one link.
struct Sender<'a> {
    site: &'a Site,
    socket: &'a PacketSocket,
    aim: &'a Aim,
    /// Of the aim.
    number: usize,
    source: Mac,
    /// Port of that link in the fabric.
    port: LinkName,
}

impl Sender<'_> {
    /// Whether a whole batch is out.
    fn is_slice_over(&self, sent: usize) -> bool {
        sent > 0 && sent.is_multiple_of(self.site.batch as usize)
    }

    /// What cannot be sent is told only at the last try: until then it is as good as missing.
    fn send(&self, one: &Sent, errors: &mut Vec<String>, last: bool) {
        let Self { site, socket, aim, number, source, port } = self;
        let sent = craft_and_send(
            site,
            socket,
            aim,
            (*source, aim.next_hop),
            (Role::Attack, *number),
            (one.n, one.traffic),
        );
        match sent {
            Ok(()) => keep_pace(site, one.n, &(port.clone(), Direction::FromNode)),
            Err(error) if last => errors.push(format!("{}: {error}", one.traffic)),
            Err(_) => {}
        }
    }

    /// Sends once more whatever the attacker's own tap has not seen.
    fn send_missing(&self, sent: &[Sent], errors: &mut Vec<String>) {
        for again in 1..TRIES {
            let Some(last) = sent.last() else { return };
            let deadline = Instant::now() + ARRIVE_WITHIN;
            // Frames pass the taps in one order: once the last was seen, nothing before it is still on its way.
            let _ = self.site.watch.wait_for(last.n, &self.port, Direction::FromNode, deadline);
            let numbers: Vec<u32> = sent.iter().map(|one| one.n).collect();
            let missing = self.site.watch.missing(&numbers, &self.port, Direction::FromNode);
            if missing.is_empty() {
                return;
            }
            tracing::debug!(missing = missing.len(), again, "packets did not enter and are sent again");
            for place in missing {
                self.send(&sent[place], errors, again + 1 == TRIES);
            }
        }
    }
}
