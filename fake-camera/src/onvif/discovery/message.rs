//! Messages of WS-Discovery, as values and as text.

use crate::onvif::envelope::{self, Envelope};
use crate::onvif::ids;
use crate::onvif::names::{ADDRESSING, ANONYMOUS, DEVICE, DISCOVERY, EVERYBODY, NETWORK};
use crate::xml::{Element, Name, escaped};

/// What a camera says that it is, with the prefixes that it takes.
pub(super) const CAMERA: &[(&str, &str)] = &[("dn:NetworkVideoTransmitter", NETWORK), ("tds:Device", DEVICE)];
/// The same of a printer (Devices Profile for Web Services, and the types of WSD printers).
pub(super) const PRINTER: &[(&str, &str)] = &[
    ("wsdp:Device", "http://schemas.xmlsoap.org/ws/2006/02/devprof"),
    ("wprt:PrintDeviceType", "http://schemas.microsoft.com/windows/2006/08/wdp/print"),
];

/// What somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Address of the message, which the answer relates to.
    pub(super) message: String,
    pub(super) asked: Asked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Who is like this?
    Probe(Probe),
    /// Where is this one?
    Resolve(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) types: Vec<Name>,
    pub(super) scopes: Vec<String>,
    /// How scopes are compared; empty means by the rule for URIs.
    pub(super) rule: String,
}

/// What the camera says of itself.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    /// Its address as a URI.
    pub(super) endpoint: String,
    pub(super) scopes: Vec<String>,
    /// What it is: names, and the namespace of each one's prefix.
    pub(super) types: &'static [(&'static str, &'static str)],
    /// Where its services are; empty where that depends on who asks.
    pub(super) services: String,
}

