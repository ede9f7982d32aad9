//! IoT policies: what the holder of a certificate may do (AWS IoT developer guide, "AWS IoT Core policies"). Pure.
//!
//! A document has statements; each allows or denies actions on resources. What nothing allows is refused, and a denial
//! outweighs what allows. `*` stands for any characters and `?` for one; `+` and `#` of topic filters are plain letters.

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

/// Largest policy document, bytes (IoT Core quotas, "policy document size").
pub(crate) const LONGEST: usize = 2048;

/// What a thing may do unless it is given something else: use its own topics, under its own name.
///
/// Further connections of its own are called `NAME:…`; a thing's name has no colon, so these are never another's.
const OWN_TOPICS: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"iot:Connect","Resource":[
        "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}",
        "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}:*"]},
    {"Effect":"Allow","Action":["iot:Publish","iot:Receive","iot:RetainPublish"],"Resource":[
        "arn:aws:iot:*:*:topic/panorama/${iot:Connection.Thing.ThingName}/*",
        "arn:aws:iot:*:*:topic/$aws/things/${iot:Connection.Thing.ThingName}/*"]},
    {"Effect":"Allow","Action":"iot:Subscribe","Resource":[
        "arn:aws:iot:*:*:topicfilter/panorama/${iot:Connection.Thing.ThingName}/*",
        "arn:aws:iot:*:*:topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/*"]},
    {"Effect":"Allow","Action":["iot:*ThingShadow","iot:ListNamedShadowsForThing"],
        "Resource":"arn:aws:iot:*:*:thing/${iot:Connection.Thing.ThingName}"},
    {"Effect":"Allow","Action":"iot:AssumeRoleWithCertificate","Resource":"*"}
]}"#;

/// One policy document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Policy {
    version: Version,
    #[serde(deserialize_with = "one_or_many")]
    statement: Vec<Statement>,
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Version {
    #[serde(rename = "2012-10-17")]
    Of2012,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Statement {
    #[serde(default)]
    sid: Option<String>,
    effect: Effect,
    #[serde(deserialize_with = "one_or_many")]
    action: Vec<Text>,
    #[serde(deserialize_with = "one_or_many")]
    resource: Vec<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

/// A text where a list of texts may stand as well.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
struct Text(String);

/// What the variables of a policy stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    /// `iot:ClientId`; none over HTTPS.
    pub(crate) client_id: Option<&'a str>,
    /// `iot:Connection.Thing.ThingName`: the thing that the certificate belongs to.
    pub(crate) thing: Option<&'a str>,
}

impl Policy {
    /// Reads a document of at most 2048 characters without white space.
    pub fn read(document: &str) -> Result<Self, String> {
        if document.chars().filter(|one| !one.is_whitespace()).count() > LONGEST {
            return Err(format!("the policy document is longer than {LONGEST} characters"));
        }
        serde_json::from_str(document).map_err(|error| error.to_string())
    }

    /// What things may do by default.
    pub(crate) fn own_topics() -> Self {
        Self::read(OWN_TOPICS).expect("a test reads our own document")
    }
}

/// Whether these policies together allow an action, such as `iot:Publish`, on a resource, such as an ARN of a topic.
pub(crate) fn allows<'a>(
    policies: impl IntoIterator<Item = &'a Policy>,
    action: &str,
    resource: &str,
    asking: Asking<'_>,
) -> bool {
    let mut allowed = false;
    for statement in policies.into_iter().flat_map(|policy| &policy.statement) {
        let acts = statement.action.iter().any(|pattern| covers(&pattern.0, action, asking));
        if acts && statement.resource.iter().any(|pattern| covers(&pattern.0, resource, asking)) {
            match statement.effect {
                Effect::Deny => return false,
                Effect::Allow => allowed = true,
            }
        }
    }
    allowed
}

/// One piece of a pattern.
enum Piece {
    Any,
    One,
    Letter(char),
}

/// The value of a variable counts letter by letter: a star in a client id is a star.
fn covers(pattern: &str, text: &str, asking: Asking<'_>) -> bool {
    let Some(pieces) = pieces(pattern, asking) else { return false };
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut of) = (0, 0);
    // Where the last star was, and what it has taken in so far: the usual way back.
    let mut star: Option<(usize, usize)> = None;
    while of < text.len() {
        match pieces.get(at) {
            Some(Piece::Any) => {
                star = Some((at, of));
                at += 1;
            }
            Some(Piece::One) => (at, of) = (at + 1, of + 1),
            Some(Piece::Letter(letter)) if *letter == text[of] => (at, of) = (at + 1, of + 1),
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, of) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pieces[at..].iter().all(|piece| matches!(piece, Piece::Any))
}

