//! From what is known of a camera to the address of its stream.

use fake_facts::Fact;
use url::Url;

use super::Shared;
use crate::config::Known;
use crate::net;
use crate::scan::{self, DeviceError, Login};

/// Why the address of a stream is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0} is no address of a camera")]
    Url(String),
    #[error("the camera does not say where its video is: {0}")]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Net(#[from] net::Error),
}

/// The address of the camera's stream: as it was written, or as the camera itself has said, which is asked once.
///
/// Waits where a search must find it first. Errors: the camera does not answer, or not as it should; asking again may help.
pub(super) async fn stream(shared: &Shared) -> Result<&str, Error> {
    let found = shared.stream.get_or_try_init(|| async {
        match shared.camera.known {
            Known::Stream => Ok(shared.camera.url.clone()),
            Known::Device => asked(shared).await,
            Known::Search => found(shared).await,
        }
    });
    found.await.map(String::as_str)
}

fn url(shared: &Shared) -> Result<Url, Error> {
    Url::parse(&shared.camera.url).map_err(|_| Error::Url(shared.camera.url.clone()))
}

/// By the camera's own ONVIF, whose address was written.
async fn asked(shared: &Shared) -> Result<String, Error> {
    let (mut device, camera) = (url(shared)?, &shared.camera);
    let host = device.host_str().ok_or_else(|| Error::Url(camera.url.clone()))?;
    let peer = net::resolve(&shared.voice, host, device.port().unwrap_or(80)).await?[0];
    device.set_ip_host(peer.ip()).map_err(|()| Error::Url(camera.url.clone()))?;
    let careless = shared.manners.careless;
    let login = Login { user: camera.user.clone(), password: camera.password.clone(), careless };
    let stream = scan::stream_of(&device, &login).await?;
    let camera = Some(camera.name.clone());
    shared.voice.tell(Fact::Connected { service: "onvif".into(), peer, camera });
    Ok(stream)
}

/// By a search, which looks for everybody: the camera is the one at this address.
async fn found(shared: &Shared) -> Result<String, Error> {
    let url = url(shared)?;
    let bare = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let address = bare.and_then(|host| host.parse().ok());
    let address = address.ok_or_else(|| Error::Url(shared.camera.url.clone()))?;
    Ok(shared.manners.known.stream_at(address).await)
}
