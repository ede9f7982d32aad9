//! Requests in, answers out, without a network; and what nobody means to send.

use std::net::SocketAddr;
use std::sync::Arc;

use time::OffsetDateTime;

use super::device::{Device, Encoding, Login, Stream, Ways};
use super::digest::Shown;
use super::envelope::{self, Envelope};
use super::names::{DEVICE, ERROR, MEDIA, MEDIA2, SCHEMA, SECURITY, SOAP};
use super::service::{Answer, Challenge, answer};
use crate::mutation::{Campaign, Random, XML};
use crate::xml::Element;

fn device(login: Option<Login>) -> Device {
    let stream = |token: &str, width, height| Stream {
        token: token.into(),
        path: format!("/{token}"),
        encoding: Encoding::H264,
        width,
        height,
        fps: 15,
        group: 30,
        kbit: 553,
    };
    Device {
        name: "dock <1>".into(),
        id: 7,
        login,
        streams: vec![stream("main", 640, 360), stream("sub", 320, 240)],
        rtsp_port: 554,
        ways: Ways { tcp: true, udp: false, multicast: false },
        clock_offset: 0,
        acts: Default::default(),
        points_to: None,
        is_printer: false,
        snapshot: Arc::new(|| Ok(Vec::new())),
    }
}

fn login() -> Option<Login> {
    Some(Login { user: "viewer".into(), password: "geheim".into() })
}

fn host() -> SocketAddr {
    "10.20.0.11:80".parse().unwrap()
}

fn ask(device: &Device, document: &[u8]) -> Answer {
    answer(device, host(), OffsetDateTime::UNIX_EPOCH, &Shown::Nothing, document)
}

/// Asks a camera that knows nobody, and reads what it says.
fn said(request: &str) -> (u16, Envelope) {
    let answer = ask(&device(None), envelope::write("", request).as_bytes());
    (answer.status, envelope::read(answer.text.as_bytes()).unwrap())
}

/// The codes of the fault that this request earns, general to particular.
fn fault(request: &str) -> (u16, Vec<String>) {
    let (status, envelope) = said(request);
    assert!(envelope.body.name.is(SOAP, "Fault"), "{request}: {:?}", envelope.body);
    let mut codes = Vec::new();
    let mut at = envelope.body.child(SOAP, "Code").or_else(|| envelope.body.child(SOAP, "Subcode"));
    while let Some(code) = at {
        codes.push(code.child(SOAP, "Value").unwrap().names[0].local.clone());
        at = code.child(SOAP, "Subcode");
    }
    (status, codes)
}

fn answered(request: &str) -> Element {
    let (status, envelope) = said(request);
    assert_eq!(status, 200, "{request}: {:?}", envelope.body);
    envelope.body
}

#[test]
fn every_operation_answers_with_its_own_response() {
    let profile = |space: &str| format!("<{space}:ProfileToken>main</{space}:ProfileToken>");
    let setup = "<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol>\
                 </tt:Transport></trt:StreamSetup>";
    let mut requests: Vec<(&str, String, String)> = Vec::new();
    for operation in [
        "GetSystemDateAndTime",
        "GetDeviceInformation",
        "GetCapabilities",
        "GetServices",
        "GetServiceCapabilities",
        "GetScopes",
        "GetDiscoveryMode",
        "GetEndpointReference",
        "GetHostname",
        "GetNetworkInterfaces",
        "GetNetworkProtocols",
        "GetNetworkDefaultGateway",
        "GetDNS",
        "GetNTP",
        "GetUsers",
        "GetWsdlUrl",
    ] {
        requests.push((DEVICE, operation.into(), format!("<tds:{operation}/>")));
    }
    for operation in [
        "GetServiceCapabilities",
        "GetProfiles",
        "GetVideoSources",
        "GetVideoSourceConfigurations",
        "GetVideoEncoderConfigurations",
        "GetVideoEncoderConfigurationOptions",
    ] {
        requests.push((MEDIA, operation.into(), format!("<trt:{operation}/>")));
        if operation != "GetVideoSources" {
            requests.push((MEDIA2, operation.into(), format!("<tr2:{operation}/>")));
        }
    }
    for (operation, more) in [("GetProfile", ""), ("GetSnapshotUri", ""), ("GetStreamUri", setup)] {
        let request = format!("<trt:{operation}>{more}{}</trt:{operation}>", profile("trt"));
        requests.push((MEDIA, operation.into(), request));
    }
    for (operation, more) in [("GetSnapshotUri", ""), ("GetStreamUri", "<tr2:Protocol>RTSP</tr2:Protocol>")] {
        let request = format!("<tr2:{operation}>{more}{}</tr2:{operation}>", profile("tr2"));
        requests.push((MEDIA2, operation.into(), request));
    }
    for (namespace, operation, request) in requests {
        assert!(answered(&request).name.is(namespace, &format!("{operation}Response")), "{request}");
    }
}

