//! The whole console without a terminal: keys in, frames out, over real sockets to a demo or to a real cluster. News
//! are taken as the session takes them. It never sleeps: it waits for a state, with a deadline.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use watchkeeper::app::App;
use watchkeeper::config::{Request, Settings};
use watchkeeper::data::{Ask, Data};
use watchkeeper::demo::{Control, Demo, Faults, Options};
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::change::FeedState;
use watchkeeper::headless::feed;
use watchkeeper::intent::{Chord, Code, Effect};
use watchkeeper::kinds;
use watchkeeper::session::{clock, start};

/// Longer than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A console, and the demo that it looks at if it has one of its own.
pub struct Console {
    pub app: App,
    data: Data,
    runtime: tokio::runtime::Runtime,
    generation: u64,
    /// A fixed moment instead of the clock's.
    pub pinned: Option<Time>,
    pub copied: Vec<String>,
    pub quit: bool,
    /// Where its audit and its timeline are kept.
    pub state: Rc<tempfile::TempDir>,
}

/// Settings as a user with this kubeconfig and nothing else would have them; services are polled as often as allowed.
pub fn settings(kubeconfig: &Path, context: Option<&str>) -> Settings {
    settings_with(kubeconfig, context, "")
}

/// The same with lines of a configuration file of their own.
pub fn settings_with(kubeconfig: &Path, context: Option<&str>, lines: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let polls =
        ["prometheus", "alertmanager", "openbao"].map(|name| format!("[services.{name}]\npoll-interval = \"5s\"\n"));
    std::fs::write(&file, format!("{lines}\nutc = true\n{}", polls.concat())).unwrap();
    let mut settings = Settings::load(Request { file: Some(file), ..Request::default() }).unwrap();
    settings.kubeconfig = Some(kubeconfig.to_path_buf());
    settings.context = context.map(str::to_owned);
    settings
}

/// A demo that tells `story`.
pub fn demo(story: &str) -> Demo {
    Demo::start(Options { story: story.to_owned(), ..Options::default() }).unwrap()
}

/// The healthy platform and a console on it, connected and with every list complete.
pub fn quiet() -> (Demo, Console) {
    opened("quiet")
}

/// The failing platform at its beginning and a console on it.
pub fn platform() -> (Demo, Console) {
    opened("platform")
}

fn opened(story: &str) -> (Demo, Console) {
    let demo = demo(story);
    let mut console = Console::on(&demo);
    console.ready();
    (demo, console)
}

impl Console {
    /// 80x24, on the current context of the demo's kubeconfig.
    pub fn on(demo: &Demo) -> Self {
        Self::start(settings(demo.kubeconfig(), None))
    }

    pub fn as_user(demo: &Demo, context: &str) -> Self {
        Self::start(settings(demo.kubeconfig(), Some(context)))
    }

    pub fn start(settings: Settings) -> Self {
        Self::start_in(settings, Rc::new(tempfile::tempdir().unwrap()))
    }

    /// With what another console has left there.
    pub fn start_in(mut settings: Settings, state: Rc<tempfile::TempDir>) -> Self {
        settings.state_dir = Some(state.path().to_path_buf());
        let mut app = start::app(&settings).unwrap();
        app.resize(80, 24);
        let data = Data::start(settings, clock::now).unwrap();
        data.ask(Ask::Connect(None));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { app, data, runtime, generation: 0, pinned: None, copied: Vec::new(), quit: false, state }
    }

    /// Takes in what has arrived; `wait` for the first news at most.
    fn take(&mut self, wait: Duration) {
        let receiver = &mut self.data.news;
        let first = self.runtime.block_on(async { tokio::time::timeout(wait, receiver.recv()).await });
        let mut next = match first {
            Ok(Some(news)) => Some(news),
            Ok(None) => panic!("the data thread has ended"),
            Err(_) => None,
        };
        while let Some(news) = next {
            if news.generation >= self.generation {
                self.generation = news.generation;
                feed::take(&mut self.app, news.what);
            }
            next = self.data.news.try_recv().ok();
        }
    }

