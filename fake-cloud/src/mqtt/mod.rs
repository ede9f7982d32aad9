//! The MQTT broker, with the rules of AWS IoT Core where they differ from the standard.

mod broker;
mod heads;
mod misleading;
#[cfg(test)]
mod mutants;
mod packets;
mod session;
pub(crate) mod topic;
mod wire;

pub(crate) use broker::{Broker, Message, PAYLOAD_LIMIT};
pub(crate) use misleading::{Offer, mislead};
pub(crate) use session::serve;
