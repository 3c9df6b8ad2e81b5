//! Which server certificates are trusted: those that the authorities of the kubeconfig have signed, and those that are
//! among these authorities themselves, as Go's verifier takes them and webpki does not. Sends nothing.

use std::sync::Arc;

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use kube::Config;
use kube::client::ConfigExt;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tower::BoxError;

/// A connector that speaks TLS as the configuration says, over what `connector` connects.
pub(super) fn over<C>(config: &Config, connector: C) -> Result<HttpsConnector<C>, BoxError> {
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(client(config)?).https_or_http();
    if let Some(name) = &config.tls_server_name {
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(ServerName::try_from(name.clone())?));
    }
    Ok(builder.enable_http1().wrap_connector(connector))
}

/// The TLS settings of kube for this configuration, with our verifier where the kubeconfig names authorities.
pub(super) fn client(config: &Config) -> Result<ClientConfig, BoxError> {
    // kube's settings take the one that is installed
    provider();
    let Some(roots) = &config.root_cert else { return Ok(config.rustls_client_config()?) };
    if config.accept_invalid_certs || config.root_cert_file.is_some() {
        return Ok(config.rustls_client_config()?);
    }
    let mut usable = config.clone();
    usable.root_cert = Some(Vec::new());
    let mut tls = usable.rustls_client_config()?;
    let trusted = Trusted::of(roots, Arc::clone(tls.crypto_provider()))?;
    tls.dangerous().set_certificate_verifier(Arc::new(trusted));
    Ok(tls)
}

/// The TLS settings for a server of which one of `roots` vouches, by our verifier. `identity` is a client certificate and
/// its key, both PEM.
pub(super) fn trusting(roots: &[Vec<u8>], identity: Option<&[u8]>) -> Result<ClientConfig, BoxError> {
    let provider = provider();
    let trusted = Trusted::of(roots, Arc::clone(&provider))?;
    let settings = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let settings = settings.dangerous().with_custom_certificate_verifier(Arc::new(trusted));
    let Some(pem) = identity else { return Ok(settings.with_no_client_auth()) };
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    Ok(settings.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(pem)?)?)
}

/// What everybody encrypts with: ring, unless somebody has chosen otherwise before us.
pub(super) fn provider() -> Arc<CryptoProvider> {
    if let Some(chosen) = CryptoProvider::get_default() {
        return Arc::clone(chosen);
    }
    let ring = rustls::crypto::ring::default_provider();
    // Somebody else may have been faster: one is as good as the other.
    drop(ring.clone().install_default());
    Arc::new(ring)
}

/// The authorities of a PEM text.
pub(super) fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).map(|der| der.map(|der| der.to_vec())).collect();
    match found {
        Ok(found) if found.is_empty() => Err("certificate-authority: no certificate in it".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("certificate-authority: {error}")),
    }
}

#[derive(Debug)]
struct Trusted {
    signed: Option<Arc<WebPkiServerVerifier>>,
    /// The authorities, each of which may be the server's own certificate. Go: `crypto/x509`, `Certificate.Verify`.
    pinned: Vec<Vec<u8>>,
    provider: Arc<CryptoProvider>,
}

