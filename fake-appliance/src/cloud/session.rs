//! The MQTT session: kept open, for the jobs that the cloud has.
//!
//! MQTT 3.1.1 (OASIS Standard, 29 October 2014) over TLS on port 443 with the application protocol that selects
//! it, as AWS IoT Core has it. Only the codec of the MQTT library is used, so that names, connections and TLS
//! are the same as everywhere in the appliance.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use fake_facts::Fact;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Disconnect, Packet, PingReq};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tokio_rustls::client::TlsStream;

use super::Identity;
use super::jobs::{Jobs, Means, Next};
use crate::backoff::Backoff;
use crate::config::Careless;
use crate::net;
use crate::stop::Stop;
use crate::voice::Voice;

const SERVICE: &str = "iot";
/// What facts call an answer to the cloud's monitoring.
const MONITORING: &str = "monitoring";
/// The last number of a publication.
const LAST_ID: u16 = 60_000;
/// The shortest that AWS IoT Core accepts ("AWS IoT Core message broker and protocol limits").
const KEEP_ALIVE_S: u16 = 30;
/// Pings go out at half of it, so that one may be late.
const PING: Duration = Duration::from_secs(KEEP_ALIVE_S as u64 / 2);
/// Longest wait for CONNACK, PUBACK and PINGRESP.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for the goodbye to be written.
const FAREWELL: Duration = Duration::from_millis(200);
/// Largest packet that is read, as AWS IoT Core allows it: 128 KiB and some header.
const LARGEST: usize = 132 * 1024;

