//! Whom URLs and parameters of headers name.

use std::net::IpAddr;

/// The host of a URL, as it is written, less the brackets of IPv6; none if it has none (RFC 3986, section 3.2).
pub(super) fn host(url: &str) -> Option<&str> {
    let (_, behind) = url.split_once("://").or_else(|| Some(("", url.strip_prefix("//")?)))?;
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    (!host.is_empty()).then_some(host)
}

/// The values of a parameter in a header such as Transport or RTP-Info (RFC 2326, sections 12.33 and 12.39), of all that it lists.
pub(super) fn parameters<'a>(header: &'a str, name: &str) -> Vec<&'a str> {
    let mut values = Vec::new();
    let mut rest = header;
    while let Some(at) = rest.find(|first: char| !matches!(first, ';' | ',' | ' ' | '\t')) {
        rest = &rest[at..];
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let Some(behind) = behind.strip_prefix('=') else {
            rest = behind;
            continue;
        };
        let (value, after) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => behind.split_at(behind.find([';', ',']).unwrap_or(behind.len())),
        };
        if word.trim().eq_ignore_ascii_case(name) {
            values.push(value.trim());
        }
        rest = after;
    }
    values
}

/// Whether what a header names is one of these addresses; a name is asked of `leads`.
pub(super) fn is_one(host: &str, addresses: &[IpAddr], leads: impl Fn(&str) -> bool) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => addresses.contains(&address),
        Err(_) => leads(&bare.trim_end_matches('.').to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_whatever_stands_around_it() {
        for (url, named) in [
            ("rtsp://10.20.0.7:554/stream/a=1", Some("10.20.0.7")),
            ("rtsp://viewer:secret@dock.example/", Some("dock.example")),
            ("rtspu://[2001:db8::7]:554", Some("2001:db8::7")),
            ("//10.20.0.9/x", Some("10.20.0.9")),
            ("http://10.20.0.7@10.20.0.9?x", Some("10.20.0.9")),
            ("rtsp://", None),
            ("stream=0", None),
            ("*", None),
            ("/a/b", None),
        ] {
            assert_eq!(host(url), named, "{url}");
        }
    }

    #[test]
    fn parameters_are_found_in_each_of_what_is_listed() {
        let header = "RTP/AVP;unicast; Destination=10.0.0.9;mode=\"PLAY,RECORD\",RTP/AVP/TCP;interleaved=0-1;destination";
        assert_eq!(parameters(header, "destination"), ["10.0.0.9"]);
        assert_eq!(parameters(header, "mode"), ["PLAY,RECORD"]);
        assert_eq!(parameters(header, "interleaved"), ["0-1"]);
        let info = "url=rtsp://10.20.0.7/a=1;seq=3;rtptime=7, url=rtsp://10.20.0.9/b;seq=1";
        assert_eq!(parameters(info, "url"), ["rtsp://10.20.0.7/a=1", "rtsp://10.20.0.9/b"]);
        for odd in ["", ";;,=", "mode=\"", "=x;mode"] {
            parameters(odd, "mode");
        }
    }

    #[test]
    fn addresses_are_compared_as_such_and_names_are_asked_of_somebody_else() {
        let own = ["10.20.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        let leads = |name: &str| name == "dock.example";
        for known in ["10.20.0.7", "2001:DB8:0::7", "[2001:db8::7]", "Dock.Example."] {
            assert!(is_one(known, &own, leads), "{known}");
        }
        for other in ["10.20.0.70", "2001:db8::8", "desk.example", ""] {
            assert!(!is_one(other, &own, leads), "{other}");
        }
    }
}