/// What the camera says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    Hello,
    Bye,
    /// Answers the message with this address.
    ProbeMatches(&'a str),
    ResolveMatches(&'a str),
}

/// Reads a question; `None` for everything else, which discovery passes over.
pub(super) fn read(datagram: &[u8]) -> Option<Question> {
    let envelope = envelope::read(datagram).ok()?;
    let message = envelope.block(ADDRESSING, "MessageID")?.text.clone();
    let asked = &envelope.body;
    let asked = if asked.name.is(DISCOVERY, "Probe") && is_action(&envelope, "Probe") {
        Asked::Probe(probe(asked)?)
    } else if asked.name.is(DISCOVERY, "Resolve") && is_action(&envelope, "Resolve") {
        let endpoint = asked.child(ADDRESSING, "EndpointReference")?.text_of(ADDRESSING, "Address")?;
        Asked::Resolve(endpoint.to_owned())
    } else {
        return None;
    };
    (!message.is_empty()).then_some(Question { message, asked })
}

fn is_action(envelope: &Envelope, word: &str) -> bool {
    let action = envelope.block(ADDRESSING, "Action").map_or("", |action| action.text.as_str());
    action.strip_prefix(DISCOVERY).and_then(|rest| rest.strip_prefix('/')) == Some(word)
}

/// `None` if its types are no names: whoever is meant, it is nobody that can be told.
fn probe(asked: &Element) -> Option<Probe> {
    let types = asked.child(DISCOVERY, "Types");
    if types.is_some_and(|types| types.names.is_empty() != types.text.is_empty()) {
        return None;
    }
    let scopes = asked.child(DISCOVERY, "Scopes");
    Some(Probe {
        types: types.map(|types| types.names.clone()).unwrap_or_default(),
        scopes: scopes
            .map(|scopes| scopes.text.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
        rule: scopes.and_then(|scopes| scopes.attribute("MatchBy")).unwrap_or_default().to_owned(),
    })
}

/// The whole message; `instance` and `number` put the camera's messages in order.
pub(super) fn write(word: Word<'_>, presence: &Presence, instance: u64, number: u64) -> String {
    let (name, to, relates) = match word {
        Word::Hello => ("Hello", EVERYBODY, String::new()),
        Word::Bye => ("Bye", EVERYBODY, String::new()),
        Word::ProbeMatches(to) => ("ProbeMatches", ANONYMOUS, relates(to)),
        Word::ResolveMatches(to) => ("ResolveMatches", ANONYMOUS, relates(to)),
    };
    let header = format!(
        "<a:Action>{DISCOVERY}/{name}</a:Action><a:MessageID>{}</a:MessageID>{relates}<a:To>{to}</a:To>\
         <d:AppSequence InstanceId=\"{instance}\" MessageNumber=\"{number}\"/>",
        ids::of_message()
    );
    let inner = match word {
        Word::Bye => endpoint(presence),
        Word::Hello => described(presence),
        Word::ProbeMatches(_) => format!("<d:ProbeMatch>{}</d:ProbeMatch>", described(presence)),
        Word::ResolveMatches(_) => format!("<d:ResolveMatch>{}</d:ResolveMatch>", described(presence)),
    };
    envelope::write_datagram(&header, &format!("<d:{name}>{inner}</d:{name}>"))
}

fn relates(to: &str) -> String {
    format!("<a:RelatesTo>{}</a:RelatesTo>", escaped(to))
}

fn endpoint(presence: &Presence) -> String {
    let address = escaped(&presence.endpoint);
    format!("<a:EndpointReference><a:Address>{address}</a:Address></a:EndpointReference>")
}

fn described(presence: &Presence) -> String {
    let services = if presence.services.is_empty() {
        String::new()
    } else {
        format!("<d:XAddrs>{}</d:XAddrs>", escaped(&presence.services))
    };
    let prefix = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
    let declared =
        presence.types.iter().map(|(name, namespace)| format!(" xmlns:{}=\"{namespace}\"", prefix(name)));
    let names: Vec<&str> = presence.types.iter().map(|(name, _)| *name).collect();
    format!(
        "{}<d:Types{}>{}</d:Types><d:Scopes>{}</d:Scopes>{services}<d:MetadataVersion>1</d:MetadataVersion>",
        endpoint(presence),
        declared.collect::<String>(),
        names.join(" "),
        escaped(&presence.scopes.join(" "))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::{Campaign, Random, XML};

    fn question(action: &str, body: &str) -> Option<Question> {
        let header =
            format!("<a:Action>{DISCOVERY}/{action}</a:Action><a:MessageID>urn:uuid:1</a:MessageID>");
        read(envelope::write(&header, body).as_bytes())
    }

    fn probe_of(body: &str) -> Probe {
        match question("Probe", body).unwrap().asked {
            Asked::Probe(probe) => probe,
            other => panic!("{other:?}"),
        }
    }

    fn presence(types: &'static [(&str, &str)], services: &str) -> Presence {
        let scopes = vec!["onvif://a".into()];
        Presence { endpoint: "urn:x".into(), scopes, types, services: services.into() }
    }

    #[test]
    fn a_printer_says_that_it_is_one_and_no_camera() {
        let text = write(Word::ProbeMatches("urn:uuid:1"), &presence(PRINTER, "http://b/"), 7, 9);
        let envelope = envelope::read(text.as_bytes()).unwrap();
        let types = envelope.body.child(DISCOVERY, "ProbeMatch").unwrap().child(DISCOVERY, "Types").unwrap();
        assert!(
            types.names[1].is("http://schemas.microsoft.com/windows/2006/08/wdp/print", "PrintDeviceType")
        );
        assert!(!types.names.iter().any(|name| name.is(NETWORK, "NetworkVideoTransmitter")));
    }

    #[test]
    fn probes_are_read_whatever_their_prefixes() {
        let all = probe_of(&format!(
            "<Probe xmlns='{DISCOVERY}'><Types xmlns:q='{NETWORK}'>q:NetworkVideoTransmitter</Types>\
             <Scopes MatchBy='r'> onvif://a onvif://b </Scopes></Probe>"
        ));
        assert!(all.types[0].is(NETWORK, "NetworkVideoTransmitter"));
        assert_eq!((all.scopes, all.rule.as_str()), (vec!["onvif://a".into(), "onvif://b".into()], "r"));
        assert_eq!(probe_of("<d:Probe/>"), Probe::default());
        assert_eq!(probe_of("<d:Probe><d:Types/><d:Scopes/></d:Probe>"), Probe::default());
    }

    #[test]
    fn what_is_no_question_is_passed_over() {
        assert_eq!(question("Probe", "<d:Probe><d:Types>unknown:T</d:Types></d:Probe>"), None);
        assert_eq!(question("Probe", "<d:Hello/>"), None);
        assert_eq!(question("Resolve", "<d:Probe/>"), None);
        assert_eq!(question("Resolve", "<d:Resolve/>"), None);
        assert_eq!(read(envelope::write("", "<d:Probe/>").as_bytes()), None);
        assert_eq!(read(b"M-SEARCH * HTTP/1.1\r\n"), None);
        let presence = presence(CAMERA, "");
        let own = write(Word::Hello, &presence, 1, 1);
        assert_eq!(read(own.as_bytes()), None);
    }

    #[test]
    fn a_match_relates_to_its_question() {
        let body =
            "<d:Resolve><a:EndpointReference><a:Address>urn:x</a:Address></a:EndpointReference></d:Resolve>";
        let asked = question("Resolve", body).unwrap();
        assert_eq!(asked.asked, Asked::Resolve("urn:x".into()));
        let presence = presence(CAMERA, "http://b/");
        let text = write(Word::ResolveMatches(&asked.message), &presence, 7, 9);
        let envelope = envelope::read(text.as_bytes()).unwrap();
        assert_eq!(envelope.block(ADDRESSING, "RelatesTo").unwrap().text, "urn:uuid:1");
        assert_eq!(envelope.block(DISCOVERY, "AppSequence").unwrap().attribute("MessageNumber"), Some("9"));
        let found = envelope.body.child(DISCOVERY, "ResolveMatch").unwrap();
        assert_eq!(found.text_of(DISCOVERY, "XAddrs"), Some("http://b/"));
        assert!(found.child(DISCOVERY, "Types").unwrap().names[1].is(DEVICE, "Device"));
    }

    #[test]
    fn an_answer_fits_into_one_packet() {
        let scope = |nth| format!("onvif://www.onvif.org/some-scope-of-a-camera/{nth}");
        let services = "http://192.168.100.100:8080/onvif/device_service".into();
        let presence = Presence {
            endpoint: ids::of_camera("camera", 1),
            scopes: (0..6).map(scope).collect(),
            types: CAMERA,
            services,
        };
        let text = write(Word::ProbeMatches(&ids::of_message()), &presence, 1_790_000_000, 100_000);
        // Ethernet's 1500 bytes less the headers of IPv4 and UDP.
        assert!(text.len() <= 1472, "{} bytes", text.len());
    }

    #[test]
    fn what_nobody_means_to_send_is_a_question_or_nothing() {
        let seed = envelope::write(
            &format!("<a:Action>{DISCOVERY}/Probe</a:Action><a:MessageID>urn:uuid:1</a:MessageID>"),
            "<d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://a</d:Scopes></d:Probe>",
        );
        let mut campaign = Campaign::new("discovery's questions", 6000);
        let (mut questions, mut others) = (0, 0);
        for number in campaign.by_ref() {
            match read(&Random::new(number).mutated(seed.as_bytes(), XML)) {
                Some(_) => questions += 1,
                None => others += 1,
            }
        }
        assert!(campaign.is_timed() || questions > 100 && others > 1000, "{questions} {others}");
    }
}
