//! Shadows of things: asked for and changed by message or over HTTPS, and everybody who has subscribed hears of a change
//! (AWS IoT developer guide, "Device Shadow service").

mod document;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Map, Value, json};

use self::document::{Document, Refusal, Update};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::mqtt::Message;

/// Shadows that are kept (ours; the service has no such limit).
const KEPT: usize = 10_000;
/// Names in one list, unless fewer are asked for.
const PAGE: usize = 25;

/// Which shadow: of which thing, and under which name if it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Which {
    thing: String,
    name: Option<String>,
}

/// What is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Get,
    Update,
    Delete,
}

/// All shadows of the account.
#[derive(Default)]
pub(crate) struct Shadows(Mutex<BTreeMap<Which, Kept>>);

/// A shadow, or what is left of it.
struct Kept {
    document: Option<Document>,
    /// The version that it had last.
    version: u64,
}

/// An answer, and what else is told.
struct Done {
    answer: Result<Value, Refusal>,
    /// What follows the shadow's topic, and what is told there.
    told: Vec<(&'static str, Value)>,
}

impl Which {
    /// What follows `$aws/things/`, taken apart: which shadow, and what is asked of it.
    fn of_topic(rest: &str) -> Option<(Self, Verb)> {
        let (thing, name, verb) = match rest.split('/').collect::<Vec<_>>()[..] {
            [thing, "shadow", verb] => (thing, None, verb),
            [thing, "shadow", "name", name, verb] => (thing, Some(name.to_owned()), verb),
            _ => return None,
        };
        let verb = match verb {
            "get" => Verb::Get,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            _ => return None,
        };
        Some((Self { thing: thing.into(), name }, verb))
    }

    fn topic(&self) -> String {
        match &self.name {
            None => format!("$aws/things/{}/shadow", self.thing),
            Some(name) => format!("$aws/things/{}/shadow/name/{name}", self.thing),
        }
    }

    /// 1 to 64 letters, digits, `:`, `_` and `-` (API reference, ShadowName).
    fn is_good(&self) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_-".contains(&byte);
        let good = |name: &str, most: usize| (1..=most).contains(&name.len()) && name.bytes().all(allowed);
        good(&self.thing, 128) && self.name.as_deref().is_none_or(|name| good(name, 64))
    }

    fn absent(&self) -> Refusal {
        let name = match &self.name {
            None => self.thing.clone(),
            Some(name) => format!("{}~{name}", self.thing),
        };
        Refusal::new(404, format!("No shadow exists with name: '{name}'"))
    }
}

impl Shadows {
    /// What a message leads to: an answer to everybody who listens for it, and news of a change; none if it asks nothing of
    /// shadows.
    pub(crate) fn take(&self, message: &Message, now: i64) -> Option<Vec<Message>> {
        let (which, verb) = Which::of_topic(message.topic.strip_prefix("$aws/things/")?)?;
        let mut token = None;
        let done = match self.read(verb, &message.payload, &mut token) {
            Ok(update) => self.act(&which, verb, update.as_ref(), now),
            Err(refusal) => Done { answer: Err(refusal), told: Vec::new() },
        };
        let answer = match done.answer {
            Ok(answer) => ("accepted", answer),
            Err(refusal) => {
                let Refusal { code, message } = refusal;
                ("rejected", json!({ "code": code, "message": message, "timestamp": now }))
            }
        };
        let topic = which.topic();
        let verb = match verb {
            Verb::Get => "get",
            Verb::Update => "update",
            Verb::Delete => "delete",
        };
        let answer = told(format!("{topic}/{verb}/{}", answer.0), answer.1, token.as_deref());
        let news = done.told.into_iter();
        let news = news.map(|(word, said)| told(format!("{topic}/update/{word}"), said, token.as_deref()));
        Some(std::iter::once(answer).chain(news).collect())
    }

