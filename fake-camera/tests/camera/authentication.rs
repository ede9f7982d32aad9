//! Who is let in: retina, which knows every method, and FFmpeg, which knows basic and MD5.

use fake_facts::Fact;
use retina::client::{Credentials, Session, SessionOptions, SetupOptions};

use crate::support::{CameraProcess, PASSWORD, USER, camera_command, failure_to_start, ffmpeg, pictures};

/// What retina says when it describes the camera and sets its stream up.
async fn set_up(camera: &CameraProcess, password: &str) -> Result<(), String> {
    set_up_as(USER, camera, password).await
}

async fn set_up_as(user: &str, camera: &CameraProcess, password: &str) -> Result<(), String> {
    let creds = Credentials { username: user.into(), password: password.into() };
    let options = SessionOptions::default().creds(Some(creds));
    let described = Session::describe(camera.url().parse().unwrap(), options).await;
    let mut session = described.map_err(|error| error.to_string())?;
    session.setup(0, SetupOptions::default()).await.map_err(|error| error.to_string())
}

fn accepted(fact: &Fact) -> Option<String> {
    if let Fact::Accepted { identity, .. } = fact { Some(identity.clone()) } else { None }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_method_lets_the_right_password_in_and_no_other() {
    for auth in ["basic", "digest", "digest-sha256", "basic,digest,digest-sha256"] {
        let camera = CameraProcess::with_login(&["--id", "1", "--auth", auth]);
        let wrong = set_up(&camera, "wrong").await.unwrap_err();
        assert!(wrong.contains("401"), "{auth}: {wrong}");
        let refused = |fact: &Fact| match fact {
            Fact::Misnamed { user, .. } => Some(user.clone()),
            Fact::Refused { .. } => Some(String::new()),
            _ => None,
        };
        assert_eq!(camera.facts.wait("refused", refused), "", "{auth}: the name was the right one");
        assert!(set_up_as("viewer-dock-1", &camera, PASSWORD).await.unwrap_err().contains("401"), "{auth}");
        assert_eq!(camera.facts.wait("misnamed", refused), "viewer-dock-1", "{auth}");
        set_up(&camera, PASSWORD).await.unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert_eq!(camera.facts.wait("accepted", accepted), USER, "{auth}");
    }
}

#[test]
fn ffmpeg_takes_the_methods_that_it_knows() {
    for auth in ["basic", "digest", "digest-sha256,digest"] {
        let camera = CameraProcess::with_login(&["--id", "1", "--auth", auth]);
        assert_eq!(pictures(&camera.url_with(PASSWORD), "tcp", 3).len(), 3, "{auth}");
    }
    // MD5 is not asked for, so that nobody can say that SHA-256 was, and take MD5.
    let camera = CameraProcess::with_login(&["--id", "1", "--auth", "digest-sha256"]);
    let url = camera.url_with(PASSWORD);
    let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", &url]);
    assert!(
        !probed.status.success() && String::from_utf8_lossy(&probed.stderr).contains("401"),
        "{probed:?}"
    );
}

#[test]
fn a_challenge_names_its_algorithm() {
    let camera = CameraProcess::with_login(&["--id", "1", "--auth", "digest-sha256"]);
    let traced = ffmpeg("ffprobe", &["-v", "trace", "-rtsp_transport", "tcp", &camera.url()]);
    let said = String::from_utf8_lossy(&traced.stderr).into_owned();
    assert!(said.contains("WWW-Authenticate: Digest realm=\"fake-camera\""), "{said}");
    assert!(said.contains("algorithm=SHA-256") && !said.contains("Basic"), "{said}");
}

#[test]
fn a_method_without_a_user_is_refused() {
    let (code, said) = failure_to_start(camera_command(&["--id", "1", "--auth", "basic"]));
    assert!(code == Some(2) && said.contains("--user"), "{code:?}: {said}");
}