#[test]
fn each_stream_is_a_profile_with_its_address() {
    let profiles = answered("<trt:GetProfiles/>");
    let tokens: Vec<_> =
        profiles.children.iter().map(|profile| profile.attribute("token").unwrap()).collect();
    assert_eq!(tokens, ["main", "sub"]);
    let encoder = profiles.children[1].child(SCHEMA, "VideoEncoderConfiguration").unwrap();
    assert_eq!(encoder.child(SCHEMA, "Resolution").unwrap().text_of(SCHEMA, "Width"), Some("320"));
    assert!(encoder.child(SCHEMA, "RateControl").is_some());
    let uri = answered(
        "<tr2:GetStreamUri><tr2:Protocol>RTSP</tr2:Protocol><tr2:ProfileToken>sub</tr2:ProfileToken></tr2:GetStreamUri>",
    );
    assert_eq!(uri.text_of(MEDIA2, "Uri"), Some("rtsp://10.20.0.11:554/sub"));
}

#[test]
fn each_service_speaks_of_the_codecs_that_it_has_words_for() {
    let mut camera = device(None);
    camera.streams[0].encoding = Encoding::H265;
    camera.streams[1].encoding = Encoding::Jpeg;
    camera.ways.udp = true;
    let ask = |request: &str| {
        let answer = ask(&camera, envelope::write("", request).as_bytes());
        (answer.status, envelope::read(answer.text.as_bytes()).unwrap().body)
    };
    let (_, first) = ask("<trt:GetProfiles/>");
    assert_eq!(first.children.len(), 1);
    let encoder = first.children[0].child(SCHEMA, "VideoEncoderConfiguration").unwrap();
    assert_eq!(encoder.text_of(SCHEMA, "Encoding"), Some("JPEG"));
    assert!(encoder.child(SCHEMA, "H264").is_none());
    assert_eq!(ask("<trt:GetProfile><trt:ProfileToken>main</trt:ProfileToken></trt:GetProfile>").0, 400);
    let (_, second) = ask("<tr2:GetVideoEncoderConfigurations/>");
    let spelled: Vec<_> =
        second.children.iter().map(|one| one.text_of(SCHEMA, "Encoding").unwrap()).collect();
    assert_eq!(spelled, ["H265", "JPEG"]);
    let uri = |protocol: &str| {
        ask(&format!(
            "<tr2:GetStreamUri><tr2:Protocol>{protocol}</tr2:Protocol><tr2:ProfileToken>main</tr2:ProfileToken></tr2:GetStreamUri>"
        ))
        .0
    };
    assert_eq!(["RTSP", "RtspUnicast", "RtspMulticast"].map(uri), [200, 200, 400]);
}

#[test]
fn what_there_is_not_is_a_fault_with_its_code() {
    let uri = |stream: &str, protocol: &str, token: &str| {
        format!(
            "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>{stream}</tt:Stream><tt:Transport>\
             <tt:Protocol>{protocol}</tt:Protocol></tt:Transport></trt:StreamSetup>\
             <trt:ProfileToken>{token}</trt:ProfileToken></trt:GetStreamUri>"
        )
    };
    let of = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let expected = [
        ("<tds:SetHostname/>".to_owned(), 500, of(&["Receiver", "ActionNotSupported"])),
        ("<trt:CreateProfile/>".to_owned(), 500, of(&["Receiver", "ActionNotSupported"])),
        ("<x:GetProfiles xmlns:x='urn:x'/>".to_owned(), 500, of(&["Receiver", "ActionNotSupported"])),
        ("<trt:GetProfile/>".to_owned(), 400, of(&["Sender", "InvalidArgVal", "NoProfile"])),
        (uri("RTP-Unicast", "RTSP", "none"), 400, of(&["Sender", "InvalidArgVal", "NoProfile"])),
        (uri("RTP-Unicast", "UDP", "main"), 400, of(&["Sender", "InvalidArgVal", "InvalidStreamSetup"])),
        (uri("RTP-Multicast", "RTSP", "main"), 400, of(&["Sender", "InvalidArgVal", "InvalidStreamSetup"])),
        (
            "<tds:GetCapabilities><tds:Category>PTZ</tds:Category></tds:GetCapabilities>".to_owned(),
            500,
            of(&["Receiver", "ActionNotSupported", "NoSuchService"]),
        ),
    ];
    for (request, status, codes) in expected {
        assert_eq!(fault(&request), (status, codes), "{request}");
    }
}

