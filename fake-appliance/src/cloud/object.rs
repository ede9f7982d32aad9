//! One object, put where the access point leads and read again.

use super::Errand;
use super::https::{Call, Error, Https};

pub(super) struct Object {
    https: Https,
    key: String,
}

impl Object {
    pub(super) fn new(https: Https, thing: &str) -> Self {
        Self { https, key: format!("devices/{thing}/status.json") }
    }
}

impl Errand for Object {
    fn service(&self) -> &'static str {
        self.https.service
    }

    fn restart(&mut self) {
        self.https.hang_up();
    }

    async fn run(&mut self) -> Result<String, Error> {
        let body = serde_json::json!({ "active": true, "at": fake_facts::now() }).to_string().into_bytes();
        let path = format!("/{}", self.key);
        let headers = [("content-type", "application/json")];
        self.https.send(Call { method: "PUT", path: &path, headers: &headers, body: body.clone() }).await?;
        let read =
            self.https.send(Call { method: "GET", path: &path, headers: &[], body: Vec::new() }).await?;
        if read == body {
            return Ok(self.key.clone());
        }
        Err(Error::Answer(format!("{} bytes were put, {} others are there", body.len(), read.len())))
    }
}
