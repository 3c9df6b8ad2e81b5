//! Decompresses an answer's body while it streams, and counts its bytes. Several gzip members in one body are one
//! text: an API server may compress each watch event as its own member.

use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read;
use flate2::write::MultiGzDecoder;
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use tower::BoxError;

use super::bounds;
use super::stats::Stats;

/// A body of any origin.
pub type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

/// A small piece of gzip can become a thousand times larger; pieces that do are refused before they fill the memory.
const LARGEST_PIECE: usize = bounds::ANSWER;

/// Unpacks `body` when `gzip` is set, counting into `stats`.
pub fn unpack(body: AnyBody, gzip: bool, stats: Arc<Stats>) -> AnyBody {
    let mut decoder = gzip.then(|| MultiGzDecoder::new(Bounded::default()));
    let frames = BodyStream::new(body).map(move |frame| {
        let mut failed = None;
        let frame = frame?.map_data(|data| {
            stats.note_wire(data.len());
            let data = match &mut decoder {
                None => data,
                Some(decoder) => inflate(decoder, &data).unwrap_or_else(|error| {
                    failed = Some(error);
                    Bytes::new()
                }),
            };
            stats.note_body(data.len());
            data
        });
        match failed {
            Some(error) => Err(BoxError::from(error)),
            None => Ok(frame),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Reads a whole file, unpacked if it is gzip.
pub fn reader(file: &[u8]) -> Box<dyn Read + '_> {
    if file.starts_with(&[0x1f, 0x8b]) { Box::new(read::MultiGzDecoder::new(file)) } else { Box::new(file) }
}

/// All the text that can be had from this piece, at once: a watch event must not wait for the next one.
fn inflate(decoder: &mut MultiGzDecoder<Bounded>, data: &[u8]) -> std::io::Result<Bytes> {
    // growing a large text step by step copies it several times; JSON packs about this well
    decoder.get_mut().0.reserve(if data.len() > 4096 { data.len() * 8 } else { 0 });
    decoder.write_all(data)?;
    decoder.flush()?;
    Ok(Bytes::from(std::mem::take(&mut decoder.get_mut().0)))
}

#[derive(Default)]
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + data.len() > LARGEST_PIECE {
            return Err(std::io::Error::other(bounds::Exceeded::Answer(LARGEST_PIECE)));
        }
        self.0.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http_body_util::Full;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_member_is_readable_as_soon_as_it_has_arrived() {
        let mut decoder = MultiGzDecoder::new(Bounded::default());
        assert_eq!(inflate(&mut decoder, &packed("one\n")).unwrap(), "one\n");
        assert_eq!(inflate(&mut decoder, &packed("two\n")).unwrap(), "two\n");
        let third = packed("three\n");
        let (head, tail) = third.split_at(12);
        let mut text = inflate(&mut decoder, head).unwrap().to_vec();
        text.extend(inflate(&mut decoder, tail).unwrap());
        assert_eq!(text, b"three\n");
    }

    #[test]
    fn what_is_not_gzip_is_an_error() {
        let mut decoder = MultiGzDecoder::new(Bounded::default());
        assert!(inflate(&mut decoder, b"this is plain text, not gzip").is_err());
    }

    #[tokio::test]
    async fn bytes_are_counted_on_both_sides_of_the_decompression() {
        let text = "a".repeat(10_000);
        let wire = packed(&text);
        let stats = Arc::new(Stats::default());
        let body = Full::new(Bytes::from(wire.clone())).map_err(BoxError::from).boxed_unsync();
        let out = unpack(body, true, Arc::clone(&stats)).collect().await.unwrap().to_bytes();
        assert_eq!(out, text);
        assert_eq!(stats.bytes(), (wire.len() as u64, 10_000));
    }
}
