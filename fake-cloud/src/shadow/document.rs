//! One shadow: what is wanted of a thing and what it reports, and how they change (AWS IoT developer guide, "Device Shadow
//! service documents"). Pure; times are seconds since 1970.

use serde_json::{Map, Value, json};

/// Largest document, bytes (IoT Core quotas, "Maximum size of a JSON state document").
pub(super) const LARGEST: usize = 8192;
/// Deepest levels of a state (IoT Core quotas, "Maximum depth of JSON device state documents").
const DEEPEST: usize = 8;
/// Longest client token, bytes.
const LONGEST_TOKEN: usize = 64;
/// What a state has.
const SECTIONS: [&str; 2] = ["desired", "reported"];

/// One shadow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    /// `desired` and `reported`, where they are there.
    state: Map<String, Value>,
    /// For each of them the time of each leaf.
    metadata: Map<String, Value>,
    pub(super) version: u64,
    timestamp: i64,
}

/// Why something is not done: an HTTP status and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What a client wants a shadow to become.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Update {
    state: Map<String, Value>,
    version: Option<u64>,
}

impl Update {
    /// Reads what `object` made of a payload.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let bad = |message: &str| Refusal::new(400, message);
        let state = match body.get("state") {
            Some(Value::Object(state)) => state.clone(),
            Some(_) => return Err(bad("State node must be an object")),
            None => return Err(bad("Missing required node: state")),
        };
        for (name, section) in &state {
            if !SECTIONS.contains(&name.as_str()) {
                return Err(bad(&format!("State contains an invalid node: '{name}'")));
            }
            if !section.is_object() && !section.is_null() {
                return Err(bad(&format!("{name} must be an object or null")));
            }
            if depth(section) > DEEPEST {
                return Err(bad(&format!("JSON contains too many levels of nesting; maximum is {DEEPEST}")));
            }
        }
        let version = match body.get("version") {
            None | Some(Value::Null) => None,
            Some(version) => Some(version.as_u64().ok_or_else(|| bad("Invalid version"))?),
        };
        Ok(Self { state, version })
    }
}

/// Levels of a value; a leaf has none.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The object in a payload of at most 8 KiB.
pub(super) fn object(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if payload.len() > LARGEST {
        return Err(Refusal::new(413, "The payload exceeds the maximum size allowed"));
    }
    match serde_json::from_slice(payload) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Refusal::new(400, "Payload contains invalid json")),
    }
}

/// The client's token, if there is one.
pub(super) fn token(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match body.get("clientToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.len() <= LONGEST_TOKEN => Ok(Some(token.clone())),
        Some(_) => Err(Refusal::new(400, "Invalid clientToken")),
    }
}

impl Document {
    /// A shadow that begins after so many versions: deleting one keeps its count.
    pub(super) fn after(version: u64) -> Self {
        Self { version, ..Self::default() }
    }

    /// Merges an update into it; gives what is answered.
    pub(super) fn update(&mut self, update: &Update, now: i64) -> Result<Value, Refusal> {
        if update.version.is_some_and(|version| version != self.version) {
            return Err(Refusal::new(409, "Version conflict"));
        }
        let mut next = self.clone();
        let mut times = Map::new();
        for (name, section) in &update.state {
            match section.as_object() {
                None => {
                    next.state.remove(name);
                    next.metadata.remove(name);
                }
                Some(patch) => {
                    merge(child(&mut next.state, name), patch);
                    merge_times(child(&mut next.metadata, name), patch, now);
                    times.insert(name.clone(), times_of(section, now));
                }
            }
        }
        (next.version, next.timestamp) = (self.version + 1, now);
        if Value::Object(next.state.clone()).to_string().len() > LARGEST {
            return Err(Refusal::new(413, "The state document exceeds the maximum size allowed"));
        }
        *self = next;
        Ok(json!({ "state": update.state, "metadata": times, "version": self.version, "timestamp": now }))
    }

    /// What is wanted and not reported, with the times when it was wanted; none if all is as wanted.
    pub(super) fn delta(&self) -> Option<(Value, Value)> {
        let empty = json!({});
        let (desired, reported) = (self.state.get("desired")?, self.state.get("reported").unwrap_or(&empty));
        let state = difference(desired, reported)?;
        let times = self.metadata.get("desired").map_or(Value::Null, |times| alike(times, &state));
        Some((state, times))
    }

    /// `update/delta`.
    pub(super) fn delta_told(&self) -> Option<Value> {
        let (state, metadata) = self.delta()?;
        let (version, timestamp) = (self.version, self.timestamp);
        Some(json!({ "version": version, "timestamp": timestamp, "state": state, "metadata": metadata }))
    }

    /// All of it, as a get is answered.
    pub(super) fn whole(&self, now: i64) -> Value {
        let mut state = self.state.clone();
        state.extend(self.delta().map(|(delta, _)| ("delta".to_owned(), delta)));
        json!({ "state": state, "metadata": self.metadata, "version": self.version, "timestamp": now })
    }

    /// As `update/documents` shows it.
    pub(super) fn shown(&self) -> Value {
        json!({ "state": self.state, "metadata": self.metadata, "version": self.version })
    }
}

fn child<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let entry = map.entry(name).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    entry.as_object_mut().expect("it has just been made one")
}

/// Null takes away, objects are merged, everything else (lists too) takes the place of what was there.
fn merge(into: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                into.remove(name);
            }
            Value::Object(inner) => merge(child(into, name), inner),
            value => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