    /// Asks for what follows from a command.
    pub fn send(&mut self, effects: Vec<Effect>) {
        self.follow(effects);
        self.frame();
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Quit => self.quit = true,
                Effect::Copy(text) => self.copied.push(text),
                other => feed::ask(&self.data, other),
            }
        }
    }

    /// What the terminal would show now, without taking more news in.
    pub fn frame(&mut self) -> String {
        match self.pinned {
            Some(now) => {
                self.app.world.facts.now = now;
                self.app.world.facts.skew = 0;
            }
            None => self.app.world.set_time(clock::now()),
        }
        self.app.settle();
        let mut effects = self.app.sync();
        effects.extend(self.app.unsaved());
        self.follow(effects);
        self.app.scene().text()
    }

    /// Takes news in until the frame is as wanted; gives that frame.
    #[track_caller]
    pub fn until(&mut self, what: &str, wanted: impl FnMut(&str) -> bool) -> String {
        self.within(DEADLINE, what, wanted)
    }

    #[track_caller]
    pub fn within(&mut self, deadline: Duration, what: &str, mut wanted: impl FnMut(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let frame = self.frame();
            if wanted(&frame) {
                return frame;
            }
            assert!(started.elapsed() < deadline, "{what}: not within {deadline:?}:\n{frame}");
            self.take(Duration::from_millis(50));
        }
    }

    /// Takes in what has arrived, waiting a moment for the first of it.
    pub fn wait_news(&mut self) {
        self.take(Duration::from_millis(50));
    }

    /// Waits for a frame that has all of these.
    #[track_caller]
    pub fn shows(&mut self, wanted: &[&str]) -> String {
        self.until(&format!("{wanted:?}"), |frame| wanted.iter().all(|text| frame.contains(text)))
    }

    /// Every feed has its rows, or says why it has none.
    #[track_caller]
    pub fn ready(&mut self) {
        let started = Instant::now();
        loop {
            let up = self.app.world.facts.link == watchkeeper::screens::world::Link::Up;
            let waiting = |state| matches!(state, FeedState::Waiting | FeedState::Listing { .. });
            if up && self.app.world.store.tables().all(|(_, table)| !waiting(table.feed.state)) {
                self.frame();
                return;
            }
            if started.elapsed() > DEADLINE {
                self.go("feeds");
                panic!("not every feed has an answer:\n{}", self.frame());
            }
            self.take(Duration::from_millis(50));
        }
    }

    /// The state of the feed of a kind.
    pub fn feed(&self, word: &str) -> &watchkeeper::domain::change::Feed {
        &self.app.world.store.table(kinds::by_word(word).unwrap()).feed
    }

    pub fn rows(&self, word: &str) -> usize {
        self.app.world.store.table(kinds::by_word(word).unwrap()).len()
    }

    /// Presses keys, as the help writes them, separated by blanks.
    #[track_caller]
    pub fn keys(&mut self, chords: &str) -> String {
        for text in chords.split_whitespace() {
            let chord = Chord::parse(text).unwrap_or_else(|| panic!("{text} is no key"));
            let effects = self.app.key(chord);
            self.follow(effects);
            self.frame();
        }
        self.frame()
    }

    /// Types text, character by character.
    pub fn types(&mut self, text: &str) -> String {
        for c in text.chars() {
            let effects = self.app.key(Chord::plain(Code::Char(c)));
            self.follow(effects);
        }
        self.frame()
    }

    /// `:` and a line, as typed.
    pub fn go(&mut self, line: &str) -> String {
        self.types(&format!(":{line}"));
        self.keys("enter")
    }

    /// The same for a namespace in which something is about to be.
    #[track_caller]
    pub fn go_when_known(&mut self, line: &str) -> String {
        let started = Instant::now();
        loop {
            let frame = self.go(line);
            if !frame.contains("nothing known in namespace") {
                return frame;
            }
            assert!(started.elapsed() < DEADLINE, "{line}: not within {DEADLINE:?}:\n{frame}");
            self.keys("esc");
            self.take(Duration::from_millis(50));
        }
    }

    /// `/` and a filter, as typed.
    pub fn filter(&mut self, text: &str) -> String {
        self.types(&format!("/{text}"));
        self.keys("enter")
    }

    pub fn paste(&mut self, text: &str) -> String {
        let effects = self.app.paste(text);
        self.follow(effects);
        self.frame()
    }

    pub fn resize(&mut self, width: u16, height: u16) -> String {
        self.app.resize(width, height);
        self.frame()
    }

    /// The text of the row under the cursor.
    pub fn selected(&mut self) -> String {
        self.frame();
        let scene = self.app.scene();
        scene.lines.iter().find(|line| line.selected).map(watchkeeper::scene::Line::text).unwrap_or_default()
    }

    /// The name of the object under the cursor.
    pub fn target(&mut self) -> String {
        self.frame();
        self.app.target().map(|key| key.name.to_string()).unwrap_or_default()
    }
}

/// The first line of a frame that has all of these.
#[track_caller]
pub fn line_with<'f>(frame: &'f str, wanted: &[&str]) -> &'f str {
    let found = frame.lines().find(|line| wanted.iter().all(|text| line.contains(text)));
    found.unwrap_or_else(|| panic!("no line with {wanted:?} in\n{frame}"))
}

/// The position of the first line that has this.
#[track_caller]
pub fn row_of(frame: &str, wanted: &str) -> usize {
    let found = frame.lines().position(|line| line.contains(wanted));
    found.unwrap_or_else(|| panic!("no line with {wanted:?} in\n{frame}"))
}

/// A running pod of the tests' own namespace.
pub fn pod(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "lab"},
        "spec": {"nodeName": "worker-1", "containers": [{"name": "app", "image": "app:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "app", "image": "app:1", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]},
    })
}

/// Puts pods of the tests' own namespace into the demo.
pub fn put(control: &Control, pods: impl IntoIterator<Item = Value>) {
    control.with_world(|world| pods.into_iter().for_each(|pod| world.apply(pod)));
}

/// Heals everything.
pub fn heal(control: &Control) {
    control.set_faults(Faults::default());
}
