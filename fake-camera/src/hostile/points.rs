//! Answers that name another host, in each place that RTSP and SDP have for one.

use std::net::IpAddr;

use super::message::Message;

/// The answer as if the stream were at this host: RFC 2326, sections 12.11, 12.33, 12.39 and C.1; RFC 4566, section 5.
pub(super) fn elsewhere(answer: &Message, host: IpAddr) -> Message {
    let mut moved = answer.clone();
    let base = answer.field("Content-Base").unwrap_or_default().to_owned();
    for (name, value) in &mut moved.fields {
        *value = match name.to_ascii_lowercase().as_str() {
            "content-base" | "content-location" => at(value, host),
            "rtp-info" => value.split(',').map(|one| rtp_info(one, host)).collect::<Vec<_>>().join(","),
            "transport" => format!("{value};source={host}"),
            _ => continue,
        };
    }
    if answer.field("Content-Type") == Some("application/sdp") {
        let text = String::from_utf8_lossy(&answer.body);
        let lines: String = text.lines().map(|line| described(line, &base, host) + "\r\n").collect();
        moved.body = lines.into_bytes();
    }
    moved
}

fn rtp_info(one: &str, host: IpAddr) -> String {
    let parts = one.split(';').map(|part| match part.trim().strip_prefix("url=") {
        Some(url) => format!("url={}", at(url, host)),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(";")
}

/// A line of the session description.
fn described(line: &str, base: &str, host: IpAddr) -> String {
    let family = if host.is_ipv4() { "IP4" } else { "IP6" };
    if let Some(control) = line.strip_prefix("a=control:") {
        let whole = match control {
            "*" => base.to_owned(),
            control if control.contains("://") => control.to_owned(),
            control => format!("{}/{control}", base.trim_end_matches('/')),
        };
        return format!("a=control:{}", at(&whole, host));
    }
    if line.starts_with("c=") {
        return format!("c=IN {family} {host}");
    }
    match line.strip_prefix("o=").and_then(|origin| origin.split_once(" IN ")) {
        Some((who, _)) => format!("o={who} IN {family} {host}"),
        None => line.to_owned(),
    }
}

/// The address with another host, at its protocol's own port.
pub(crate) fn at(address: &str, host: IpAddr) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let path = rest.find(['/', '?']).map_or("", |begin| &rest[begin..]);
    match host {
        IpAddr::V4(host) => format!("{scheme}://{host}{path}"),
        IpAddr::V6(host) => format!("{scheme}://[{host}]{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_names_a_host_names_the_other() {
        let host: IpAddr = "10.30.0.20".parse().unwrap();
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let answer = Message {
            start: "RTSP/1.0 200 OK".into(),
            fields: vec![
                field("Content-Base", "rtsp://10.20.0.11:554/stream/"),
                field("Content-Type", "application/sdp"),
                field("Transport", "RTP/AVP;unicast;client_port=5000-5001;server_port=50000-50001"),
                field("RTP-Info", "url=rtsp://10.20.0.11/stream/stream=0;seq=1,url=rtsp://10.20.0.11/b;seq=2"),
            ],
            body: b"v=0\r\no=- 1 1 IN IP4 10.20.0.11\r\nc=IN IP4 0.0.0.0\r\na=control:*\r\na=control:stream=0\r\n"
                .to_vec(),
        };
        let moved = elsewhere(&answer, host);
        assert_eq!(moved.field("content-base"), Some("rtsp://10.30.0.20/stream/"));
        assert!(moved.field("Transport").unwrap().ends_with(";source=10.30.0.20"));
        let info = "url=rtsp://10.30.0.20/stream/stream=0;seq=1,url=rtsp://10.30.0.20/b;seq=2";
        assert_eq!(moved.field("RTP-Info"), Some(info));
        let lines = "v=0\r\no=- 1 1 IN IP4 10.30.0.20\r\nc=IN IP4 10.30.0.20\r\n\
                     a=control:rtsp://10.30.0.20/stream/\r\na=control:rtsp://10.30.0.20/stream/stream=0\r\n";
        assert_eq!(String::from_utf8(moved.body).unwrap(), lines);
        assert_eq!(at("rtsp://cam/x", "fd00::1".parse().unwrap()), "rtsp://[fd00::1]/x");
    }
}
