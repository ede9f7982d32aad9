//! What is asked of a cloud that runs: JSON lines on its standard input, answered by facts.

use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::sync::Arc;

use fake_facts::Fact;
use serde::Deserialize;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::dns::Zones;
use crate::facts::Facts;

/// Longest line, bytes; whoever says more is heard no further.
const LONGEST: u64 = 4096;

/// Something that is asked for.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// The name that is answered otherwise from now on.
    #[serde(rename = "move")]
    name: String,
    /// Its address; none: as at first.
    to: Option<IpAddr>,
    /// For how long an answer may be kept, seconds.
    #[serde(default = "ttl")]
    ttl: u32,
}

fn ttl() -> u32 {
    crate::dns::TTL
}

/// Obeys what comes from `input` until it ends, or until `stop`.
pub(crate) async fn obey(
    input: impl Read + Send + 'static,
    zones: Zones,
    moved: broadcast::Sender<String>,
    facts: Arc<Facts>,
    stop: CancellationToken,
) {
    let mut lines = lines(input);
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = stop.cancelled() => return,
        };
        let Some(line) = line else { return };
        let (about, done) = match serde_json::from_str::<Order>(&line) {
            Ok(order) => {
                let done = zones.move_name(&order.name, order.to, order.ttl).await;
                (order.name.clone(), done.map(|answers| (order, answers)))
            }
            Err(error) => (line.chars().take(80).collect(), Err(error.to_string())),
        };
        facts.say(match done {
            Ok((order, answers)) => {
                // Nobody need be connected.
                let _ = moved.send(order.name.to_ascii_lowercase());
                Fact::NameMoved { name: order.name, answers, ttl: order.ttl }
            }
            Err(error) => Fact::Failed { what: "move".into(), about: Some(about), error },
        });
    }
}

/// The lines of a pipe, read by a thread of its own: tokio's reader of standard input keeps a runtime from ending.
fn lines(input: impl Read + Send + 'static) -> mpsc::Receiver<String> {
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
        let read = |text: &str| serde_json::from_str::<Order>(text).ok().map(|order| (order.to, order.ttl));
        assert_eq!(
            read(r#"{"move":"a.b","to":"192.0.2.1","ttl":5}"#),
            Some((Some([192, 0, 2, 1].into()), 5))
        );
        assert_eq!(read(r#"{"move":"a.b"}"#), Some((None, 60)));
        for bad in
            [r#"{"to":"192.0.2.1"}"#, r#"{"move":"a.b","to":"x"}"#, r#"{"move":"a.b","and":1}"#, "move a.b"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
