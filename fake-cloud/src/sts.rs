//! The security token service: who somebody is, and taking on the role (AWS STS API reference, version 2011-06-15).

use std::time::Duration;

use bytes::Bytes;
use quick_xml::escape::escape;

use crate::answer::{Failure, Wire};
use crate::clock::iso8601;
use crate::cloud::Cloud;
use crate::https::{Call, Who};
use crate::keys::{Holder, request_id};
use crate::role;

/// Namespace of its answers.
pub(crate) const XMLNS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// Lives that a session may have, seconds.
const LIVES: std::ops::RangeInclusive<u64> = 900..=43_200;
const LIFE: u64 = 3600;
/// Longest life of a session that was asked for by a session (IAM user guide, "Role chaining").
const CHAINED: u64 = 3600;

/// Answers one call: its fields are in the body, or in the query.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let Who::Signed(holder) = &call.who else { return Err(denied("certificates open nothing here")) };
    let query = call.parts.uri.query().unwrap_or_default().as_bytes();
    let fields = |bytes| form_urlencoded::parse(bytes).into_owned();
    let form: Vec<_> = fields(&call.body[..]).chain(fields(query)).collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match field("Action").unwrap_or_default() {
        "GetCallerIdentity" => Ok(identity(holder, cloud.names.account())),
        "AssumeRole" => assume(&Wish::read(field, holder)?, cloud),
        other => Err(Failure::unknown_action(Wire::Query { xmlns: XMLNS }, other)),
    }
}

fn identity(holder: &Holder, account: &str) -> Bytes {
    let (arn, id) = (escape(&holder.principal.arn), escape(&holder.principal.id));
    result("GetCallerIdentity", &format!("<Arn>{arn}</Arn><UserId>{id}</UserId><Account>{account}</Account>"))
}

/// What is asked of AssumeRole.
struct Wish {
    role: String,
    session: String,
    life: Duration,
}

impl Wish {
    fn read<'a>(field: impl Fn(&str) -> Option<&'a str>, holder: &Holder) -> Result<Self, Failure> {
        let need = |name: &str| field(name).ok_or_else(|| invalid(&format!("{name} is missing")));
        let (role, session) = (need("RoleArn")?, need("RoleSessionName")?);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if !(2..=64).contains(&session.len()) || !session.bytes().all(allowed) {
            return Err(invalid("roleSessionName must match [\\w+=,.@-]{2,64}"));
        }
        let seconds = field("DurationSeconds").map_or(Some(LIFE), |text| text.parse().ok());
        let seconds = seconds.filter(|seconds| LIVES.contains(seconds));
        let seconds = seconds.ok_or_else(|| invalid("durationSeconds must be 900 to 43200"))?;
        if holder.temporary && seconds > CHAINED {
            return Err(invalid(
                "the requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        Ok(Self { role: role.into(), session: session.into(), life: Duration::from_secs(seconds) })
    }
}

fn assume(wish: &Wish, cloud: &Cloud) -> Result<Bytes, Failure> {
    let account = cloud.names.account();
    if wish.role != role::arn(account) {
        return Err(denied(&format!("not authorized to perform: sts:AssumeRole on resource: {}", wish.role)));
    }
    let principal = role::session(account, &wish.session);
    let (arn, id) = (principal.arn.clone(), principal.id.clone());
    let life = cloud.sessions_last.map_or(wish.life, |longest| wish.life.min(longest));
    let given = cloud.keys.sessions.give(principal, cloud.clock.now(), life);
    let given = given.map_err(|error| Failure::new(500, "InternalFailure", error.to_string()))?;
    Ok(result(
        "AssumeRole",
        &format!(
            "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser><Credentials>\
             <AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
             <Expiration>{}</Expiration></Credentials>",
            escape(&id),
            escape(&arn),
            given.key.id,
            given.key.secret,
            escape(&given.token),
            iso8601(given.expires),
        ),
    ))
}

/// An answer with a result in it, without which clients read nothing.
fn result(operation: &str, inner: &str) -> Bytes {
    let id = request_id();
    format!(
        "<{operation}Response xmlns=\"{XMLNS}\"><{operation}Result>{inner}</{operation}Result><ResponseMetadata>\
         <RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    .into()
}

fn invalid(message: &str) -> Failure {
    Failure::new(400, "ValidationError", message)
}

fn denied(message: &str) -> Failure {
    Failure::new(403, "AccessDenied", message)
}
