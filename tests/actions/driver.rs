//! One `run` in this process: settings, app, data thread and audit of its own, over a demo or a real cluster.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use watchkeeper::app::App;
use watchkeeper::config::{Request, Settings};
use watchkeeper::data::{Ask, Data};
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults, Options, RequestSeen};
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::outcome::Unfinished;
use watchkeeper::effects::{audit, unfinished};
use watchkeeper::headless::feed;
use watchkeeper::headless::run::{Order, Run};
use watchkeeper::kinds;
use watchkeeper::session::{clock, start};
use watchkeeper::store::table::Row;

/// Where the runs of one test keep their audit.
pub struct State(tempfile::TempDir);

/// What a run printed, and its exit code.
#[derive(Debug)]
pub struct Seen {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Seen {
    /// The last line: the outcome, or the refusal.
    pub fn last(&self) -> &str {
        let text = if self.err.is_empty() { &self.out } else { &self.err };
        text.lines().last().unwrap_or("")
    }

    #[track_caller]
    pub fn is(&self, code: u8, says: &str) {
        assert!(self.code == code && self.last().contains(says), "wanted {code} and `{says}`, got {self:#?}");
    }
}

impl State {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn folder(&self) -> PathBuf {
        self.0.path().join("audit")
    }

    /// All audit files, verified; their lines.
    #[track_caller]
    pub fn audited(&self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let mut lines = Vec::new();
        for path in audit::files(&self.folder()).unwrap() {
            assert!(audit::verify(&path).unwrap().is_ok(), "{} is broken", path.display());
            lines.extend(audit::lines(&path).unwrap().into_iter().map(Result::unwrap));
        }
        lines
    }

    /// The configuration of the runs; there once [`State::settings`] was called.
    pub fn config(&self) -> PathBuf {
        self.0.path().join("config.toml")
    }

    /// What the audit has as unfinished, wherever it was.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        unfinished::of(&self.folder(), None).plans
    }

    pub fn settings(&self, kubeconfig: &Path, context: Option<&str>, more: &str) -> Settings {
        let file = self.config();
        let polls = ["prometheus", "alertmanager", "openbao"]
            .map(|name| format!("[services.{name}]\npoll-interval = \"5s\"\n"))
            .concat();
        let text = format!("state-dir = {:?}\n{more}\n{polls}", self.0.path().display().to_string());
        std::fs::write(&file, text).unwrap();
        let mut settings = Settings::load(Request { file: Some(file), ..Request::default() }).unwrap();
        settings.kubeconfig = Some(kubeconfig.to_path_buf());
        settings.context = context.map(str::to_owned);
        settings
    }

    /// Runs `line`: the action, its targets, and `--yes`, `--dry-run`, `confirm=WORD`, `reason=TEXT`, `unlock=TEXT`,
    /// `continue=RUN` or `KEY=VALUE` for a setting.
    pub fn run(settings: Settings, line: &str) -> Seen {
        Self::carry_out(settings, order(line))
    }

    /// The same, by another clock.
    pub fn run_by(settings: Settings, line: &str, now: fn() -> Time) -> Seen {
        Self::carry_out_by(settings, order(line), now)
    }

    /// The same for an order whose words may hold blanks.
    pub fn carry_out(settings: Settings, order: Order) -> Seen {
        Self::carry_out_by(settings, order, clock::now)
    }

    fn carry_out_by(settings: Settings, order: Order, now: fn() -> Time) -> Seen {
        let app = start::app(&settings).unwrap();
        let data = Data::start(settings, now).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let run = Run { app, data, order, now, say: |_| {} };
        let code = runtime.block_on(run.run(&mut out, &mut err, std::future::pending())).unwrap();
        Seen { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }

    /// The name of an object of a kind, once there is one that is called so, or one of whose columns shows this text.
    pub fn named(settings: Settings, word: &str, wanted: &str) -> String {
        let kind = kinds::by_word(word).unwrap();
        let mut app = start::app(&settings).unwrap();
        let mut data = Data::start(settings, clock::now).unwrap();
        data.ask(Ask::Connect(None));
        let find = |app: &App| {
            let store = &app.world.store;
            let columns = kinds::spec(kind).columns;
            let shows = |row: &Row| columns.iter().any(|c| c.text(&row.record, &app.world.show()).contains(wanted));
            // a silence of an earlier run is still listed, as expired
            let lives = |row: &Row| store.strings.get(row.record.status) != "expired";
            let fits = |row: &Row| lives(row) && (row.record.name.starts_with(wanted) || shows(row));
            store.table(kind).iter().find(|(_, row)| fits(row)).map(|(_, row)| row.record.name.to_string())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let looking = async {
            loop {
                if let Some(name) = find(&app) {
                    return name;
                }
                feed::take(&mut app, data.news.recv().await.expect("the data thread lives").what);
            }
        };
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), looking).await })
            .expect("such an object")
    }

    pub fn on(&self, demo: &Demo, line: &str) -> Seen {
        Self::run(self.settings(demo.kubeconfig(), None, ""), line)
    }

    pub fn as_user(&self, demo: &Demo, context: &str, line: &str) -> Seen {
        Self::run(self.settings(demo.kubeconfig(), Some(context), ""), line)
    }
}

