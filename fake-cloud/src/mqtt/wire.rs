//! The byte side of a session: bytes in, packets out, and the reasons why it ends.

use std::time::Duration;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{Connection, ConnectionOptions, Event};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet};
use mqtt_protocol_core::mqtt::result_code::{DisconnectReasonCode, MqttError};
use mqtt_protocol_core::mqtt::role::Server;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::broker::{Message, PAYLOAD_LIMIT};
use super::heads::Heads;
use super::packets::{self, Asked, Version};

/// Longest wait for a client that does not read.
const WRITE: Duration = Duration::from_secs(30);
/// Largest packet: a payload of 128 KiB and its headers.
const PACKET_LIMIT: u32 = PAYLOAD_LIMIT as u32 + 4096;

/// Why a session is over.
#[derive(Debug)]
pub(super) enum End {
    /// DISCONNECT; the will may still be wanted, and another time for the session to outlive it, seconds.
    Client { with_will: bool, kept: Option<u32> },
    /// The network went away.
    Lost(String),
    /// Nothing came for one and a half times the keep-alive time.
    Silence,
    /// The same client id connected again.
    TakenOver,
    /// The client broke a rule; MQTT 5 has a code for it.
    Rule(DisconnectReasonCode, String),
    /// The cloud ends, or somebody else takes its place.
    Stopped,
}

/// Bytes in, packets out.
pub(super) struct Wire<S> {
    connection: Connection<Server>,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: Vec<u8>,
    heads: Heads,
}

impl<S: AsyncRead + AsyncWrite> Wire<S> {
    /// Starts on a connection whose handshake is done.
    pub(super) fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let options = ConnectionOptions::new().maximum_packet_size_recv(PACKET_LIMIT);
        let version = mqtt_protocol_core::mqtt::Version::Undetermined;
        let mut connection = Connection::with_options(version, options);
        connection.set_auto_pub_response(false);
        connection.set_auto_ping_response(true);
        Self { connection, reader, writer, buffer: vec![0; 16 * 1024], heads: Heads::default() }
    }

    /// Waits for bytes. Nothing is lost when the wait is given up.
    pub(super) async fn more(&mut self) -> Result<usize, End> {
        read_length(self.reader.read(&mut self.buffer).await)
    }

    /// Whether the client takes another message that it has to confirm.
    pub(super) fn may_deliver(&self) -> bool {
        self.connection.get_receive_maximum_vacancy_for_send() != Some(0)
    }

    /// Closes our side.
    pub(super) async fn close(&mut self) {
        // The client may have closed already.
        let _ = self.writer.shutdown().await;
    }

    /// Reads until at least one packet is there.
    pub(super) async fn first(&mut self) -> Result<Vec<Asked>, End> {
        loop {
            let length = self.more().await?;
            let asked = self.take_in(length).await?;
            if !asked.is_empty() {
                return Ok(asked);
            }
        }
    }

    /// Takes in the bytes that came last; whole packets come out.
    pub(super) async fn take_in(&mut self, length: usize) -> Result<Vec<Asked>, End> {
        let wrong = |byte| broken(format!("reserved flags are set: {byte:#04x}"));
        self.heads.follow(&self.buffer[..length]).map_err(wrong)?;
        let mut asked = Vec::new();
        let mut read = 0;
        while read < length {
            let mut cursor = Cursor::new(&self.buffer[read..length]);
            let events = self.connection.recv(&mut cursor);
            read += cursor.position() as usize;
            asked.extend(self.work_off(events).await?);
        }
        Ok(asked)
    }

    /// Sends a packet.
    pub(super) async fn send(&mut self, packet: Packet) -> Result<(), End> {
        let events = self.connection.send(packet);
        self.work_off(events).await.map(|_| ())
    }

    /// The number under which a message will be sent that has to be confirmed.
    pub(super) fn packet_id(&mut self) -> Result<u16, End> {
        self.connection.acquire_packet_id().map_err(|error| End::Lost(error.to_string()))
    }

    /// Sends a message to the subscriber; with a packet id it is sent at least once.
    pub(super) async fn deliver(
        &mut self,
        version: Version,
        message: &Message,
        packet_id: Option<u16>,
    ) -> Result<(), End> {
        self.send(packets::deliver(version, message, packet_id)).await
    }

    async fn work_off(&mut self, events: Vec<Event>) -> Result<Vec<Asked>, End> {
        let mut asked = Vec::new();
        let mut error = None;
        for event in events {
            match event {
                Event::NotifyPacketReceived(packet) => asked.push(Asked::from(packet)),
                Event::RequestSendPacket { packet, .. } => self.write(&packet.to_continuous_buffer()).await?,
                Event::NotifyError(what) => error = Some(what),
                Event::RequestClose => error = error.or(Some(MqttError::ProtocolError)),
                // A DISCONNECT of the client closes too, and is read as such; timers are the session's own.
                Event::RequestTimerReset { .. }
                | Event::RequestTimerCancel(_)
                | Event::NotifyPacketIdReleased(_) => {}
            }
        }
        match error {
            Some(error) if asked.is_empty() => Err(broken(format!("MQTT: {error}"))),
            _ => Ok(asked),
        }
    }

    /// Writes bytes that are a packet already.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let write = async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        };
        match tokio::time::timeout(WRITE, write).await {
            Ok(result) => result.map_err(|error| End::Lost(error.to_string())),
            Err(_) => Err(End::Lost("the client does not read".into())),
        }
    }
}

fn read_length(read: std::io::Result<usize>) -> Result<usize, End> {
    match read {
        Ok(0) => Err(End::Lost("closed by the client".into())),
        Ok(length) => Ok(length),
        Err(error) => Err(End::Lost(error.to_string())),
    }
}

/// The client does not speak MQTT as it should.
pub(super) fn broken(reason: impl Into<String>) -> End {
    End::Rule(DisconnectReasonCode::ProtocolError, reason.into())
}
