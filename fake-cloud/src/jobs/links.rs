//! Presigned links in job documents: `${aws:iot:s3-presigned-url:https://s3.REGION.amazonaws.com/BUCKET/KEY}` becomes a link
//! that is good for a while, when the document is handed over (AWS IoT developer guide, "Managing jobs"). One to an access
//! point, which AWS does not document, stays there.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use crate::clock::Clock;
use crate::keys::Key;

const START: &str = "${aws:iot:s3-presigned-url:";

/// Who signs links, and for where.
pub(crate) struct Links(Option<Signer>);

struct Signer {
    key: Key,
    region: String,
    localhost: bool,
    port: u16,
    clock: Clock,
}

impl Links {
    /// Signed with this key for buckets of a region, whose services are at a TCP port; of `localhost`, if that stands for
    /// them.
    pub(crate) fn new(key: Key, region: &str, localhost: bool, port: u16, clock: Clock) -> Self {
        Self(Some(Signer { key, region: region.into(), localhost, port, clock }))
    }

    /// Nobody signs: documents stay as they are.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// A document with its links signed for so many seconds; what is no object's address stays as it is.
    pub(crate) fn sign(&self, document: &str, seconds: u64) -> String {
        let Some(signer) = &self.0 else { return document.into() };
        let mut parts = document.split(START);
        let mut written = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let link = part.split_once('}').and_then(|(url, rest)| {
                let (bucket, key) = place(url)?;
                Some((signer.link(point(url), bucket, key, seconds)?, rest))
            });
            match link {
                Some((link, rest)) => written.extend([link.as_str(), rest]),
                None => written.extend([START, part]),
            }
        }
        written
    }
}

/// Bucket and key of an address, with the bucket in the path or in the host name.
pub(crate) fn place(url: &str) -> Option<(&str, &str)> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let named = |bucket: &str, key: &str| {
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\?#{}".contains(&byte));
        !bucket.is_empty() && !bucket.contains('/') && !key.is_empty() && plain(bucket) && plain(key)
    };
    let found = match host.split_once(".s3.").or_else(|| host.split_once(".s3-")) {
        Some((bucket, _)) => (bucket, path),
        None if host.starts_with("s3.") || host.starts_with("s3-") => path.split_once('/')?,
        None => return None,
    };
    named(found.0, found.1).then_some(found)
}

/// The host of an access point, which links to it keep.
fn point(url: &str) -> Option<&str> {
    let (host, _) = url.strip_prefix("https://")?.split_once('/')?;
    host.contains(".s3-accesspoint.").then_some(host)
}

impl Signer {
    fn link(&self, point: Option<&str>, bucket: &str, key: &str, seconds: u64) -> Option<String> {
        let port = if self.port == 443 { String::new() } else { format!(":{}", self.port) };
        let (host, path) = match (self.localhost, point) {
            (true, _) => (format!("localhost{port}"), format!("{bucket}/{key}")),
            (false, Some(point)) => (format!("{point}{port}"), key.to_owned()),
            (false, None) => (format!("{bucket}.s3.{}.amazonaws.com{port}", self.region), key.to_owned()),
        };
        let url = format!("https://{host}/{path}");
        let identity = Credentials::new(&self.key.id, &self.key.secret, None, None, "presigned links").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.expires_in = Some(Duration::from_secs(seconds));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(self.now())
            .settings(settings)
            .build()
            .ok()?
            .into();
        let headers = [("host", host.as_str())].into_iter();
        let request = SignableRequest::new("GET", &url, headers, SignableBody::UnsignedPayload).ok()?;
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in instructions.params() {
            query.append_pair(name, value);
        }
        Some(format!("{url}?{}", query.finish()))
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_in_three_ways_and_other_addresses_are_none() {
        for url in [
            "https://s3.amazonaws.com/bucket/a/b.bin",
            "https://s3.eu-west-1.amazonaws.com/bucket/a/b.bin",
            "https://bucket.s3.eu-west-1.amazonaws.com/a/b.bin",
        ] {
            assert_eq!(place(url), Some(("bucket", "a/b.bin")), "{url}");
        }
        for url in [
            "http://s3.amazonaws.com/b/k",
            "https://example.org/b/k",
            "https://s3.amazonaws.com/b",
            "https://s3.amazonaws.com/b/k\"x",
        ] {
            assert_eq!(place(url), None, "{url}");
        }
    }

    #[test]
    fn links_are_signed_where_they_stand_and_the_rest_stays() {
        let key = Key { id: "AKIAEXAMPLE".into(), secret: "secret".into() };
        let local = Links::new(key.clone(), "eu-west-1", true, 8443, Clock::default());
        let signed = local.sign("${aws:iot:s3-presigned-url:https://s3.amazonaws.com/b/k}", 60);
        assert!(signed.starts_with("https://localhost:8443/b/k?"), "{signed}");
        let links = Links::new(key, "eu-west-1", false, 443, Clock::default());
        let signed =
            links.sign(r#"{"a":"${aws:iot:s3-presigned-url:https://s3.amazonaws.com/b/k}","c":1}"#, 60);
        assert!(signed.starts_with(r#"{"a":"https://b.s3.eu-west-1.amazonaws.com/k?"#), "{signed}");
        assert!(signed.contains("X-Amz-Expires=60") && signed.ends_with(r#"","c":1}"#), "{signed}");
        let point = "https://p-1.s3-accesspoint.eu-west-1.amazonaws.com/a/b";
        let signed = links.sign(&format!("${{aws:iot:s3-presigned-url:{point}}}"), 60);
        assert!(signed.starts_with(&format!("{point}?")), "an access point stays one: {signed}");
        for other in
            [r#"{"a":"${aws:iot:s3-presigned-url:https://x/y}"}"#, "{}", "${aws:iot:s3-presigned-url:"]
        {
            assert_eq!(links.sign(other, 60), other);
        }
    }
}
