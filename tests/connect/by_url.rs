//! Services by their own address: TLS, proxies, bounds and the words for what fails are those of the API server, and
//! nothing follows where an answer points.

use std::io::Write;

use super::*;

fn service(url: String) -> Service {
    Service { url: Some(url), ..Service::default() }
}

async fn get(service: &Service, env: &Env) -> Result<u16, RequestError> {
    Http::direct(service, env).unwrap().get("/", SOON).await.map(|answer| answer.status.as_u16())
}

#[rstest]
#[case::its_own_authority("selfca", "selfca", Ok(200))]
#[case::a_pinned_leaf("leaf", "leaf", Ok(200))]
#[case::signed("leaf", "ca", Ok(200))]
#[case::pinned_but_over("expired", "expired", Err(TlsProblem::Expired))]
#[case::signed_for_another_name("wrong", "ca", Err(TlsProblem::WrongName))]
#[case::of_somebody_else("leaf", "selfca", Err(TlsProblem::Untrusted))]
#[tokio::test]
async fn a_certificate_is_trusted_by_its_authority_alone(
    #[case] server: &str,
    #[case] authority: &str,
    #[case] expected: Result<u16, TlsProblem>,
) {
    let by = Service { ca_file: Some(certificate(authority)), ..service(format!("https://{}", tls_server(server))) };
    assert_eq!(get(&by, &Env::default()).await, expected.map_err(RequestError::Tls));
}

#[tokio::test]
async fn a_certificate_that_is_not_checked_needs_no_authority() {
    let url = format!("https://{}", tls_server("wrong"));
    let unchecked = Service { insecure_skip_tls_verify: true, ..service(url) };
    assert_eq!(get(&unchecked, &Env::default()).await, Ok(200));
}

#[tokio::test]
async fn what_keeps_us_from_an_answer_is_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    assert_eq!(get(&service(format!("http://{address}")), &Env::default()).await, Err(RequestError::Refused));
    let plain = Server::friendly().await;
    let no_tls = Service { ca_file: Some(certificate("ca")), ..service(format!("https://{}", plain.address)) };
    assert_eq!(get(&no_tls, &Env::default()).await, Err(RequestError::Tls(TlsProblem::NotTls)));
    let nowhere = get(&service("http://no..name".to_owned()), &Env::default()).await;
    assert_eq!(nowhere, Err(RequestError::Dns("no..name".to_owned())));
    let http = Http::direct(&service(plain.url()), &Env::default()).unwrap();
    assert_eq!(http.get("/hang", Duration::from_millis(50)).await.unwrap_err(), RequestError::Timeout);
}

#[tokio::test]
async fn a_redirection_is_an_answer_and_is_not_followed() {
    let server = Server::start(|_, _| response(302, &[("location", "/elsewhere")], "")).await;
    assert_eq!(get(&service(server.url()), &Env::default()).await, Ok(302));
    assert_eq!(server.paths(), ["/"]);
}

