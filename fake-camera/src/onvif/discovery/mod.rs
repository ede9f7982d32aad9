//! WS-Discovery (April 2005) as ONVIF uses it: the camera says that it is there, and answers who looks for it.
//!
//! - `message`: what is asked and answered, as values and as text. `matching`: whether a camera is meant.
//! - `sockets`: the group's socket and the camera's own. `responder`: joins the three.

mod matching;
mod message;
mod responder;
mod sockets;

pub(super) use responder::run;
pub(super) use sockets::Sockets;
