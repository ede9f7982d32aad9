//! Each peer is what it says it is, as OpenSSL's client and ours see it.

use std::process::Stdio;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::openssl::{READY, openssl};
use super::*;
use crate::names::Spelling;

const NAME: &str = "a.example.org";

fn authority() -> Authority {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    Authority::new(std::time::SystemTime::now(), &key).unwrap()
}

async fn start(kind: Kind, authority: &Authority, folder: &Path) -> Peer {
    let (names, siblings) = (vec![NAME.to_owned()], vec!["b.example.org".to_owned()]);
    let key_log = &folder.join(kind.word());
    let every_ms = Some(1000);
    Peer::start(kind, &Workshop { authority, names, siblings, folder, key_log, every_ms }).await.unwrap()
}

/// Where a peer of OpenSSL's listens.
fn socket(peer: &Peer) -> SocketAddr {
    match &peer.means {
        Means::Openssl(openssl) => openssl.socket,
        _ => panic!("{:?} is not OpenSSL's", peer.kind),
    }
}

/// Whether OpenSSL's client is answered by this peer.
async fn answers(peer: &Peer, options: &[&str]) -> bool {
    let mut client = openssl();
    client.args(["s_client", "-connect", &socket(peer).to_string(), "-servername", NAME]);
    let mut client =
        client.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("openssl is needed");
    // Whoever was refused has gone already.
    let mut told = client.stdin.take().unwrap();
    let _ = told.write_all(b"hello\n").await;
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == "olleh" {
            return true;
        }
    }
    false
}

/// How our own client fares there, which trusts this authority alone.
async fn ours(stream: TcpStream, authority: &Authority) -> io::Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(drop)
}

#[tokio::test]
async fn each_peer_has_one_thing_wrong_and_no_other() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    let ca = folder.path().join("ca.pem");
    files::write(&ca, &authority.pem()).unwrap();
    let proven = ["-CAfile", ca.to_str().unwrap(), "-verify_return_error"];
    let strict = [&proven[..], &["-verify_hostname", NAME, "-cipher", "ECDHE"]].concat();
    let with = |options: &[&'static str]| [&strict[..5], options].concat();
    let old = |version: &'static str| with(&[version, "-cipher", "ECDHE:@SECLEVEL=0"]);
    let cases: [(Kind, Vec<&str>, bool); 11] = [
        (Kind::Tls10, old("-tls1"), false),
        (Kind::Tls11, old("-tls1_1"), false),
        (Kind::StaticRsa, with(&["-tls1_2", "-cipher", "kRSA"]), false),
        (Kind::NoEncryption, with(&["-tls1_2", "-cipher", "ECDHE-RSA-NULL-SHA:@SECLEVEL=0"]), false),
        (Kind::WrongCa, vec!["-cipher", "ECDHE"], false),
        (Kind::WrongName, proven.to_vec(), false),
        (Kind::SiblingName, [&proven[..], &["-verify_hostname", "b.example.org"]].concat(), false),
        (Kind::Expired, [&strict[..], &["-no_check_time"]].concat(), false),
        (Kind::Dhe, with(&["-tls1_2", "-cipher", "DHE"]), false),
        (Kind::Tls12, [&strict[..], &["-tls1_2"]].concat(), true),
        (Kind::Tls13, [&strict[..], &["-tls1_3"]].concat(), true),
    ];
    for (kind, lenient, good) in cases {
        let peer = start(kind, &authority, folder.path()).await;
        assert!(answers(&peer, &lenient).await, "{kind:?} is right but for one thing");
        let modern = [&strict[..], &["-no_tls1", "-no_tls1_1"]].concat();
        assert_eq!(answers(&peer, &modern).await, good, "{kind:?} for whoever looks");
        let stream = TcpStream::connect(socket(&peer)).await.unwrap();
        assert_eq!(ours(stream, &authority).await.is_ok(), good, "{kind:?} for our own client, DHE as well");
        let secrets = std::fs::read_to_string(folder.path().join(kind.word())).unwrap();
        let label = if kind == Kind::Tls13 { "CLIENT_TRAFFIC_SECRET_0 " } else { "CLIENT_RANDOM " };
        assert!(secrets.lines().any(|line| line.starts_with(label)), "{kind:?}: {secrets}");
    }
}

