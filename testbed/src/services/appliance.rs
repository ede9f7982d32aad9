//! An appliance of the plan → the configuration of `fake-appliance`.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::command::{Settings, cloud_folder, spelled};
use super::logins::Login;
use crate::names::NodeName;
use crate::plan::{Plan, Service, ServiceKind, Source};
use crate::scenario::model::{Careless, CloudService, Commissioned};

/// All of it, as JSON; it has the cameras' passwords.
pub(super) fn config(plan: &Plan, service: &Service, settings: &Settings) -> Value {
    let ServiceKind::Appliance {
        cameras,
        cloud,
        clock,
        monitor_every,
        application,
        scan,
        commissions_by,
        careless,
    } = &service.kind
    else {
        unreachable!("only called for one")
    };
    let careless = careless_of(careless);
    let login = json!({ "careless": careless });
    let cameras: Vec<_> =
        cameras.iter().map(|source| camera_source(source, *commissions_by, settings)).collect();
    json!({
        "name": service.node,
        "cameras": cameras,
        "cloud": cloud.as_ref().map(|cloud| cloud_client(&service.node, cloud, *monitor_every, *application)),
        "clock": clock.map(|server| json!({ "server": server })),
        "scan": scan.map(|when| {
            json!({ "when": when, "login": login, "logins": logins(plan, &careless, settings.run) })
        }),
        "careless": careless,
    })
}

/// Who a search asks as, by the addresses at which cameras of ours may answer: whoever commissions cameras knows the logins of
/// them all.
fn logins(plan: &Plan, careless: &Value, run: u32) -> Value {
    let of = |service: &Service| match &service.kind {
        ServiceKind::Camera { listen, hostile, .. } => {
            let Login { user, password } = Login::of(&service.node, run);
            let login = json!({ "user": user, "password": password, "careless": careless });
            let moved = hostile.changes_address.map(|(_, to)| IpAddr::from(to));
            [Some(*listen), moved].into_iter().flatten().map(|at| (at.to_string(), login.clone())).collect()
        }
        _ => Vec::new(),
    };
    Value::Object(plan.services.iter().flat_map(of).collect())
}

/// What it does not take care of, by the appliance's own names; what its node's settings do is none of it.
fn careless_of(words: &[Careless]) -> Value {
    let named = |word: &Careless| (spelled(word).replace('-', "_"), Value::Bool(true));
    Value::Object(
        words.iter().filter(|word| **word != Careless::TakesRedirects).map(named).collect::<Map<_, _>>(),
    )
}

fn cloud_client(
    thing: &NodeName,
    cloud: &NodeName,
    monitor_every: Duration,
    application: Option<CloudService>,
) -> Value {
    let folder = cloud_folder(cloud);
    let own = folder.join("things").join(thing.as_str());
    json!({
        "client_file": folder.join("client.json"),
        "thing": thing,
        "cert": own.join("cert.pem"),
        "key": own.join("key.pem"),
        "monitor_every_ms": u64::try_from(monitor_every.as_millis()).unwrap_or(u64::MAX),
        "application": application,
    })
}

fn camera_source(source: &Source, by: Commissioned, settings: &Settings) -> Value {
    let address = match source.address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let url = match by {
        Commissioned::Stream => {
            format!("rtsp://{address}:{}{}", source.port, source.path.as_deref().unwrap_or("/stream"))
        }
        Commissioned::Device => format!("http://{address}/onvif/device_service"),
        // Nothing that tells where its stream is.
        Commissioned::Search => format!("rtsp://{address}"),
    };
    let Login { user, password } = Login::of(&source.camera, settings.run);
    json!({
        "name": source.name(),
        "id": source.id,
        "url": url,
        "known": by,
        "stream": source.stream,
        "user": user,
        "password": password,
        "transport": match source {
            Source { group: true, .. } => "multicast",
            Source { udp: true, .. } => "udp",
            _ => "tcp",
        },
        "further_port": source.further,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The appliance refuses what it does not know.
    #[test]
    fn careless_words_are_the_appliances_own_names() {
        let careless = careless_of(&[Careless::Follows, Careless::HandsVideoOver, Careless::OldTls]);
        assert_eq!(careless, json!({ "follows": true, "hands_video_over": true, "old_tls": true }));
        assert_eq!(careless_of(&[Careless::TakesRedirects]), json!({}));
    }

    #[test]
    fn an_application_calls_by_the_appliances_own_word() {
        let (app, aws) = ("app".parse().unwrap(), "aws".parse().unwrap());
        let of = |application| cloud_client(&app, &aws, Duration::from_secs(1), application);
        assert_eq!(of(Some(CloudService::Sts))["application"], "sts");
        assert_eq!(of(None)["application"], Value::Null);
    }

    #[test]
    fn a_search_has_the_login_of_each_camera_by_its_address() {
        let plan = crate::verdict::example::plan();
        let Value::Object(logins) = logins(&plan, &careless_of(&[Careless::Follows]), 7) else {
            panic!("an object")
        };
        let of = |camera: &str| Login::of(&camera.parse().unwrap(), 7);
        for (address, camera) in [("10.20.0.11", "dock-1"), ("10.20.0.12", "dock-2")] {
            let (login, careless) = (of(camera), json!({ "follows": true }));
            let expected = json!({ "user": login.user, "password": login.password, "careless": careless });
            assert_eq!(logins[address], expected);
        }
        assert_eq!(logins.len(), 2);
    }
}
