//! What a device asks of its jobs, by message or over HTTPS, and the words in which it is refused. Pure.
//!
//! Limits: API reference "AWS IoT Jobs data plane".

use serde_json::{Map, Value, json};

use super::execution::{Execution, Status};

/// Longest client token, bytes.
const LONGEST_TOKEN: usize = 64;
/// Longest step timer: seven days.
const LONGEST_STEP: i64 = 10_080;

/// What is asked.
#[derive(Debug, PartialEq)]
pub(crate) enum Ask {
    /// All that is pending.
    Pending,
    /// Begin the next one.
    Start { details: Option<Map<String, Value>>, step_minutes: Option<i64> },
    /// One execution; `None`: the next one.
    Describe { job: Option<String>, number: Option<u64>, document: bool },
    /// Another state.
    Update { job: String, change: Change, number: Option<u64>, state: bool, document: bool },
}

/// What a device says of an execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) status: Status,
    pub(crate) details: Option<Map<String, Value>>,
    pub(crate) expected_version: Option<u64>,
    /// −1 takes the timer away.
    pub(crate) step_minutes: Option<i64>,
}

impl Default for Change {
    fn default() -> Self {
        Self { status: Status::InProgress, details: None, expected_version: None, step_minutes: None }
    }
}

/// Which question a topic or path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question<'a> {
    Pending,
    Start,
    Describe(&'a str),
    Update(&'a str),
}

impl<'a> Question<'a> {
    /// By what follows `$aws/things/THING/jobs/`.
    pub(crate) fn of_topic(rest: &'a str) -> Option<Self> {
        match rest.split('/').collect::<Vec<_>>()[..] {
            ["get"] => Some(Self::Pending),
            ["start-next"] => Some(Self::Start),
            [job, "get"] => Some(Self::Describe(job)),
            [job, "update"] => Some(Self::Update(job)),
            _ => None,
        }
    }

    /// With its fields.
    pub(crate) fn with(self, body: &Map<String, Value>) -> Result<Ask, Refusal> {
        let fields = Fields(body);
        let number = fields.count("executionNumber")?;
        Ok(match self {
            Self::Pending => Ask::Pending,
            Self::Start => Ask::Start { details: fields.details()?, step_minutes: fields.step()? },
            Self::Describe(job) => {
                let job = if job == "$next" { None } else { Some(checked(job)?) };
                Ask::Describe { job, number, document: fields.flag("includeJobDocument")?.unwrap_or(true) }
            }
            Self::Update(job) => Ask::Update {
                job: checked(job)?,
                change: Change {
                    status: fields.status()?,
                    details: fields.details()?,
                    expected_version: fields.count("expectedVersion")?.filter(|version| *version > 0),
                    step_minutes: fields.step()?,
                },
                number,
                state: fields.flag("includeJobExecutionState")?.unwrap_or(false),
                document: fields.flag("includeJobDocument")?.unwrap_or(false),
            },
        })
    }
}

fn checked(job: &str) -> Result<String, Refusal> {
    if is_job_id(job) {
        Ok(job.into())
    } else {
        Err(Refusal::request("a job id has 1 to 64 letters, digits, - and _"))
    }
}

/// Whether a job may be called so.
pub(crate) fn is_job_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&id.len()) && id.bytes().all(allowed)
}

/// The object in a message.
pub(crate) fn object(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::json("the payload is no JSON object")),
        Err(_) => Err(Refusal::json("the payload is no JSON")),
    }
}

/// The client's token, if there is one.
pub(crate) fn token(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match body.get("clientToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.len() <= LONGEST_TOKEN => Ok(Some(token.clone())),
        Some(_) => Err(Refusal::request("clientToken is a text of at most 64 bytes")),
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn count(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let wrong = || Refusal::request(format!("{name} is a whole number"));
        self.get(name).map(|value| value.as_u64().ok_or_else(wrong)).transpose()
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let wrong = || Refusal::request(format!("{name} is true or false"));
        self.get(name).map(|value| value.as_bool().ok_or_else(wrong)).transpose()
    }

    fn step(&self) -> Result<Option<i64>, Refusal> {
        let wrong = || Refusal::request("stepTimeoutInMinutes is 1 to 10080, or -1");
        let allowed = |minutes: &i64| *minutes == -1 || (1..=LONGEST_STEP).contains(minutes);
        let read = |value: &Value| value.as_i64().filter(allowed).ok_or_else(wrong);
        self.get("stepTimeoutInMinutes").map(read).transpose()
    }

    fn status(&self) -> Result<Status, Refusal> {
        let word = self.get("status").and_then(Value::as_str).and_then(Status::named);
        word.filter(|status| status.is_a_devices())
            .ok_or_else(|| Refusal::request("status is IN_PROGRESS, SUCCEEDED, FAILED or REJECTED"))
    }

    /// Keys of 1 to 128 letters, digits, `:`, `_` and `-`; values of 1 to 1024 characters without control characters.
    fn details(&self) -> Result<Option<Map<String, Value>>, Refusal> {
        let Some(value) = self.get("statusDetails") else { return Ok(None) };
        let wrong = || Refusal::request("statusDetails maps keys to texts of 1 to 1024 printable characters");
        let details = value.as_object().ok_or_else(wrong)?;
        let key = |key: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_-".contains(&byte);
            (1..=128).contains(&key.len()) && key.bytes().all(allowed)
        };
        let text = |value: &Value| {
            let good =
                |text: &str| (1..=1024).contains(&text.chars().count()) && !text.contains(char::is_control);
            value.as_str().is_some_and(good)
        };
        match details.iter().all(|(name, value)| key(name) && text(value)) {
            true => Ok(Some(details.clone())),
            false => Err(wrong()),
        }
    }
}

