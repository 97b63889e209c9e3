//! TLS to Redis: who may vouch for the server, and who we are to it. The server's name is always checked; there is no
//! way to leave that out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::Address;
use super::reaction::{Failure, Reaction, Result};
use crate::store::{Config, OpenError};

pub(super) struct Tls(TlsConnector);

impl Tls {
    /// What `config` says of TLS to `address`; `None` where it is not asked for.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, or when files are named that would not be used.
    pub(super) fn load(config: &Config, address: &Address) -> Result<Option<Self>, OpenError> {
        let Config { tls_ca, tls_cert, tls_key, .. } = config;
        let is_named = |path: &PathBuf| !path.as_os_str().is_empty();
        if !address.is_encrypted {
            let unused = [("tls_ca", tls_ca), ("tls_cert", tls_cert), ("tls_key", tls_key)];
            return match unused.into_iter().find(|(_, path)| is_named(path)) {
                Some((name, _)) => Err(wrong(name, "is set, but store.url asks for no TLS: write it with rediss")),
                None => Ok(None),
            };
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("url", &error.to_string()))?
            .with_root_certificates(roots(tls_ca)?);
        let client = match (is_named(tls_cert), is_named(tls_key)) {
            (false, false) => builder.with_no_client_auth(),
            (true, true) => builder
                .with_client_auth_cert(certificates("tls_cert", tls_cert)?, key(tls_key)?)
                .map_err(|error| wrong("tls_cert", &format!("and tls_key do not belong together: {error}")))?,
            (true, false) => return Err(wrong("tls_key", "is missing: a certificate needs its key")),
            (false, true) => return Err(wrong("tls_cert", "is missing: a key needs its certificate")),
        };
        Ok(Some(Self(TlsConnector::from(Arc::new(client)))))
    }

    /// Speaks TLS over `stream`, with the server that its certificate must name as `host`.
    pub(super) async fn around(&self, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>> {
        let refused = |said: String| Failure::of(Reaction::Untrusted, said);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(error.to_string()))?;
        self.0.connect(name, stream).await.map_err(|error| match error.get_ref() {
            // What TLS itself finds wrong; the rest is a connection that ended.
            Some(inner) if inner.is::<rustls::Error>() => refused(error.to_string()),
            _ => Failure::cut(error.to_string()),
        })
    }
}

fn wrong(name: &str, why: &str) -> OpenError {
    OpenError::Url(format!("store.{name} {why}"))
}

/// The authorities of `file` and no others; those of the system where no file is named.
fn roots(file: &Path) -> Result<RootCertStore, OpenError> {
    let mut roots = RootCertStore::empty();
    if file.as_os_str().is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(wrong("tls_ca", "is not set, and this system trusts no certificate authority"));
        }
        return Ok(roots);
    }
    for certificate in certificates("tls_ca", file)? {
        let unusable = |error| wrong("tls_ca", &format!("{} holds no authority: {error}", file.display()));
        roots.add(certificate).map_err(unusable)?;
    }
    Ok(roots)
}

fn certificates(name: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let unusable = |why: &str| wrong(name, &format!("{}: {why}", file.display()));
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error.to_string()))?.collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable("it holds no certificate in PEM")),
        Err(error) => Err(unusable(&error.to_string())),
    }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, OpenError> {
    // What is wrong is said without repeating what is in the file.
    PrivateKeyDer::from_pem_file(file)
        .map_err(|_| wrong("tls_key", &format!("{} cannot be read or holds no key in PEM", file.display())))
}
