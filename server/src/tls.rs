//! TLS: the server's certificate, given or made on the first start, and the hash that clients bind their login to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// What PostgreSQL's protocol is called in ALPN.
const PROTOCOL: &[u8] = b"postgresql";

/// The server's side of TLS.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    certificate_hash: Option<Vec<u8>>,
}

/// Files that hold a certificate chain and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("could not read \"{}\": {reason}", path.display())]
    Read { path: PathBuf, reason: String },
    #[error("\"{}\" holds no certificate", path.display())]
    NoCertificate { path: PathBuf },
    #[error("could not write \"{}\": {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("could not make a certificate: {0}")]
    Generate(#[from] rcgen::Error),
    #[error("the TLS certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl CertificateFiles {
    /// The files of `directory`, made on the first call: a certificate that is signed by its own key.
    pub(crate) fn own(directory: &Path) -> Result<Self, TlsError> {
        let files = Self { certificate: directory.join("server.crt"), key: directory.join("server.key") };
        if !(files.certificate.exists() && files.key.exists()) {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, "KalamDB");
            let key = KeyPair::generate()?;
            let certificate = params.self_signed(&key)?;
            // The certificate comes last: with it the pair is complete.
            write_file(&files.key, &key.serialize_pem(), 0o600)?;
            write_file(&files.certificate, &certificate.pem(), 0o644)?;
        }
        Ok(files)
    }
}

fn write_file(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let failed = |source| TlsError::Write { path: path.to_owned(), source };
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

impl Tls {
    pub(crate) fn load(files: &CertificateFiles) -> Result<Self, TlsError> {
        let unreadable = |path: &Path, reason: &dyn std::fmt::Display| TlsError::Read {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(&files.certificate, &error))?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, &error))?;
        let Some(first) = chain.first() else {
            return Err(TlsError::NoCertificate { path: files.certificate.clone() });
        };
        let certificate_hash = certificate_hash(first);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        // PostgreSQL's clients do not resume TLS sessions.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate_hash })
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// `tls-server-end-point` (RFC 5929); None for certificates for which it is not defined, which cannot be bound to.
    pub(crate) fn certificate_hash(&self) -> Option<&[u8]> {
        self.certificate_hash.as_deref()
    }
}

/// The hash of the whole certificate by the algorithm of its signature, or by SHA-256 where that is MD5 or SHA-1.
fn certificate_hash(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = &parsed.signature_algorithm;
    let oid = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(params)) => params.hash_algorithm_oid().to_id_string(),
        _ => algorithm.algorithm.to_id_string(),
    };
    match oid.as_str() {
        // RSA with MD5 and SHA-1, ECDSA with SHA-1, SHA-1; then the same four ways with SHA-2.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1"
        | "1.3.14.3.2.26"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.3.2"
        | "2.16.840.1.101.3.4.2.1" => Some(Sha256::digest(certificate).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => {
            Some(Sha384::digest(certificate).to_vec())
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => {
            Some(Sha512::digest(certificate).to_vec())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::SignatureAlgorithm as Algorithm;

    use super::*;

    fn hash_length(algorithm: &'static Algorithm) -> Option<usize> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        certificate_hash(certificate.der()).map(|hash| hash.len())
    }

    #[test]
    fn the_hash_follows_the_signature() {
        assert_eq!(hash_length(&rcgen::PKCS_ECDSA_P256_SHA256), Some(32));
        assert_eq!(hash_length(&rcgen::PKCS_ECDSA_P384_SHA384), Some(48));
        // RFC 5929 leaves it undefined where the signature names no hash.
        assert_eq!(hash_length(&rcgen::PKCS_ED25519), None);
        assert_eq!(certificate_hash(b"not a certificate"), None);
    }

    #[test]
    fn the_own_certificate_is_made_once_and_its_key_is_private() {
        let directory = std::env::temp_dir().join(format!("kalamdb-tls-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let files = CertificateFiles::own(&directory).unwrap();
        let certificate = fs::read(&files.certificate).unwrap();
        assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(CertificateFiles::own(&directory).unwrap(), files);
        assert_eq!(fs::read(&files.certificate).unwrap(), certificate);
        assert_eq!(Tls::load(&files).unwrap().certificate_hash().map(<[u8]>::len), Some(32));
        fs::write(&files.certificate, "").unwrap();
        assert!(matches!(Tls::load(&files), Err(TlsError::NoCertificate { .. })));
        fs::remove_dir_all(&directory).unwrap();
    }
}
