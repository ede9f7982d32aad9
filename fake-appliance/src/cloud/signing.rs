//! Signature version 4, the sending side.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

use super::https::{Call, Error};

const HTTPS: u16 = 443;

/// Who signs, for whom, and when.
pub(super) struct Signer<'a> {
    /// Signing name of the service.
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    /// Host, with its port if that is not 443.
    pub(super) authority: &'a str,
    pub(super) key_id: &'a str,
    pub(super) secret: &'a str,
    /// Of a session.
    pub(super) token: Option<&'a str>,
    pub(super) at: SystemTime,
}

impl Signer<'_> {
    /// The request, signed.
    pub(super) fn sign(&self, call: Call<'_>) -> Result<Request<Full<Bytes>>, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Sign(error.to_string());
        let headers = [("host", self.authority)].into_iter().chain(call.headers.iter().copied());
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(self.key_id, self.secret, token, None, "fake-appliance").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(settings(self.service))
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let uri = format!("https://{}{}", self.authority, call.path);
        let body = SignableBody::Bytes(&call.body);
        let signable = SignableRequest::new(call.method, uri, headers, body);
        let signable = signable.map_err(|error| failed(&error))?;
        let (instructions, _) = sign(signable, &params).map_err(|error| failed(&error))?.into_parts();
        let mut request = unsigned(self.authority, call)?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// The request as it is.
pub(super) fn unsigned(authority: &str, call: Call<'_>) -> Result<Request<Full<Bytes>>, Error> {
    let request = Request::builder().method(call.method).uri(call.path).header("host", authority);
    let request = call.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::from(call.body)).map_err(|error| Error::Sign(error.to_string()))
}

/// A host as requests name it.
pub(super) fn authority(host: &str, port: u16) -> String {
    if port == HTTPS { host.to_owned() } else { format!("{host}:{port}") }
}

/// S3 signs the path as it is and names the body's hash; all others encode the path again (AWS Signature
/// Version 4 signing process, "canonical URI").
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}