/// Why a device is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    kind: Kind,
    message: String,
    state: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Request,
    Transition,
    NotFound,
    Version,
    Terminal,
}

impl Refusal {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), state: None }
    }

    /// The payload is unreadable.
    pub(crate) fn json(message: impl Into<String>) -> Self {
        Self::new(Kind::Json, message)
    }

    /// A field is wrong.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new(Kind::Request, message)
    }

    /// The state does not allow it.
    pub(crate) fn transition(message: impl Into<String>) -> Self {
        Self::new(Kind::Transition, message)
    }

    /// There is no such execution.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// The version is another.
    pub(crate) fn version_mismatch(message: impl Into<String>) -> Self {
        Self::new(Kind::Version, message)
    }

    /// The execution has ended and is described no more.
    pub(crate) fn terminal(message: impl Into<String>) -> Self {
        Self::new(Kind::Terminal, message)
    }

    /// With the state that it is about.
    pub(crate) fn of(self, execution: &Execution) -> Self {
        Self { state: Some(execution.state()), ..self }
    }

    /// The code over MQTT.
    pub(crate) fn code(&self) -> &'static str {
        match self.kind {
            Kind::Json => "InvalidJson",
            Kind::Request => "InvalidRequest",
            Kind::Transition => "InvalidStateTransition",
            Kind::NotFound => "ResourceNotFound",
            Kind::Version => "VersionMismatch",
            Kind::Terminal => "TerminalStateReached",
        }
    }

    /// What is published, less time and token.
    pub(crate) fn said(&self) -> Value {
        let mut said = json!({ "code": self.code(), "message": self.message });
        if let Some(state) = &self.state {
            said["executionState"] = state.clone();
        }
        said
    }

    /// Status, exception and message over HTTPS.
    pub(crate) fn over_https(&self) -> (u16, &'static str, &str) {
        let (status, code) = match self.kind {
            Kind::Json | Kind::Request | Kind::Version => (400, "InvalidRequestException"),
            Kind::Transition => (409, "InvalidStateTransitionException"),
            Kind::NotFound => (404, "ResourceNotFoundException"),
            Kind::Terminal => (410, "TerminalStateException"),
        };
        (status, code, &self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(topic: &str, body: &Value) -> Result<Ask, &'static str> {
        let body = object(body.to_string().as_bytes()).unwrap();
        Question::of_topic(topic).unwrap().with(&body).map_err(|refusal| refusal.code())
    }

    #[test]
    fn topics_are_questions() {
        assert_eq!(ask("get", &json!({})), Ok(Ask::Pending));
        assert_eq!(ask("start-next", &json!({})), Ok(Ask::Start { details: None, step_minutes: None }));
        let next = Ask::Describe { job: None, number: None, document: true };
        assert_eq!(ask("$next/get", &json!({})), Ok(next));
        for other in ["get/accepted", "a/b/get", "", "notify", "j/delete"] {
            assert_eq!(Question::of_topic(other), None, "{other}");
        }
    }

    #[test]
    fn a_field_that_is_wrong_is_refused() {
        for body in [
            json!({}),
            json!({ "status": "QUEUED" }),
            json!({ "status": "CANCELED" }),
            json!({ "status": 1 }),
            json!({ "status": "FAILED", "statusDetails": { "a b": "c" } }),
            json!({ "status": "FAILED", "statusDetails": { "a": "b\nc" } }),
            json!({ "status": "FAILED", "statusDetails": { "a": "x".repeat(1025) } }),
            json!({ "status": "FAILED", "statusDetails": { "a": 1 } }),
            json!({ "status": "FAILED", "stepTimeoutInMinutes": 0 }),
            json!({ "status": "FAILED", "stepTimeoutInMinutes": 10_081 }),
            json!({ "status": "FAILED", "expectedVersion": "1" }),
            json!({ "status": "FAILED", "includeJobDocument": "yes" }),
        ] {
            assert_eq!(ask("j-1/update", &body), Err("InvalidRequest"), "{body}");
        }
        assert_eq!(ask("j.1/update", &json!({ "status": "FAILED" })), Err("InvalidRequest"));
        let good = json!({ "status": "FAILED", "statusDetails": { "a": "b" }, "stepTimeoutInMinutes": -1 });
        assert!(ask("j-1/update", &good).is_ok());
    }

    #[test]
    fn a_payload_is_an_object_and_a_token_is_short() {
        for bad in ["", "[]", "1", "{", "\u{0}"] {
            assert_eq!(object(bad.as_bytes()).unwrap_err().code(), "InvalidJson", "{bad}");
        }
        let of =
            |token_: Value| token(&object(json!({ "clientToken": token_ }).to_string().as_bytes()).unwrap());
        assert_eq!(of(json!("t")).unwrap().as_deref(), Some("t"));
        assert!(of(json!("t".repeat(65))).is_err() && of(json!(1)).is_err());
    }
}