#[tokio::test]
async fn openssl_has_no_suites_for_export_any_more() {
    let listed = openssl().args(["ciphers", "EXP:@SECLEVEL=0"]).stdout(Stdio::piped()).output().await;
    let listed = String::from_utf8(listed.expect("openssl is needed").stdout).unwrap();
    assert!(!listed.contains("EXP"), "a peer with these could be had: {listed}");
}

/// CONNECT of MQTT 3.1.1, and what takes the next job there is (AWS IoT Core developer guide, "StartNextPendingJobExecution").
const TAKES_A_JOB: &[u8] =
    b"\x10\x0f\0\x04MQTT\x04\x02\0\x1e\0\x03app\x30\x23\0\x1f$aws/things/app/jobs/start-next{}";

#[tokio::test]
async fn old_and_weak_peers_give_a_job_to_whoever_goes_on_with_them() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    let kinds = [
        (Kind::Tls10, ["-tls1", "ECDHE:@SECLEVEL=0"]),
        (Kind::Tls11, ["-tls1_1", "ECDHE:@SECLEVEL=0"]),
        (Kind::StaticRsa, ["-tls1_2", "kRSA"]),
        (Kind::NoEncryption, ["-tls1_2", "ECDHE-RSA-NULL-SHA:@SECLEVEL=0"]),
        (Kind::Dhe, ["-tls1_2", "DHE"]),
    ];
    for (kind, [version, ciphers]) in kinds {
        let peer = start(kind, &authority, folder.path()).await;
        let broker = peer.broker.expect("each has one");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = openssl();
        client.args(["s_client", "-quiet", "-connect", &listener.local_addr().unwrap().to_string()]);
        client.args([version, "-cipher", ciphers, "-alpn", "x-amzn-mqtt-ca"]);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut says = client.stdin.take().unwrap();
        let (here, from) = listener.accept().await.unwrap();
        let (taken, said) = tokio::join!(timeout(READY, broker.serve(here)), says.write_all(TAKES_A_JOB));
        said.unwrap();
        let job = format!("{}-{}", kind.word().replace('.', "-"), from.port());
        let (operation, status) = ("configuration".to_owned(), "IN_PROGRESS".to_owned());
        assert_eq!(taken.unwrap().unwrap(), Some(Taken { job, operation, status }), "{kind:?}");
    }
}

#[tokio::test]
async fn whoever_will_have_no_old_or_weak_peer_takes_nothing_of_it() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    for kind in [Kind::Tls10, Kind::StaticRsa] {
        let broker = start(kind, &authority, folder.path()).await.broker.expect("each has one");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (here, _) = listener.accept().await.unwrap();
        let served = timeout(READY, broker.serve(here));
        let (served, met) = tokio::join!(served, ours(client, &authority));
        assert!(met.is_err(), "{kind:?} for whoever looks");
        assert!(!matches!(served.expect("it ends with its client"), Ok(Some(_))), "nobody took anything");
    }
}

#[tokio::test]
async fn in_the_brokers_place_each_shows_the_certificate_of_its_kind() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    for (kind, _) in Kind::ALL {
        let peer = start(kind, &authority, folder.path()).await;
        assert_eq!(peer.broker.is_some(), kind.is_server(), "{kind:?}");
        let Some(broker) = peer.broker.filter(|_| kind.is_modern()) else { continue };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (here, _) = listener.accept().await.unwrap();
        let (served, met) = tokio::join!(broker.serve(here), ours(client, &authority));
        let good = matches!(kind, Kind::Tls12 | Kind::Tls13);
        assert_eq!(met.is_ok(), good, "{kind:?} for whoever looks: {met:?}");
        assert!(!matches!(served, Ok(Some(_))), "nobody took anything");
    }
}

