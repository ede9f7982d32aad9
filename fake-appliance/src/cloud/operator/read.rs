//! What an operator is asked for: one JSON object per line.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;
use tokio::sync::mpsc;

use super::places::Service;

/// Longest line, bytes; whoever says more is heard no further.
const LONGEST: u64 = 4096;

/// An order.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Its name, in facts.
    pub(super) order: String,
    #[serde(rename = "do")]
    pub(super) kind: Kind,
    /// The device that it is about.
    pub(super) device: String,
    /// Of an update: the version that it shall run.
    #[serde(default)]
    pub(super) version: String,
    /// For how long it is looked at what came of it, milliseconds.
    #[serde(default = "ten_seconds")]
    pub(super) within_ms: u64,
    /// Of a wrong call: at which services.
    #[serde(default = "panorama")]
    pub(super) at: Vec<Service>,
    /// For how long after it was made the cloud takes a signature, milliseconds.
    #[serde(default = "five_minutes")]
    pub(super) signatures_ms: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Have it run other software.
    Update,
    /// Have it restart.
    Restart,
    /// Call without any signature.
    Unsigned,
    /// Call with another body than was signed.
    Altered,
    /// Call with a signature that is older than the cloud takes.
    Late,
    /// Call with a session that has ended.
    Expired,
    /// Call with a signature for another region, and with one for another service.
    Scope,
    /// Call rightly, keep the call until its signature is too old, and send it again.
    Kept,
}

fn ten_seconds() -> u64 {
    10_000
}

fn five_minutes() -> u64 {
    300_000
}

fn panorama() -> Vec<Service> {
    vec![Service::Panorama]
}

/// Reads a line.
pub(super) fn order(line: &str) -> Result<Order, String> {
    let order: Order = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match !order.device.is_empty() && order.device.bytes().all(allowed) {
        true => Ok(order),
        false => Err(format!("`{}` is no device's name", order.device.escape_debug())),
    }
}

/// The lines of a pipe, read by a thread of its own: tokio's reader of standard input keeps a runtime from ending.
pub(super) fn lines(input: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (say, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        loop {
            let mut line = String::new();
            match (&mut input).take(LONGEST).read_line(&mut line) {
                Ok(1..) if line.ends_with('\n') => {
                    if say.blocking_send(line.trim_end().to_owned()).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_whole_or_not_at_all() {
        let update =
            order(r#"{"order":"o-1","do":"update","device":"app","version":"2.0","within_ms":5}"#).unwrap();
        assert_eq!((update.kind, update.version.as_str(), update.within_ms), (Kind::Update, "2.0", 5));
        let late = order(r#"{"order":"o-2","do":"late","device":"app"}"#).unwrap();
        assert_eq!((late.kind, late.within_ms), (Kind::Late, 10_000));
        assert_eq!((late.at, late.signatures_ms), (vec![Service::Panorama], 300_000));
        let kept =
            order(r#"{"order":"o-3","do":"kept","device":"app","at":["logs","s3"],"signatures_ms":9}"#)
                .unwrap();
        assert_eq!(
            (kept.kind, kept.at, kept.signatures_ms),
            (Kind::Kept, vec![Service::Logs, Service::S3], 9)
        );
        for bad in [
            r#"{"order":"o","do":"dance","device":"app"}"#,
            r#"{"order":"o","do":"update"}"#,
            r#"{"order":"o","do":"late","device":"app","at":["ntp"]}"#,
            r#"{"order":"o","do":"update","device":"../jobs"}"#,
            r#"{"order":"o","do":"update","device":"a","and":1}"#,
            "update app",
        ] {
            assert!(order(bad).is_err(), "{bad}");
        }
    }
}
