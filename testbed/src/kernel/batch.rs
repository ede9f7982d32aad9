//! Requests to rtnetlink that are sent together: one answer for all of them instead of one each.
//!
//! The last of each send is acknowledged; what the kernel refuses, it says in any case (netlink(7)). The messages are
//! those of `rtnetlink`; only the waiting is our own, on whatever thread is in the namespace.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_sys::{Socket, constants::NETLINK_ROUTE};
use rtnetlink::packet_route::RouteNetlinkMessage;

use super::{KernelError, Namespace};

/// Messages in one send: were all refused, the answers would still fit in the socket's receive buffer.
const AT_ONCE: usize = 64;
/// Largest answer: a refusal with the kernel's words and the message that it is about.
const LARGEST: usize = 16 * 1024;

/// Requests that wait to be sent, in their order.
#[derive(Debug, Default)]
pub struct Batch(Vec<Request>);

#[derive(Debug)]
struct Request {
    /// What is asked for, with its object, as a reader would say it.
    operation: String,
    message: RouteNetlinkMessage,
    flags: u16,
}

impl Batch {
    /// Asks for something new: it must not be there yet.
    pub fn create(&mut self, operation: impl Into<String>, message: RouteNetlinkMessage) {
        self.add(operation.into(), message, NLM_F_CREATE | NLM_F_EXCL);
    }

    /// Asks for something that may be there already.
    pub fn put(&mut self, operation: impl Into<String>, message: RouteNetlinkMessage) {
        self.add(operation.into(), message, NLM_F_CREATE | NLM_F_REPLACE);
    }

    /// Asks for a change of what is there.
    pub fn change(&mut self, operation: impl Into<String>, message: RouteNetlinkMessage) {
        self.add(operation.into(), message, 0);
    }

    fn add(&mut self, operation: String, message: RouteNetlinkMessage, flags: u16) {
        self.0.push(Request { operation, message, flags });
    }
}

/// A socket for batches. It belongs for good to the network namespace it was opened in.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    node: String,
}

impl Wire {
    /// Opens one in the namespace.
    ///
    /// Errors: `Namespace`, `Socket`.
    pub fn open(namespace: &Namespace) -> Result<Self, KernelError> {
        namespace.inside(|| Self::open_here(namespace.name()))?
    }

    /// Opens one in the namespace that the calling thread is in; `node` is for words only.
    ///
    /// Errors: `Socket`.
    pub fn open_here(node: &str) -> Result<Self, KernelError> {
        let open = || {
            let socket = Socket::new(NETLINK_ROUTE)?;
            // Refusals say why; they need not repeat what was asked.
            socket.set_ext_ack(true)?;
            socket.set_cap_ack(true)?;
            Ok(socket)
        };
        let node = node.to_owned();
        match open() {
            Ok(socket) => Ok(Self { socket, node }),
            Err(cause) => Err(KernelError::Socket { operation: "open a netlink socket", node, cause }),
        }
    }

    /// Sends the requests and waits until all are done.
    ///
    /// Errors: `Netlink` for the first that the kernel refused; those after it may have been done.
    pub fn send(&self, batch: Batch) -> Result<(), KernelError> {
        let mut requests = batch.0.into_iter();
        loop {
            let part: Vec<_> = requests.by_ref().take(AT_ONCE).collect();
            if part.is_empty() {
                return Ok(());
            }
            let (operations, bytes) = serialized(part);
            self.socket.send(&bytes, 0).map_err(|cause| self.failed(&operations[0], cause))?;
            self.wait_for(&operations)?;
        }
    }

    /// Reads answers until the last request is acknowledged, or one is refused.
    fn wait_for(&self, operations: &[String]) -> Result<(), KernelError> {
        let last = operations.len() - 1;
        let mut buffer = Vec::with_capacity(LARGEST);
        loop {
            buffer.clear();
            self.socket.recv(&mut buffer, 0).map_err(|cause| self.failed(&operations[last], cause))?;
            for (place, answer) in answers(&buffer) {
                let operation = operations.get(place).unwrap_or(&operations[last]);
                answer.map_err(|cause| self.failed(operation, cause))?;
                if place == last {
                    return Ok(());
                }
            }
        }
    }

    fn failed(&self, operation: &str, cause: io::Error) -> KernelError {
        let (operation, node) = (operation.to_owned(), self.node.clone());
        KernelError::Netlink { operation, node, cause: cause.to_string() }
    }
}

/// What is asked for, and all of it in bytes; a message's place is its number, which the answer repeats.
fn serialized(part: Vec<Request>) -> (Vec<String>, Vec<u8>) {
    let last = part.len() - 1;
    let mut operations = Vec::with_capacity(part.len());
    let mut bytes = Vec::new();
    for (place, request) in part.into_iter().enumerate() {
        let mut message = NetlinkMessage::from(request.message);
        let acknowledged = if place == last { NLM_F_ACK } else { 0 };
        message.header.flags = NLM_F_REQUEST | request.flags | acknowledged;
        message.header.sequence_number = u32::try_from(place).expect("a send has few messages");
        message.finalize();
        let at = bytes.len();
        bytes.resize(at + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[at..]);
        operations.push(request.operation);
    }
    (operations, bytes)
}

/// The answers of a datagram: the place of a message, and whether it was done.
fn answers(mut bytes: &[u8]) -> Vec<(usize, io::Result<()>)> {
    let mut found = Vec::new();
    while let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) {
        if let NetlinkPayload::Error(answer) = message.payload {
            let done = if answer.code.is_none() { Ok(()) } else { Err(answer.to_io()) };
            found.push((message.header.sequence_number as usize, done));
        }
        let length = (message.header.length as usize).next_multiple_of(4).max(4);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    found
}