    fn read(
        &self,
        verb: Verb,
        payload: &[u8],
        token: &mut Option<String>,
    ) -> Result<Option<Update>, Refusal> {
        // Only an update has to say anything.
        let body = match verb {
            Verb::Get | Verb::Delete if payload.is_empty() => Map::new(),
            _ => document::object(payload)?,
        };
        *token = document::token(&body)?;
        if verb == Verb::Update { Update::read(&body).map(Some) } else { Ok(None) }
    }

    fn act(&self, which: &Which, verb: Verb, update: Option<&Update>, now: i64) -> Done {
        let mut all = self.lock();
        let (answer, told) = match (verb, update) {
            _ if !which.is_good() => (Err(Refusal::new(400, "Invalid shadow name")), Vec::new()),
            (Verb::Update, Some(update)) => match change(&mut all, which, update, now) {
                Ok((answer, told)) => (Ok(answer), told),
                Err(refusal) => (Err(refusal), Vec::new()),
            },
            (Verb::Delete, _) => (delete(&mut all, which, now), Vec::new()),
            (Verb::Get | Verb::Update, _) => {
                let found = all.get(which).and_then(|kept| kept.document.as_ref());
                (found.map(|document| document.whole(now)).ok_or_else(|| which.absent()), Vec::new())
            }
        };
        Done { answer, told }
    }