impl Trusted {
    fn of(roots: &[Vec<u8>], provider: Arc<CryptoProvider>) -> Result<Self, BoxError> {
        let mut store = RootCertStore::empty();
        // one that cannot be an authority may still be the server's own
        store.add_parsable_certificates(roots.iter().map(|der| CertificateDer::from(der.as_slice())));
        let signed = if store.is_empty() {
            None
        } else {
            Some(WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider)).build()?)
        };
        Ok(Self { signed, pinned: roots.to_vec(), provider })
    }

    /// A certificate that is itself among the authorities: its time, its name and its use are checked, as Go does.
    fn is_pinned(certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let facts = der::facts(certificate).ok_or(CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < facts.from {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > facts.until {
            return Err(CertificateError::Expired.into());
        }
        if !facts.serves {
            return Err(CertificateError::InvalidPurpose.into());
        }
        rustls::client::verify_server_name(&parsed, name)
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let signed = match &self.signed {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        if signed.is_err() && self.pinned.iter().any(|der| der.as_slice() == end_entity.as_ref()) {
            return Self::is_pinned(end_entity, server_name, now).map(|()| ServerCertVerified::assertion());
        }
        signed
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// As much of a certificate's DER as a pinned one needs.
mod der {
    use jiff::civil::DateTime;
    use jiff::tz::TimeZone;

    const SEQUENCE: u8 = 0x30;
    const EXTENSIONS: u8 = 0xa3;
    const UTC_TIME: u8 = 0x17;
    /// 2.5.29.37, and of its purposes 1.3.6.1.5.5.7.3.1 and "any" (2.5.29.37.0).
    const EXTENDED_USE: &[u8] = &[0x55, 0x1d, 0x25];
    const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

    /// From when until when, in Unix seconds, and whether it is for servers.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Facts {
        pub from: i64,
        pub until: i64,
        pub serves: bool,
    }

    pub fn facts(certificate: &[u8]) -> Option<Facts> {
        let (_, whole, _) = one(certificate)?;
        let (_, mut rest, _) = one(whole)?;
        let mut fields = Vec::new();
        while let Some((tag, value, after)) = one(rest) {
            fields.push((tag, value));
            rest = after;
        }
        // version (not in the oldest), serial, algorithm, issuer, validity
        let at = if fields.first()?.0 == 0xa0 { 4 } else { 3 };
        let (from_tag, from, after) = one(fields.get(at)?.1)?;
        let (until_tag, until, _) = one(after)?;
        let extensions = fields.iter().find(|(tag, _)| *tag == EXTENSIONS).map(|(_, value)| *value);
        Some(Facts {
            from: time(from_tag, from)?,
            until: time(until_tag, until)?,
            serves: extensions.is_none_or(serves),
        })
    }

    /// Without the extension a certificate is for everything.
    fn serves(extensions: &[u8]) -> bool {
        let Some((SEQUENCE, mut rest, _)) = one(extensions) else { return true };
        while let Some((_, extension, after)) = one(rest) {
            rest = after;
            let Some((_, id, mut value)) = one(extension) else { continue };
            if id != EXTENDED_USE {
                continue;
            }
            // critical, perhaps, and then the value in an octet string
            while let Some((tag, inner, after)) = one(value) {
                if tag == 0x04 {
                    let Some((SEQUENCE, mut purposes, _)) = one(inner) else { return false };
                    while let Some((_, purpose, after)) = one(purposes) {
                        if purpose == SERVER || purpose == ANY {
                            return true;
                        }
                        purposes = after;
                    }
                    return false;
                }
                value = after;
            }
        }
        true
    }

    /// The first element: its tag, its value, and what follows it.
    fn one(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
        let (tag, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            short @ 0..0x80 => (usize::from(*short), rest),
            long => {
                let count = usize::from(long & 0x7f);
                let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
        };
        let (value, after) = rest.split_at_checked(length)?;
        Some((*tag, value, after))
    }

    /// `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` from then on (RFC 5280).
    fn time(tag: u8, value: &[u8]) -> Option<i64> {
        let text = std::str::from_utf8(value).ok()?;
        let text = match (tag, text.get(..2)?.parse::<u8>().ok()?) {
            (UTC_TIME, 50..) => format!("19{text}"),
            (UTC_TIME, _) => format!("20{text}"),
            _ => text.to_owned(),
        };
        let at = DateTime::strptime("%Y%m%d%H%M%SZ", &text).ok()?;
        Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn both_forms_of_a_time_are_read() {
            assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
            assert_eq!(time(UTC_TIME, b"261121100000Z"), Some(1_795_255_200));
            assert_eq!(time(0x18, b"20500101000000Z"), Some(2_524_608_000));
            assert_eq!(time(UTC_TIME, b"soon"), None);
        }

        #[test]
        fn what_is_no_certificate_has_no_facts_and_does_no_harm() {
            for bytes in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x30\x01\x02", b"\x30\x80\x00"] {
                assert_eq!(facts(bytes), None, "{bytes:?}");
            }
        }
    }
}
