//! TLS to real servers, with certificates that were made for the test: the contract, and who is not trusted.

use super::servers::Certificates;
use super::*;

fn trusting(config: Config, certificates: &Certificates) -> Config {
    Config {
        tls_ca: certificates.path("ca.pem"),
        tls_cert: certificates.path("client.pem"),
        tls_key: certificates.path("client.key"),
        ..config
    }
}

/// Something encrypted, and what to trust there.
struct Encrypted<P>(P, Certificates);

impl<P: Place> Place for Encrypted<P> {
    fn address(&self) -> String {
        self.0.address()
    }

    fn data(&self) -> &Path {
        self.0.data()
    }

    fn config(&self, shards: u16) -> Config {
        trusting(self.0.config(shards), &self.1)
    }
}

fn server() -> Encrypted<RedisServer> {
    let certificates = Certificates::new();
    Encrypted(RedisServer::encrypted(&certificates, &[]), certificates)
}

mod contract {
    use super::*;

    store_contract!(in turn: {
        let server = server();
        move |sentence: &str| Corner::of(&server, sentence)
    });
}

#[tokio::test]
async fn sentinels_and_clusters_are_spoken_to_with_tls_too() {
    let certificates = Certificates::new();
    let sentinels = Encrypted(Sentinels::encrypted(&certificates, 1), certificates);
    let store = sentinels.redis(1);
    faults::insist(&store, &batch(0, 1, 1)).await;
    let certificates = Certificates::new();
    let cluster = Encrypted(Cluster::encrypted(&certificates), certificates);
    let store = cluster.redis(8);
    faults::insist(&store, &batch(0, 1, 1)).await;
    assert_eq!(store.watermarks(ONE).await.unwrap().len(), 8);
}

#[test]
fn a_server_of_another_name_or_authority_is_not_spoken_to() {
    let elsewhere = Certificates::of("127.0.0.2");
    let server = RedisServer::encrypted(&elsewhere, &[]);
    let wrong = refused(&trusting(Place::config(&server, 1), &elsewhere), &server);
    assert!(wrong.contains("not valid for name") && wrong.contains("store.tls_ca"), "{wrong}");
    let wrong = refused(&trusting(Place::config(&server, 1), &Certificates::new()), &server);
    assert!(wrong.contains("invalid peer certificate") && wrong.contains("store.tls_ca"), "{wrong}");
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let server = server();
    let good = server.config(1);
    let none = || std::path::PathBuf::new();
    let key = || server.1.path("server.key");
    for (config, expected) in [
        (Config { tls_ca: "/nowhere/ca.pem".into(), ..good.clone() }, "tls_ca /nowhere/ca.pem"),
        (Config { tls_ca: key(), ..good.clone() }, "holds no certificate"),
        (Config { tls_key: none(), ..good.clone() }, "tls_key is missing"),
        (Config { tls_cert: none(), ..good.clone() }, "tls_cert is missing"),
        (Config { tls_key: key(), ..good.clone() }, "do not belong together"),
        (Config { tls_key: server.1.path("ca.pem"), ..good.clone() }, "holds no key"),
        (Config { url: server.0.url().replace("rediss", "redis"), ..good.clone() }, "asks for no TLS"),
    ] {
        let said = refused(&config, &server.0);
        assert!(said.contains(expected), "{said}");
    }
}

/// The server wants a certificate, and a connection without one ends.
#[test]
fn a_client_without_a_certificate_is_told_so() {
    let server = server();
    let config = Config { tls_cert: Default::default(), tls_key: Default::default(), ..server.config(1) };
    let said = refused(&config, &server.0);
    assert!(said.to_lowercase().contains("certificate"), "{said}");
}
