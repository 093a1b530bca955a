//! What the program trusts, and what we trust in its place.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tempfile::NamedTempFile;

use crate::server_verifier::{ServerVerifier, UntrustedServers};

/// Where systems keep the certificates of the authorities that they trust.
///
/// Source: the lists of Go's `crypto/x509` and of `rustls-native-certs`.
const SYSTEM_FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Trust cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file that was named cannot be read.
    #[error("cannot read the certificates in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that was named holds no certificate.
    #[error("{} holds no certificate in PEM form", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file for the program cannot be written.
    #[error("cannot write the certificates for the program")]
    Unwritable {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// TLS refuses its fixed settings.
    #[error("TLS cannot be set up")]
    Tls {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// No certificate can be verified.
    #[error("the verification of certificates cannot be set up")]
    Verification {
        /// Why.
        #[source]
        source: VerifierBuilderError,
    },
}

/// Certificates of authorities, as PEM blocks.
#[derive(Debug, Clone, Default)]
pub struct TrustedCertificates {
    pem: String,
}

impl TrustedCertificates {
    /// What the system trusts; empty when it keeps that in no file that we know.
    pub fn of_system() -> Self {
        let read = |path: &&str| std::fs::read_to_string(path).ok();
        let pem = SYSTEM_FILES.iter().find_map(read).map(|text| blocks(&text)).unwrap_or_default();
        Self { pem }
    }

    /// Adds the certificates of a file. Other blocks in it (a key, say) stay behind.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn add_file(&mut self, path: &Path) -> Result<(), TrustError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| TrustError::Unreadable { path: path.to_owned(), source })?;
        let found = blocks(&text);
        if found.is_empty() {
            return Err(TrustError::Empty { path: path.to_owned() });
        }
        self.pem.push_str(&found);
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pem.is_empty()
    }

    /// Writes the certificates and the run's own to a temporary file that only this user may read. It is deleted when
    /// the value is dropped.
    ///
    /// # Errors
    /// The temporary folder cannot be written.
    pub fn write_with(&self, own_pem: &str) -> Result<NamedTempFile, TrustError> {
        let unwritable = |source| TrustError::Unwritable { source };
        let mut file =
            tempfile::Builder::new().prefix("opentrail-record-").suffix(".pem").tempfile().map_err(unwritable)?;
        file.write_all(blocks(own_pem).as_bytes()).map_err(unwritable)?;
        file.write_all(self.pem.as_bytes()).map_err(unwritable)?;
        file.flush().map_err(unwritable)?;
        Ok(file)
    }

    /// TLS towards the real endpoints: these certificates and the authorities that Mozilla trusts. Servers that are not
    /// trusted are counted in `untrusted`.
    ///
    /// # Errors
    /// None in practice: what can fail is the choice of TLS versions and authorities, which are there.
    pub fn client_config(&self, untrusted: &UntrustedServers) -> Result<Arc<ClientConfig>, TrustError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut pem = self.pem.as_bytes();
        let named: Vec<CertificateDer<'static>> = rustls_pemfile::certs(&mut pem).filter_map(Result::ok).collect();
        // What rustls cannot read, no certificate of a server would be checked against.
        roots.add_parsable_certificates(named.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|source| TrustError::Verification { source })?;
        let verifier = ServerVerifier { authorities, named: named.into_iter().collect(), untrusted: untrusted.clone() };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| TrustError::Tls { source })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// The certificates of a PEM text, one block after the other.
fn blocks(text: &str) -> String {
    let mut found = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let Some(length) = rest[begin..].find(END) else { break };
        let end = begin + length + END.len();
        found.push_str(&rest[begin..end]);
        found.push('\n');
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_certificates_are_taken_and_the_file_is_private_and_goes() {
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let mixed = NamedTempFile::new().expect("a file");
        let text = format!("# comment\n{}\n{}", pair.signing_key.serialize_pem(), pair.cert.pem());
        std::fs::write(mixed.path(), text).expect("a text");
        let mut trusted = TrustedCertificates::default();
        trusted.add_file(mixed.path()).expect("a certificate");
        trusted.client_config(&UntrustedServers::default()).expect("a configuration");

        let file = trusted.write_with(&pair.cert.pem()).expect("a file");
        let written = std::fs::read_to_string(file.path()).expect("a text");
        assert_eq!(written.matches(BEGIN).count(), 2);
        assert!(!written.contains("PRIVATE KEY"));
        assert_eq!(std::fs::metadata(file.path()).expect("facts").permissions().mode() & 0o777, 0o600);
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn files_without_certificates_are_refused() {
        let empty = NamedTempFile::new().expect("a file");
        let mut trusted = TrustedCertificates::default();
        assert!(matches!(trusted.add_file(empty.path()), Err(TrustError::Empty { .. })));
        assert!(matches!(trusted.add_file(Path::new("/does/not/exist")), Err(TrustError::Unreadable { .. })));
    }
}
