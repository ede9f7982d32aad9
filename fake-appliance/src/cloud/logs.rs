//! The device's log: makes its group and stream, then adds a line each time (AWS Panorama Developer Guide,
//! "Viewing AWS Panorama logs").

use super::Errand;
use super::https::{Call, Error, Https};

const STREAM: &str = "occ_log";
const THERE_ALREADY: &str = "ResourceAlreadyExistsException";

pub(super) struct Logs {
    https: Https,
    group: String,
    ready: bool,
    lines: u64,
}

impl Logs {
    pub(super) fn new(https: Https, thing: &str) -> Self {
        Self { https, group: format!("/aws/panorama/devices/{thing}"), ready: false, lines: 0 }
    }

    async fn call(&mut self, operation: &str, body: serde_json::Value) -> Result<(), Error> {
        let target = format!("Logs_20140328.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let body = body.to_string().into_bytes();
        self.https.send(Call { method: "POST", path: "/", headers: &headers, body }).await?;
        Ok(())
    }

    async fn make(&mut self, operation: &str, body: serde_json::Value) -> Result<(), Error> {
        match self.call(operation, body).await {
            Err(Error::Refused { text, .. }) if text.contains(THERE_ALREADY) => Ok(()),
            other => other,
        }
    }
}

impl Errand for Logs {
    fn service(&self) -> &'static str {
        self.https.service
    }

    fn restart(&mut self) {
        self.https.hang_up();
        (self.ready, self.lines) = (false, 0);
    }

    async fn run(&mut self) -> Result<String, Error> {
        let group = self.group.clone();
        if !self.ready {
            self.make("CreateLogGroup", serde_json::json!({ "logGroupName": group })).await?;
            let stream = serde_json::json!({ "logGroupName": group, "logStreamName": STREAM });
            self.make("CreateLogStream", stream).await?;
            self.ready = true;
        }
        let line = serde_json::json!({
            "timestamp": fake_facts::now() / 1_000_000,
            "message": format!("device is active, line {}", self.lines + 1),
        });
        let events =
            serde_json::json!({ "logGroupName": group, "logStreamName": STREAM, "logEvents": [line] });
        let put = self.call("PutLogEvents", events).await;
        // A cloud that was restarted may have lost group and stream: make them again.
        self.ready = put.is_ok();
        put?;
        self.lines += 1;
        Ok(STREAM.to_owned())
    }
}
