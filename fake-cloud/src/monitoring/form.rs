//! The query form of CloudWatch: fields such as `MetricData.member.1.Value=1` to the values of the JSON form, and answers
//! to XML (Smithy 2.0, "AWS Query protocol").

use std::collections::BTreeMap;

use quick_xml::escape::escape;
use serde_json::{Map, Number, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answer::Failure;

/// Deepest field that any operation has.
const DEEPEST: usize = 8;
/// Fields that are numbers.
const NUMBERS: [&str; 8] =
    ["Value", "Values", "Counts", "SampleCount", "Sum", "Minimum", "Maximum", "StorageResolution"];

/// A field, or what is below it.
enum Node {
    Text(String),
    Below(BTreeMap<String, Node>),
}

/// Reads a form; `Action` and `Version` are among its fields.
pub(super) fn read(body: &[u8]) -> Result<Value, Failure> {
    let mut root = BTreeMap::new();
    for (key, text) in form_urlencoded::parse(body).into_owned() {
        let path: Vec<&str> = key.split('.').collect();
        if path.len() > DEEPEST {
            return Err(malformed(&key));
        }
        insert(&mut root, &path, text).ok_or_else(|| malformed(&key))?;
    }
    fields(root, "")
}

/// Puts a text where its path leads; `None` if something else is there.
fn insert(below: &mut BTreeMap<String, Node>, path: &[&str], text: String) -> Option<()> {
    let (name, rest) = path.split_first()?;
    if rest.is_empty() {
        return match below.insert((*name).to_owned(), Node::Text(text)) {
            None => Some(()),
            Some(_) => None,
        };
    }
    match below.entry((*name).to_owned()).or_insert_with(|| Node::Below(BTreeMap::new())) {
        Node::Below(below) => insert(below, rest, text),
        Node::Text(_) => None,
    }
}

fn fields(below: BTreeMap<String, Node>, inside: &str) -> Result<Value, Failure> {
    let mut map = Map::new();
    for (name, node) in below {
        let is_metric = inside == "MetricData";
        let value = match node {
            Node::Text(text) => leaf(&name, text, is_metric || inside == "StatisticValues")?,
            Node::Below(mut below) => match below.remove("member") {
                Some(Node::Below(members)) if below.is_empty() => list(members, &name)?,
                Some(_) => return Err(malformed(&name)),
                None => fields(below, &name)?,
            },
        };
        map.insert(name, value);
    }
    Ok(Value::Object(map))
}

/// Members in the order of their numbers.
fn list(members: BTreeMap<String, Node>, name: &str) -> Result<Value, Failure> {
    let mut numbered = BTreeMap::new();
    for (number, node) in members {
        let number: u32 = number.parse().map_err(|_| malformed(name))?;
        let value = match node {
            Node::Text(text) => leaf(name, text, true)?,
            Node::Below(below) => fields(below, name)?,
        };
        numbered.insert(number, value);
    }
    Ok(numbered.into_values().collect())
}

/// A text as what its field is.
fn leaf(name: &str, text: String, of_metric: bool) -> Result<Value, Failure> {
    let bad = || Failure::new(400, "MalformedInput", format!("{name} cannot be read: {text}"));
    match name {
        "Timestamp" => {
            let at = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| bad())?;
            Ok(number(at.unix_timestamp_nanos() as f64 / 1e9).ok_or_else(bad)?)
        }
        _ if of_metric && NUMBERS.contains(&name) => match text.parse::<u64>() {
            Ok(whole) => Ok(whole.into()),
            Err(_) => text.parse().ok().and_then(number).ok_or_else(bad),
        },
        _ => Ok(text.into()),
    }
}

fn number(number: f64) -> Option<Value> {
    Number::from_f64(number).map(Value::Number)
}

fn malformed(key: &str) -> Failure {
    Failure::new(400, "MalformedQueryString", format!("the field {key} is in the way of another, or is none"))
}

/// An answer's result as XML elements.
pub(super) fn write(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            map.iter().map(|(name, value)| format!("<{name}>{}</{name}>", write(value))).collect()
        }
        Value::Array(items) => items.iter().map(|item| format!("<member>{}</member>", write(item))).collect(),
        Value::String(text) => escape(text.as_str()).into_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_become_the_values_of_the_json_form() {
        let form = "Action=PutMetricData&Namespace=N&MetricData.member.2.MetricName=B&MetricData.member.10.Value=-2.5\
                    &MetricData.member.2.Value=1&MetricData.member.10.Timestamp=1970-01-02T00:00:00.5Z\
                    &MetricData.member.2.Dimensions.member.1.Name=n&MetricData.member.2.Dimensions.member.1.Value=1\
                    &MetricData.member.3.Values.member.1=7&MetricData.member.3.StatisticValues.Sum=8";
        let wanted = json!({ "Action": "PutMetricData", "Namespace": "N", "MetricData": [
            { "MetricName": "B", "Value": 1, "Dimensions": [{ "Name": "n", "Value": "1" }] },
            { "Values": [7], "StatisticValues": { "Sum": 8 } },
            { "Value": -2.5, "Timestamp": 86_400.5 },
        ] });
        assert_eq!(read(form.as_bytes()).unwrap(), wanted);
    }

    #[test]
    fn fields_in_the_way_of_others_are_named() {
        for form in ["a=1&a=2", "a=1&a.b=2", "a.b=1&a=2", "a.member=1", "a.member.x=1", "a.b.c.d.e.f.g.h.i=1"]
        {
            assert_eq!(read(form.as_bytes()).unwrap_err().code, "MalformedQueryString", "{form}");
        }
        let value = "MetricData.member.1.Value=many";
        assert_eq!(read(value.as_bytes()).unwrap_err().code, "MalformedInput");
        assert_eq!(read(b"MetricData.member.1.Value=NaN").unwrap_err().code, "MalformedInput");
    }

    #[test]
    fn answers_are_elements_that_escape_what_they_quote() {
        let value = json!({ "Metrics": [{ "Namespace": "<N>" }], "NextToken": null });
        let wanted =
            "<Metrics><member><Namespace>&lt;N&gt;</Namespace></member></Metrics><NextToken></NextToken>";
        assert_eq!(write(&value), wanted);
    }
}
