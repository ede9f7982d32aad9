//! A broker that is nobody's: it lets everybody in, whatever they are called, and has one job for them.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::packets::{self, Asked, Granted, Terms, Version};
use super::wire::{End, Wire};
use super::{Message, topic};
use crate::jobs::{Job, Jobs, Links, Status};

/// Keep-alive seconds that count: its sessions are far shorter.
const KEEP_ALIVE: u16 = 1200;
/// How long the end of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Filters that one client may have here; what it asks to hear beyond is not granted.
const FILTERS: usize = 64;
/// Milliseconds of a minute of a job's timer, of which none is set.
const MINUTE: i64 = 60_000;

/// The job that everybody gets.
pub(crate) struct Offer<'a> {
    /// Its name.
    pub(crate) job: &'a str,
    /// What there is to do, JSON.
    pub(crate) document: &'a str,
}

/// Speaks MQTT with a client until it says how the job goes, other than that it will have none of it, and says how; none if it
/// goes before.
pub(crate) async fn mislead<S>(stream: S, offer: &Offer<'_>) -> io::Result<Option<&'static str>>
where
    S: AsyncRead + AsyncWrite,
{
    let (wire, jobs) = (Wire::new(stream), Jobs::new(MINUTE, Links::none()));
    let mut session =
        Session { wire, jobs, offer, version: None, filters: Vec::new(), thing: None, untold: Vec::new() };
    let ended = session.run().await;
    // Whoever reads no more is not waited for: what it has taken is told.
    let _ = timeout(FAREWELL, session.wire.close()).await;
    match ended {
        Ok(taken) => Ok(taken.map(Status::word)),
        Err(End::Lost(reason) | End::Rule(_, reason)) => Err(io::Error::other(reason)),
        Err(_) => Ok(None),
    }
}

struct Session<'a, S> {
    wire: Wire<S>,
    jobs: Jobs,
    offer: &'a Offer<'a>,
    /// Of the client that was let in.
    version: Option<Version>,
    filters: Vec<String>,
    /// Which thing it is, as the first topic of a job's that it named has it.
    thing: Option<String>,
    /// What tells of the job, and was not heard yet.
    untold: Vec<Message>,
}

