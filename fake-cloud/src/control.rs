//! What is asked of a cloud that runs: JSON lines on its standard input, answered by facts.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::sync::Arc;

use fake_facts::Fact;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cloud::{Cloud, Leave};
use crate::dns::Zones;
use crate::operator::{self, Give, second};
use crate::service::{Service, Transport};
use crate::standins::{Kind, Peer, Workshop};

/// Longest line, bytes; whoever says more is heard no further.
const LONGEST: u64 = 4096;

/// Something that is asked for.
#[derive(Debug, PartialEq)]
enum Order {
    Move(Move),
    Place(Place),
    Give(Give),
    Throttle(Throttle),
}

/// A name is answered otherwise from now on.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    #[serde(rename = "move")]
    name: String,
    /// Its address; none: as at first.
    to: Option<IpAddr>,
    /// For how long an answer may be kept, seconds.
    #[serde(default = "ttl")]
    ttl: u32,
    /// The name need not be one of ours: a look-alike.
    #[serde(default)]
    new: bool,
}

/// The next clients of these services meet somebody else, one each, in this order.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    place: Vec<Kind>,
    services: Vec<String>,
    /// What the jobs say that they give in the broker's place: milliseconds between signs of life.
    #[serde(default = "second")]
    every_ms: u64,
}

/// So many of these services' next requests are refused as too many.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Throttle {
    throttle: BTreeMap<String, u32>,
}

fn ttl() -> u32 {
    crate::dns::TTL
}

fn read(line: &str) -> Result<Order, serde_json::Error> {
    let written: serde_json::Value = serde_json::from_str(line)?;
    if written.get("place").is_some() {
        serde_json::from_value(written).map(Order::Place)
    } else if written.get("throttle").is_some() {
        serde_json::from_value(written).map(Order::Throttle)
    } else if written.get("give").is_some() {
        serde_json::from_value(written).map(Order::Give)
    } else {
        serde_json::from_value(written).map(Order::Move)
    }
}

/// Obeys what comes from `input` until it ends, or until `stop`.
pub(crate) async fn obey(
    input: impl Read + Send + 'static,
    zones: Zones,
    cloud: Arc<Cloud>,
    stop: CancellationToken,
) {
    let mut lines = lines(input);
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = stop.cancelled() => return,
        };
        let Some(line) = line else { return };
        let said = match read(&line) {
            Ok(Order::Move(order)) => move_name(order, &zones, &cloud).await,
            Ok(Order::Place(order)) => place(&order, &cloud).await,
            Ok(Order::Throttle(order)) => throttle(order, &cloud),
            Ok(Order::Give(order)) => match give(&order, &cloud) {
                Some(failed) => failed,
                None => continue,
            },
            Err(error) => {
                let about = line.chars().take(80).collect();
                Fact::Failed { what: "order".into(), about: Some(about), error: error.to_string() }
            }
        };
        cloud.facts.say(said);
    }
}

async fn move_name(order: Move, zones: &Zones, cloud: &Cloud) -> Fact {
    match zones.move_name(&order.name, order.to, order.ttl, order.new).await {
        Ok(answers) => {
            leave(cloud, Leave::Name(order.name.to_ascii_lowercase()));
            Fact::NameMoved { name: order.name, answers, ttl: order.ttl }
        }
        Err(error) => Fact::Failed { what: "move".into(), about: Some(order.name), error },
    }
}

/// Has kept connections end, so that their clients come anew.
fn leave(cloud: &Cloud, whose: Leave) {
    // Nobody need be connected.
    let _ = cloud.leave.send(whose);
}

