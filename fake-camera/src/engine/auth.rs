//! Who may watch: GStreamer's authentication, and digest with SHA-256 beside it.

use gst_rtsp_server::prelude::*;
use gst_rtsp_server::subclass::prelude::*;
use gst_rtsp_server::{RTSPAuth, RTSPContext, RTSPToken, glib, gst_rtsp};
use gstreamer as gst;
use gstreamer_rtsp_server as gst_rtsp_server;

use super::client::USER;
use super::digest::{self, Answer};
use super::unbound::{method, parameter};
use super::{Login, Method};

const REALM: &str = "fake-camera";
/// Role of users who may watch.
const VIEWER: &str = "viewer";

/// What a user who may watch may do with a stream.
pub(super) fn viewer() -> gst::Structure {
    gst::Structure::builder(VIEWER)
        .field("media.factory.access", true)
        .field("media.factory.construct", true)
        .build()
}

/// Asks for this login by all of its methods. GStreamer's own digest is MD5 without qop (RFC 2069), as many cameras
/// have it.
pub(super) fn authentication(login: &Login) -> RTSPAuth {
    let auth: CameraAuth = glib::Object::new();
    let offers = |method| login.methods.contains(&method);
    let token =
        RTSPToken::builder().field("media.factory.role", VIEWER).field(USER, login.user.as_str()).build();
    // The methods are flags in C, and one of a list in the bindings.
    let own = match (offers(Method::Basic), offers(Method::Digest)) {
        (true, true) => gst_rtsp::RTSPAuthMethod::__Unknown(3),
        (true, false) => gst_rtsp::RTSPAuthMethod::Basic,
        (false, true) => gst_rtsp::RTSPAuthMethod::Digest,
        (false, false) => gst_rtsp::RTSPAuthMethod::None,
    };
    auth.set_supported_methods(own);
    auth.set_realm(Some(REALM));
    if offers(Method::Basic) {
        auth.add_basic(&RTSPAuth::make_basic(&login.user, &login.password), &token);
    }
    if offers(Method::Digest) {
        auth.add_digest(&login.user, &login.password, &token);
    }
    if offers(Method::DigestSha256) {
        let nonce = format!("{:016x}{:016x}", super::random(), super::random());
        auth.imp().sha_256.set(imp::Sha256 { login: login.clone(), token, nonce }).ok().expect("it is new");
    }
    auth.upcast()
}

glib::wrapper! {
    /// GStreamer's authentication with one more method.
    struct CameraAuth(ObjectSubclass<imp::CameraAuth>) @extends RTSPAuth;
}

mod imp {
    use std::sync::OnceLock;

    use super::*;

    #[derive(Default)]
    pub(super) struct CameraAuth {
        pub(super) sha_256: OnceLock<Sha256>,
    }

    pub(super) struct Sha256 {
        pub(super) login: Login,
        pub(super) token: RTSPToken,
        /// That of this camera's run.
        pub(super) nonce: String,
    }

    impl Sha256 {
        fn lets_in(&self, context: &RTSPContext) -> bool {
            let credentials = context.request().map(|request| request.parse_auth_credentials());
            credentials.iter().flatten().any(|credential| {
                let parameters = credential.params();
                let answer = Answer::of(parameters.iter().filter_map(parameter));
                credential.scheme() == gst_rtsp::RTSPAuthMethod::Digest
                    && answer.is_sha_256()
                    && method(context)
                        .is_some_and(|method| answer.is_right(&self.login, REALM, &self.nonce, &method))
            })
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CameraAuth {
        const NAME: &'static str = "FakeCameraAuth";
        type Type = super::CameraAuth;
        type ParentType = RTSPAuth;
    }

    impl ObjectImpl for CameraAuth {}

    impl RTSPAuthImpl for CameraAuth {
        /// Always true: whether anybody is let in hangs on the token that is set or not.
        fn authenticate(&self, context: &RTSPContext) -> bool {
            match self.sha_256.get() {
                Some(sha_256) if sha_256.lets_in(context) => {
                    context.set_token(sha_256.token.clone());
                    true
                }
                _ => self.parent_authenticate(context),
            }
        }

        /// The best first (RFC 7616, section 3.7).
        fn generate_authenticate_header(&self, context: &RTSPContext) {
            if let (Some(sha_256), Some(response)) = (self.sha_256.get(), context.response()) {
                let challenge = digest::challenge(REALM, &sha_256.nonce);
                response.add_header(gst_rtsp::RTSPHeaderField::WwwAuthenticate, &challenge);
            }
            self.parent_generate_authenticate_header(context);
        }
    }
}
