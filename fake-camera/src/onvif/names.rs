//! Namespaces, actions and types of the protocols, as their specifications spell them.

/// SOAP 1.2 (W3C recommendation).
pub(super) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// SOAP 1.1, which ONVIF does not use; known so that it can be refused as the recommendation says.
pub(super) const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// WS-Addressing of August 2004, which WS-Discovery uses.
pub(super) const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Addressing 1.0, which some clients add to requests.
pub(super) const ADDRESSING_1_0: &str = "http://www.w3.org/2005/08/addressing";
/// Whoever reads this address is meant (WS-Addressing of August 2004).
pub(super) const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
/// WS-Discovery of April 2005.
pub(super) const DISCOVERY: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
/// To whom multicast messages of WS-Discovery go.
pub(super) const EVERYBODY: &str = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
/// WS-Security 1.0.
pub(super) const SECURITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// Its part with `Created`.
pub(super) const UTILITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// Where the username token's types of password begin, up to `#`.
pub(super) const USERNAME_TOKEN: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
/// ONVIF's device service.
pub(super) const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
/// ONVIF's first media service, which Profile S uses.
pub(super) const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
/// ONVIF's second media service, which Profile T uses.
pub(super) const MEDIA2: &str = "http://www.onvif.org/ver20/media/wsdl";
/// ONVIF's common types.
pub(super) const SCHEMA: &str = "http://www.onvif.org/ver10/schema";
/// ONVIF's codes of faults.
pub(super) const ERROR: &str = "http://www.onvif.org/ver10/error";
/// Where discovery calls a camera a `NetworkVideoTransmitter`.
pub(super) const NETWORK: &str = "http://www.onvif.org/ver10/network/wsdl";

/// Path of the device service: clients are built to try it.
pub(super) const DEVICE_PATH: &str = "/onvif/device_service";
/// Path of the first media service.
pub(super) const MEDIA_PATH: &str = "/onvif/media_service";
/// Path of the second one.
pub(super) const MEDIA2_PATH: &str = "/onvif/media2_service";
/// Path of the current picture.
pub(super) const SNAPSHOT_PATH: &str = "/onvif/snapshot";
