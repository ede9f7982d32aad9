//! One connection: what is asked and answered on it, message by message.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use crate::observation::{Conversation, LookupSeen, Observations, RtspLine, RtspMessage, RtspSeen};
use crate::plan::FlowPair;
use crate::scenario::model::RtspMethod;

use super::places::{host, is_one, parameters};

/// What cameras call the sound that is sent to them, in `Require` (ONVIF Streaming Specification, section 5.3).
const BACK_CHANNEL: &str = "backchannel";

/// Something that should not have been said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) text: String,
    pub(super) packet: u64,
    /// What the packet shows.
    pub(super) cited: String,
}

/// Whose a connection is, and what may be said on it.
pub(super) struct Between<'a> {
    /// Who opened it, and the camera.
    names: [String; 2],
    opener: IpAddr,
    /// Addresses of the camera, and names that were seen to lead there and nowhere else.
    camera: Vec<IpAddr>,
    leads: BTreeSet<&'a str>,
    /// Where media may go: to whoever asks, or to the group that the flow is about.
    takers: Vec<IpAddr>,
    methods: &'a [RtspMethod],
    /// Sessions that the camera has given to nodes of this pair.
    sessions: &'a BTreeSet<&'a str>,
}

impl<'a> Between<'a> {
    pub(super) fn new(
        pair: &FlowPair,
        one: &Conversation,
        methods: &'a [RtspMethod],
        sessions: &'a BTreeSet<&'a str>,
        seen: &'a Observations,
    ) -> Self {
        let camera: Vec<IpAddr> = pair.addresses.iter().copied().chain([one.answerer.address]).collect();
        let told = seen.lookups.iter().filter(|lookup| !lookup.addresses.is_empty());
        let name = |lookup: &'a LookupSeen| lookup.name.as_str();
        let is_camera = |lookup: &&LookupSeen| lookup.addresses.iter().all(|one| camera.contains(one));
        let (leads, astray): (Vec<_>, Vec<_>) = told.partition(is_camera);
        let astray: BTreeSet<&str> = astray.into_iter().map(name).collect();
        let group = pair.group.as_ref().map(|group| IpAddr::V4(group.address));
        Self {
            names: [pair.from.to_string(), pair.to.to_string()],
            opener: one.opener.address,
            leads: leads.into_iter().map(name).filter(|name| !astray.contains(name)).collect(),
            takers: [one.opener.address].into_iter().chain(group).collect(),
            camera,
            methods,
            sessions,
        }
    }

    /// Who says it, and to whom.
    fn ends(&self, message: &RtspMessage) -> [&str; 2] {
        let [opener, camera] = self.names.each_ref().map(String::as_str);
        if message.by_opener { [opener, camera] } else { [camera, opener] }
    }

    fn is_camera(&self, host: &str) -> bool {
        is_one(host, &self.camera, |name| self.leads.contains(name))
    }
}

/// Sessions that the camera gave on this connection: it names one where it grants a SETUP (RFC 2326, section 12.37).
pub(super) fn given(spoken: &RtspSeen) -> Vec<&str> {
    let mut asked = BTreeSet::new();
    let mut given = Vec::new();
    for message in &spoken.messages {
        match &message.line {
            RtspLine::Asks { method, .. } if message.by_opener && method == RtspMethod::Setup.word() => {
                asked.extend(count(message));
            }
            RtspLine::Answers(200..=299) if !message.by_opener => {
                let is_granted = count(message).is_some_and(|count| asked.contains(&count));
                // Of earlier messages only some are kept; these name sessions.
                given.extend(session(message).filter(|_| is_granted || message.earlier));
            }
            _ => {}
        }
    }
    given
}

/// The number of a message (RFC 2326, section 12.17).
fn count(message: &RtspMessage) -> Option<u32> {
    message.headers.get("cseq")?.parse().ok()
}

/// The session that a message names, without how long it lasts.
fn session(message: &RtspMessage) -> Option<&str> {
    message.headers.get("session")?.split(';').next().map(str::trim)
}

