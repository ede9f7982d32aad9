//! What a camera says of its video before it sends any to a group: read, and held against who it is.

use std::net::{IpAddr, SocketAddrV4};
use std::time::Duration;

use fake_camera::codec::Codec;
use sdp_types::{Media, Session};
use url::Url;

use super::super::super::talk::{body, field};
use super::super::Error as Ended;
use super::Error;

/// Time of a session without a sign of life, where the camera does not say (RFC 2326, section 12.37), seconds.
const TIMEOUT: u64 = 60;

/// The first video of a camera that can be judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) codec: Codec,
    /// Its payload type (RFC 3551, section 6).
    pub(super) payload: u8,
    /// Ticks of its time stamps in a second.
    pub(super) clock: i32,
    /// Parameters of its format, by name.
    pub(super) format: Vec<(String, String)>,
    /// Where it is set up.
    pub(super) control: Url,
    /// Where all that was set up is played.
    pub(super) all: Url,
}

impl Offer {
    /// Reads the answer to DESCRIBE of the camera at `url`.
    ///
    /// Errors: it is no description, it has no video of a codec that is judged here, or it sends us to another host.
    pub(super) fn of(answer: &str, url: &Url) -> Result<Self, Ended> {
        let described = Session::parse(body(answer).as_bytes()).map_err(|_| Error::Description)?;
        let base = field(answer, "Content-Base").or_else(|| field(answer, "Content-Location"));
        let base = base.map_or_else(|| Ok(url.clone()), |base| controlled(url, base, url))?;
        let for_all = described.get_first_attribute_value("control").ok().flatten();
        let all = controlled(&base, for_all.unwrap_or("*"), url)?;
        let videos = described.medias.iter().filter(|media| media.media == "video");
        let (media, (codec, payload, clock)) =
            videos.filter_map(|media| Some((media, coded(media)?))).next().ok_or(Ended::NoVideo)?;
        let control = media.get_first_attribute_value("control").ok().flatten();
        let control = controlled(&base, control.unwrap_or("*"), url)?;
        Ok(Self { codec, payload, clock, format: format(media, payload), control, all })
    }
}

/// The address that a control attribute or a base means (RFC 2326, section C.1.1), if it is at the same host.
fn controlled(base: &Url, control: &str, camera: &Url) -> Result<Url, Ended> {
    let control = control.trim();
    let found = match control {
        "*" => Ok(base.clone()),
        whole if whole.contains("://") => Url::parse(whole),
        below => Url::parse(&format!("{}/{below}", base.as_str().trim_end_matches('/'))),
    };
    let found = found.map_err(|_| Error::Description)?;
    if found.host_str() == camera.host_str() { Ok(found) } else { Err(Ended::Foreign(found)) }
}

/// Codec, payload type and clock of a media whose frames say whose they are.
fn coded(media: &Media) -> Option<(Codec, u8, i32)> {
    let payload: u8 = media.fmt.split_whitespace().next()?.parse().ok().filter(|payload| *payload < 128)?;
    let mapped = media.get_attribute_values("rtpmap").ok()?.flatten();
    let mapped = mapped.filter_map(|value| value.split_once(' '));
    let mut mapped = mapped.filter(|(number, _)| number.parse() == Ok(payload));
    let mut words = mapped.next()?.1.trim().split('/');
    let codec = words.next()?.to_lowercase().parse::<Codec>().ok().filter(|codec| codec.has_units())?;
    let clock = words.next()?.parse().ok().filter(|clock| *clock > 0)?;
    Some((codec, payload, clock))
}

/// Parameters of the format (RFC 6184, section 8.1; RFC 7798, section 7.1).
fn format(media: &Media, payload: u8) -> Vec<(String, String)> {
    let Ok(values) = media.get_attribute_values("fmtp") else { return Vec::new() };
    let own = values.flatten().filter_map(|value| value.split_once(' '));
    let own = own.filter(|(number, _)| number.parse() == Ok(payload));
    let parameters = own.flat_map(|(_, all)| all.split(';')).filter_map(|one| one.trim().split_once('='));
    parameters.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
}