fn merge_times(into: &mut Map<String, Value>, patch: &Map<String, Value>, now: i64) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                into.remove(name);
            }
            Value::Object(inner) => {
                let below = child(into, name);
                // What was a leaf has only a time.
                if below.get("timestamp").is_some_and(Value::is_i64) {
                    below.clear();
                }
                merge_times(below, inner, now);
            }
            value => {
                into.insert(name.clone(), times_of(value, now));
            }
        }
    }
}

fn times_of(value: &Value, now: i64) -> Value {
    match value {
        Value::Object(map) => {
            let there = map.iter().filter(|(_, value)| !value.is_null());
            there.map(|(name, value)| (name.clone(), times_of(value, now))).collect()
        }
        Value::Array(list) => list.iter().map(|value| times_of(value, now)).collect(),
        _ => json!({ "timestamp": now }),
    }
}

fn difference(desired: &Value, reported: &Value) -> Option<Value> {
    match (desired, reported) {
        (Value::Object(desired), Value::Object(reported)) => {
            let differs = |(name, value): (&String, &Value)| {
                let below = match reported.get(name) {
                    Some(reported) => difference(value, reported)?,
                    None => value.clone(),
                };
                Some((name.clone(), below))
            };
            let map: Map<String, Value> = desired.iter().filter_map(differs).collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        (desired, reported) => (desired != reported).then(|| desired.clone()),
    }
}

/// Of the times those whose values are in `state`.
fn alike(times: &Value, state: &Value) -> Value {
    match (times, state) {
        (Value::Object(times), Value::Object(state)) => {
            let both = state.iter().filter_map(|(name, below)| Some((name, times.get(name)?, below)));
            both.map(|(name, times, below)| (name.clone(), alike(times, below))).collect()
        }
        (times, _) => times.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(document: &mut Document, body: Value, now: i64) -> Result<Value, Refusal> {
        document.update(&Update::read(body.as_object().unwrap())?, now)
    }

    #[test]
    fn an_update_merges_takes_away_and_keeps_the_time_of_each_leaf() {
        let mut document = Document::default();
        let first = json!({ "state": { "desired": { "a": 1, "b": { "c": [1, 2], "d": "x" } } } });
        let said = update(&mut document, first, 10).unwrap();
        assert_eq!(
            (&said["version"], &said["metadata"]["desired"]["a"]),
            (&json!(1), &json!({ "timestamp": 10 }))
        );
        assert_eq!(said["metadata"]["desired"]["b"]["c"], json!([{ "timestamp": 10 }, { "timestamp": 10 }]));
        let second = json!({ "state": { "desired": { "a": null, "b": { "c": [3] } }, "reported": { "b": { "d": "x" } } } });
        let said = update(&mut document, second, 20).unwrap();
        assert_eq!(said["metadata"]["desired"], json!({ "b": { "c": [{ "timestamp": 20 }] } }));
        let whole = document.whole(30);
        assert_eq!(whole["state"]["desired"], json!({ "b": { "c": [3], "d": "x" } }));
        assert_eq!(whole["metadata"]["desired"]["b"]["d"], json!({ "timestamp": 10 }));
        assert_eq!(whole["state"]["delta"], json!({ "b": { "c": [3] } }));
        let delta = document.delta_told().unwrap();
        assert_eq!(
            (&delta["version"], &delta["metadata"]),
            (&json!(2), &json!({ "b": { "c": [{ "timestamp": 20 }] } }))
        );
        update(&mut document, json!({ "state": { "desired": null } }), 40).unwrap();
        assert_eq!(document.delta_told(), None);
    }

    #[test]
    fn there_is_a_delta_only_where_what_is_wanted_differs() {
        let mut document = Document::default();
        update(
            &mut document,
            json!({ "state": { "desired": { "a": 1 }, "reported": { "a": 1, "z": 2 } } }),
            1,
        )
        .unwrap();
        assert_eq!(document.delta(), None);
        assert!(document.whole(1)["state"].get("delta").is_none());
    }

    #[test]
    fn another_version_conflicts_and_changes_nothing() {
        let mut document = Document::after(4);
        let body = |version: u64| json!({ "state": { "reported": { "a": 1 } }, "version": version });
        assert_eq!(update(&mut document, body(5), 1).unwrap_err().code, 409);
        assert_eq!(document, Document::after(4));
        assert_eq!(update(&mut document, body(4), 1).unwrap()["version"], 5);
    }

    #[test]
    fn what_is_no_update_is_refused() {
        for bad in [
            json!({}),
            json!({ "state": 1 }),
            json!({ "state": { "wished": {} } }),
            json!({ "state": { "desired": 1 } }),
            json!({ "state": {}, "version": "1" }),
            json!({ "state": { "desired": { "1": { "2": { "3": { "4": { "5": { "6": { "7": { "8": { "9": 1 } } } } } } } } } } }),
        ] {
            assert_eq!(Update::read(bad.as_object().unwrap()).unwrap_err().code, 400, "{bad}");
        }
        assert_eq!(object(b"[]").unwrap_err().code, 400);
        assert_eq!(object(&vec![b' '; LARGEST + 1]).unwrap_err().code, 413);
        let mut document = Document::default();
        let half = |name: &str| json!({ "state": { "desired": { name: "x".repeat(5000) } } });
        update(&mut document, half("a"), 1).unwrap();
        assert_eq!(update(&mut document, half("b"), 1).unwrap_err().code, 413);
        assert_eq!(document.version, 1);
    }
}
