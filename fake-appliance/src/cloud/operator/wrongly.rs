//! Calls that nobody may make, each beside one that is the same but for what is wrong, and must be answered.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::account::{Ask, Keys, call};
use super::read::{Kind, Order};
use super::{DESCRIBE, Desk, KNOWN, device};
use crate::cloud::https::Error;
use crate::cloud::signing::unsigned;

/// How long ago a late call was signed: longer than the five minutes for which services take one (IAM user guide, "AWS
/// Signature Version 4 for API requests").
const LATE: Duration = Duration::from_secs(360);
/// A session's end is told in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

impl Desk {
    /// Makes such a call. One with a session that has ended is made once that is so, and then a new session is taken.
    pub(super) async fn call_wrongly(&self, order: &Order) -> Result<(), Error> {
        let begun = Instant::now();
        let (keys, life) = match order.kind {
            Kind::Expired => self.session(order).await?,
            _ => (self.account.keys(), Duration::ZERO),
        };
        self.call_rightly(order, &keys).await?;
        if order.kind == Kind::Expired {
            sleep_until(begun + life + ROUNDING).await;
        }
        let path = device(order);
        let ask = describing(&path, &order.order);
        let request = self.wrong(order.kind, &keys, &ask)?;
        // A line of its own, by whose end the cloud's word on it is found.
        let mut line = self.panorama().await?;
        let answer = line.send(request).await?;
        self.told(order, "UpdateDeviceMetadata", &line, &answer, &[]);
        match order.kind {
            Kind::Expired => {
                let (keys, _) = self.session(order).await?;
                self.call_rightly(order, &keys).await
            }
            _ => Ok(()),
        }
    }

    async fn call_rightly(&self, order: &Order, keys: &Keys) -> Result<(), Error> {
        let mut line = self.panorama().await?;
        let answer = self.ask(&mut line, keys, &Ask::get(&device(order))).await?;
        let json = answer.json();
        let said = KNOWN.map(|field| (field, json[field].as_str().unwrap_or_default().to_owned()));
        self.told(order, DESCRIBE, &line, &answer, &said);
        Ok(())
    }

    fn wrong(&self, kind: Kind, keys: &Keys, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, Error> {
        let now = SystemTime::now();
        match kind {
            Kind::Unsigned => unsigned(&self.authority(), call(ask)),
            Kind::Late => self.sign(keys, ask, now - LATE),
            Kind::Altered => {
                let other = describing(ask.path, "signed");
                let signed = self.sign(keys, &other, now)?;
                Ok(signed.map(|_| Full::from(ask.body.clone())))
            }
            Kind::Expired | Kind::Update | Kind::Restart => self.sign(keys, ask, now),
        }
    }
}

/// A call that would change what is said of a device, and nothing else (API reference, UpdateDeviceMetadata).
fn describing<'a>(path: &'a str, description: &str) -> Ask<'a> {
    let body = json!({ "Description": description }).to_string();
    Ask { method: "PUT", path, body: body.into_bytes() }
}