/// A line as [`State::run`] reads it.
pub fn order(line: &str) -> Order {
    let mut order = Order::default();
    for (nth, word) in line.split_whitespace().enumerate() {
        match (nth, word, word.split_once('=')) {
            (0, ..) => word.clone_into(&mut order.action),
            (_, "--yes", _) => order.yes = true,
            (_, "--dry-run", _) => order.dry_run = true,
            (_, _, Some(("confirm", value))) => order.confirm = Some(value.to_owned()),
            (_, _, Some(("reason", value))) => value.clone_into(&mut order.reason),
            (_, _, Some(("unlock", value))) => order.unlock = Some(value.to_owned()),
            (_, _, Some(("continue", value))) => order.continues = Some(value.to_owned()),
            (_, _, Some((key, value))) => drop(order.set.insert(key.to_owned(), value.to_owned())),
            (..) => order.targets.push(word.to_owned()),
        }
    }
    order
}

/// A demo whose controllers are quick.
pub fn demo(story: &str) -> Demo {
    let demo = Demo::start(Options { story: story.to_owned(), ..Options::default() }).unwrap();
    demo.control().set_step(Duration::from_millis(200));
    demo
}

/// Requests that could have changed something: reviews of our own rights, and dry runs, change nothing.
pub fn writes(demo: &Demo) -> Vec<String> {
    let requests = demo.control().requests();
    let changes = requests.into_iter().filter(|r| {
        !matches!(&*r.method, "GET" | "HEAD") && !r.path.contains("selfsubject") && !r.query.contains("dryRun=All")
    });
    changes.map(|r| format!("{} {}?{}", r.method, r.path, r.query)).collect()
}

/// A pod of the shop's front.
pub fn web_pod(demo: &Demo) -> String {
    demo.control().with_world(|world| {
        let mut names = world.list("Pod").into_iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        names.find(|name| name.starts_with("shop-web")).expect("the shop has pods").to_owned()
    })
}

/// Changes an object as another user would.
pub fn patch(demo: &Demo, path: &str, body: &serde_json::Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("http://{}{path}", demo.address());
        let request = reqwest::Client::new().patch(url).bearer_auth("demo").body(body.to_string());
        let answer = request.header("content-type", "application/merge-patch+json").send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    });
}

/// What the demo answers to a GET.
pub fn ask(demo: &Demo, path: &str) -> serde_json::Value {
    look(demo, path).unwrap_or_else(|| panic!("{path} is answered without an object"))
}

/// The same, where there may be no object in the answer.
pub fn look(demo: &Demo, path: &str) -> Option<serde_json::Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("http://{}{path}", demo.address());
        let answer = reqwest::Client::new().get(url).bearer_auth("demo").send().await.unwrap();
        answer.json().await.ok()
    })
}

/// A write that was rehearsed is kept waiting at the server until somebody else has made `change`, and then meets `acts`.
pub fn overtaken(
    demo: &Demo,
    (path, verb): (&str, &str),
    acts: &[Act],
    change: impl FnOnce(),
    run: impl FnOnce() -> Seen + Send,
) -> Seen {
    let control = demo.control();
    // the first write is the dry run, the second is meant
    let meets = |act: Act| Rule::new(act).path(path).verb(verb).only(2, 1);
    let slow = Faults::one(meets(Act::Delay(Duration::from_secs(3))));
    control.set_faults(acts.iter().fold(slow, |faults, act| faults.with(meets(act.clone()))));
    let before = control.requests().len();
    let is_meant = |r: &RequestSeen| r.path.starts_with(path) && r.method != "GET" && !r.query.contains("dryRun=All");
    std::thread::scope(|scope| {
        let running = scope.spawn(run);
        let until = Instant::now() + Duration::from_secs(60);
        while !control.requests().iter().skip(before).any(is_meant) {
            assert!(Instant::now() < until && !running.is_finished(), "nothing was written to {path}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        change();
        running.join().unwrap()
    })
}