/// A client's end of a connection with a peer, and what the peer makes of it.
async fn met(peer: Peer) -> (TcpStream, tokio::task::JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (here, _) = listener.accept().await.unwrap();
    let turn = Turn { peer, service: "logs".into(), mqtt: false };
    (client, tokio::spawn(async move { turn.serve(here, &Arc::default()).await.map(drop) }))
}

#[tokio::test]
async fn who_is_there_to_be_outlasted_says_nothing_leaves_or_hangs_up() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    let (mut client, served) = met(start(Kind::HalfCloses, &authority, folder.path()).await).await;
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0, "it says that it says no more");
    client.write_all(b"it still hears").await.unwrap();
    drop(client);
    served.await.unwrap().unwrap();
    let (mut client, served) = met(start(Kind::Resets, &authority, folder.path()).await).await;
    client.write_all(b"first words").await.unwrap();
    served.await.unwrap().unwrap();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let (mut client, served) = met(start(Kind::Silent, &authority, folder.path()).await).await;
    client.write_all(b"first words").await.unwrap();
    client.shutdown().await.unwrap();
    served.await.unwrap().unwrap();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0, "it says nothing, and leaves with its client");
}

#[tokio::test]
async fn a_middlebox_hands_on_to_whoever_looks_at_no_certificate_alone() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    let peer = start(Kind::Middlebox, &authority, folder.path()).await;
    let Means::Middlebox(middlebox) = peer.means else { panic!("no middlebox") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let client = TcpStream::connect(at).await.unwrap();
    let (here, _) = listener.accept().await.unwrap();
    let stand_ins = Arc::default();
    let (served, refused) = tokio::join!(middlebox.serve(here, &stand_ins), ours(client, &authority));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("UnknownIssuer") || refused.contains("BadSignature"), "{refused}");
    assert!(served.is_err(), "nothing was handed on");
    let (_onward, from) = listener.accept().await.unwrap();
    assert!(!lock(&stand_ins.own).contains(&from), "its own connection is over");
}

#[tokio::test]
async fn a_peer_meets_the_next_client_of_its_services_and_nobody_meets_the_peers_own() {
    let names = Names::new("eu-west-1", "123456789012", "a1b2", "packages", Spelling::Corrected);
    let (folder, authority) = (tempfile::tempdir().unwrap(), authority());
    let stand_ins = Arc::new(StandIns::default());
    let peer = start(Kind::Silent, &authority, folder.path()).await;
    stand_ins.place(vec!["logs".into()], vec![peer]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut clients = Vec::new();
    let mut next = async |said: &[u8], is_own: bool| {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let own = is_own.then(|| stand_ins.own(&client).unwrap());
        let (here, socket) = listener.accept().await.unwrap();
        client.write_all(said).await.unwrap();
        if said.is_empty() {
            client.shutdown().await.unwrap();
        }
        let met = timeout(READY, stand_ins.next(&here, socket, &names, "logs")).await.unwrap();
        clients.push((client, own));
        met.map(|turn| (turn.peer.kind, turn.service))
    };
    let plain = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(next(b"", false).await, None, "who goes without a word");
    assert_eq!(next(plain, true).await, None, "what a peer has opened itself");
    assert_eq!(next(plain, false).await, Some((Kind::Silent, "logs".into())));
    assert_eq!(next(plain, false).await, None, "each meets one client");
}

#[test]
fn whom_a_client_wants_is_told_by_the_name_that_it_says() {
    let names = Names::new("eu-west-1", "123456789012", "a1b2", "packages", Spelling::Corrected);
    let wanted = |name: &str| wanted(&Hello { name: Some(name.into()), mqtt: false }, &names);
    assert_eq!(wanted("a1b2-ats.iot.eu-west-1.amazonaws.com"), Some("iot"));
    assert_eq!(wanted("a1b2.credentials.iot.eu-west-1.amazonaws.com"), Some("credentials"));
    assert_eq!(wanted("packages-123456789012.s3-accesspoint.eu-west-1.amazonaws.com"), Some("s3"));
    assert_eq!(wanted("elsewhere.example.org"), None);
    assert_eq!(super::wanted(&Hello::default(), &names), None);
}
