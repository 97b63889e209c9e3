//! Where click files are kept, as `archive.url` names it: a folder, or a bucket of an object store.
//!
//! It must never hold or print a credential: those come from the environment, in the names that each provider's own
//! tools use, and go straight to the client.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use super::{ArchiveError, Config};

/// The client's own tries at one request; after them the caller decides.
const RETRIES_MAX: usize = 2;
const RETRY_WITHIN: Duration = Duration::from_secs(10);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How long a connection may take to be made, a server may say nothing, and a whole answer may take.
const CONNECT_WITHIN: &str = "3 seconds";
const SILENCE_MAX: &str = "20 seconds";
const ANSWER_WITHIN: &str = "10 minutes";

/// Where click files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Folder(PathBuf),
    Bucket(BucketAddress),
}

/// A bucket (Azure calls it a container) and the folder in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketAddress {
    provider: Provider,
    /// As it was configured; it holds no secret.
    pub(super) url: String,
    bucket: String,
    pub(super) prefix: object_store::path::Path,
    endpoint: Option<String>,
    region: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    S3,
    Google,
    Azure,
}

impl Address {
    /// What `config.url` names. Empty is `clicks` in the data folder.
    ///
    /// # Errors
    /// When it is a URL of a kind that is not known, names no bucket, or holds what belongs into the environment.
    pub(crate) fn of(config: &Config, data: &Path) -> Result<Self, ArchiveError> {
        if config.url.is_empty() {
            return Ok(Self::Folder(data.join("clicks")));
        }
        if !config.url.contains("://") {
            let folder = config.url.strip_prefix("file:").unwrap_or(&config.url);
            return Ok(Self::Folder(PathBuf::from(folder)));
        }
        let wrong = |message: &str| ArchiveError::Address { url: shown(&config.url), message: message.to_owned() };
        let url = Url::parse(&config.url).map_err(|error| wrong(&error.to_string()))?;
        let provider = match url.scheme() {
            "file" => {
                return url.to_file_path().map(Self::Folder).map_err(|()| wrong("it names no folder of this machine"));
            }
            "s3" => Provider::S3,
            "gs" => Provider::Google,
            "az" => Provider::Azure,
            _ => return Err(wrong("use a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix")),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(wrong("it says more than a bucket and a prefix; credentials belong into the environment"));
        }
        let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no bucket"))?;
        let prefix = object_store::path::Path::from_url_path(url.path()).map_err(|error| wrong(&error.to_string()))?;
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Self::Bucket(BucketAddress {
            provider,
            url: config.url.trim_end_matches('/').to_owned(),
            bucket: bucket.to_owned(),
            prefix,
            endpoint: given(&config.endpoint),
            region: given(&config.region),
        }))
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.url)
    }
}

/// The URL without what may be a secret.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split('?').next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

impl BucketAddress {
    /// A client for this bucket. It asks nothing yet.
    ///
    /// # Errors
    /// When the environment says something that cannot be used.
    pub(super) fn client(&self) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
        // It fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(match self.provider {
            Provider::S3 => Arc::new(self.s3().build()?),
            Provider::Google => Arc::new(self.google().build()?),
            Provider::Azure => Arc::new(self.azure().build()?),
        })
    }

    /// The bucket, for somebody who is told that it cannot be used.
    pub(super) fn told(&self) -> String {
        format!("{}{}", self.url, self.hint())
    }

    /// What an answer that does not come may be about: without a key the machine's own role is asked for, and only
    /// machines of the provider have one.
    fn hint(&self) -> &'static str {
        let has = |names: &[&str]| names.iter().any(|name| std::env::var_os(name).is_some());
        let named = match self.provider {
            Provider::S3 => has(&["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"]),
            Provider::Google => has(&["GOOGLE_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS"]),
            Provider::Azure => has(&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_ID"]),
        };
        if named { "" } else { " (the environment names no credentials for it)" }
    }

    fn s3(&self) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(&self.bucket).with_retry(retries());
        for (key, value) in self.client_options() {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
        }
        if let Some(endpoint) = &self.endpoint {
            // The more particular of two keys, so that no variable of the environment is stronger.
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        builder
    }

    fn google(&self) -> GoogleCloudStorageBuilder {
        let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&self.bucket).with_retry(retries());
        for (key, value) in self.client_options() {
            builder = builder.with_config(GoogleConfigKey::Client(key), value);
        }
        match &self.endpoint {
            Some(endpoint) => builder.with_base_url(endpoint),
            None => builder,
        }
    }

    fn azure(&self) -> MicrosoftAzureBuilder {
        let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(&self.bucket).with_retry(retries());
        for (key, value) in self.client_options() {
            builder = builder.with_config(AzureConfigKey::Client(key), value);
        }
        match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.clone()),
            None => builder,
        }
    }

    /// Bounds on every request. Whoever writes `http://` has said that it may be plain, and then no certificates of the
    /// system are needed, which small machines do not have.
    fn client_options(&self) -> Vec<(ClientConfigKey, &'static str)> {
        let mut options = vec![
            (ClientConfigKey::ConnectTimeout, CONNECT_WITHIN),
            (ClientConfigKey::ReadTimeout, SILENCE_MAX),
            (ClientConfigKey::Timeout, ANSWER_WITHIN),
        ];
        if self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
            options.extend([(ClientConfigKey::AllowHttp, "true"), (ClientConfigKey::NoSystemCertificates, "true")]);
        }
        options
    }
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: BACKOFF_FIRST, max_backoff: BACKOFF_MAX, ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: RETRIES_MAX, retry_timeout: RETRY_WITHIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, String> {
        let config = Config { url: url.to_owned(), ..crate::archive::tests::config() };
        Address::of(&config, Path::new("/data")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_folder_is_a_folder_however_it_is_written() {
        for (url, folder) in [
            ("", "/data/clicks"),
            ("clicks", "clicks"),
            ("/srv/clicks", "/srv/clicks"),
            ("file:/srv/clicks", "/srv/clicks"),
            ("file:///srv/clicks", "/srv/clicks"),
        ] {
            assert_eq!(address(url), Ok(Address::Folder(PathBuf::from(folder))), "{url}");
        }
    }

    #[test]
    fn a_bucket_has_a_prefix_or_none() {
        for (url, prefix) in [("s3://b", ""), ("s3://b/", ""), ("gs://b/p", "p"), ("az://b/p/q/", "p/q")] {
            let Ok(Address::Bucket(bucket)) = address(url) else { panic!("{url}: {:?}", address(url)) };
            assert_eq!((bucket.bucket.as_str(), bucket.prefix.as_ref()), ("b", prefix), "{url}");
        }
    }

    #[test]
    fn there_is_a_client_for_each_provider() {
        for url in ["s3://b/p", "gs://b/p"] {
            let Ok(Address::Bucket(bucket)) = address(url) else { panic!("{url}") };
            let bucket = BucketAddress { endpoint: Some("http://127.0.0.1:9".to_owned()), ..bucket };
            assert!(bucket.client().is_ok(), "{url}: {:?}", bucket.client().err());
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_repeating_its_secrets() {
        for url in ["http://b/p", "s3:///p", "s3://key:secret@b/p", "s3://b/p?token=secret", "s3://secret@b"] {
            let refusal = address(url).unwrap_err();
            assert!(refusal.contains("archive.url") && !refusal.contains("secret"), "{refusal}");
        }
    }
}