/// Where the session goes, and how often it is used.
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) identity: Identity,
    pub(super) thing: String,
    pub(super) means: Means,
    pub(super) careless: Careless,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Net(#[from] net::Error),
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker does not speak MQTT: {0}")]
    Mqtt(#[from] rumqttc::mqttbytes::Error),
    #[error("the broker refused the session: {0:?}")]
    Refused(ConnectReturnCode),
    #[error("the broker did not answer CONNECT with CONNACK")]
    NoConnAck,
    #[error("the broker did not answer {what} within {} s", PATIENCE.as_secs())]
    Silence { what: &'static str },
}

/// Keeps a session until told to stop; whatever fails is told and tried again.
pub(super) async fn keep(settings: Settings, voice: Voice, mut stop: Stop) {
    let (mut backoff, restarts) = (Backoff::new(), settings.means.restart.heard());
    let hurries = settings.careless.hurries;
    loop {
        let opened = async {
            restarts.over().await;
            Session::open(&settings, &voice).await
        };
        let opened = tokio::select! {
            () = stop.told() => return,
            opened = opened => opened,
        };
        let error = match opened {
            Ok(mut session) => {
                backoff.reset();
                match session.run(&voice, &mut stop).await {
                    Ok(Why::Told) => return session.leave().await,
                    Ok(Why::Restart) => {
                        session.leave().await;
                        settings.means.restart.now();
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let (what, about) = match &error {
            Error::Net(net @ net::Error::Resolve { name, .. }) => (net.what(SERVICE), Some(name.as_str())),
            _ => (SERVICE, None),
        };
        voice.failed(what, about, &error);
        tokio::select! {
            () = stop.told() => return,
            () = tokio::time::sleep(super::again(&mut backoff, hurries)) => {}
        }
    }
}

/// Why a session ends in good order.
enum Why {
    /// The appliance ends.
    Told,
    /// A job has it restart.
    Restart,
}

/// What comes from elsewhere while a session stands.
enum Heard {
    /// From the broker.
    Packet(Packet),
    /// From a job.
    Job(Next),
}

struct Session {
    stream: TlsStream<TcpStream>,
    arrived: BytesMut,
    next_id: u16,
    /// What is not acknowledged yet: when it was sent, and whether it answers the cloud's monitoring.
    pending: BTreeMap<u16, (Instant, bool)>,
    pinged: Option<Instant>,
    jobs: Jobs,
}

impl Session {
    async fn open(settings: &Settings, voice: &Voice) -> Result<Self, Error> {
        let tls = settings.identity.mqtt();
        let (stream, peer) = net::connect_tls(voice, &settings.host, settings.port, &tls).await?;
        let arrived = BytesMut::new();
        let jobs = Jobs::new(&settings.thing, settings.means.clone());
        let mut session = Self { stream, arrived, next_id: 1, pending: BTreeMap::new(), pinged: None, jobs };
        let mut connect = Connect::new(settings.thing.as_str());
        connect.keep_alive = KEEP_ALIVE_S;
        connect.clean_session = true;
        session.send(&Packet::Connect(connect)).await?;
        match timeout(PATIENCE, receive(&mut session.stream, &mut session.arrived))
            .await
            .map_err(|_| Error::Silence { what: "CONNECT" })??
        {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => {}
            Packet::ConnAck(answer) => return Err(Error::Refused(answer.code)),
            _ => return Err(Error::NoConnAck),
        }
        voice.tell(Fact::Connected { service: SERVICE.to_owned(), peer, camera: None });
        for question in session.jobs.questions() {
            session.say(question, false).await?;
        }
        Ok(session)
    }

    /// A session that ends while the appliance is about to restart has it restart.
    async fn run(&mut self, voice: &Voice, stop: &mut Stop) -> Result<Why, Error> {
        let mut restarts = false;
        match self.go_on(voice, stop, &mut restarts).await {
            Err(error) if restarts => {
                tracing::debug!(%error, "it restarts, whether or not the cloud has heard of it");
                Ok(Why::Restart)
            }
            ended => ended,
        }
    }

    async fn go_on(&mut self, voice: &Voice, stop: &mut Stop, restarts: &mut bool) -> Result<Why, Error> {
        let mut pings = interval(PING);
        pings.reset();
        let mut checks = interval(Duration::from_secs(1));
        loop {
            // A connection that ends with something unread may take along what the cloud has not read yet: a restart of which
            // the cloud never hears would be done once more.
            if *restarts && self.pending.values().all(|(_, monitoring)| *monitoring) {
                return Ok(Why::Restart);
            }
            tokio::select! {
                () = stop.told() => return Ok(Why::Told),
                heard = self.hear() => {
                    match heard? {
                        Heard::Packet(packet) => {
                            for said in self.take(&packet, voice) {
                                self.say(said, true).await?;
                            }
                        }
                        Heard::Job(Next::Say(said)) => self.say(said, false).await?,
                        Heard::Job(Next::Restart) => *restarts = true,
                    }
                }
                _ = pings.tick() => {
                    self.pinged.get_or_insert_with(Instant::now);
                    self.send(&Packet::PingReq).await?;
                }
                _ = checks.tick() => self.check()?,
            }
        }
    }

    /// What comes next: a packet, or something of a job.
    async fn hear(&mut self) -> Result<Heard, Error> {
        let Self { stream, arrived, jobs, .. } = self;
        tokio::select! {
            packet = receive(stream, arrived) => packet.map(Heard::Packet),
            next = jobs.next() => Ok(Heard::Job(next)),
        }
    }

    /// Takes a packet; gives what the broker is told for it.
    fn take(&mut self, packet: &Packet, voice: &Voice) -> Vec<Packet> {
        match packet {
            Packet::Publish(message) => return self.jobs.take(message, voice),
            Packet::PubAck(answer) => {
                if let Some((_, true)) = self.pending.remove(&answer.pkid) {
                    voice.delivered(SERVICE, MONITORING);
                }
            }
            Packet::PingResp => self.pinged = None,
            other => tracing::debug!(?other, "packet without meaning for the appliance"),
        }
        Vec::new()
    }

    /// Sends a packet; what is to be acknowledged gets its number, and is waited for.
    async fn say(&mut self, mut packet: Packet, monitoring: bool) -> Result<(), Error> {
        if let Packet::Publish(publish) = &mut packet
            && publish.qos == QoS::AtLeastOnce
        {
            publish.pkid = self.next_id;
            self.pending.insert(self.next_id, (Instant::now(), monitoring));
            // Those above are of subscriptions.
            self.next_id = if self.next_id < LAST_ID { self.next_id + 1 } else { 1 };
        }
        self.send(&packet).await
    }

    /// Nothing that was asked may stay unanswered.
    fn check(&self) -> Result<(), Error> {
        let late = |since: &Instant| since.elapsed() > PATIENCE;
        if self.pending.values().any(|(since, _)| late(since)) {
            return Err(Error::Silence { what: "PUBLISH" });
        }
        if self.pinged.as_ref().is_some_and(late) {
            return Err(Error::Silence { what: "PINGREQ" });
        }
        Ok(())
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), Error> {
        let mut bytes = BytesMut::new();
        match packet {
            Packet::PingReq => PingReq.write(&mut bytes)?,
            packet => packet.write(&mut bytes, LARGEST)?,
        };
        timeout(PATIENCE, self.stream.write_all(&bytes))
            .await
            .map_err(|_| Error::Silence { what: "anything" })??;
        self.stream.flush().await?;
        Ok(())
    }

    /// Says goodbye, so that the broker does not report a lost connection.
    async fn leave(mut self) {
        let goodbye = async {
            let mut bytes = BytesMut::new();
            Disconnect.write(&mut bytes)?;
            self.stream.write_all(&bytes).await?;
            self.stream.shutdown().await?;
            Ok::<(), Error>(())
        };
        match timeout(FAREWELL, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the goodbye was not sent"),
            Err(_) => tracing::debug!("the goodbye was not sent in time"),
        }
    }
}

/// Waits for a whole packet; what has arrived of one is kept if the waiting is given up.
async fn receive(stream: &mut TlsStream<TcpStream>, arrived: &mut BytesMut) -> Result<Packet, Error> {
    loop {
        match Packet::read(arrived, LARGEST) {
            Ok(packet) => return Ok(packet),
            Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if stream.read_buf(arrived).await? == 0 {
            return Err(Error::Closed);
        }
    }
}
