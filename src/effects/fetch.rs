//! Fetches a text whose address an object gives out, as Velero does with its logs: waits for the address, gets the file,
//! unpacks it and keeps its end, sanitised. The address is a credential: it leaves this file in no form, and no
//! credentials of ours go there.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::DOUBT;
use crate::clients::cluster::Cluster;
use crate::clients::download::{DownloadError, download};
use crate::clients::gzip;
use crate::clients::http::Http;
use crate::domain::plan::Fetch;
use crate::domain::text;

const READ: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_secs(2);
/// As it comes, packed.
const LARGEST: usize = 8 << 20;
/// Unpacked; only the end of it is kept.
const LARGEST_TEXT: u64 = 256 << 20;
/// Lines that are kept.
const KEPT: usize = 2000;

/// What became of it.
#[derive(Debug)]
pub enum Got {
    Text(Text),
    Failed(String),
    /// The operator said so.
    Stopped,
}

/// The end of a text.
#[derive(Debug, Default)]
pub struct Text {
    lines: VecDeque<String>,
    dropped: usize,
}

impl Text {
    /// How much there is.
    pub fn told(&self) -> String {
        match (self.dropped, self.lines.len()) {
            (0, 0) => "it is empty".to_owned(),
            (0, 1) => "1 line".to_owned(),
            (0, lines) => format!("{lines} lines"),
            (dropped, lines) => format!("the last {lines} of {} lines", lines + dropped),
        }
    }

    pub fn into_lines(self) -> Vec<String> {
        let head = (self.dropped > 0).then(|| format!("… {} lines before these are not shown", self.dropped));
        head.into_iter().chain(self.lines).collect()
    }

    fn push(&mut self, raw: &[u8]) {
        let raw = String::from_utf8_lossy(raw);
        // no line break is in it, and a tab stays a gap
        let line = text::block(raw.trim_end_matches('\r'), text::MAX_LINE).into_owned();
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    /// Reads it to its end. Of a line that is too long, its beginning is kept.
    fn read(mut from: impl Read) -> std::io::Result<Self> {
        let mut out = Self::default();
        let mut line: Vec<u8> = Vec::new();
        let mut piece = vec![0; 64 << 10];
        let mut all = 0u64;
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            all += read as u64;
            if all > LARGEST_TEXT {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            let mut parts = piece[..read].split(|byte| *byte == b'\n').peekable();
            while let Some(part) = parts.next() {
                let room = (text::MAX_LINE + 4).saturating_sub(line.len());
                line.extend_from_slice(&part[..part.len().min(room)]);
                if parts.peek().is_some() {
                    out.push(&line);
                    line.clear();
                }
            }
        }
        if !line.is_empty() {
            out.push(&line);
        }
        Ok(out)
    }
}

/// Runs it to its end. `doubt`: whether the object was ever made is not known.
pub async fn run(cluster: &Cluster, fetch: &Fetch, doubt: bool, stop: &Cell<bool>, say: &dyn Fn(String)) -> Got {
    let work = async {
        let got = match address(&Http::api(cluster), fetch, doubt).await {
            Ok(address) => {
                say("getting the file".to_owned());
                file(cluster, &address, &fetch.origins).await
            }
            Err(why) => Err(why),
        };
        got.map_or_else(|why| Got::Failed(format!("{why}: {}", fetch.instead)), Got::Text)
    };
    let stopped = async {
        while !stop.get() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Got::Stopped
    };
    tokio::select! {
        got = work => got,
        stopped = stopped => stopped,
    }
}

/// Waits until the object gives out its address.
async fn address(http: &Http, fetch: &Fetch, doubt: bool) -> Result<String, String> {
    let limit = if doubt { fetch.limit.min(DOUBT) } else { fetch.limit };
    let until = Instant::now() + Duration::from_secs(limit.into());
    let mut pause = Duration::from_millis(250);
    loop {
        let how = match http.get(&fetch.path, READ).await {
            Ok(answer) if answer.status.is_success() => {
                let object: Value = answer.json().unwrap_or_default();
                match object.pointer(fetch.pointer).and_then(Value::as_str) {
                    Some(address) if !address.is_empty() => return Ok(address.to_owned()),
                    _ => "none was given out".to_owned(),
                }
            }
            Ok(answer) => match answer.status.as_u16() {
                404 if !doubt => return Err("the request is no longer there".to_owned()),
                403 => return Err(format!("you may not {}", fetch.right)),
                code => format!("the request cannot be read now ({code})"),
            },
            Err(error) => format!("the request cannot be read now: {}", text::line(&error.headline())),
        };
        if Instant::now() + pause > until {
            return Err(format!("no address within {limit} s, {how}"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK);
    }
}

async fn file(cluster: &Cluster, address: &str, origins: &[String]) -> Result<Text, String> {
    let file = match download(address, origins, &cluster.settings.env, LARGEST, DEADLINE).await {
        Ok(file) => file,
        Err(DownloadError::Unreachable(why)) => {
            return Err(format!(
                "{why}; the log's address cannot be reached from here (often it is inside the cluster)"
            ));
        }
        Err(DownloadError::TooLarge) => return Err(format!("the log is larger than {} MiB", LARGEST >> 20)),
        Err(error) => return Err(format!("the log cannot be had: {error}")),
    };
    unpacked(file).await
}

/// Away from the thread that everything else waits for.
async fn unpacked(file: Bytes) -> Result<Text, String> {
    let reading = tokio::task::spawn_blocking(move || Text::read(gzip::reader(&file)));
    match reading.await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            Err(format!("the log is larger than {} MiB, unpacked", LARGEST_TEXT >> 20))
        }
        Ok(Err(_)) | Err(_) => Err("the log cannot be unpacked".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_end_is_kept_and_the_rest_is_counted() {
        let all = (0..KEPT + 3).map(|nth| format!("line {nth}")).collect::<Vec<_>>().join("\n");
        let text = Text::read(all.as_bytes()).unwrap();
        assert_eq!(text.told(), "the last 2000 of 2003 lines");
        let lines = text.into_lines();
        assert_eq!(lines.len(), KEPT + 1);
        assert_eq!(lines[..2], ["… 3 lines before these are not shown", "line 3"]);
        assert_eq!(lines.last().unwrap(), "line 2002");
    }

    #[test]
    fn what_could_act_on_a_terminal_and_lines_without_end_are_harmless() {
        let raw = [b"\x1b[2Jred\r\n\tat\xff\n\n".as_slice(), &vec![b'x'; 200_000]].concat();
        let lines = Text::read(raw.as_slice()).unwrap().into_lines();
        assert_eq!(lines[..3], ["␛[2Jred", "    at\u{fffd}", ""]);
        assert!(lines.len() == 4 && lines[3].len() < text::MAX_LINE + 8 && lines[3].ends_with('…'));
    }

    #[tokio::test]
    async fn half_a_file_is_told_and_plain_text_is_taken_as_it_is() {
        assert_eq!(unpacked(Bytes::from_static(b"a\nb")).await.unwrap().into_lines(), ["a", "b"]);
        assert_eq!(unpacked(Bytes::from_static(b"\x1f\x8b\x08")).await.unwrap_err(), "the log cannot be unpacked");
        assert_eq!(unpacked(Bytes::new()).await.unwrap().told(), "it is empty");
    }
}