/// The group and port to which frames go by the answer to SETUP (RFC 2326, section 12.39).
///
/// Errors: it names none, or one outside of the block that sites give out themselves (RFC 2365): what is joined beyond it
/// might be anybody's.
pub(super) fn group(answer: &str) -> Result<SocketAddrV4, Error> {
    let transport = field(answer, "Transport").and_then(|all| all.split(',').next()).ok_or(Error::NoGroup)?;
    let words: Vec<&str> = transport.split(';').map(str::trim).collect();
    let value = |name: &str| {
        let mut named = words.iter().filter_map(|word| word.split_once('='));
        named.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    if !words.iter().any(|word| word.eq_ignore_ascii_case("multicast")) {
        return Err(Error::NoGroup);
    }
    let address: IpAddr = value("destination").and_then(|to| to.parse().ok()).ok_or(Error::NoGroup)?;
    let port = value("port").and_then(|ports| ports.split('-').next()?.parse().ok());
    let port = port.filter(|port| *port > 0).ok_or(Error::NoGroup)?;
    match address {
        IpAddr::V4(group) if group.octets()[0] == 239 => Ok(SocketAddrV4::new(group, port)),
        other => Err(Error::Foreign(other)),
    }
}

/// The session's id, and how often it wants a sign of life: twice before its time is over, and at least once a half-minute.
pub(super) fn session(answer: &str) -> (&str, Duration) {
    let mut words = field(answer, "Session").unwrap_or_default().split(';').map(str::trim);
    let id = words.next().unwrap_or_default();
    let timeout = words.find_map(|word| word.strip_prefix("timeout=")?.parse().ok());
    let half = Duration::from_millis(timeout.unwrap_or(TIMEOUT).clamp(1, TIMEOUT) * 500);
    (id, half)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = "RTSP/1.0 200 OK\r\nContent-Base: rtsp://10.0.0.1:554/stream/\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 239.255.0.7/1\r\nt=0 0\r\na=control:*\r\n\
        m=audio 0 RTP/AVP 0\r\na=control:stream=1\r\n\
        m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0L=,aM4=\r\na=control:stream=0\r\n";

    fn camera() -> Url {
        "rtsp://10.0.0.1:554/stream".parse().unwrap()
    }

    fn set_up(transport: &str) -> String {
        format!("RTSP/1.0 200 OK\r\nSession: 12\r\nTransport: {transport}\r\n\r\n")
    }

    #[test]
    fn the_first_video_that_can_be_judged_is_taken() {
        let offer = Offer::of(DESCRIBED, &camera()).unwrap();
        assert_eq!((offer.codec, offer.payload, offer.clock), (Codec::H264, 96, 90_000));
        assert_eq!(offer.control.as_str(), "rtsp://10.0.0.1:554/stream/stream=0");
        assert_eq!(offer.all.as_str(), "rtsp://10.0.0.1:554/stream/");
        let sets = offer.format.iter().find(|(name, _)| name == "sprop-parameter-sets").unwrap();
        assert_eq!(sets.1, "Z0L=,aM4=");
        let plain = DESCRIBED.replace("Content-Base: rtsp://10.0.0.1:554/stream/\r\n", "");
        assert_eq!(Offer::of(&plain, &camera()).unwrap().all, camera());
    }

    #[test]
    fn jpeg_and_what_is_no_description_are_refused_with_the_reason() {
        let jpeg = DESCRIBED.replace("H264", "JPEG");
        assert!(matches!(Offer::of(&jpeg, &camera()), Err(Ended::NoVideo)));
        let error = Offer::of("RTSP/1.0 200 OK\r\n\r\nhello", &camera()).unwrap_err();
        assert!(matches!(error, Ended::Group(Error::Description)), "{error}");
    }

    #[test]
    fn no_other_host_is_gone_to_wherever_it_is_named() {
        for (from, to) in [
            ("Content-Base: rtsp://10.0.0.1:554/stream/", "Content-Base: rtsp://10.9.9.9/stream/"),
            ("a=control:*", "a=control:rtsp://10.9.9.9/all"),
            ("a=control:stream=0", "a=control:rtsp://10.9.9.9:554/one"),
        ] {
            let error = Offer::of(&DESCRIBED.replace(from, to), &camera()).unwrap_err();
            assert!(matches!(&error, Ended::Foreign(url) if url.host_str() == Some("10.9.9.9")), "{error}");
        }
    }

    #[test]
    fn groups_are_those_that_sites_give_out() {
        let good = set_up("RTP/AVP;multicast;destination=239.255.0.7;ttl=1;port=5004-5005;mode=\"PLAY\"");
        assert_eq!(group(&good).unwrap().to_string(), "239.255.0.7:5004");
        for foreign in ["224.0.0.251", "232.1.1.1", "10.0.0.5", "ff05::7", "240.0.0.1"] {
            let answer = set_up(&format!("RTP/AVP;multicast;destination={foreign};port=5004-5005"));
            assert!(matches!(group(&answer), Err(Error::Foreign(_))), "{foreign}");
        }
        for wrong in [
            "RTP/AVP;unicast;destination=239.255.0.7;port=5004-5005",
            "RTP/AVP;multicast;port=5004-5005",
            "RTP/AVP;multicast;destination=239.255.0.7",
            "RTP/AVP;multicast;destination=239.255.0.7;port=0-1",
            "RTP/AVP;multicast;destination=somewhere;port=5004-5005",
        ] {
            assert!(matches!(group(&set_up(wrong)), Err(Error::NoGroup)), "{wrong}");
        }
        assert!(matches!(group("RTSP/1.0 200 OK\r\n\r\n"), Err(Error::NoGroup)));
    }

    #[test]
    fn signs_of_life_come_twice_before_a_session_is_over() {
        let with = |field: &str| format!("RTSP/1.0 200 OK\r\nSession: {field}\r\n\r\n");
        for (field, id, every) in [
            ("12", "12", 30_000),
            ("12;timeout=5", "12", 2500),
            ("ab ; timeout=0", "ab", 500),
            ("a;timeout=9999999", "a", 30_000),
            ("a;timeout=soon", "a", 30_000),
        ] {
            assert_eq!(session(&with(field)), (id, Duration::from_millis(every)), "{field}");
        }
    }
}