/// A question that waits for its answer.
struct Question<'a> {
    count: Option<u32>,
    method: &'a str,
    url: &'a str,
    session: Option<&'a str>,
}

/// How far a connection is; index 0 is the opener, 1 the camera.
#[derive(Default)]
struct Course<'a> {
    last: [Option<u32>; 2],
    waiting: [VecDeque<Question<'a>>; 2],
    /// URLs of streams that whoever sets them up sends.
    sendonly: Vec<String>,
}

/// Everything that is wrong about what was said, in order; of what was said before a judgement nothing.
pub(super) fn judge(spoken: &RtspSeen, between: &Between<'_>) -> Vec<Wrong> {
    let mut course = Course::default();
    let mut wrong = Vec::new();
    for message in &spoken.messages {
        let mut texts: Vec<(String, String)> = Vec::new();
        match &message.line {
            RtspLine::Asks { method, url } => course.ask(message, (method, url), between, &mut texts),
            RtspLine::Answers(status) => course.answer(message, *status, between, &mut texts),
        }
        if message.version != "1.0" {
            let [who, whom] = between.ends(message);
            let version = &message.version;
            texts.push((format!("{who} speaks RTSP {version} to {whom}"), format!("RTSP/{version}")));
        }
        let fresh = texts.into_iter().filter(|_| !message.earlier);
        wrong.extend(fresh.map(|(text, cited)| Wrong { text, packet: message.packet, cited }));
    }
    wrong
}

impl<'a> Course<'a> {
    fn ask(
        &mut self,
        message: &'a RtspMessage,
        (method, url): (&'a str, &'a str),
        between: &Between<'_>,
        wrong: &mut Vec<(String, String)>,
    ) {
        let [who, whom] = between.ends(message);
        let side = usize::from(!message.by_opener);
        let asks = format!("{who} asks {whom} to {method}");
        let known = between.methods.iter().find(|one| one.word() == method);
        let allowed =
            known.is_some_and(|one| if message.by_opener { one.is_clients() } else { one.is_servers() });
        if !allowed {
            wrong.push((asks.clone(), format!("{method} {url}")));
        }
        let counted = count(message);
        match (counted, self.last[side]) {
            (None, _) => wrong.push((format!("{asks} without a CSeq"), "no CSeq".to_owned())),
            (Some(now), Some(last)) if now <= last => {
                let text = format!("{asks} with a CSeq that is not above the one before");
                wrong.push((text, format!("CSeq {now} after {last}")));
            }
            _ => {}
        }
        self.last[side] = counted.max(self.last[side]);
        ask_session(message, method, &asks, between, wrong);
        ask_headers(message, &asks, between, wrong);
        if let Some(named) = host(url).filter(|named| !between.is_camera(named)) {
            let text = format!("{asks} what is at {named}, which is not {}", between.names[1]);
            wrong.push((text, url.to_owned()));
        }
        if method == RtspMethod::Setup.word() && self.sendonly.iter().any(|one| one == url) {
            wrong.push((format!("{asks} what it would send itself (a=sendonly)"), url.to_owned()));
        }
        let session = session(message);
        self.waiting[side].push_back(Question { count: counted, method, url, session });
    }

    fn answer(
        &mut self,
        message: &'a RtspMessage,
        status: u16,
        between: &Between<'_>,
        wrong: &mut Vec<(String, String)>,
    ) {
        let [who, whom] = between.ends(message);
        let answers = format!("{who} answers {whom}");
        ask_headers(message, &answers, between, wrong);
        let counted = count(message);
        let waiting = &mut self.waiting[usize::from(message.by_opener)];
        let cited = counted.map_or_else(|| "no CSeq".to_owned(), |count| format!("CSeq {count}"));
        // A question without a number cannot be answered with one, and has been found out already.
        let found = waiting.iter().position(|one| one.count == counted);
        let Some(at) = found else {
            wrong.push((format!("{answers} what was not asked"), format!("{cited}, status {status}")));
            return;
        };
        if at > 0 {
            wrong.push((format!("{answers} out of turn"), cited));
            waiting.drain(..at);
        }
        // What is under way goes on being asked (RFC 2326, section 11).
        let asked = if status < 200 { None } else { waiting.pop_front() };
        let Some(asked) = asked else { return };
        let named = session(message);
        if named.is_some_and(|named| asked.session.is_some_and(|asked| asked != named)) {
            wrong.push((
                format!("{answers} in another session than it was asked in"),
                asked.method.to_owned(),
            ));
        }
        if asked.method == RtspMethod::Describe.word() {
            self.sendonly.extend(sendonly(message, asked.url));
        }
    }
}

