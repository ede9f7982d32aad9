//! Requests signed by the SDK's own signer, then checked; each test spoils one thing. Unmodified clients judge the
//! whole in the integration tests.

use hyper::http::Request;

use super::*;
use crate::session::{Principal, Sessions};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const LOGS: Endpoint<'static> = Endpoint { region: "eu-west-1", service: "logs", signatures_last: None };
const S3: Endpoint<'static> = Endpoint { region: "eu-west-1", service: "s3", signatures_last: None };

fn keys() -> Keys {
    Keys::new(Key { id: KEY.into(), secret: SECRET.into() }, owner(), Sessions::new("sealed".into()))
}

fn owner() -> Principal {
    Principal { arn: "arn:aws:iam::123456789012:user/u".into(), id: "AIDAEXAMPLE".into() }
}

fn signed_at() -> SystemTime {
    clock::read_amz_date("20260131T120000Z").unwrap()
}

/// A client: what it signs with.
struct Client<'a> {
    endpoint: Endpoint<'static>,
    key: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
    presigned_for: Option<Duration>,
}

impl Client<'_> {
    fn of(endpoint: Endpoint<'static>) -> Self {
        Self { endpoint, key: KEY, secret: SECRET, token: None, presigned_for: None }
    }

    fn sign(&self, request: Request<&'static str>) -> Parts {
        let credentials =
            Credentials::new(self.key, self.secret, self.token.map(str::to_owned), None, "test");
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        if self.endpoint.is_s3() {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if let Some(expires) = self.presigned_for {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
            settings.expires_in = Some(expires);
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.endpoint.region)
            .name(self.endpoint.service)
            .time(signed_at())
            .settings(settings)
            .build()
            .unwrap();
        let params = SigningParams::V4(params);
        let body = match self.presigned_for {
            Some(_) => SignableBody::UnsignedPayload,
            None => SignableBody::Bytes(request.body().as_bytes()),
        };
        let uri = request.uri().to_string();
        let headers: Vec<_> =
            request.headers().iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        let method = request.method().as_str();
        let signable = SignableRequest::new(method, uri, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = request;
        instructions.apply_to_request_http1x(&mut request);
        only_path(request)
    }
}

/// What arrives at a server: the path alone in the request line, the host in its header.
fn only_path(request: Request<&'static str>) -> Parts {
    let (mut parts, _) = request.into_parts();
    let host = parts.uri.authority().unwrap().to_string();
    parts.headers.insert("host", host.parse().unwrap());
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    parts
}

fn request(uri: &str, body: &'static str) -> Request<&'static str> {
    Request::post(uri).header("x-amz-target", "Logs_20140328.PutLogEvents").body(body).unwrap()
}

fn logs_request() -> Parts {
    Client::of(LOGS).sign(request("https://logs.eu-west-1.amazonaws.com/", "{}"))
}

fn check(parts: &Parts, body: &str, endpoint: Endpoint<'_>, later: Duration) -> Result<String, Refusal> {
    verify(parts, Some(body.as_bytes()), endpoint, &keys(), signed_at() + later).map(|holder| holder.key.id)
}

#[test]
fn the_published_vector_get_vanilla_is_believed() {
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                         SignedHeaders=host;x-amz-date, \
                         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let request =
        Request::get("/").header("host", "example.amazonaws.com").header("x-amz-date", "20150830T123600Z");
    let (parts, ()) = request.header("authorization", authorization).body(()).unwrap().into_parts();
    let endpoint = Endpoint { region: "us-east-1", service: "service", signatures_last: None };
    let at = clock::read_amz_date("20150830T123600Z").unwrap();
    assert_eq!(verify(&parts, Some(b""), endpoint, &keys(), at).unwrap().key.id, KEY);
}

#[test]
fn a_signed_request_is_believed() {
    assert_eq!(check(&logs_request(), "{}", LOGS, Duration::ZERO).as_deref(), Ok(KEY));
}

#[test]
fn another_body_another_path_or_another_query_is_not() {
    assert_eq!(check(&logs_request(), "{ }", LOGS, Duration::ZERO), Err(Refusal::Mismatch));
    for path in ["/x", "/?a=b"] {
        let mut parts = logs_request();
        parts.uri = path.parse().unwrap();
        assert_eq!(check(&parts, "{}", LOGS, Duration::ZERO), Err(Refusal::Mismatch), "{path}");
    }
}

#[test]
fn a_wrong_secret_and_an_unknown_key_are_told_apart() {
    let uri = "https://logs.eu-west-1.amazonaws.com/";
    let parts = Client { secret: "wrong", ..Client::of(LOGS) }.sign(request(uri, ""));
    assert_eq!(check(&parts, "", LOGS, Duration::ZERO), Err(Refusal::Mismatch));
    let parts = Client { key: "AKIDOTHER", ..Client::of(LOGS) }.sign(request(uri, ""));
    assert_eq!(check(&parts, "", LOGS, Duration::ZERO), Err(Refusal::UnknownKey("AKIDOTHER".into())));
}

#[test]
fn a_token_must_be_that_of_the_key() {
    let uri = "https://logs.eu-west-1.amazonaws.com/";
    let parts = Client { token: Some("token"), ..Client::of(LOGS) }.sign(request(uri, ""));
    assert_eq!(check(&parts, "", LOGS, Duration::ZERO), Err(Refusal::Token));

    let keys = keys();
    let given = keys.sessions.give(owner(), signed_at(), Duration::from_secs(900)).unwrap();
    let session = |token| Client { key: &given.key.id, secret: &given.key.secret, token, ..Client::of(LOGS) };
    let verdict = |token, later| {
        let parts = session(token).sign(request(uri, ""));
        verify(&parts, Some(b""), LOGS, &keys, signed_at() + Duration::from_secs(later))
    };
    let holder = verdict(Some(&given.token), 299).unwrap();
    assert_eq!((holder.temporary, holder.principal), (true, owner()));
    assert_eq!(verdict(None, 0).unwrap_err(), Refusal::UnknownKey(given.key.id.clone()));
    assert_eq!(verdict(Some("AAAA"), 0).unwrap_err(), Refusal::Token);
    assert!(matches!(verdict(Some(&given.token), 900), Err(Refusal::Expired { .. })));
    assert!(matches!(verdict(Some(&given.token), 899), Err(Refusal::Skewed { .. })), "the token still holds");
}

#[test]
fn a_token_is_part_of_what_is_signed_in_header_and_link() {
    let keys = keys();
    let give = || keys.sessions.give(owner(), signed_at(), Duration::from_secs(900)).unwrap();
    let given = give();
    for presigned_for in [None, Some(Duration::from_secs(60))] {
        let (key, secret, token) =
            (given.key.id.as_str(), given.key.secret.as_str(), Some(given.token.as_str()));
        let client = Client { endpoint: S3, key, secret, token, presigned_for };
        let uri = "https://b.s3.eu-west-1.amazonaws.com/k";
        let parts = client.sign(Request::get(uri).body("").unwrap());
        assert!(verify(&parts, Some(b""), S3, &keys, signed_at()).is_ok(), "{presigned_for:?}");
        // Another token for the same key, as good as the first, but not the one that was signed.
        let principal = Principal { id: "AROA:other".into(), ..owner() };
        let other = keys.sessions.seal_for(key, principal, signed_at() + Duration::from_secs(900));
        let mut changed = parts.clone();
        match presigned_for {
            None => drop(changed.headers.insert("x-amz-security-token", other.parse().unwrap())),
            Some(_) => {
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let text = parts.uri.to_string().replace(&encode(&given.token), &encode(&other));
                assert_ne!(text, parts.uri.to_string());
                changed.uri = text.parse().unwrap();
            }
        }
        assert_eq!(
            verify(&changed, Some(b""), S3, &keys, signed_at()),
            Err(Refusal::Mismatch),
            "{presigned_for:?}"
        );
    }
}

#[test]
fn the_window_is_5_minutes_and_15_for_s3_on_both_sides() {
    let s3 = Client::of(S3).sign(Request::get("https://b.s3.eu-west-1.amazonaws.com/k").body("").unwrap());
    for (parts, endpoint, window) in [(logs_request(), LOGS, 300), (s3, S3, 900)] {
        let body = if endpoint.is_s3() { "" } else { "{}" };
        let verdict =
            |now| verify(&parts, Some(body.as_bytes()), endpoint, &keys(), now).map(|holder| holder.key.id);
        let (edge, beyond) = (Duration::from_secs(window), Duration::from_secs(window + 1));
        assert!(verdict(signed_at() + edge).is_ok());
        assert!(verdict(signed_at() - edge).is_ok());
        assert!(matches!(verdict(signed_at() + beyond), Err(Refusal::Skewed { .. })));
        assert!(matches!(verdict(signed_at() - beyond), Err(Refusal::Skewed { .. })));
    }
}

#[test]
fn a_signature_that_is_taken_for_less_long_may_lie_as_far_ahead() {
    let endpoint = Endpoint { signatures_last: Some(Duration::from_secs(5)), ..LOGS };
    let at = |now| verify(&logs_request(), Some(b"{}"), endpoint, &keys(), now).map(|holder| holder.key.id);
    let after = |seconds| at(signed_at() + Duration::from_secs(seconds));
    assert!(after(5).is_ok() && at(signed_at() - Duration::from_secs(300)).is_ok());
    assert!(matches!(after(6), Err(Refusal::Skewed { window_seconds: 5, .. })));
    let ahead = at(signed_at() - Duration::from_secs(301));
    assert!(matches!(ahead, Err(Refusal::Skewed { window_seconds: 300, .. })));
}

#[test]
fn another_region_or_service_is_named() {
    let endpoint = Endpoint { region: "us-west-2", service: "monitoring", signatures_last: None };
    let refusal = check(&logs_request(), "{}", endpoint, Duration::ZERO).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Scope { expected: "us-west-2/monitoring".into(), found: "eu-west-1/logs".into() }
    );
}

#[test]
fn an_amz_header_that_is_not_signed_is_named() {
    let mut parts = logs_request();
    parts.headers.insert("x-amz-acl", "public-read".parse().unwrap());
    assert_eq!(check(&parts, "{}", LOGS, Duration::ZERO), Err(Refusal::Unsigned("x-amz-acl".into())));
}

#[test]
fn headers_that_are_not_signed_may_change() {
    let mut parts = logs_request();
    parts.headers.insert("user-agent", "proxy".parse().unwrap());
    assert!(check(&parts, "{}", LOGS, Duration::ZERO).is_ok());
}

#[test]
fn without_or_with_half_a_signature_nothing_is_believed() {
    let mut parts = logs_request();
    parts.headers.remove("authorization");
    assert_eq!(check(&parts, "{}", LOGS, Duration::ZERO), Err(Refusal::Missing));
    for (value, wanted) in
        [("AWS AKID:signature", "VersionTwo"), ("AWS4-HMAC-SHA256 Credential=x", "Incomplete")]
    {
        parts.headers.insert("authorization", value.parse().unwrap());
        let refusal = check(&parts, "{}", LOGS, Duration::ZERO).unwrap_err();
        assert!(format!("{refusal:?}").starts_with(wanted), "{refusal:?}");
    }
    let mut parts = logs_request();
    let shorter = parts.headers["authorization"].to_str().unwrap().replace("/20260131/", "/2026013/");
    parts.headers.insert("authorization", shorter.parse().unwrap());
    assert!(matches!(check(&parts, "{}", LOGS, Duration::ZERO), Err(Refusal::Incomplete(_))));
    let mut parts = logs_request();
    parts.headers.remove("x-amz-date");
    assert!(matches!(check(&parts, "{}", LOGS, Duration::ZERO), Err(Refusal::Incomplete(_))));
}

#[test]
fn an_encoded_slash_is_encoded_again_except_for_s3() {
    let iot = Endpoint { region: "eu-west-1", service: "iotdata", signatures_last: None };
    let uri = "https://x-ats.iot.eu-west-1.amazonaws.com/topics/a%2Fb?qos=1";
    let parts = Client::of(iot).sign(Request::post(uri).body("1").unwrap());
    assert!(check(&parts, "1", iot, Duration::ZERO).is_ok());
    let uri = "https://b.s3.eu-west-1.amazonaws.com/a%20b//c?x-id=PutObject";
    let parts = Client::of(S3).sign(Request::put(uri).body("1").unwrap());
    assert!(check(&parts, "1", S3, Duration::ZERO).is_ok());
}

#[test]
fn a_declared_hash_must_be_that_of_the_body() {
    let parts =
        Client::of(S3).sign(Request::put("https://b.s3.eu-west-1.amazonaws.com/k").body("one").unwrap());
    assert_eq!(check(&parts, "two", S3, Duration::ZERO), Err(Refusal::Body));
    // A stream is compared by whoever reads it; the signature holds already.
    assert!(verify(&parts, None, S3, &keys(), signed_at()).is_ok());
}

#[test]
fn a_presigned_link_holds_until_it_expires() {
    let client = Client { presigned_for: Some(Duration::from_secs(3600)), ..Client::of(S3) };
    let uri = "https://b.s3.eu-west-1.amazonaws.com/k?x-id=GetObject";
    let parts = client.sign(Request::get(uri).body("").unwrap());
    assert!(check(&parts, "", S3, Duration::from_secs(3600)).is_ok());
    assert!(matches!(check(&parts, "", S3, Duration::from_secs(3601)), Err(Refusal::OldLink { .. })));
    let early = verify(&parts, Some(b""), S3, &keys(), signed_at() - Duration::from_secs(901));
    assert!(matches!(early, Err(Refusal::Skewed { .. })), "{early:?}");
    let mut other = parts;
    other.uri = other.uri.to_string().replace("/k?", "/other?").parse().unwrap();
    assert_eq!(check(&other, "", S3, Duration::ZERO), Err(Refusal::Mismatch));
}
