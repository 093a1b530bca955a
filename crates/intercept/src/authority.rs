//! A certificate authority for one run. Its key, and the keys of its certificates, are in memory only.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Days for which certificates are good: longer than any run, and short for what might be left of it.
const VALID_DAYS: i64 = 30;
/// Most hosts whose certificates are kept. Buckets in host names make many; beyond, all are made anew.
const HOSTS_MAX: usize = 1024;

/// The authority cannot make a key or a certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A key or certificate.
    #[error("cannot make a certificate for '{subject}'")]
    Certificate {
        /// Whose.
        subject: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// What was made cannot be used.
    #[error("the certificate for '{subject}' cannot be used")]
    Unusable {
        /// Whose.
        subject: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// An authority that lives as long as this value.
pub struct EphemeralAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// One key for all certificates: who has this process's memory has them all anyway.
    leaf_key: KeyPair,
    by_host: Mutex<HashMap<String, Arc<ServerConfig>>>,
    valid: ValidDays,
}

#[derive(Clone, Copy)]
struct ValidDays {
    first: (i32, u8, u8),
    last: (i32, u8, u8),
}

impl ValidDays {
    /// From the day before, for clocks that are slow.
    fn from(now: Timestamp) -> Self {
        let day = |offset: i64| {
            let date = now.to_zoned(TimeZone::UTC).date().saturating_add(offset.days());
            (i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
        };
        Self { first: day(-1), last: day(VALID_DAYS) }
    }

    fn put_into(self, params: &mut CertificateParams) {
        let (year, month, day) = self.first;
        params.not_before = date_time_ymd(year, month, day);
        let (year, month, day) = self.last;
        params.not_after = date_time_ymd(year, month, day);
    }
}

impl EphemeralAuthority {
    /// Makes an authority with fresh keys.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(now: Timestamp) -> Result<Self, AuthorityError> {
        const NAME: &str = "OpenTrail record, one run only";
        let error = |source| AuthorityError::Certificate { subject: NAME.to_owned(), source };
        let valid = ValidDays::from(now);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid.put_into(&mut params);
        let key = KeyPair::generate().map_err(error)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(error)?;
        let leaf_key = KeyPair::generate().map_err(error)?;
        Ok(Self { issuer, leaf_key, by_host: Mutex::default(), valid })
    }

    /// The authority's certificate, for whoever is to trust it.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS as the named host (a DNS name or an address), offering HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// The name cannot stand in a certificate.
    pub fn server_config(&self, host: &str) -> Result<Arc<ServerConfig>, AuthorityError> {
        if let Some(config) = self.by_host.lock().get(host) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make_server_config(host)?);
        let mut by_host = self.by_host.lock();
        if by_host.len() >= HOSTS_MAX {
            by_host.clear();
        }
        by_host.insert(host.to_owned(), Arc::clone(&config));
        Ok(config)
    }

    fn make_server_config(&self, host: &str) -> Result<ServerConfig, AuthorityError> {
        let error = |source| AuthorityError::Certificate { subject: host.to_owned(), source };
        let unusable = |source| AuthorityError::Unusable { subject: host.to_owned(), source };
        let mut names = vec![host.to_owned()];
        if host.parse::<IpAddr>().is_err() {
            // A local endpoint serves buckets under its own name as well.
            names.push(format!("*.{host}"));
        }
        let mut params = CertificateParams::new(names).map_err(error)?;
        // The common name is bounded at 64 characters and nobody reads it; the subject alternative name counts.
        params.distinguished_name.push(DnType::CommonName, "OpenTrail record");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python 3.13 and newer ask for it.
        params.use_authority_key_identifier_extension = true;
        self.valid.put_into(&mut params);
        let certificate = params.signed_by(&self.leaf_key, &self.issuer).map_err(error)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// A host as certificates and TLS name it: without the brackets of an IPv6 address.
pub fn bare_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whether a host is an address of this machine, or a name that always means it.
pub fn is_loopback(host: &str) -> bool {
    let host = bare_host(host);
    let name = host.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    use super::*;

    /// Shakes hands with a client that trusts the authority alone; gives the protocol agreed on.
    fn shake_hands(
        authority: &EphemeralAuthority,
        host: &str,
        wanted: &'static str,
    ) -> Result<Option<Vec<u8>>, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.issuer.der().to_vec())).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(wanted).expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut server =
            ServerConnection::new(authority.server_config(host).expect("a configuration")).expect("server");
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).expect("bytes");
            server.read_tls(&mut wire.as_slice()).expect("bytes");
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).expect("bytes");
            client.read_tls(&mut wire.as_slice()).expect("bytes");
            client.process_new_packets()?;
        }
        Ok(client.alpn_protocol().map(<[u8]>::to_vec))
    }

    #[test]
    fn clients_that_trust_the_authority_take_its_certificates() {
        let authority = EphemeralAuthority::new(Timestamp::now()).expect("an authority");
        for host in ["s3.us-east-1.amazonaws.com", "localhost", "127.0.0.1", "::1"] {
            let agreed = shake_hands(&authority, host, host).expect(host);
            assert_eq!(agreed.as_deref(), Some(b"http/1.1".as_slice()), "{host}");
        }
        shake_hands(&authority, "s3.localhost", "bucket.s3.localhost").expect("a bucket in the host name");
        assert!(shake_hands(&authority, "s3.localhost", "sts.localhost").is_err());
        let first = authority.server_config("a.example.com").expect("a configuration");
        assert!(Arc::ptr_eq(&first, &authority.server_config("a.example.com").expect("the same")));
    }

    #[test]
    fn certificates_of_a_past_run_are_refused() {
        let past = Timestamp::now().checked_sub((24 * (VALID_DAYS + 3)).hours()).expect("a time");
        let authority = EphemeralAuthority::new(past).expect("an authority");
        assert!(shake_hands(&authority, "s3.amazonaws.com", "s3.amazonaws.com").is_err());
    }

    #[test]
    fn loopback_hosts() {
        for host in ["localhost", "S3.localhost", "127.0.0.1", "127.3.2.1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com", "10.0.0.1", "[2001:db8::1]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
