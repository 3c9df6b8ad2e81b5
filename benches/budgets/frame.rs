//! The time of one frame inside the process: from a key that changes every row to the bytes for the terminal.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, ensure, eyre};
use ratatui::layout::Rect;
use watchkeeper::app::App;
use watchkeeper::app::keymap::Keymap;
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::change::{Batch, Change, Feed, FeedState, Scope};
use watchkeeper::domain::interner::Interner;
use watchkeeper::intent::{Chord, Code};
use watchkeeper::kinds::{self, Api};
use watchkeeper::screens::world::{Facts, Preferences};
use watchkeeper::session::writer::{Frame, Writer};
use watchkeeper::ui::{self, Theme};

use crate::measure::median;

const FRAMES: usize = 300;
const NOW: i64 = 1_800_000_000;

/// A terminal that takes everything.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The median time of a frame at 200x50 over so many pods, in milliseconds, each a page further than the last.
pub fn time(pods: usize) -> Result<f64> {
    let mut app = app(pods)?;
    let theme = Theme::default();
    let writer = Writer::start(Sink)?;
    let mut times = Vec::new();
    for _ in 0..FRAMES {
        let begun = Instant::now();
        app.key(Chord { code: Code::Char('f'), ctrl: true, alt: false });
        app.settle();
        app.sync();
        let scene = app.scene();
        let buffer = ui::draw(&scene, Rect::new(0, 0, 200, 50), &theme);
        writer.show(Frame { buffer, cursor: scene.cursor, bells: scene.bells });
        ensure!(writer.settle(Duration::from_secs(5)), "the writer does not come to rest");
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let each = writer.bytes() / FRAMES as u64;
    ensure!(each > 2000, "pages of {each} bytes are no pages");
    Ok(median(&mut times))
}

/// The console on its pods, sorted by name, when all have been read.
fn app(pods: usize) -> Result<App> {
    let keymap = Keymap::new(std::iter::empty::<(&str, &[String])>()).map_err(|error| eyre!("{error}"))?;
    let mut app = App::new(Preferences::default(), Facts { now: Time(NOW), ..Facts::default() }, keymap);
    app.resize(200, 50);
    app.run_line("pods").map_err(|error| eyre!(error))?;
    app.key(Chord { code: Code::Char('N'), ctrl: false, alt: false });
    let kind = kinds::by_name("Pod").ok_or_else(|| eyre!("no pods"))?;
    let Api::Watch { decode, .. } = kinds::spec(kind).api else { return Err(eyre!("pods are not watched")) };
    let mut interner = Interner::default();
    let mut changes = vec![Change::Listing { scope: Scope::All }];
    for nth in 0..pods as u64 {
        let decoded = decode(&pod(nth), &mut interner);
        changes.push(Change::Upsert(decoded.record.map_err(|bad| eyre!("{}: {}", bad.name, bad.error))?));
    }
    changes.push(Change::Listed { scope: Scope::All });
    changes.push(Change::Feed(Feed { state: FeedState::Live, ..Feed::default() }));
    app.news(Batch { kind, strings: interner.unshipped(), changes });
    app.settle();
    app.sync();
    Ok(app)
}

/// A pod with every shown column filled, names in no order.
fn pod(nth: u64) -> String {
    let mixed = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (service, node, low) = (mixed >> 40 & 2047, mixed >> 20 & 511, mixed & 0xffff_ffff);
    let created = jiff::Timestamp::from_second(NOW - (mixed % 1_700_000).cast_signed()).unwrap_or_default();
    format!(
        r#"{{"metadata":{{"name":"service-{service:04}-{:08x}-{:05x}","namespace":"load-{:03}","uid":"{mixed:032x}",
        "resourceVersion":"{nth}","creationTimestamp":"{created}","ownerReferences":[{{"kind":"ReplicaSet",
        "name":"service-{service:04}-{:08x}","controller":true}}]}},
        "spec":{{"nodeName":"worker-{node:03}.load.internal","containers":[{{"name":"main"}},{{"name":"side"}}]}},
        "status":{{"phase":"Running","podIP":"10.1.{}.{}","conditions":[{{"type":"Ready","status":"True"}}],
        "containerStatuses":[{{"name":"main","ready":true,"restartCount":{},"state":{{"running":{{}}}},
        "lastState":{{"terminated":{{"reason":"OOMKilled","exitCode":137,"finishedAt":"{created}"}}}}}},
        {{"name":"side","ready":true,"restartCount":0,"state":{{"running":{{}}}}}}]}}}}"#,
        low,
        nth & 0xf_ffff,
        nth % 200,
        low,
        nth >> 8 & 255,
        nth & 255,
        nth % 7,
    )
}
