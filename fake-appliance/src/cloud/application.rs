//! What an application on the appliance calls for itself, and nothing else there does: it asks the security token service who it is
//! (AWS STS API reference, version 2011-06-15, GetCallerIdentity).

use std::time::Duration;

use tokio::time::timeout;

use super::Errand;
use super::https::{Call, Error, Https};

const ACTION: &str = "GetCallerIdentity";
/// An application waits no longer than this for an answer, then hangs up and begins anew. Short, so that what is closed and opened again
/// on its way is seen within a run, and by a connection of its own.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Application {
    https: Https,
}

impl Application {
    pub(super) fn new(https: Https) -> Self {
        Self { https }
    }
}

impl Errand for Application {
    fn service(&self) -> &'static str {
        self.https.service
    }

    fn restart(&mut self) {
        self.https.hang_up();
    }

    async fn run(&mut self) -> Result<String, Error> {
        let call = Call {
            method: "POST",
            path: "/",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: format!("Action={ACTION}&Version=2011-06-15").into_bytes(),
        };
        // A connection that is waited for in vain is closed with what waits.
        timeout(PATIENCE, self.https.send(call)).await.map_err(|_| Error::Late(PATIENCE.as_secs()))??;
        Ok(ACTION.to_owned())
    }
}
