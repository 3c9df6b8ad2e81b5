//! TLS in front of a server of the tests: a login is not sent to a plain address.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Takes TLS off in front of `upstream`, one request for each connection. Gives the cluster of a kubeconfig (flow YAML).
pub fn secure(upstream: SocketAddr) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    let chain = vec![CertificateDer::from_pem_file(data.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(data.join("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || pass(config, stream?, upstream));
        }
    });
    format!("{{server: \"https://{address}\", certificate-authority: \"{}\"}}", data.join("ca.pem").display())
}

fn pass(config: Arc<ServerConfig>, stream: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = StreamOwned::new(session, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    head.truncate(head.len() - 2);
    head.extend(b"connection: close\r\n\r\n");
    let mut plain = TcpStream::connect(upstream)?;
    plain.write_all(&head)?;
    std::io::copy(&mut plain, &mut tls)?;
    tls.conn.send_close_notify();
    tls.flush()
}
