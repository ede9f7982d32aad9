//! The search for cameras on the appliance's own subnets, and for where their video is.
//!
//! - `links`: the subnets. `probe`: WS-Discovery. `answer`: which answers are cameras of the subnet.
//! - `onvif`: asks a camera for its stream. `streams`: what was found so far, for whoever pulls.
//!
//! Nobody is asked who is not there: an answer that names another host than its sender, or one outside the subnet, is
//! told and passed over.

mod answer;
mod links;
mod onvif;
mod probe;
mod streams;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fake_facts::Fact;
use serde::Deserialize;
use tokio::task::JoinSet;
use url::Url;

use crate::config::Careless;
use crate::voice::Voice;

/// What facts call it.
const SCAN: &str = "scan";

/// How long one waits that searches late.
const LATE: Duration = Duration::from_secs(4);

/// Who asks the cameras.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// User name; nobody if absent.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// What the search does not take care of.
    #[serde(default)]
    pub careless: Careless,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

pub(crate) use onvif::Error as DeviceError;
pub(crate) use streams::Streams;

/// A search that can be made again and again.
#[derive(Clone)]
pub(crate) struct Search {
    pub(crate) login: Login,
    /// Who asks the camera at one of these addresses.
    pub(crate) logins: BTreeMap<IpAddr, Login>,
    /// Who waits for what it finds.
    pub(crate) known: Streams,
}

/// A camera that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its address as a URI.
    pub(crate) endpoint: String,
    pub(crate) address: IpAddr,
    /// Where its main stream is.
    pub(crate) stream: String,
}

/// Where the main stream of the camera with this ONVIF device service is. Errors: it does not say so, or names another host.
pub(crate) async fn stream_of(device: &Url, login: &Login) -> Result<String, DeviceError> {
    onvif::stream(device, login).await
}

/// Searches once on every link; tells `Found` for each camera that gives its stream, `Failed` for whoever else
/// answers, and `Scanned` at the end.
pub(crate) async fn scan(Search { login, logins, known }: &Search, voice: &Voice) -> Vec<Found> {
    if login.careless.searches_late {
        tokio::time::sleep(LATE).await;
    }
    let mut links = JoinSet::new();
    let hops = if login.careless.searches_far { probe::FAR } else { probe::ON_THE_LINK };
    for link in links::own() {
        let voice = voice.clone();
        links.spawn(async move {
            let answers = probe::answers(link, hops).await.unwrap_or_else(|error| {
                voice.failed(SCAN, Some(&link.to_string()), &error);
                Vec::new()
            });
            (link, answers)
        });
    }
    let mut asked = JoinSet::new();
    while let Some(joined) = links.join_next().await {
        let Ok((link, answers)) = joined else { continue };
        for camera in answer::cameras(&answers, link, login.careless, voice) {
            let login = logins.get(&camera.address).unwrap_or(login).clone();
            asked.spawn(async move {
                let stream = onvif::stream(&camera.service, &login).await;
                (camera, stream)
            });
        }
    }
    let mut found = Vec::new();
    while let Some(joined) = asked.join_next().await {
        let Ok((camera, stream)) = joined else { continue };
        match stream {
            Ok(stream) => {
                let answer::Camera { endpoint, address, .. } = camera;
                voice.tell(Fact::Found { endpoint: endpoint.clone(), address, stream: stream.clone() });
                found.push(Found { endpoint, address, stream });
            }
            Err(error) => voice.failed(SCAN, Some(&camera.address.to_string()), error),
        }
    }
    found.sort_by_key(|found| found.address);
    known.learn(&found);
    voice.tell(Fact::Scanned { cameras: found.len() });
    found
}