impl<S: AsyncRead + AsyncWrite> Session<'_, S> {
    async fn run(&mut self) -> Result<Option<Status>, End> {
        loop {
            let length = self.wire.more().await?;
            for asked in self.wire.take_in(length).await? {
                match (asked, self.version) {
                    (Asked::Connect { version, .. }, None) => self.welcome(version).await?,
                    (Asked::Subscribe { packet_id, filters }, Some(version)) => {
                        let filters = filters.into_iter().map(|wish| wish.filter).collect();
                        self.subscribe(version, packet_id, filters).await?;
                    }
                    (Asked::Publish { message, packet_id, .. }, Some(version)) => {
                        if let Some(status) = self.publish(version, packet_id, &message).await? {
                            return Ok(Some(status));
                        }
                    }
                    (Asked::Unsubscribe { packet_id, filters }, Some(version)) => {
                        self.filters.retain(|filter| !filters.contains(filter));
                        let existed = vec![true; filters.len()];
                        self.wire.send(packets::unsubscribed(version, packet_id, &existed)).await?;
                    }
                    (Asked::Confirm { .. } | Asked::Nothing, Some(_)) => {}
                    // It goes, or speaks no MQTT.
                    _ => return Ok(None),
                }
            }
        }
    }

    async fn welcome(&mut self, version: Version) -> Result<(), End> {
        self.version = Some(version);
        let terms = Terms { keep_alive: KEEP_ALIVE, resumed: false, kept: 0 };
        self.wire.send(packets::welcome(version, terms)).await
    }

    async fn subscribe(&mut self, version: Version, packet_id: u16, filters: Vec<String>) -> Result<(), End> {
        let mut granted = Vec::new();
        for filter in filters {
            self.know(&filter);
            let room = self.filters.len() < FILTERS;
            granted.push(if room { Granted::AtMostOnce } else { Granted::Refused });
            self.filters.extend(Some(filter).filter(|_| room));
        }
        self.wire.send(packets::subscribed(version, packet_id, &granted)).await?;
        let untold = std::mem::take(&mut self.untold);
        let (heard, untold): (Vec<_>, Vec<_>) = untold.into_iter().partition(|one| self.hears(one));
        self.untold = untold;
        for message in heard {
            self.wire.deliver(version, &message, None).await?;
        }
        Ok(())
    }

    /// Takes a message; how the job goes, if that is what it says.
    async fn publish(
        &mut self,
        version: Version,
        packet_id: Option<u16>,
        message: &Message,
    ) -> Result<Option<Status>, End> {
        self.know(&message.topic);
        if let Some(packet_id) = packet_id {
            self.wire.send(packets::received(version, packet_id)).await?;
        }
        let Some(reply) = self.jobs.take(message, now()) else { return Ok(None) };
        if self.hears(&reply.answer) {
            self.wire.deliver(version, &reply.answer, None).await?;
        }
        let said = reply.changed.and_then(|(thing, job)| self.jobs.execution(&thing, &job));
        Ok(said.map(|execution| execution.status).filter(|status| *status != Status::Rejected))
    }

    /// Has the job wait for the thing of a topic, the first that is named.
    fn know(&mut self, topic: &str) {
        let thing = topic.strip_prefix("$aws/things/").and_then(|rest| rest.split_once("/jobs/"));
        if let (None, Some((thing, _))) = (&self.thing, thing) {
            let job = Job::new(self.offer.job, self.offer.document, now());
            self.untold = self.jobs.create(job, &[thing.to_owned()], now());
            self.thing = Some(thing.to_owned());
        }
    }

    fn hears(&self, message: &Message) -> bool {
        self.filters.iter().any(|filter| topic::matches(filter, &message.topic))
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    i64::try_from(fake_facts::now() / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const OFFER: Offer<'static> =
        Offer { job: "expired-41001", document: r#"{"operation":"configuration"}"# };

    fn packet(head: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        [&[head, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
    }

    /// CONNECT of MQTT 3.1.1, with a clean session.
    fn connect() -> Vec<u8> {
        packet(0x10, &[&text("MQTT"), &[4, 2, 0, 30], &text("anybody")])
    }

    fn subscribe(filter: &str) -> Vec<u8> {
        packet(0x82, &[&[0, 1], &text(filter), &[0]])
    }

    fn publish(topic: &str, payload: &str) -> Vec<u8> {
        packet(0x30, &[&text(topic), payload.as_bytes()])
    }

    /// Says something, and reads until this is heard.
    async fn say(client: &mut DuplexStream, said: &[u8], heard: impl AsRef<[u8]>) {
        client.write_all(said).await.unwrap();
        let (mut all, heard) = (Vec::new(), heard.as_ref());
        while !all.windows(heard.len()).any(|window| window == heard) {
            let more = client.read_buf(&mut all).await.unwrap();
            assert_ne!(more, 0, "{}: {}", heard.escape_ascii(), all.escape_ascii());
        }
    }

    /// CONNACK, and the SUBACK of something that has nothing to do with jobs.
    async fn until_the_job(client: &mut DuplexStream) {
        say(client, &connect(), [0x20, 2, 0, 0]).await;
        say(client, &subscribe("other/#"), [0x90, 3, 0, 1, 0]).await;
    }

    #[tokio::test]
    async fn whoever_hears_of_the_job_and_says_that_it_does_it_has_taken_it() {
        let (mut client, here) = duplex(4096);
        let served = tokio::spawn(async { mislead(here, &OFFER).await });
        until_the_job(&mut client).await;
        say(&mut client, &subscribe("$aws/things/app/jobs/notify-next"), "expired-41001").await;
        let accepted = subscribe("$aws/things/app/jobs/$next/get/accepted");
        client.write_all(&accepted).await.unwrap();
        say(&mut client, &publish("$aws/things/app/jobs/$next/get", "{}"), "configuration").await;
        let status = |status: &str| format!(r#"{{"status":"{status}"}}"#);
        let topic = "$aws/things/app/jobs/expired-41001/update";
        client
            .write_all(&publish("$aws/things/app/jobs/another/update", &status("SUCCEEDED")))
            .await
            .unwrap();
        client.write_all(&publish(topic, &status("IN_PROGRESS"))).await.unwrap();
        assert_eq!(served.await.unwrap().unwrap(), Some("IN_PROGRESS"));
        let left = client.read_to_end(&mut Vec::new()).await;
        assert!(left.is_ok(), "it hangs up");
    }

    #[tokio::test]
    async fn whoever_starts_what_there_is_has_taken_it() {
        let (mut client, here) = duplex(4096);
        let served = tokio::spawn(async { mislead(here, &OFFER).await });
        until_the_job(&mut client).await;
        client.write_all(&publish("$aws/things/app/jobs/start-next", "{}")).await.unwrap();
        assert_eq!(served.await.unwrap().unwrap(), Some("IN_PROGRESS"));
    }

    #[tokio::test]
    async fn whoever_will_have_none_of_it_or_goes_has_taken_nothing() {
        let (mut client, here) = duplex(4096);
        let served = tokio::spawn(async { mislead(here, &OFFER).await });
        until_the_job(&mut client).await;
        say(&mut client, &subscribe("$aws/things/app/jobs/#"), "expired-41001").await;
        let none = publish("$aws/things/app/jobs/expired-41001/update", r#"{"status":"REJECTED"}"#);
        say(&mut client, &none, "update/accepted").await;
        client.write_all(&packet(0xe0, &[])).await.unwrap();
        assert_eq!(served.await.unwrap().unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_mqtt_is_told_nothing() {
        for said in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), subscribe("a"), [connect(), connect()].concat()] {
            let (mut client, here) = duplex(4096);
            let served = tokio::spawn(async { mislead(here, &OFFER).await });
            client.write_all(&said).await.unwrap();
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).await.unwrap();
            assert!(!matches!(served.await.unwrap(), Ok(Some(_))), "{}", said.escape_ascii());
            assert!(heard.len() <= 4, "a welcome at most: {}", heard.escape_ascii());
        }
    }
}
