//! The certificate authority of one run, and the certificates it issues.
//!
//! Keys are ECDSA P-256. Every leaf names its authority's key: Python 3.13 and later refuse a leaf without
//! (RFC 5280, section 4.2.1.1).

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

/// Why no certificate could be issued.
#[derive(Debug, thiserror::Error)]
#[error("issue the certificate of {subject}: {source}")]
pub struct Error {
    subject: String,
    source: rcgen::Error,
}

impl Error {
    /// No key for the authority itself.
    pub(crate) fn of_the_authority(source: rcgen::Error) -> Self {
        Self { subject: AUTHORITY.into(), source }
    }
}

/// The authority's name.
const AUTHORITY: &str = "fake-cloud root";

/// The authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: OffsetDateTime,
}

/// A certificate with its key.
pub(crate) struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// Makes an authority whose certificates hold from a day before `now` for ten years; `key` is its private key, PEM.
    pub(crate) fn new(now: std::time::SystemTime, key: &str) -> Result<Self, Error> {
        let now = OffsetDateTime::from(now);
        let subject = AUTHORITY;
        let make = || {
            let mut params = params(subject, Vec::new(), now)?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(params, KeyPair::from_pem(key)?)
        };
        let issuer = make().map_err(|source| Error { subject: subject.into(), source })?;
        Ok(Self { issuer, now })
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's own certificate.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server's certificate for `names`, the first of which is its common name.
    pub(crate) fn issue_server(&self, names: Vec<String>) -> Result<Issued, Error> {
        let subject = names.first().cloned().unwrap_or_default();
        self.issue(&subject, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A thing's certificate; its name is the common name.
    pub(crate) fn issue_client(&self, thing: &str) -> Result<Issued, Error> {
        self.issue(thing, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// The same for an RSA key that somebody else has made (PEM, PKCS #8), good for RSA key exchange as well.
    pub(crate) fn issue_server_for(&self, key: &str, names: Vec<String>) -> Result<Issued, Error> {
        let subject = names.first().cloned().unwrap_or_default();
        let make = || {
            let mut params = self.server_params(&subject, names)?;
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
            self.sign(params, KeyPair::from_pem(key)?)
        };
        make().map_err(|source| Error { subject: subject.clone(), source })
    }

    /// The same, no longer good since an hour ago.
    pub(crate) fn issue_expired(&self, names: Vec<String>) -> Result<Issued, Error> {
        let subject = names.first().cloned().unwrap_or_default();
        let make = || {
            let mut params = self.server_params(&subject, names)?;
            params.not_after = self.now - Duration::hours(1);
            self.sign(params, KeyPair::generate()?)
        };
        make().map_err(|source| Error { subject: subject.clone(), source })
    }

    /// Another authority of the same name, which nobody has heard of.
    pub(crate) fn unknown(&self) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(Error::of_the_authority)?;
        Self::new(self.now.into(), &key.serialize_pem())
    }

    /// A thing's certificate for a key that it keeps to itself; `request`: its signing request, PEM. Gives it as DER and PEM.
    pub(crate) fn issue_requested(
        &self,
        request: &str,
        subject: &str,
    ) -> Result<(CertificateDer<'static>, String), Error> {
        let make = || {
            let mut request = CertificateSigningRequestParams::from_pem(request)?;
            let mut params = params(subject, Vec::new(), self.now)?;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.use_authority_key_identifier_extension = true;
            // Nothing of what it asks for counts but its key.
            request.params = params;
            let certificate = request.signed_by(&self.issuer)?;
            Ok((certificate.der().clone(), certificate.pem()))
        };
        make().map_err(|source| Error { subject: subject.into(), source })
    }

    fn server_params(&self, subject: &str, names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
        let mut params = params(subject, names, self.now)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    fn sign(&self, params: CertificateParams, key: KeyPair) -> Result<Issued, rcgen::Error> {
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate, key })
    }

    fn issue(
        &self,
        subject: &str,
        names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Issued, Error> {
        let make = || {
            let mut params = params(subject, names, self.now)?;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![usage];
            params.use_authority_key_identifier_extension = true;
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok(Issued { certificate, key })
        };
        make().map_err(|source| Error { subject: subject.into(), source })
    }
}

fn params(subject: &str, names: Vec<String>, now: OffsetDateTime) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    Ok(params)
}

impl Issued {
    /// The certificate, PEM.
    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// The private key, PEM (PKCS #8).
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The public key, PEM.
    pub(crate) fn public_key_pem(&self) -> String {
        self.key.public_key_pem()
    }

    /// The certificate, DER.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// The private key, DER.
    pub(crate) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

/// Who the holder of a certificate is: hex SHA-256 of its DER form.
pub(crate) fn certificate_id(der: &CertificateDer<'_>) -> String {
    hex::encode(Sha256::digest(der))
}
