//! The time as ntplib sees it.

use fake_facts::Fact;

use crate::support::Fake;

fn ask(cloud: &Fake, version: u8) -> serde_json::Value {
    let server = cloud.socket("ntp");
    cloud.python(
        "time_client.py",
        &[&server.ip().to_string(), &server.port().to_string(), &version.to_string()],
    )
}

#[test]
fn versions_3_and_4_get_the_hosts_time_from_stratum_2() {
    let cloud = Fake::start();
    for version in [3, 4] {
        let told = ask(&cloud, version);
        assert_eq!((&told["version"], &told["mode"]), (&version.into(), &4.into()));
        assert_eq!((&told["stratum"], &told["leap"]), (&2.into(), &0.into()));
        assert!(told["offset"].as_f64().unwrap().abs() < 0.5, "{told}");
        cloud.wait_for("told", |fact| matches!(fact, Fact::Told { .. }));
    }
}

#[test]
fn the_clock_offset_is_served() {
    for offset in [3600, -3600] {
        let cloud = Fake::with(&["--clock-offset", &offset.to_string()]);
        let told = ask(&cloud, 4)["offset"].as_f64().unwrap();
        assert!((told - f64::from(offset)).abs() < 0.5, "{told}");
    }
}
