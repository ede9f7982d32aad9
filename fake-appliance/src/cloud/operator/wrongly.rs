//! Calls that nobody may make, each beside one that is right, at the same service in the same protocol, and must be answered.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::time::{Instant, sleep_until};

use super::Desk;
use super::account::{Keys, Scope, call};
use super::places::{Ask, Place};
use super::read::{Kind, Order};
use crate::cloud::https::Error;
use crate::cloud::signing::unsigned;

/// How long ago a late call was signed: longer than the five minutes for which services take one (IAM user guide, "AWS
/// Signature Version 4 for API requests"), and than S3's fifteen (S3 API reference, "RequestTimeTooSkewed").
const LATE: Duration = Duration::from_secs(360);
const LATE_AT_S3: Duration = Duration::from_secs(960);
/// A session's end is told in whole seconds, and so is the time of a signature.
const ROUNDING: Duration = Duration::from_secs(1);

/// A call, ready to be sent.
struct Ready {
    place: Place,
    operation: &'static str,
    /// What is wrong with it; nothing if it is empty.
    wrong: &'static str,
    request: Request<Full<Bytes>>,
}

impl Desk {
    /// Makes such calls, at each of the order's services. One with a session that has ended is made once that is so, and then a new
    /// session is taken; one that is kept, once its signature is too old.
    pub(super) async fn call_wrongly(&self, order: &Order) -> Result<(), Error> {
        let places: Vec<Place> = order.at.iter().flat_map(|service| service.places()).copied().collect();
        let begun = Instant::now();
        let (keys, life) = match order.kind {
            Kind::Expired => self.session(order).await?,
            Kind::Kept => (self.account.keys(), Duration::from_millis(order.signatures_ms)),
            _ => (self.account.keys(), Duration::ZERO),
        };
        // Of those that are kept, each is right at first.
        let kept = match order.kind {
            Kind::Kept => Some(self.keep(order, &places, &keys)?),
            _ => None,
        };
        match &kept {
            Some(kept) => {
                for ready in kept {
                    self.send(order, ready, "").await?;
                }
            }
            None => self.call_rightly(order, &places, &keys).await?,
        }
        if life > Duration::ZERO {
            // From when the last was signed, or the session given, which was later than when it was begun.
            let from = if kept.is_some() { Instant::now() } else { begun };
            sleep_until(from + life + ROUNDING).await;
        }
        let wrong = match kept {
            Some(kept) => kept,
            None => self.wrong(order, &places, &keys)?,
        };
        for ready in wrong {
            self.send(order, &ready, ready.wrong).await?;
        }
        if order.kind == Kind::Expired {
            let (keys, _) = self.session(order).await?;
            self.call_rightly(order, &places, &keys).await?;
        }
        Ok(())
    }

    async fn call_rightly(&self, order: &Order, places: &[Place], keys: &Keys) -> Result<(), Error> {
        for place in places {
            let ask = place.asking(order);
            let request = self.sign(*place, keys, &ask, self.scope(place.service()))?;
            let right = Ready { place: *place, operation: ask.operation, wrong: "", request };
            self.send(order, &right, right.wrong).await?;
        }
        Ok(())
    }

    /// Sends a call on a line of its own, by whose end the cloud's word on it is found, and says how it was answered.
    async fn send(&self, order: &Order, ready: &Ready, wrong: &str) -> Result<(), Error> {
        let mut line = self.line(ready.place).await?;
        let answer = line.send(ready.request.clone()).await?;
        self.told(order, (ready.operation, wrong), &line, &answer, &[]);
        Ok(())
    }

    /// Calls that are right, signed now.
    fn keep(&self, order: &Order, places: &[Place], keys: &Keys) -> Result<Vec<Ready>, Error> {
        let keep = |place: &Place| {
            let ask = place.changing(order, &name(order, "kept"));
            let request = self.sign(*place, keys, &ask, self.scope(place.service()))?;
            Ok(Ready { place: *place, operation: ask.operation, wrong: "kept", request })
        };
        places.iter().map(keep).collect()
    }

    /// Calls with something wrong.
    fn wrong(&self, order: &Order, places: &[Place], keys: &Keys) -> Result<Vec<Ready>, Error> {
        let mut all = Vec::new();
        for place in places {
            for wrong in manners(order.kind) {
                let ask = place.changing(order, &name(order, wrong));
                let request = self.spoil(order, *place, keys, &ask, wrong)?;
                all.push(Ready { place: *place, operation: ask.operation, wrong, request });
            }
        }
        Ok(all)
    }

    fn spoil(
        &self,
        order: &Order,
        place: Place,
        keys: &Keys,
        ask: &Ask,
        wrong: &str,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let right = self.scope(place.service());
        let scope = match wrong {
            "unsigned" => return unsigned(&self.authority(place), call(ask)),
            "altered" => {
                let signed = self.sign(place, keys, &place.changing(order, "signed"), right)?;
                return altered(signed, ask);
            }
            "late" if place == Place::Objects => Scope { at: SystemTime::now() - LATE_AT_S3, ..right },
            "late" => Scope { at: SystemTime::now() - LATE, ..right },
            "region" => Scope { region: other(right.region, ["eu-west-1", "us-east-1"]), ..right },
            "service" => Scope { service: other(right.service, ["logs", "s3"]), ..right },
            _ => right,
        };
        self.sign(place, keys, ask, scope)
    }
}

/// What is wrong with the calls of an order, one each.
fn manners(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Unsigned => &["unsigned"],
        Kind::Altered => &["altered"],
        Kind::Late => &["late"],
        Kind::Expired => &["expired"],
        Kind::Scope => &["region", "service"],
        Kind::Kept | Kind::Update | Kind::Restart => &[],
    }
}

/// What was signed, with another body and for another path: S3 tells a body that is not the signed one apart from a signature that does
/// not match, and an object's path is what says which it is.
fn altered(signed: Request<Full<Bytes>>, ask: &Ask) -> Result<Request<Full<Bytes>>, Error> {
    let (mut head, _) = signed.into_parts();
    let path = ask.path.parse();
    head.uri = path.map_err(|error: hyper::http::uri::InvalidUri| Error::Sign(error.to_string()))?;
    Ok(Request::from_parts(head, Full::from(ask.body.clone())))
}

/// The one of two that it is not.
fn other(this: &str, two: [&'static str; 2]) -> &'static str {
    if this == two[0] { two[1] } else { two[0] }
}

/// What is changed has a name that nothing had before: not even in a lab that stays.
fn name(order: &Order, wrong: &str) -> String {
    format!("{}-{wrong}-{}", order.order, fake_facts::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_scope_is_another() {
        let regions = ["eu-west-1", "us-east-1"];
        assert_eq!((other("eu-west-1", regions), other("us-east-1", regions)), ("us-east-1", "eu-west-1"));
        assert_eq!(other("ap-south-1", regions), "eu-west-1");
    }
}