async fn place(order: &Place, cloud: &Cloud) -> Fact {
    let of_tls = Service::all().filter(|service| service.transport() == Transport::Tls);
    let is_asked = |service: &Service| order.services.iter().any(|word| word == service.word());
    let (asked, others): (Vec<_>, Vec<_>) = of_tls.partition(is_asked);
    let names =
        |of: &[Service]| of.iter().flat_map(|service| cloud.names.certificate_names(*service)).collect();
    let (names, siblings) = (names(&asked), names(&others));
    let (folder, key_log) = (cloud.stand_ins_dir.as_path(), cloud.key_log.as_path());
    let every_ms = order.services.iter().any(|word| word == Service::Iot.word()).then_some(order.every_ms);
    let workshop = Workshop { authority: &cloud.authority, names, siblings, folder, key_log, every_ms };
    let mut peers = Vec::new();
    for kind in &order.place {
        match Peer::start(*kind, &workshop).await {
            Ok(peer) => peers.push(peer),
            Err(error) => {
                let (what, about) = ("place".to_owned(), Some(kind.word().to_owned()));
                return Fact::Failed { what, about, error: error.to_string() };
            }
        }
    }
    cloud.stand_ins.place(order.services.clone(), peers);
    asked.into_iter().for_each(|service| leave(cloud, Leave::Service(service)));
    Fact::StandInsPlaced { kinds: order.place.iter().map(|kind| kind.word().to_owned()).collect() }
}

fn throttle(order: Throttle, cloud: &Cloud) -> Fact {
    let over_https = |word: &str| {
        Service::all().find(|service| service.transport() == Transport::Tls && service.word() == word)
    };
    let services = order.throttle.iter().map(|(word, many)| Ok((over_https(word).ok_or(word)?, *many)));
    match services.collect::<Result<Vec<_>, &String>>() {
        Ok(asked) => {
            cloud.throttle.add(asked);
            Fact::Throttles { services: order.throttle }
        }
        Err(word) => {
            let error = format!("`{word}` is served over no HTTPS");
            Fact::Failed { what: "throttle".into(), about: Some(word.clone()), error }
        }
    }
}

/// Gives a thing something to do, which says so itself; or the reason why not.
fn give(order: &Give, cloud: &Cloud) -> Option<Fact> {
    let error = operator::give(order, cloud).err()?;
    Some(Fact::Failed { what: "give".into(), about: Some(order.to.clone()), error: error.to_string() })
}

/// The lines of a pipe, read by a thread of its own: tokio's reader of standard input keeps a runtime from ending.
fn lines(input: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (say, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        loop {
            let mut line = String::new();
            match (&mut input).take(LONGEST).read_line(&mut line) {
                Ok(1..) if line.ends_with('\n') => {
                    if say.blocking_send(line.trim_end().to_owned()).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_whole_or_not_at_all() {
        let to = |text: &str| match read(text) {
            Ok(Order::Move(order)) => Some((order.to, order.ttl, order.new)),
            _ => None,
        };
        let there = Some([192, 0, 2, 1].into());
        assert_eq!(to(r#"{"move":"a.b","to":"192.0.2.1","ttl":5}"#), Some((there, 5, false)));
        assert_eq!(to(r#"{"move":"a.b","to":"192.0.2.1","ttl":5,"new":true}"#), Some((there, 5, true)));
        assert_eq!(to(r#"{"move":"a.b"}"#), Some((None, 60, false)));
        let place = r#"{"place":["tls1.0","static-rsa","wrong-ca"],"services":["logs"]}"#;
        let kinds = vec![Kind::Tls10, Kind::StaticRsa, Kind::WrongCa];
        let placed = Place { place: kinds, services: vec!["logs".into()], every_ms: 1000 };
        assert_eq!(read(place).unwrap(), Order::Place(placed));
        let throttle = Throttle { throttle: [("logs".to_owned(), 2)].into() };
        assert_eq!(read(r#"{"throttle":{"logs":2}}"#).unwrap(), Order::Throttle(throttle));
        for bad in [
            r#"{"to":"192.0.2.1"}"#,
            r#"{"move":"a.b","to":"x"}"#,
            r#"{"move":"a.b","and":1}"#,
            "move a.b",
            r#"{"place":["tls0.9"],"services":["logs"]}"#,
            r#"{"place":["expired"]}"#,
            r#"{"give":"update"}"#,
            r#"{"throttle":{"logs":-1}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