/// None where a variable has no value: such a pattern covers nothing.
fn pieces(pattern: &str, asking: Asking<'_>) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
            let value = match name {
                "iot:ClientId" => asking.client_id?,
                "iot:Connection.Thing.ThingName" => asking.thing?,
                _ => return None,
            };
            pieces.extend(value.chars().map(Piece::Letter));
            rest = after;
            continue;
        }
        pieces.push(match letter {
            '*' => Piece::Any,
            '?' => Piece::One,
            letter => Piece::Letter(letter),
        });
        rest = &rest[letter.len_utf8()..];
    }
    Some(pieces)
}

fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("one, or a list")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(de::value::StrDeserializer::new(text)).map(|one| vec![one])
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = list.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    from.deserialize_any(OneOrMany(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: Asking<'_> = Asking { client_id: Some("app"), thing: Some("app") };

    fn may(policy: &Policy, action: &str, resource: &str) -> bool {
        allows([policy], action, &format!("arn:aws:iot:eu-west-1:123456789012:{resource}"), APP)
    }

    #[test]
    fn a_thing_may_use_its_own_topics_only() {
        let own = Policy::own_topics();
        assert!(may(&own, "iot:Connect", "client/app"));
        assert!(may(&own, "iot:Connect", "client/app:second"));
        assert!(may(&own, "iot:Publish", "topic/$aws/things/app/jobs/get"));
        assert!(may(&own, "iot:Subscribe", "topicfilter/$aws/things/app/jobs/+/get/accepted"));
        assert!(may(&own, "iot:Receive", "topic/panorama/app/status"));
        assert!(may(&own, "iot:UpdateThingShadow", "thing/app"));
        for (action, resource) in [
            ("iot:Connect", "client/app-2"),
            ("iot:Connect", "client/other"),
            ("iot:Publish", "topic/$aws/things/other/jobs/get"),
            ("iot:Publish", "topic/panorama/other/status"),
            ("iot:Subscribe", "topicfilter/panorama/+/status"),
            ("iot:Subscribe", "topicfilter/#"),
            ("iot:Receive", "topic/$aws/events/presence/connected/app"),
            ("iot:UpdateThingShadow", "thing/other"),
            ("iot:DeleteThing", "thing/app"),
        ] {
            assert!(!may(&own, action, resource), "{action} {resource}");
        }
    }

    #[test]
    fn a_denial_outweighs_and_nothing_is_allowed_unsaid() {
        let read = |text: &str| Policy::read(text).unwrap();
        let all =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}"#;
        let all = read(all);
        assert!(may(&all, "iot:Publish", "topic/a"));
        let but = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["iot:Publish"],
            "Resource":"arn:aws:iot:*:*:topic/a?/${iot:ClientId}"}]}"#;
        let but = read(but);
        let both = |resource: &str| {
            allows(
                [&all, &but],
                "iot:Publish",
                &format!("arn:aws:iot:eu-west-1:123456789012:{resource}"),
                APP,
            )
        };
        assert!(!both("topic/a1/app"));
        assert!(both("topic/a1/other") && both("topic/a/app"));
        assert!(!may(&but, "iot:Publish", "topic/b"));
        assert!(!allows([], "iot:Publish", "x", APP));
    }

    #[test]
    fn a_star_in_a_client_id_is_a_letter_and_a_variable_without_value_covers_nothing() {
        let own = Policy::own_topics();
        let asked = |thing| Asking { client_id: Some("*"), thing };
        let other = "arn:aws:iot:r:a:topic/panorama/other/status";
        assert!(!allows([&own], "iot:Publish", other, asked(Some("*"))));
        assert!(!allows([&own], "iot:Connect", "arn:aws:iot:r:a:client/", asked(None)));
    }

    #[test]
    fn a_document_that_is_none_is_refused() {
        let long = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{}","Resource":"*"}}]}}"#,
            "a".repeat(LONGEST)
        );
        for bad in [
            "",
            "{}",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}]}"#,
            r#"{"Version":"1999-01-01","Statement":[]}"#,
            &long,
        ] {
            assert!(Policy::read(bad).is_err(), "{bad}");
        }
    }
}
