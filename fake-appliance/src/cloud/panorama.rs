//! What no appliance does: it asks Panorama's own service what is known of it. For sites that must notice.

use super::Errand;
use super::https::{Call, Error, Https};

pub(super) struct Panorama {
    https: Https,
    path: String,
}

impl Panorama {
    pub(super) fn new(https: Https, thing: &str) -> Self {
        Self { https, path: format!("/devices/{thing}") }
    }
}

impl Errand for Panorama {
    fn service(&self) -> &'static str {
        self.https.service
    }

    fn restart(&mut self) {
        self.https.hang_up();
    }

    async fn run(&mut self) -> Result<String, Error> {
        let call = Call { method: "GET", path: &self.path, headers: &[], body: Vec::new() };
        self.https.send(call).await?;
        Ok("DescribeDevice".to_owned())
    }
}