#[tokio::test]
async fn what_stands_before_the_host_is_sent_nowhere() {
    let server = Server::friendly().await;
    let ca_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/ca.pem").into());
    let secure = format!("https://alice:hunter2@{}", tls_front(server.address));
    for by in [service(format!("http://alice:hunter2@{}", server.address)), Service { ca_file, ..service(secure) }] {
        assert_eq!(get(&by, &Env::default()).await, Ok(200));
    }
    for index in [0, 1] {
        assert!(!format!("{:?}", server.headers(index)).contains("alice"), "{:?}", server.headers(index));
        assert!(!server.headers(index).contains_key("authorization"));
        assert_eq!(server.headers(index)["user-agent"], concat!("watchkeeper/", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn an_answer_is_unpacked_and_bounded_after_that() {
    let packed = |bytes: usize| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![b'x'; bytes]).unwrap();
        encoder.finish().unwrap()
    };
    let (small, large) = (packed(20_000), packed(bounds::ANSWER + 1));
    let server = Server::start(move |path, _| match path {
        "/flood" => response(200, &[], endless(b'x')),
        "/words" => response(503, &[], endless(b'x')),
        "/bomb" => response(200, &[("content-encoding", "gzip")], large.clone()),
        _ => response(200, &[("content-encoding", "gzip")], small.clone()),
    })
    .await;
    let http = Http::direct(&service(server.url()), &Env::default()).unwrap();
    assert_eq!(http.get("/", SOON).await.unwrap().body.len(), 20_000);
    assert_eq!(server.headers(0)["accept-encoding"], "gzip");
    for path in ["/flood", "/bomb"] {
        let error = http.get(path, SOON).await.unwrap_err();
        assert_eq!(error, RequestError::Exceeded(Exceeded::Answer(bounds::ANSWER)), "{path}");
    }
    assert_eq!(http.get("/words", SOON).await.unwrap().body.len(), bounds::WORDS);
}

#[tokio::test]
async fn a_token_that_is_refused_is_read_again_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "old").unwrap();
    let server = Server::start(|_, headers| match headers["authorization"].to_str() {
        Ok("Bearer new") => json(200, "[]"),
        _ => json(401, "{}"),
    })
    .await;
    let url = format!("https://{}", tls_front(server.address));
    let ca_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/ca.pem").into());
    let by = Service { ca_file, bearer_token_file: Some(file.clone()), ..service(url) };
    let http = Http::direct(&by, &Env::default()).unwrap();
    assert_eq!(http.get("/", SOON).await.unwrap().status, 401, "it is the same");
    assert_eq!(server.paths().len(), 1);
    let http = Http::direct(&by, &Env::default()).unwrap();
    http.get("/", SOON).await.unwrap();
    std::fs::write(&file, "new").unwrap();
    let http = Http::direct(&by, &Env::default()).unwrap();
    assert_eq!(http.get("/", SOON).await.unwrap().status, 200);
}

#[test]
fn a_client_certificate_and_its_key_need_each_other() {
    let base = service("https://prom.example".to_owned());
    let alone = Service { client_cert_file: Some(certificate("client")), ..base.clone() };
    assert!(Http::direct(&alone, &Env::default()).unwrap_err().detail().contains("need each other"));
    let key = certificate_folder().join("client.key");
    let missing = Service { client_key_file: Some("/nonexistent/key".into()), ..alone.clone() };
    assert!(Http::direct(&missing, &Env::default()).unwrap_err().detail().contains("client-key-file /nonexistent/key"));
    let wrong = Service { client_key_file: Some(certificate("client")), ..alone.clone() };
    assert!(Http::direct(&wrong, &Env::default()).is_err(), "it is no key");
    for ca_file in [None, Some(certificate("ca"))] {
        let both = Service { client_key_file: Some(key.clone()), ca_file, ..alone.clone() };
        assert!(Http::direct(&both, &Env::default()).is_ok());
    }
}

#[rstest]
#[case::with_authority(true)]
#[case::unchecked(false)]
#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one(#[case] checked: bool) {
    let url = format!("https://{}", server_that_wants_a_certificate());
    let base =
        Service { ca_file: checked.then(|| certificate("ca")), insecure_skip_tls_verify: !checked, ..service(url) };
    let with = Service {
        client_cert_file: Some(certificate("client")),
        client_key_file: Some(certificate_folder().join("client.key")),
        ..base.clone()
    };
    assert_eq!(get(&with, &Env::default()).await, Ok(200));
    let error = get(&base, &Env::default()).await.unwrap_err();
    assert!(matches!(error, RequestError::Tls(TlsProblem::ClientRefused) | RequestError::Closed), "{error:?}");
}

/// One request for each connection, of whoever has a certificate of `ca`.
fn server_that_wants_a_certificate() -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::Read;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let read = |name: &str| CertificateDer::from_pem_file(certificate(name)).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(read("ca")).unwrap();
    let asks = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::from_pem_file(certificate_folder().join("leaf.key")).unwrap();
    let config = rustls::ServerConfig::builder().with_client_cert_verifier(asks);
    let config = Arc::new(config.with_single_cert(vec![read("leaf")], key).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.flush();
        }
    });
    address
}

// ---- proxies

/// An HTTP proxy for one server, whatever it is asked for: it tunnels, and passes on what comes without a tunnel.
async fn proxy_to(upstream: SocketAddr, answers: &[&str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://us%3Aer:pa%40ss@{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut answers: VecDeque<String> = answers.iter().map(ToString::to_string).collect();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let text = String::from_utf8(head.clone()).unwrap();
            let tunnels = text.starts_with("CONNECT ");
            log.lock().unwrap().push(text);
            if let Some(answer) = answers.pop_front() {
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                continue;
            }
            let mut upstream = tokio::net::TcpStream::connect(upstream).await.unwrap();
            if tunnels {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            } else {
                upstream.write_all(&head).await.unwrap();
            }
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut upstream).await });
        }
    });
    (url, seen)
}

