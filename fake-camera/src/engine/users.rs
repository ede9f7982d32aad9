//! Who a client of the RTSP server says that it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gst_rtsp_server::{RTSPContext, gst_rtsp};
use gstreamer_rtsp_server as gst_rtsp_server;

use super::digest::Answer;
use super::unbound::parameter;

/// The names of users in the credentials of a request, in its order: those of digests as they are, those of RFC 7617 out
/// of their Base64. What cannot be read has none.
pub(super) fn users(context: &RTSPContext) -> Vec<String> {
    let Some(credentials) = context.request().map(|request| request.parse_auth_credentials()) else {
        return Vec::new();
    };
    let of = |credential: &gst_rtsp::RTSPAuthCredential| match credential.scheme() {
        gst_rtsp::RTSPAuthMethod::Basic => credential.authorization().and_then(basic),
        _ => {
            let parameters = credential.params();
            let name = Answer::of(parameters.iter().filter_map(parameter)).username;
            (!name.is_empty()).then(|| name.to_owned())
        }
    };
    credentials.iter().filter_map(of).collect()
}

/// The name before the first colon.
fn basic(shown: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(shown.trim()).ok()?).ok()?;
    text.split_once(':').map(|(user, _)| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_name_their_user_or_nobody() {
        assert_eq!(basic(&STANDARD.encode("viewer-dock-2:a:b")).as_deref(), Some("viewer-dock-2"));
        for unreadable in ["%%%", "dmlld2Vy", "", "/////w=="] {
            assert_eq!(basic(unreadable), None, "{unreadable}");
        }
    }
}
