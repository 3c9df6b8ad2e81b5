//! The data thread: connects to a context, runs its feeds, reads and follows on demand. It owns nothing that is shown
//! and draws nothing; it talks to its owner through two channels.

mod acting;
mod connecting;
mod connection;
mod keeping;
mod live;
mod reading;
mod trusting;
mod watching;
mod wire;

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::Settings;
use crate::domain::ages::Time;
use crate::domain::candidate::Candidate;
use crate::domain::change::Batch;
use crate::domain::context::Context;
use crate::domain::locked::Locked;
use crate::domain::moment::Moment;
use crate::domain::outcome::{Progress, Unfinished};
use crate::domain::plan::Plan;
use crate::domain::profile::Profiles;
use crate::domain::record::KindId;
use crate::domain::reply::{Reply, Standing};
use crate::domain::served::Unwatched;
use crate::domain::text;
use crate::domain::way::Way;
use crate::intent::{Fetch, LogQuery, RunId, Ticket};
use crate::sources::Clock;

/// What the owner may ask for.
#[derive(Debug)]
pub enum Ask {
    /// Leave the present cluster for this context; `None` is the current one.
    Connect(Option<String>),
    Reload(KindId),
    /// Start the feed of a lazy kind; one that runs goes on.
    Watch(KindId),
    Fetch(Ticket, Fetch),
    Log(Ticket, LogQuery),
    Cancel(Ticket),
    Run(RunId, Box<Plan>),
    Stop(RunId),
    /// Write in a read-only context for a while; why.
    Unlock(String),
    /// Record that an interrupted plan, by the audit's name and its title, will not be continued.
    Dismiss(Box<str>, String),
    /// Write entries of the timeline down.
    Record(Vec<Moment>),
    /// Tell what other sessions have done, as the audit has it.
    Deeds,
    /// The operator's word for a Service: the configuration's word for it, and `namespace/name`, or nothing to take the
    /// word back.
    Trust(String, String),
}

/// What the data thread has to say. Everything of a connection carries its generation, so that nothing of an old
/// context is mistaken for the present one.
#[derive(Debug)]
pub struct News {
    pub generation: u64,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    Contexts(KnownContexts),
    Connected(Box<Connected>),
    /// The API server does not answer, or refuses us.
    Lost {
        since: Time,
        headline: String,
        detail: String,
        /// It is waited for: for a person who logs in, or because the server said when to come back.
        passing: bool,
    },
    /// It answers again.
    Back,
    /// The server's clock minus ours, in seconds.
    Skew(i64),
    /// Whether there is a namespace of the name that the settings give.
    Standing(Standing),
    Batch(Batch),
    Reply(Ticket, Reply),
    /// Who we are to the API server.
    Operator(String),
    /// Whether anything may be written: why not, and until when all the same.
    Lock {
        locked: Option<Locked>,
        until: Option<Time>,
    },
    Progress(RunId, Progress),
    /// Plans of before whose end is not known.
    Unfinished(Vec<Unfinished>),
    /// What is unfinished may not all be known: a part of the audit cannot be read.
    Unread(String),
    /// One of them is recorded as not to be continued.
    Dismissed(Box<str>),
    /// What earlier sessions have written down of this context, and how many lines of it are unreadable.
    Past {
        moments: Vec<Moment>,
        unreadable: usize,
    },
    /// What other sessions have done.
    Deeds(Vec<Moment>),
    /// The Services that are used, and those that only look so.
    Services(Vec<Candidate>),
    /// What was done on the operator's word.
    Said(String),
    Complain(String),
    /// The same about something that nothing waits for: a command goes on.
    Aside(String),
    /// The platform profiles that are on, or why that is not known.
    Profiles(Arc<Profiles>),
    /// What is served, matters, and is not read.
    Unwatched(Vec<Unwatched>),
}

/// The kubeconfig was read: its contexts and its problems.
#[derive(Debug)]
pub struct KnownContexts {
    pub contexts: Vec<Context>,
    /// The one that is connected to.
    pub current: String,
    pub problems: Vec<String>,
    /// The namespace to start in, where that context's own settings name one.
    pub own_namespace: Option<String>,
}

/// What is known of a cluster once it has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    pub context: String,
    pub way: Way,
    pub namespace: String,
    pub version: String,
    /// What is to be shown as long as it lasts: `TLS NOT CHECKED`.
    pub alarms: Vec<String>,
    /// What should be known of the way to it.
    pub warnings: Vec<String>,
    /// The namespaces that the settings of this context name.
    pub namespaces: Vec<String>,
    /// Namespaces of core components, in the settings of this context.
    pub core_namespaces: Vec<String>,
}

/// The handle on the data thread. Dropping it ends the thread, and with it the credential plugins that it runs.
#[derive(Debug)]
pub struct Data {
    asks: mpsc::UnboundedSender<Ask>,
    pub news: mpsc::Receiver<News>,
    ended: std::sync::mpsc::Receiver<()>,
}

/// How long the end of the thread is awaited: it may be decoding a page.
const END_WAIT: Duration = Duration::from_millis(300);

/// The context that these settings mean, as far as it is known without asking anybody.
pub fn current_context(settings: &Settings) -> Option<String> {
    let chosen = settings.context.clone();
    chosen.or_else(|| crate::clients::kubeconfig::load(settings).current).map(|name| text::line(&name).into_owned())
}

/// The same where it makes a difference: without settings of single contexts, the kubeconfig is not read for it.
pub fn likely_context(settings: &Settings) -> Option<String> {
    if settings.context.is_none() && settings.contexts.is_empty() { None } else { current_context(settings) }
}

impl Data {
    /// Starts the thread; it does nothing before it is asked.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(settings: Settings, clock: Clock) -> std::io::Result<Self> {
        let (asks, asked) = mpsc::unbounded_channel();
        // bounded: a session that is busy drawing slows the feeds, and memory stays what it is
        let (tell, news) = mpsc::channel(32);
        let (ending, ended) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("data".into()).spawn(move || {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, connection::serve(settings, clock, asked, tell));
            // a connection that is dropped under way goes back to its pool, and the pool wants a clock
            let inside = runtime.enter();
            drop(local);
            drop(inside);
            drop((runtime, ending));
        })?;
        Ok(Self { asks, news, ended })
    }

    pub fn ask(&self, ask: Ask) {
        // a data thread that has ended has said so by closing `news`
        let _ = self.asks.send(ask);
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // a thread that is telling something must not wait for us, and one that is asked nothing more ends
        self.news.close();
        self.asks = mpsc::unbounded_channel().0;
        // without this the process could be gone before a plugin and its children are killed
        let _: Result<(), RecvTimeoutError> = self.ended.recv_timeout(END_WAIT);
    }
}