/// A session is named where it is needed, and is one that was given.
fn ask_session(
    message: &RtspMessage,
    method: &str,
    asks: &str,
    between: &Between<'_>,
    wrong: &mut Vec<(String, String)>,
) {
    let needs = RtspMethod::ALL.iter().any(|one| one.word() == method && one.needs_session());
    match session(message) {
        Some(named) if !between.sessions.contains(named) => {
            wrong.push((format!("{asks} in a session that nobody was given"), format!("session {named}")));
        }
        None if needs => wrong.push((format!("{asks} without a session"), "no Session".to_owned())),
        _ => {}
    }
}

/// What headers and descriptions name is the camera itself, media goes to whoever asks, and nobody sends any to the camera.
fn ask_headers(message: &RtspMessage, says: &str, between: &Between<'_>, wrong: &mut Vec<(String, String)>) {
    let header = |name: &str| message.headers.get(name).map(String::as_str);
    let transport = header("transport").unwrap_or_default();
    let nobody = |_: &str| false;
    for to in
        parameters(transport, "destination").into_iter().filter(|to| !is_one(to, &between.takers, nobody))
    {
        let text = format!("{says} with destination={to}, which is not {}", between.opener);
        wrong.push((text, transport.to_owned()));
    }
    for from in parameters(transport, "source").into_iter().filter(|from| !between.is_camera(from)) {
        wrong.push((
            format!("{says} with source={from}, which is not {}", between.names[1]),
            transport.to_owned(),
        ));
    }
    if parameters(transport, "mode").iter().any(|mode| mode.to_ascii_lowercase().contains("record")) {
        wrong.push((format!("{says} with mode=record"), transport.to_owned()));
    }
    for required in ["require", "proxy-require"].into_iter().filter_map(header) {
        if required.to_ascii_lowercase().contains(BACK_CHANNEL) {
            wrong.push((format!("{says} with a back channel"), format!("Require: {required}")));
        }
    }
    let whole = ["content-base", "content-location", "location"];
    let named = whole.into_iter().filter_map(|name| Some((name, header(name)?)));
    let info =
        parameters(header("rtp-info").unwrap_or_default(), "url").into_iter().map(|url| ("rtp-info", url));
    let controls = message.described.iter().filter_map(|part| Some(("a=control", part.control.as_deref()?)));
    for (place, url) in named.chain(info).chain(controls) {
        if let Some(other) = host(url).filter(|named| !between.is_camera(named)) {
            let text = format!("{says} with {place} at {other}, which is not {}", between.names[1]);
            wrong.push((text, url.to_owned()));
        }
    }
}

/// URLs of the streams that whoever sets them up sends, as a SETUP names them (RFC 2326, section C.1.1).
fn sendonly(message: &RtspMessage, asked: &str) -> Vec<String> {
    let header = |name: &str| message.headers.get(name).map(String::as_str);
    let base = header("content-base").or(header("content-location")).unwrap_or(asked);
    let sent =
        message.described.iter().filter(|part| part.sendonly).filter_map(|part| part.control.as_deref());
    let at = |control: &str| match control {
        "*" => base.to_owned(),
        url if url.contains("://") => url.to_owned(),
        relative => format!("{}/{relative}", base.trim_end_matches('/')),
    };
    sent.map(at).collect()
}

#[cfg(test)]
mod tests;
