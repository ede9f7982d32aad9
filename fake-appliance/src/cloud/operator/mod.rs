//! Whoever runs a site, from outside of it: calls Panorama's own service, has devices do things, and looks what became of
//! them; signed as users of IAM sign, and as sessions of STS do. And calls it, metrics, logs and S3 as nobody may, to see that this
//! is refused.
//!
//! It obeys JSON lines on standard input, side by side, and says facts: `called` for each answer that matters,
//! `calls_over` when no more is called for an order.

mod account;
mod cbor;
mod places;
mod read;
mod wrongly;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fake_facts::{Fact, Teller};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::account::{Account, Keys, Line};
use self::places::{Ask, Place, REST_JSON};
use self::read::{Kind, Order};
use super::credentials::until_renewal;
use super::https::{Answer, Error};
use crate::net;
use crate::voice::Voice;

/// From one look at what a job has come to, to the next.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What an operator is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cloud's `client.json`.
    pub client: PathBuf,
    /// Whether calls are signed by sessions of STS, as far as they can be; else by the key that lasts.
    pub sessions: bool,
}

/// Obeys what comes from `input` until `shutdown` says so; that the input ends changes nothing.
///
/// Tells `Ready` first and `Bye` last.
/// Errors: the client file or its authority cannot be used, or nobody hears the facts.
pub async fn operate(
    settings: &Settings,
    input: impl Read + Send + 'static,
    teller: Arc<Teller>,
    shutdown: impl Future<Output = String>,
) -> Result<(), crate::Error> {
    let account = Account::read(&settings.client)?;
    let manner = net::Manner { ca: &account.ca, anyone: false, alpn: super::HTTP, old: false };
    let tls = net::tls_client(manner, None)?;
    let voice = Voice::new(teller);
    voice.tell(Fact::Ready { listens: Vec::new() });
    let desk = Arc::new(Desk { account, tls, sessions: settings.sessions, voice: voice.clone() });
    let work = async {
        let mut lines = read::lines(input);
        // Side by side: some wait for long.
        let mut orders = JoinSet::new();
        while let Some(line) = lines.recv().await {
            let desk = Arc::clone(&desk);
            orders.spawn(async move { desk.obey(&line).await });
        }
        std::future::pending().await
    };
    let reason = tokio::select! {
        reason = shutdown => reason,
        () = voice.unheard() => return Err(crate::Error::Unheard),
        reason = work => reason,
    };
    voice.tell(Fact::Bye { reason });
    Ok(())
}

/// Where an operator sits.
struct Desk {
    account: Account,
    tls: Arc<rustls::ClientConfig>,
    sessions: bool,
    voice: Voice,
}

impl Desk {
    /// Carries an order out, and says so.
    async fn obey(&self, line: &str) {
        let order = match read::order(line) {
            Ok(order) => order,
            Err(error) => return self.voice.failed("order", None, error),
        };
        let done = match order.kind {
            Kind::Update | Kind::Restart => self.work(&order).await,
            _ => self.call_wrongly(&order).await,
        };
        if let Err(error) = done {
            self.voice.failed("call", Some(&order.order), error);
        }
        self.voice.tell(Fact::CallsOver { order: order.order });
    }

    /// Has a device do something, and looks until it is done, or for so long.
    async fn work(&self, order: &Order) -> Result<(), Error> {
        let mut pass = self.pass(order).await?;
        let mut line = self.line(Place::Panorama).await?;
        let made = self.ask(&mut line, &pass.keys, &create(order)).await?;
        let job = made.json()["Jobs"][0]["JobId"].as_str().unwrap_or_default().to_owned();
        let said = [("JobId", job.clone()), ("ImageVersion", order.version.clone())];
        self.told(order, ("CreateJobForDevices", ""), &line, &made, &said);
        if !made.status.is_success() {
            return Ok(());
        }
        let until = Instant::now() + Duration::from_millis(order.within_ms);
        let ask = Ask::get("DescribeDeviceJob", format!("/jobs/{job}"));
        let look = Look { ask, fields: &["Status"] };
        let over = |said: &[String]| ["COMPLETED", "FAILED"].contains(&said[0].as_str());
        self.look(order, (&mut line, &mut pass), &look, until, over).await?;
        let look = Look { ask: Place::Panorama.asking(order), fields: &KNOWN };
        let runs = |said: &[String]| {
            said[0] == "ONLINE" && (order.kind == Kind::Restart || said[1] == order.version)
        };
        self.look(order, (&mut line, &mut pass), &look, until, runs).await
    }