fn behind(variable: &str, proxy: &str) -> Env {
    [(variable, proxy)].into_iter().collect()
}

/// us:er:pa@ss
const LOGIN: &str = "proxy-authorization: basic dxm6zxi6cgfac3m=";

#[tokio::test]
async fn a_tunnel_leads_to_a_service_over_tls_and_its_refusal_is_told_apart() {
    let (proxy, seen) = proxy_to(tls_server("leaf"), &["407 Proxy Authentication Required", "403 Forbidden"]).await;
    let unchecked = Service { insecure_skip_tls_verify: true, ..service("https://prom.example".to_owned()) };
    let env = behind("HTTPS_PROXY", &proxy);
    for _ in 0..2 {
        let error = get(&unchecked, &env).await.unwrap_err();
        assert!(matches!(error, RequestError::Proxy(_)), "{error:?}");
    }
    assert_eq!(get(&unchecked, &env).await, Ok(200));
    let checked = Service { insecure_skip_tls_verify: false, ca_file: Some(certificate("ca")), ..unchecked };
    let error = get(&checked, &env).await.unwrap_err();
    assert_eq!(error, RequestError::Tls(TlsProblem::WrongName), "that is the server's fault, not the proxy's");
    let seen = seen.lock().unwrap();
    assert!(seen[2].starts_with("CONNECT prom.example:443 "), "{seen:?}");
    assert!(seen[2].to_lowercase().contains(LOGIN), "{seen:?}");
}

#[tokio::test]
async fn a_plain_address_is_passed_on_by_the_proxy_and_its_own_refusal_is_told_apart() {
    let server = Server::friendly().await;
    let (proxy, seen) = proxy_to(server.address, &["407 Proxy Authentication Required"]).await;
    let (by, env) = (service("http://prom.example:9090/base".to_owned()), behind("HTTP_PROXY", &proxy));
    let failed = Http::direct(&by, &env).unwrap().deliver(http::Method::POST, "/", None, SOON).await.unwrap_err();
    assert!(matches!(failed.error, RequestError::Proxy(_)) && !failed.left, "{failed:?}");
    assert_eq!(get(&by, &env).await, Ok(200));
    let seen = seen.lock().unwrap();
    assert!(seen[1].starts_with("GET http://prom.example:9090/base/ "), "{seen:?}");
    assert!(seen[1].to_lowercase().contains(LOGIN), "{seen:?}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_not_taken_for_the_service() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    for (variable, url, scheme) in [
        ("HTTPS_PROXY", "https://prom.example", "http"),
        ("HTTP_PROXY", "http://prom.example", "http"),
        ("HTTPS_PROXY", "https://prom.example", "socks5"),
        ("http_proxy", "http://prom.example", "socks5h"),
    ] {
        let by = Service { ca_file: Some(certificate("ca")), ..service(url.to_owned()) };
        let error = get(&by, &behind(variable, &format!("{scheme}://{address}"))).await.unwrap_err();
        let RequestError::Proxy(why) = error else { panic!("{scheme} {url}: {error:?}") };
        // a SOCKS connector keeps the cause to itself
        assert!(scheme.starts_with("socks") || *why == RequestError::Refused, "{scheme} {url}: {why:?}");
        assert_eq!(
            get(&service("http://127.0.0.1:1".into()), &behind(variable, "x:1")).await,
            Err(RequestError::Refused)
        );
    }
}

#[tokio::test]
async fn a_socks_proxy_looks_the_name_up_and_gets_its_login() {
    let server = Server::friendly().await;
    let proxy = socks_proxy("us:er", "pa@ss").await;
    let by = service(format!("http://prom.example:{}", server.address.port()));
    for scheme in ["socks5", "socks5h", "SOCKS5"] {
        let env = behind("HTTP_PROXY", &format!("{scheme}://us%3Aer:pa%40ss@{proxy}"));
        assert_eq!(get(&by, &env).await, Ok(200), "{scheme}");
    }
    let error = get(&by, &behind("HTTP_PROXY", &format!("socks5://{proxy}"))).await.unwrap_err();
    assert!(matches!(error, RequestError::Proxy(_)), "{error:?}");
}
