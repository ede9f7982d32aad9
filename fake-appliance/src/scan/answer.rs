//! Answers to a probe → the cameras of the subnet.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fake_camera::xml::{self, Element};
use url::{Host, Url};

use super::SCAN;
use super::links::Link;
use super::probe::Answer;
use crate::config::Careless;
use crate::voice::Voice;

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const DISCOVERY: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const NETWORK: &str = "http://www.onvif.org/ver10/network/wsdl";

/// A camera that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Camera {
    pub(super) endpoint: String,
    pub(super) address: IpAddr,
    /// Its device service.
    pub(super) service: Url,
}

/// Why an answer is passed over.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Passed {
    #[error("the answer is no message of WS-Discovery")]
    NoMatch,
    #[error("the answer is to another question")]
    Unasked,
    #[error("what answers is no network video transmitter")]
    NoCamera,
    #[error("the answer names no service of its own sender")]
    Foreign,
    #[error("the sender is not on the link")]
    OffLink,
}

/// The cameras among those who answered, each once; tells who is passed over, and why, each once.
pub(super) fn cameras(answers: &[Answer], link: Link, careless: Careless, voice: &Voice) -> Vec<Camera> {
    let (mut found, mut passed) = (BTreeMap::new(), BTreeMap::new());
    for answer in answers {
        match camera(answer, link, careless) {
            Ok(camera) => drop(found.insert(camera.endpoint.clone(), camera)),
            Err(reason) => drop(passed.insert(answer.sender, reason)),
        }
    }
    for (sender, reason) in passed {
        voice.failed(SCAN, Some(&sender.to_string()), reason);
    }
    found.into_values().collect()
}

fn camera(answer: &Answer, link: Link, careless: Careless) -> Result<Camera, Passed> {
    let sender = answer.sender;
    if !link.has_neighbour(sender) {
        return Err(Passed::OffLink);
    }
    let envelope = xml::read(&answer.datagram).map_err(|_| Passed::NoMatch)?;
    let relates = envelope.child(SOAP, "Header").and_then(|header| header.text_of(ADDRESSING, "RelatesTo"));
    let matches = envelope.child(SOAP, "Body").and_then(|body| body.child(DISCOVERY, "ProbeMatches"));
    let matches = matches.ok_or(Passed::NoMatch)?;
    if relates != Some(&answer.question) {
        return Err(Passed::Unasked);
    }
    // Some answer that they are nobody who was asked for.
    let mut camera = Err(Passed::NoCamera);
    for found in &matches.children {
        camera = camera.or_else(|_| described(found, sender, careless));
    }
    camera
}

fn described(found: &Element, sender: IpAddr, careless: Careless) -> Result<Camera, Passed> {
    let types = found.child(DISCOVERY, "Types").ok_or(Passed::NoCamera)?;
    let is_camera = types.names.iter().any(|name| name.is(NETWORK, "NetworkVideoTransmitter"));
    if !is_camera && !careless.any_device {
        return Err(Passed::NoCamera);
    }
    let endpoint =
        found.child(ADDRESSING, "EndpointReference").and_then(|one| one.text_of(ADDRESSING, "Address"));
    let endpoint = endpoint.ok_or(Passed::NoMatch)?.to_owned();
    let services = found.text_of(DISCOVERY, "XAddrs").unwrap_or_default().split_whitespace();
    let host = match sender {
        IpAddr::V4(sender) => Host::Ipv4(sender),
        IpAddr::V6(sender) => Host::Ipv6(sender),
    };
    let at = |service: &Url| careless.follows || service.host() == Some(host.clone());
    let own = |service: &Url| service.scheme() == "http" && at(service);
    let service = services.filter_map(|service| Url::parse(service).ok()).find(own);
    let service = service.ok_or(Passed::Foreign)?;
    Ok(Camera { endpoint, address: sender, service })
}

#[cfg(test)]
mod tests {
    use fake_camera::mutation::{Campaign, Random, XML};

    use super::*;

    fn link() -> Link {
        Link { address: [10, 20, 0, 5].into(), prefix: 24, index: 2 }
    }