    fn names(&self, thing: &str) -> Vec<String> {
        let all = self.lock();
        let there = all.iter().filter(|(which, kept)| which.thing == thing && kept.document.is_some());
        there.filter_map(|(which, _)| which.name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Which, Kept>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

type Told = Vec<(&'static str, Value)>;

fn change(
    all: &mut BTreeMap<Which, Kept>,
    which: &Which,
    update: &Update,
    now: i64,
) -> Result<(Value, Told), Refusal> {
    if all.len() >= KEPT && !all.contains_key(which) {
        return Err(Refusal::new(429, "Too many shadows"));
    }
    let old = all.get(which);
    let previous = old.and_then(|kept| kept.document.clone());
    let before = previous.as_ref().map(Document::shown);
    let begun = || Document::after(old.map_or(0, |kept| kept.version));
    let mut document = previous.unwrap_or_else(begun);
    let answer = document.update(update, now)?;
    let mut documents = json!({ "current": document.shown(), "timestamp": now });
    if let Some(before) = before {
        documents["previous"] = before;
    }
    let mut told = vec![("documents", documents)];
    told.extend(document.delta_told().map(|delta| ("delta", delta)));
    let version = document.version;
    all.insert(which.clone(), Kept { document: Some(document), version });
    Ok((answer, told))
}

fn delete(all: &mut BTreeMap<Which, Kept>, which: &Which, now: i64) -> Result<Value, Refusal> {
    let kept = all.get_mut(which).ok_or_else(|| which.absent())?;
    let gone = kept.document.take().ok_or_else(|| which.absent())?;
    Ok(json!({ "version": gone.version, "timestamp": now }))
}

fn told(topic: String, mut said: Value, token: Option<&str>) -> Message {
    if let Some(token) = token {
        said["clientToken"] = token.into();
    }
    Message::own(topic, Bytes::from(said.to_string()))
}

/// Answers a call of the data plane about a shadow: `/things/THING/shadow?name=NAME`.
pub(crate) fn answer(thing: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let verb = match call.parts.method {
        Method::GET => Verb::Get,
        Method::POST => Verb::Update,
        Method::DELETE => Verb::Delete,
        _ => return Err(Failure::unknown_action(call.wire, call.parts.uri.path())),
    };
    let which = Which { thing: thing.into(), name: call.field("name") };
    let mut token = None;
    let now = cloud.clock.milliseconds() / 1000;
    let body: &[u8] = if verb == Verb::Update { &call.body } else { &[] };
    let update = cloud.shadows.read(verb, body, &mut token).map_err(failure)?;
    let done = cloud.shadows.act(&which, verb, update.as_ref(), now);
    let mut answer = done.answer.map_err(failure)?;
    if let Some(token) = &token {
        answer["clientToken"] = token.as_str().into();
    }
    let topic = which.topic();
    // Those who listen hear of it as if it had been asked by message.
    if verb == Verb::Update {
        let accepted = told(format!("{topic}/update/accepted"), answer.clone(), None);
        let news = done.told.into_iter();
        let news = news.map(|(word, said)| told(format!("{topic}/update/{word}"), said, token.as_deref()));
        cloud.publish_own(std::iter::once(accepted).chain(news).collect());
    }
    Ok(answer)
}

/// Names of a thing's shadows.
pub(crate) fn list(thing: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let bad = |message: &str| Failure::new(400, "InvalidRequestException", message);
    let most = call.field("pageSize").map_or(Ok(PAGE), |text| text.parse());
    let most =
        most.ok().filter(|most| (1..=100).contains(most)).ok_or_else(|| bad("pageSize is 1 to 100"))?;
    let after = call.field("nextToken").unwrap_or_default();
    let mut names = cloud.shadows.names(thing);
    names.retain(|name| *name > after);
    let more = names.len() > most;
    names.truncate(most);
    let next = names.last().filter(|_| more).cloned();
    Ok(json!({ "results": names, "nextToken": next, "timestamp": cloud.clock.milliseconds() / 1000 }))
}

fn failure(refusal: Refusal) -> Failure {
    let code = match refusal.code {
        404 => "ResourceNotFoundException",
        409 => "ConflictException",
        413 => "RequestEntityTooLargeException",
        429 => "ThrottlingException",
        _ => "InvalidRequestException",
    };
    Failure::new(refusal.code, code, refusal.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(shadows: &Shadows, topic: &str, payload: &str) -> Vec<(String, Value)> {
        let message = Message::own(topic.into(), Bytes::copy_from_slice(payload.as_bytes()));
        let told = shadows.take(&message, 7).unwrap_or_default();
        told.into_iter()
            .map(|message| (message.topic, serde_json::from_slice(&message.payload).unwrap()))
            .collect()
    }

    #[test]
    fn an_update_is_answered_and_told_with_the_token() {
        let shadows = Shadows::default();
        let update = r#"{"state":{"desired":{"on":true}},"clientToken":"t"}"#;
        let told = take(&shadows, "$aws/things/app/shadow/name/n/update", update);
        let topics: Vec<&str> =
            told.iter().map(|(topic, _)| topic.rsplit_once("/update/").unwrap().1).collect();
        assert_eq!(topics, ["accepted", "documents", "delta"]);
        assert!(told.iter().all(|(topic, said)| {
            topic.starts_with("$aws/things/app/shadow/name/n/update/") && said["clientToken"] == "t"
        }));
        assert!(told[1].1.get("previous").is_none());
        let told = take(&shadows, "$aws/things/app/shadow/get", "");
        let absent = json!({ "code": 404, "message": "No shadow exists with name: 'app'", "timestamp": 7 });
        assert_eq!(told, [("$aws/things/app/shadow/get/rejected".to_owned(), absent)]);
    }

    #[test]
    fn deleting_keeps_the_version() {
        let shadows = Shadows::default();
        let update = r#"{"state":{"reported":{"on":true}}}"#;
        take(&shadows, "$aws/things/app/shadow/update", update);
        let told = take(&shadows, "$aws/things/app/shadow/delete", "{}");
        assert_eq!(told[0].1, json!({ "version": 1, "timestamp": 7 }));
        assert_eq!(take(&shadows, "$aws/things/app/shadow/delete", "")[0].1["code"], 404);
        assert_eq!(take(&shadows, "$aws/things/app/shadow/update", update)[0].1["version"], 2);
    }

    #[test]
    fn other_topics_are_none_of_shadows() {
        for topic in
            ["$aws/things/app/jobs/get", "$aws/things/app/shadow/get/accepted", "panorama/app/status"]
        {
            assert!(take(&Shadows::default(), topic, "{}").is_empty(), "{topic}");
        }
    }
}
