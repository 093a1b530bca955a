//! Whether the certificate of a real endpoint is trusted.
//!
//! As rustls decides, with one addition: a server whose own certificate is among the trusted ones is who it says, though
//! the certificate be marked as an authority's. `openssl req -x509` makes such, most servers for development have one,
//! and OpenSSL (the AWS CLI, boto3, curl) takes it when it is named as trusted; rustls alone would not.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::summary::HostCounts;

/// Servers whose certificates were refused, with the number of connections. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct UntrustedServers(Arc<Mutex<HostCounts>>);

impl UntrustedServers {
    /// Those so far; afterwards there are none.
    pub fn take(&self) -> HostCounts {
        std::mem::take(&mut *self.0.lock())
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ServerVerifier {
    pub(crate) authorities: Arc<WebPkiServerVerifier>,
    /// The trusted certificates that were named, by a file or the system.
    pub(crate) named: HashSet<CertificateDer<'static>>,
    pub(crate) untrusted: UntrustedServers,
}

impl ServerVerifier {
    /// Whether a refused certificate is all the same that of a trusted server of this name.
    ///
    /// A validity that is over and a wrong purpose have errors of their own, which stand: rustls checks the validity
    /// before the mark of an authority, which it reports as an error without a name.
    fn is_named(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>, error: &Error) -> bool {
        matches!(error, Error::InvalidCertificate(CertificateError::Other(_)))
            && self.named.contains(certificate)
            && ParsedCertificate::try_from(certificate).and_then(|parsed| verify_server_name(&parsed, name)).is_ok()
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(error) if self.is_named(end_entity, server_name, &error) => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                self.untrusted.0.lock().count(&server_name.to_str());
                Err(error)
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::RootCertStore;

    use super::*;

    /// A certificate that signs itself and is marked as an authority's, as `openssl req -x509` makes it.
    fn certificate(days: std::ops::Range<u8>) -> CertificateDer<'static> {
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.not_before = rcgen::date_time_ymd(2026, 1, days.start);
        parameters.not_after = rcgen::date_time_ymd(2026, 1, days.end);
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[track_caller]
    fn check(named: &[&CertificateDer<'static>], shown: &CertificateDer<'static>, name: &str, is_trusted: bool) {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(named.iter().map(|certificate| (*certificate).clone()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let untrusted = UntrustedServers::default();
        let named = named.iter().map(|certificate| (*certificate).clone()).collect();
        let verifier = ServerVerifier { authorities, named, untrusted: untrusted.clone() };
        let server = ServerName::try_from(name.to_owned()).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_435_200)); // 2026-01-15
        let verified = verifier.verify_server_cert(shown, &[], &server, &[], now);
        assert_eq!(verified.is_ok(), is_trusted, "{name}: {verified:?}");
        assert_eq!(untrusted.take().total(), u64::from(!is_trusted));
    }

    #[test]
    fn a_server_is_trusted_by_its_own_certificate() {
        let (own, other, expired) = (certificate(1..30), certificate(1..30), certificate(1..10));
        check(&[&other, &own], &own, "localhost", true);
        check(&[&own], &own, "127.0.0.1", false);
        check(&[&own], &own, "example.com", false);
        check(&[&other], &own, "localhost", false);
        check(&[&expired], &expired, "localhost", false);
    }
}
