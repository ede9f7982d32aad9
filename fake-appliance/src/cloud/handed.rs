//! What no appliance does: it hands its cameras' video to the cloud, where objects go. For sites that must notice.

use super::Errand;
use super::https::{Call, Error, Https};
use crate::video::Frames;

pub(super) struct Handed {
    https: Https,
    key: String,
    frames: Frames,
}

impl Handed {
    pub(super) fn new(https: Https, thing: &str, frames: Frames) -> Self {
        Self { https, key: format!("devices/{thing}/video"), frames }
    }
}

impl Errand for Handed {
    fn service(&self) -> &'static str {
        self.https.service
    }

    fn restart(&mut self) {
        self.https.hang_up();
    }

    async fn run(&mut self) -> Result<String, Error> {
        let body = self.frames.last().await;
        let path = format!("/{}", self.key);
        self.https.send(Call { method: "PUT", path: &path, headers: &[], body }).await?;
        Ok(self.key.clone())
    }
}
