//! Bodies: gzipped when the client asks and it pays, as the API server decides. It never buffers a stream.

use std::io::Write as _;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::status::typed;

/// The API server compresses from this size on.
const GZIP_FROM: usize = 128 * 1024;

/// A body that is there in full.
pub fn whole(content_type: &'static str, body: Vec<u8>, gzip: bool) -> Response<Body> {
    if !gzip || body.len() < GZIP_FROM {
        return typed(content_type, body);
    }
    let mut encoder = Encoder::new(true);
    let mut packed = encoder.encode(&body).to_vec();
    packed.extend_from_slice(&encoder.finish());
    let mut response = typed(content_type, packed);
    mark_gzip(&mut response);
    response
}

pub fn mark_gzip(response: &mut Response<Body>) {
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

/// Passes bytes on, compressed at level 1 or as they are.
pub struct Encoder {
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Encoder {
    pub fn new(gzip: bool) -> Encoder {
        Encoder { gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())) }
    }

    /// What is ready to be sent after these bytes; may be empty while compressing.
    pub fn encode(&mut self, bytes: &[u8]) -> Bytes {
        let Some(gzip) = &mut self.gzip else { return Bytes::copy_from_slice(bytes) };
        // Writing into memory does not fail.
        let _ = gzip.write_all(bytes);
        Bytes::from(std::mem::take(gzip.get_mut()))
    }

    /// What was held back.
    pub fn finish(&mut self) -> Bytes {
        self.gzip.take().and_then(|gzip| gzip.finish().ok()).map(Bytes::from).unwrap_or_default()
    }
}
