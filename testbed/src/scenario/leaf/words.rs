//! Words of which there are only a few.

use serde_json::{Value as Json, json};

use super::super::lint::{LintRule, Zone};
use super::super::mistakes::nearest;
use super::super::model::{Auth, Codec, Encode, Endured, StandIn, TlsVersion, Transport};
use super::super::model::{
    Careless, CloudNames, CloudService, Commissioned, Cover, Event, JobKind, Neighbours, Onvif, RtspMethod,
    Scan, Unused, WrongCall,
};
use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use super::guard;

/// AWS regions of the commercial partition that answer without being asked for first, and those that do not.
const REGIONS: [&str; 33] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Kernel features that a check may `require`.
pub const FEATURES: [&str; 3] = ["vlan-tags", "netem", "bonding"];

/// One of a few words; the others get a suggestion.
fn one_of<T: Copy>(scalar: &Scalar, words: &[(&str, T)]) -> Result<T, Wrong> {
    let text = guard(scalar)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let known = || words.iter().map(|(word, _)| *word);
    Err(match nearest(text, known()) {
        Some(near) => Wrong::because(format!("did you mean `{near}`?")),
        None => {
            let all = known().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            Wrong::because("not one of the words that stand here").help(format!("there are {all}"))
        }
    })
}

macro_rules! word_leaf {
    ($($type:ty, $what:literal, $words:expr;)+) => { $(
        impl Leaf for $type {
            const WHAT: &'static str = $what;
            fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
                one_of(scalar, $words.as_ref())
            }
            fn describe() -> Json {
                json!({ "enum": $words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
            }
        }
    )+ };
}

/// An AWS region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region(pub(crate) &'static str);

/// A kernel feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Feature(pub(crate) &'static str);

/// A word of `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthWord {
    /// Nobody is asked.
    None,
    /// Asked by this.
    By(Auth),
}

impl AuthWord {
    /// How is asked, if anybody is.
    pub(crate) fn method(self) -> Option<Auth> {
        match self {
            Self::None => None,
            Self::By(method) => Some(method),
        }
    }
}

word_leaf! {
    Region, "an AWS region", REGIONS.map(|name| (name, Region(name)));
    Feature, "a kernel feature", FEATURES.map(|name| (name, Feature(name)));
    Codec, "a codec", [Codec::H264, Codec::H265, Codec::Mjpeg].map(|codec| (codec.name(), codec));
    Encode, "when pictures are encoded", [Encode::Once, Encode::Live].map(|when| (when.name(), when));
    Transport, "a way that frames travel", [
        Transport::Tcp, Transport::Udp, Transport::Multicast,
    ].map(|way| (way.name(), way));
    AuthWord, "a way of authentication", [
        ("none", AuthWord::None), ("basic", AuthWord::By(Auth::Basic)), ("digest", AuthWord::By(Auth::Digest)),
        ("digest-sha256", AuthWord::By(Auth::DigestSha256)),
    ];
    Zone, "a kind of network", Zone::ALL;
    LintRule, "a rule on the drawing", LintRule::ALL;
    CloudNames, "a spelling of the cloud's names", [
        ("corrected", CloudNames::Corrected), ("as-printed", CloudNames::AsPrinted), ("both", CloudNames::Both),
    ];
    Neighbours, "a way to know neighbours", [
        ("learned", Neighbours::Learned), ("static", Neighbours::Static),
    ];
    Onvif, "what a camera does of ONVIF", [
        ("answers", Onvif::Answers), ("announces", Onvif::Announces),
    ];
    Scan, "when an appliance looks for cameras", [("by-job", Scan::ByJob), ("unasked", Scan::Unasked)];
    Commissioned, "what an appliance is told of its cameras", [
        ("stream", Commissioned::Stream), ("device", Commissioned::Device), ("search", Commissioned::Search),
    ];
    Careless, "what an appliance does not take care of", [
        ("follows", Careless::Follows), ("own-clock", Careless::OwnClock), ("waits", Careless::Waits),
        ("gives-up", Careless::GivesUp), ("unbounded", Careless::Unbounded), ("camera-clock", Careless::CameraClock),
        ("asks-panorama", Careless::AsksPanorama), ("takes-anything", Careless::TakesAnything),
        ("only-says-so", Careless::OnlySaysSo), ("hands-video-over", Careless::HandsVideoOver),
        ("old-tls", Careless::OldTls), ("fronts", Careless::Fronts), ("hurries", Careless::Hurries),
        ("sulks", Careless::Sulks), ("trusts-anyone", Careless::TrustsAnyone), ("relays", Careless::Relays),
        ("confides", Careless::Confides), ("pushes", Careless::Pushes), ("one-login", Careless::OneLogin),
        ("any-device", Careless::AnyDevice), ("searches-far", Careless::SearchesFar),
        ("searches-late", Careless::SearchesLate), ("tells-of-others", Careless::TellsOfOthers),
        ("mixes-ports-up", Careless::MixesPortsUp), ("takes-redirects", Careless::TakesRedirects),
    ];
    StandIn, "a peer that must be refused", StandIn::ALL.map(|(word, one, _)| (word, one));
    Endured, "a peer that must be outlasted", Endured::ALL.map(|(word, one, _)| (word, one));
    TlsVersion, "a version of TLS", [("tls1.2", TlsVersion::Tls12), ("tls1.3", TlsVersion::Tls13)];
    RtspMethod, "a method of RTSP", RtspMethod::ALL.map(|method| (method.word(), method));
    Cover, "how much is sent", [("all", Cover::All)];
    Unused, "what to do about flows that nobody used", [("report", Unused::Report), ("fail", Unused::Fail)];
    Event, "something that comes at regular times", [
        ("monitor_job", Event::MonitorJob), ("metrics", Event::Metrics), ("logs", Event::Logs),
        ("credentials", Event::Credentials), ("application", Event::Application),
    ];
    CloudService, "a service of the cloud", [
        CloudService::Iot, CloudService::Monitoring, CloudService::Logs, CloudService::S3, CloudService::Dns,
        CloudService::Ntp, CloudService::Sts, CloudService::IotControl, CloudService::Panorama,
    ].map(|service| (service.word(), service));
    JobKind, "a kind of job", JobKind::ALL.map(|kind| (kind.word(), kind));
    WrongCall, "something that may be wrong with a call", WrongCall::ALL.map(|wrong| (wrong.word(), wrong));
}