#[test]
fn only_what_comes_before_the_user_is_told_to_everybody() {
    let camera = device(login());
    let open = ask(&camera, envelope::write("", "<tds:GetSystemDateAndTime/>").as_bytes());
    assert_eq!((open.status, open.user), (200, Ok(String::new())));
    for request in ["<tds:GetDeviceInformation/>", "<trt:GetProfiles/>", "<tr2:GetServiceCapabilities/>"] {
        let document = envelope::write("", request);
        let shut = ask(&camera, document.as_bytes());
        assert_eq!((shut.status, shut.challenge), (401, Some(Challenge::New)), "{request}");
        assert!(shut.text.contains("ter:NotAuthorized"), "{request}");
        assert_eq!(shut.misnamed, None, "nobody is named");
        let now = OffsetDateTime::UNIX_EPOCH;
        let digest = answer(&camera, host(), now, &Shown::User("viewer".into()), document.as_bytes());
        assert_eq!((digest.status, digest.user), (200, Ok("viewer".into())), "{request}");
        let stale = answer(&camera, host(), now, &Shown::Stale, document.as_bytes());
        assert_eq!((stale.status, stale.challenge), (401, Some(Challenge::Stale)), "{request}");
    }
    let token = format!("<w:Security xmlns:w='{SECURITY}'/>");
    let wrong = ask(&camera, envelope::write(&token, "<trt:GetProfiles/>").as_bytes());
    assert_eq!(
        (wrong.status, wrong.challenge),
        (400, None),
        "a token in the envelope is not asked for again"
    );
}

#[test]
fn what_nobody_means_to_send_is_answered_with_a_fault() {
    let seeds = [
        envelope::write(
            "",
            "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>",
        ),
        envelope::write(
            &format!(
                "<w:Security xmlns:w='{SECURITY}' s:mustUnderstand='1'><w:UsernameToken><w:Username>viewer</w:Username>\
                 <w:Password Type='x#PasswordDigest'>AAAA</w:Password><w:Nonce>AAAA</w:Nonce></w:UsernameToken></w:Security>"
            ),
            "<trt:GetProfile><trt:ProfileToken>main</trt:ProfileToken></trt:GetProfile>",
        ),
        envelope::write(
            "",
            "<tr2:GetProfiles><tr2:Token>main</tr2:Token><tr2:Type>All</tr2:Type></tr2:GetProfiles>",
        ),
    ];
    let cameras = [device(None), device(login())];
    let mut campaign = Campaign::new("SOAP requests", 6000);
    let (mut answers, mut faults) = (0, 0);
    for round in campaign.by_ref() {
        let mut random = Random::new(round);
        let seed = seeds[random.below(seeds.len())].as_bytes();
        let document = random.mutated(seed, XML);
        let answer = ask(&cameras[random.below(2)], &document);
        let text = String::from_utf8_lossy(&document);
        let Ok(read) = envelope::read(answer.text.as_bytes()) else { panic!("round {round}: {text}") };
        let fault = read.body.child(SOAP, "Code");
        match (answer.status, fault) {
            (200, None) => answers += 1,
            (400 | 401 | 500, Some(code)) => {
                let whose = &code.child(SOAP, "Value").unwrap().names[0];
                let known = ["Sender", "Receiver", "VersionMismatch", "MustUnderstand"];
                assert!(
                    whose.namespace == SOAP && known.contains(&whose.local.as_str()),
                    "round {round}: {text}"
                );
                let unread = envelope::read(&document).is_err();
                assert!(!unread || answer.user.is_err(), "round {round}: {text}");
                let sub = code.child(SOAP, "Subcode").and_then(|sub| sub.child(SOAP, "Value"));
                assert!(sub.is_none_or(|sub| sub.names[0].namespace == ERROR), "round {round}: {text}");
                faults += 1;
            }
            other => panic!("round {round}: {other:?}: {text}"),
        }
    }
    assert!(
        campaign.is_timed() || answers > 100 && faults > 1000,
        "{answers} answers, {faults} faults: the mutations are too weak or too strong"
    );
}