    /// What work is signed with.
    async fn pass(&self, order: &Order) -> Result<Pass, Error> {
        if !self.sessions {
            return Ok(Pass { keys: self.account.keys(), renew: None });
        }
        let begun = Instant::now();
        let (keys, life) = self.session(order).await?;
        Ok(Pass { keys, renew: Some(begun + until_renewal(life)) })
    }

    /// Asks again and again until what is said is as it should be, or the time is over; tells the last answer.
    async fn look(
        &self,
        order: &Order,
        (line, pass): (&mut Line, &mut Pass),
        look: &Look<'_>,
        until: Instant,
        is_done: impl Fn(&[String]) -> bool,
    ) -> Result<(), Error> {
        loop {
            if pass.renew.is_some_and(|renew| Instant::now() >= renew) {
                *pass = self.pass(order).await?;
            }
            let mut answer = self.ask(line, &pass.keys, &look.ask).await?;
            // On a busy machine a session may end between two looks.
            if pass.renew.is_some() && answer.code(line.form) == ENDED {
                *pass = self.pass(order).await?;
                answer = self.ask(line, &pass.keys, &look.ask).await?;
            }
            let json = answer.json();
            let text = |field: &&'static str| json[*field].as_str().unwrap_or_default().to_owned();
            let said: Vec<String> = look.fields.iter().map(text).collect();
            if !answer.status.is_success() || is_done(&said) || Instant::now() >= until {
                let said: Vec<_> = look.fields.iter().copied().zip(said).collect();
                self.told(order, (look.ask.operation, ""), line, &answer, &said);
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Says how a call was answered, and what was wrong with it.
    fn told(
        &self,
        order: &Order,
        (operation, wrong): (&str, &str),
        line: &Line,
        answer: &Answer,
        said: &[(&'static str, String)],
    ) {
        let success = answer.status.is_success();
        let said = said.iter().filter(|_| success).map(|(key, text)| ((*key).to_owned(), text.clone()));
        self.voice.tell(Fact::Called {
            order: order.order.clone(),
            service: line.service.to_owned(),
            form: line.form.to_owned(),
            operation: operation.to_owned(),
            wrong: wrong.to_owned(),
            socket: line.socket,
            status: answer.status.as_u16(),
            code: (!success).then(|| answer.code(line.form)),
            said: said.collect(),
        });
    }
}

/// The code for a session that has ended.
const ENDED: &str = "ExpiredTokenException";

/// What is known of a device.
const KNOWN: [&str; 2] = ["DeviceConnectionStatus", "CurrentSoftware"];

/// Keys, and when others are got in their place.
struct Pass {
    keys: Keys,
    renew: Option<Instant>,
}

/// Something that is looked at until it is as it should be.
struct Look<'a> {
    ask: Ask,
    fields: &'a [&'static str],
}

/// What gives a device something to do (API reference, CreateJobForDevices).
fn create(order: &Order) -> Ask {
    let mut body = json!({ "DeviceIds": [order.device], "JobType": "REBOOT" });
    if order.kind == Kind::Update {
        body["JobType"] = "OTA".into();
        body["DeviceJobConfig"] = json!({ "OTAJobConfig": { "ImageVersion": order.version } });
    }
    let body = body.to_string().into_bytes();
    Ask { body, ..Ask::of("CreateJobForDevices", "POST", "/jobs".to_owned(), REST_JSON) }
}
