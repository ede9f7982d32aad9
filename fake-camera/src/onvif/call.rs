//! One operation that was asked for: who may, which there are.

use std::net::SocketAddr;

use time::OffsetDateTime;

use super::device::{Device, Encoding, Stream};
use super::fault::Fault;
use super::names::{DEVICE, MEDIA, MEDIA2};
use super::{device_service, media, media2};
use crate::xml::Element;

/// What an operation knows.
pub(super) struct Call<'a> {
    pub(super) device: &'a Device,
    /// The camera's address as the client reached it.
    pub(super) host: SocketAddr,
    /// The camera's clock.
    pub(super) now: OffsetDateTime,
    /// The element that asks.
    pub(super) asked: &'a Element,
}

impl Call<'_> {
    /// Address of a path at the camera's HTTP server.
    pub(super) fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }

    /// The streams that the service which is asked can speak of: the first media service knows no H.265.
    pub(super) fn streams(&self) -> Vec<&Stream> {
        let first = self.asked.name.namespace == MEDIA;
        let told = |stream: &&Stream| !(first && stream.encoding == Encoding::H265);
        self.device.streams.iter().filter(told).collect()
    }

    /// The stream whose token stands in this child of the request; which fault it is if there is none.
    pub(super) fn stream(&self, child: &str, missing: &'static [&'static str]) -> Result<&Stream, Fault> {
        let token = self.asked.text_of(&self.asked.name.namespace, child).unwrap_or_default();
        let no_such = || Fault::sender(missing, format!("there is no `{token}` here"));
        self.streams().into_iter().find(|stream| stream.token == token).ok_or_else(no_such)
    }
}

/// Carries an operation out; gives what stands in the body of the answer.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Fault> {
    let name = &call.asked.name;
    match name.namespace.as_str() {
        DEVICE => device_service::answer(call),
        MEDIA => media::answer(call),
        MEDIA2 => media2::answer(call),
        _ => Err(Fault::unknown(&name.local)),
    }
}

/// Whether everybody may ask this (ONVIF Core Specification, section 5.9.4.3: class PRE_AUTH): what a client needs
/// before it can show who it is.
pub(super) fn needs_no_user(asked: &Element) -> bool {
    const PRE_AUTH: [&str; 7] = [
        "GetWsdlUrl",
        "GetServices",
        "GetServiceCapabilities",
        "GetCapabilities",
        "GetHostname",
        "GetSystemDateAndTime",
        "GetEndpointReference",
    ];
    asked.name.namespace == DEVICE && PRE_AUTH.contains(&asked.name.local.as_str())
}