    fn answer(sender: &str, kind: &str, services: &str, relates: &str) -> Answer {
        let text = format!(
            "<s:Envelope xmlns:s='{SOAP}' xmlns:a='{ADDRESSING}' xmlns:d='{DISCOVERY}' xmlns:n='{NETWORK}'><s:Header>\
             <a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference>\
             <a:Address>urn:x</a:Address></a:EndpointReference><d:Types>{kind}</d:Types><d:XAddrs>{services}</d:XAddrs>\
             </d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        );
        Answer { sender: sender.parse().unwrap(), datagram: text.into_bytes(), question: "urn:q".into() }
    }

    const TAKES_CARE: Careless = Careless {
        follows: false,
        own_clock: false,
        waits: false,
        gives_up: false,
        unbounded: false,
        camera_clock: false,
        asks_panorama: false,
        takes_anything: false,
        only_says_so: false,
        trusts_anyone: false,
        hurries: false,
        sulks: false,
        fronts: false,
        hands_video_over: false,
        old_tls: false,
        relays: false,
        confides: false,
        pushes: false,
        one_login: false,
        any_device: false,
        mixes_ports_up: false,
        searches_far: false,
        searches_late: false,
        tells_of_others: false,
    };
    const CAMERA: &str = "n:NetworkVideoTransmitter";
    const SERVICE: &str = "http://10.20.0.11/onvif/device_service";

    #[test]
    fn a_camera_of_the_subnet_is_taken_with_its_own_address() {
        let services = format!("http://192.0.2.1/x {SERVICE}");
        let found = camera(&answer("10.20.0.11", CAMERA, &services, "urn:q"), link(), TAKES_CARE).unwrap();
        assert_eq!((found.service.as_str(), found.endpoint.as_str()), (SERVICE, "urn:x"));
    }

    #[test]
    fn a_camera_of_the_subnet_is_taken_by_ipv6_too_and_nobody_who_is_elsewhere() {
        let link = Link { address: "2001:db8::5".parse().unwrap(), prefix: 64, index: 2 };
        let of = |sender: &str, services: &str| {
            camera(&answer(sender, CAMERA, services, "urn:q"), link, TAKES_CARE)
                .map(|camera| (camera.address.to_string(), camera.service.to_string()))
        };
        let own = "http://[2001:db8::11]/onvif/device_service";
        let services = format!("http://[2001:db8:30::20]/x http://10.20.0.11/x {own}");
        assert_eq!(of("2001:db8::11", &services), Ok(("2001:db8::11".into(), own.into())));
        assert_eq!(of("2001:db8::12", &services), Err(Passed::Foreign));
        assert_eq!(of("2001:db8::11", "http://[fe80::11%25eth0]/x"), Err(Passed::Foreign));
        assert_eq!(of("2001:db8:30::20", "http://[2001:db8:30::20]/x"), Err(Passed::OffLink));
        assert_eq!(of("fe80::11", "http://[fe80::11]/x"), Err(Passed::OffLink));
        assert_eq!(of("10.20.0.11", SERVICE), Err(Passed::OffLink));
    }

    #[test]
    fn one_that_follows_takes_the_first_service_whosever_it_is() {
        let services = format!("http://192.0.2.1/x {SERVICE}");
        let careless = Careless { follows: true, ..TAKES_CARE };
        let found = camera(&answer("10.20.0.11", CAMERA, &services, "urn:q"), link(), careless).unwrap();
        assert_eq!(found.service.as_str(), "http://192.0.2.1/x");
    }

    #[test]
    fn one_that_takes_any_device_takes_a_printer() {
        let careless = Careless { any_device: true, ..TAKES_CARE };
        let found = camera(&answer("10.20.0.11", "d:Printer", SERVICE, "urn:q"), link(), careless).unwrap();
        assert_eq!(found.service.as_str(), SERVICE);
    }

    #[test]
    fn everything_else_is_passed_over() {
        let of = |answer: &Answer| camera(answer, link(), TAKES_CARE).unwrap_err();
        assert_eq!(of(&answer("10.20.0.11", "d:Printer", SERVICE, "urn:q")), Passed::NoCamera);
        assert_eq!(of(&answer("10.20.0.11", "", SERVICE, "urn:q")), Passed::NoCamera);
        assert_eq!(of(&answer("10.20.0.11", CAMERA, "http://203.0.113.9/onvif", "urn:q")), Passed::Foreign);
        assert_eq!(of(&answer("10.20.0.11", CAMERA, "http://10.20.0.12/onvif", "urn:q")), Passed::Foreign);
        assert_eq!(of(&answer("10.20.0.11", CAMERA, "http://cam.example/onvif", "urn:q")), Passed::Foreign);
        assert_eq!(of(&answer("10.20.0.11", CAMERA, "", "urn:q")), Passed::Foreign);
        assert_eq!(of(&answer("10.30.0.11", CAMERA, "http://10.30.0.11/x", "urn:q")), Passed::OffLink);
        assert_eq!(of(&answer("10.20.0.11", CAMERA, SERVICE, "urn:other")), Passed::Unasked);
        let rubbish = Answer { datagram: b"HTTP/1.1 200 OK".to_vec(), ..answer("10.20.0.11", "", "", "") };
        assert_eq!(of(&rubbish), Passed::NoMatch);
        let text = String::from_utf8(answer("10.20.0.11", CAMERA, SERVICE, "urn:q").datagram).unwrap();
        let (before, rest) = text.split_once("<d:ProbeMatch>").unwrap();
        let after = rest.split_once("</d:ProbeMatch>").unwrap().1;
        let nobody = Answer {
            datagram: format!("{before}{after}").into_bytes(),
            ..answer("10.20.0.11", "", "", "urn:q")
        };
        assert_eq!(of(&nobody), Passed::NoCamera);
    }
    #[test]
    fn what_nobody_means_to_send_is_a_camera_of_the_subnet_or_none() {
        let good = answer("10.20.0.11", CAMERA, &format!("http://192.0.2.1/x {SERVICE}"), "urn:q");
        let mut campaign = Campaign::new("discovery's answers", 6000);
        let (mut cameras, mut others) = (0, 0);
        for seed in campaign.by_ref() {
            let datagram = Random::new(seed).mutated(&good.datagram, XML);
            let text = String::from_utf8_lossy(&datagram).into_owned();
            match camera(&Answer { datagram, ..answer("10.20.0.11", "", "", "urn:q") }, link(), TAKES_CARE) {
                Ok(camera) => {
                    assert_eq!(camera.service.host_str(), Some("10.20.0.11"), "seed {seed}: {text}");
                    cameras += 1;
                }
                Err(_) => others += 1,
            }
        }
        assert!(campaign.is_timed() || cameras > 100 && others > 1000, "{cameras} {others}");
    }
}
