//! TLS as openssl and sslyze see it: versions, forward secrecy, server names, application protocols.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Fake, is_refusal, run, text};

/// What `openssl s_client` prints when it connects to the TLS port.
fn s_client(cloud: &Fake, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &cloud.socket("monitoring").to_string(), "-verify_return_error"]);
    command.arg("-CAfile").arg(&cloud.client.ca).args(arguments);
    let output = run(&mut command, "openssl", "Debian package openssl");
    text(&output.stdout) + &text(&output.stderr)
}

fn with_name(cloud: &Fake, arguments: &[&str]) -> String {
    let name = ["-servername", &cloud.client.endpoints.monitoring];
    s_client(cloud, &[&name, arguments].concat())
}

/// What a client is answered that names this server in TLS, and asks for that host.
fn asked(cloud: &Fake, name: &str, host: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-verify_return_error", "-servername", name, "-connect"]);
    command.arg(cloud.socket("monitoring").to_string()).arg("-CAfile").arg(&cloud.client.ca);
    let mut client =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    client.stdin.as_mut().unwrap().write_all(request.as_bytes()).unwrap();
    text(&client.wait_with_output().unwrap().stdout)
}

#[test]
fn the_host_of_another_service_is_not_served_over_a_connection_to_this_one() {
    let cloud = Fake::start();
    let (here, there) = (&cloud.client.endpoints.monitoring, &cloud.client.endpoints.panorama);
    for host in [there.as_str(), "somewhere.example.org", "127.0.0.1:443", &format!("{there}:443")] {
        let answer = asked(&cloud, here, host);
        assert!(answer.starts_with("HTTP/1.1 421 "), "{host}: {answer}");
        let what = format!("is asked for where TLS has named {here}");
        cloud.wait_for("refusal", |fact| is_refusal(fact, "monitoring", &what));
    }
    for host in [here.clone(), format!("{here}:8443"), here.to_uppercase()] {
        let answer = asked(&cloud, here, &host);
        assert!(answer.starts_with("HTTP/1.1 ") && !answer.contains(" 421 "), "{host}: {answer}");
    }
}

#[test]
fn tls_1_2_and_1_3_are_accepted_and_1_1_is_refused() {
    let cloud = Fake::start();
    for (version, agreed) in [("-tls1_2", "New, TLSv1.2"), ("-tls1_3", "New, TLSv1.3")] {
        let seen = with_name(&cloud, &[version]);
        assert!(seen.contains(agreed) && seen.contains("Verify return code: 0 (ok)"), "{seen}");
    }
    // The client's own policy would not even try the old version at its usual security level.
    let seen = with_name(&cloud, &["-tls1_1", "-cipher", "ALL@SECLEVEL=0"]);
    assert!(seen.contains("alert") && seen.contains("New, (NONE)"), "{seen}");
}

#[test]
fn only_suites_with_forward_secrecy_are_accepted() {
    let cloud = Fake::start();
    let seen = with_name(&cloud, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]);
    assert!(seen.contains("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"), "{seen}");
    let seen = with_name(&cloud, &["-tls1_2", "-cipher", "AES128-GCM-SHA256"]);
    assert!(seen.contains("alert handshake failure") && seen.contains("New, (NONE)"), "{seen}");
    cloud.wait_for("refusal of static RSA", |fact| is_refusal(fact, "monitoring", "TLS handshake"));
}

#[test]
fn a_scanner_finds_two_versions_with_three_suites_each_at_every_name() {
    let cloud = Fake::start();
    let both = &cloud.client.names;
    let names: BTreeSet<&str> = [&both.corrected, &both.as_printed]
        .iter()
        .flat_map(|names| [&names.iot, &names.monitoring, &names.logs, &names.s3, &names.sts])
        .map(String::as_str)
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let seen = cloud.python("scan_client.py", &names);
    let suites =
        |strength: &str, of: &[&str]| of.iter().map(|cipher| format!("{strength}{cipher}")).collect();
    let ciphers = ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"];
    let (old, new): (Vec<String>, Vec<String>) =
        (suites("TLS_ECDHE_ECDSA_WITH_", &ciphers), suites("TLS_", &ciphers));
    for name in names {
        let wanted = serde_json::json!({
            "ssl_2_0": [], "ssl_3_0": [], "tls_1_0": [], "tls_1_1": [], "tls_1_2": old, "tls_1_3": new,
        });
        assert_eq!(seen[name], wanted, "{name}");
    }
}

#[test]
fn without_a_server_name_or_with_a_foreign_one_nobody_answers() {
    let cloud = Fake::start();
    let seen = s_client(&cloud, &["-noservername"]);
    assert!(seen.contains("New, (NONE)"), "{seen}");
    cloud.wait_for("refusal", |fact| is_refusal(fact, "tls", "no TLS server name"));
    for name in ["example.com", "monitoring.us-east-1.amazonaws.com", "localhost"] {
        let seen = s_client(&cloud, &["-servername", name]);
        assert!(seen.contains("New, (NONE)"), "{seen}");
        cloud.wait_for(name, |fact| is_refusal(fact, "tls", name));
    }
}

#[test]
fn the_certificate_fits_every_name_in_both_spellings() {
    let cloud = Fake::start();
    let both = &cloud.client.names;
    for names in [&both.corrected, &both.as_printed] {
        for name in [&names.iot, &names.monitoring, &names.logs, &names.s3] {
            let seen = s_client(&cloud, &["-servername", name, "-verify_hostname", name]);
            assert!(seen.contains("Verify return code: 0 (ok)"), "{name}: {seen}");
        }
    }
}

#[test]
fn the_printed_names_are_nobodys_when_only_the_corrected_are_served() {
    let cloud = Fake::with(&["--names=corrected"]);
    let printed = cloud.client.names.as_printed.monitoring.clone();
    let seen = s_client(&cloud, &["-servername", &printed]);
    assert!(seen.contains("New, (NONE)"), "{seen}");
    assert!(with_name(&cloud, &[]).contains("Verify return code: 0 (ok)"));
}

#[test]
fn application_protocols_that_are_not_offered_are_refused() {
    let cloud = Fake::start();
    assert!(with_name(&cloud, &["-alpn", "http/1.1"]).contains("ALPN protocol: http/1.1"));
    for protocol in ["h2", "mqtt", "x-amzn-mqtt-ca"] {
        let seen = with_name(&cloud, &["-alpn", protocol]);
        assert!(seen.contains("no application protocol"), "{protocol}: {seen}");
    }
}

#[test]
fn no_session_is_resumed() {
    let cloud = Fake::start();
    for version in ["-tls1_2", "-tls1_3"] {
        let seen = with_name(&cloud, &[version, "-reconnect"]);
        assert!(seen.contains("New, TLS") && !seen.contains("Reused"), "{seen}");
    }
}

#[test]
fn session_secrets_are_logged_for_captures() {
    let cloud = Fake::start();
    with_name(&cloud, &["-tls1_3"]);
    with_name(&cloud, &["-tls1_2"]);
    let log = std::fs::read_to_string(cloud.folder().join("tls-keys.log")).unwrap();
    for label in ["SERVER_TRAFFIC_SECRET_0 ", "CLIENT_RANDOM "] {
        let line =
            log.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("no {label}in {log}"));
        assert_eq!(line.split(' ').nth(1).unwrap().len(), 64);
    }
}
