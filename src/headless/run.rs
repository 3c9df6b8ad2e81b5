//! `watchkeeper run ACTION KIND/NAMESPACE/NAME`: the same plans, guards, audit and proofs as on the screen, for scripts.
//! Its exit code is 0 only when the plan was done and verified.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::feed;
use super::look::is_late;
use crate::actions::{self, ActionSpec, Have, Offer};
use crate::app::App;
use crate::data::{Ask, Data, What};
use crate::domain::ages::Time;
use crate::domain::locked::says_why;
use crate::domain::outcome::{Checked, Outcome, Progress, Unfinished, Verdict};
use crate::domain::plan::{Act, Plan, Risk, Stop};
use crate::domain::record::Key;
use crate::domain::reply::Reply;
use crate::domain::shell::quoted;
use crate::domain::{served, text};
use crate::intent::{Effect, Fetch, RunId, Tickets};
use crate::kinds::{self, Api};
use crate::screens::acting::{self, Basis};
use crate::screens::evictions;
use crate::screens::world::Link;

/// How long lists and answers may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// After a signal, the plan has so long to record that it was interrupted.
const LAST_WORDS: Duration = Duration::from_secs(2);
const ROUNDS: usize = 6;
/// So many times the patience for a login that a person makes elsewhere.
const ROUNDS_OF_A_LOGIN: usize = 15;
/// Columns of a table.
const WIDE: usize = 150;

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Order {
    pub action: String,
    /// `KIND/NAMESPACE/NAME`, or `KIND/NAME` where there is no namespace.
    pub targets: Vec<String>,
    pub set: BTreeMap<String, String>,
    pub reason: String,
    pub dry_run: bool,
    pub yes: bool,
    /// What would be typed on the screen.
    pub confirm: Option<String>,
    pub unlock: Option<String>,
    /// The interrupted run that this one continues, as `audit unfinished` names it.
    pub continues: Option<String>,
}

/// Exit codes.
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const UNREACHABLE: u8 = 3;
pub const REFUSED: u8 = 4;
pub const UNKNOWN: u8 = 5;
pub const INTERRUPTED: u8 = 6;

#[derive(Debug)]
pub struct Run {
    pub app: App,
    pub data: Data,
    pub order: Order,
    pub now: fn() -> Time,
    /// Says something to a person at once: what a credential plugin asks for.
    pub say: fn(&str),
}

/// Why it ends before its end: the exit code and the words.
type Early = (u8, String);

impl Run {
    /// Runs it; what is seen goes to `out`, what goes wrong to `err`. `end` gives the number of a signal.
    ///
    /// # Errors
    /// What writing fails with.
    pub async fn run(
        mut self,
        out: &mut dyn Write,
        err: &mut dyn Write,
        end: impl Future<Output = i32>,
    ) -> io::Result<u8> {
        let mut end = std::pin::pin!(end);
        let prepared = tokio::select! {
            number = &mut end => return Ok(128 + u8::try_from(number).unwrap_or(0)),
            prepared = self.prepare() => prepared,
        };
        let (plan, checks) = match prepared {
            Ok(prepared) => prepared,
            Err((code, why)) => {
                writeln!(err, "watchkeeper: {why}")?;
                return Ok(code);
            }
        };
        let needs = self.needs(&plan);
        print(&plan, &needs, &checks, out)?;
        let denied = checks.iter().any(|c| matches!(c.verdict, Verdict::Denied(_)));
        if self.order.dry_run {
            return Ok(if denied { REFUSED } else { 0 });
        }
        if let Err((code, why)) = self.approved(&plan, denied).await {
            writeln!(err, "watchkeeper: {why}")?;
            return Ok(code);
        }
        let known: Vec<String> = self.app.world.unfinished.iter().map(|left| left.run.clone()).collect();
        self.data.ask(Ask::Run(RunId(1), Box::new(plan)));
        let mut stopped = None;
        let mut output = Vec::new();
        loop {
            let limit = if stopped.is_some() { LAST_WORDS } else { Duration::from_hours(24) };
            let news = tokio::select! {
                number = &mut end, if stopped.is_none() => {
                    stopped = Some(number);
                    self.data.ask(Ask::Stop(RunId(1)));
                    continue;
                }
                news = tokio::time::timeout(limit, self.data.news.recv()) => news,
            };
            match news {
                Ok(Some(news)) => match news.what {
                    What::Progress(_, Progress::At { step, note }) => {
                        writeln!(out, "step {}: {}", step + 1, text::line(&note))?;
                    }
                    What::Progress(_, Progress::Output(lines)) => output.extend(lines),
                    What::Progress(_, Progress::Ended(outcome)) => {
                        writeln!(out, "{}", text::line(&outcome.to_string()))?;
                        for line in &output {
                            writeln!(out, "{line}")?;
                        }
                        if !outcome.is_done() {
                            self.to_continue(&known, &mut *out)?;
                        }
                        return Ok(code(&outcome));
                    }
                    what => feed::take(&mut self.app, what),
                },
                // dropping the data thread records the interruption
                Ok(None) | Err(_) => return Ok(stopped.map_or(UNKNOWN, |n| 128 + u8::try_from(n).unwrap_or(0))),
            }
        }
    }

    /// How this run is continued, or the one that it continues; of others only that there are some.
    /// `known` were there before.
    fn to_continue(&self, known: &[String], out: &mut dyn Write) -> io::Result<()> {
        let unfinished = &self.app.world.unfinished;
        let process = std::process::id().to_string();
        let is_own = |left: &&Unfinished| match &self.order.continues {
            Some(run) => left.run == *run,
            None => !known.contains(&left.run) && left.run.split('-').nth(1) == Some(&*process),
        };
        let own = unfinished.iter().find(is_own);
        if let Some(left) = own {
            writeln!(out, "unfinished; to continue: {}", text::line(&left.command()))?;
        }
        match unfinished.len() - usize::from(own.is_some()) {
            0 => Ok(()),
            others => {
                let others = text::counted(others, "other plan");
                writeln!(out, "also unfinished: {others}; `watchkeeper audit unfinished` lists them")
            }
        }
    }

    /// Everything before the approval: connect, list, find, plan, ask.
    async fn prepare(&mut self) -> Result<(Plan, Vec<Checked>), Early> {
        let action = actions::by_name(&self.order.action).ok_or_else(|| {
            let names: Vec<&str> = actions::ACTIONS.iter().map(|a| a.name).collect();
            (USAGE, format!("no action is called `{}`; actions: {}", self.order.action, names.join(", ")))
        })?;
        let wanted =
            self.order.targets.iter().map(|t| parse(t)).collect::<Result<Vec<_>, _>>().map_err(|why| (USAGE, why))?;
        for (kind, namespace, name) in &wanted {
            named(kind, namespace, name).map_err(|why| (USAGE, why))?;
        }
        self.data.ask(Ask::Connect(None));
        self.listed().await?;
        if let Some(run) = self.order.continues.clone() {
            return self.continued(action, &wanted, &run).await;
        }
        let keys = wanted
            .iter()
            .map(|(kind, namespace, name)| self.find(kind, namespace, name))
            .collect::<Result<Vec<_>, _>>()?;
        match acting::offer(action, &keys, &self.app.world) {
            Offer::Yes => {}
            Offer::No(why) => return Err((REFUSED, format!("{} is not offered: {why}", action.name))),
            Offer::Never => {
                let kind = keys.first().map_or("", |key| kinds::spec(key.kind).name);
                return Err((USAGE, format!("{} is no action for a {kind}", action.name)));
            }
        }
        let plan = self.plan(action, &keys, None).await?;
        self.checked(plan).await
    }

    /// What is left of an unfinished plan.
    async fn continued(
        &mut self,
        action: &'static ActionSpec,
        wanted: &[(String, String, String)],
        run: &str,
    ) -> Result<(Plan, Vec<Checked>), Early> {
        let left = self.app.world.unfinished.iter().find(|left| left.run == run).cloned().ok_or_else(|| {
            (
                USAGE,
                format!(
                    "no unfinished plan is called {run} on this cluster; `watchkeeper audit unfinished` lists them"
                ),
            )
        })?;
        let kind = |word: &str| kinds::by_word(word).or_else(|| kinds::by_name(word)).map(|id| kinds::spec(id).name);
        let named: Vec<String> = wanted
            .iter()
            .map(|(word, namespace, name)| format!("{}/{namespace}/{name}", kind(word).unwrap_or(word)))
            .collect();
        if left.action != action.name || left.objects != named {
            let command = left.command();
            return Err((USAGE, format!("{run} is another plan: it is continued by `{command}`")));
        }
        // what was set then is set again, unless the command line says otherwise
        for (name, value) in &left.set {
            self.order.set.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let keys = acting::objects(&left, &self.app.world).map_err(|why| (REFUSED, why))?;
        let plan = self.plan(action, &keys, Some(&left)).await?;
        self.checked(plan).await
    }

    async fn checked(&mut self, plan: Plan) -> Result<(Plan, Vec<Checked>), Early> {
        let check = Fetch::Check(Box::new(plan.clone()));
        match self.ask(check).await? {
            Reply::Checked(checks) => Ok((plan, checks)),
            _ => Err((UNKNOWN, "no answer about what would become of it".to_owned())),
        }
    }

    async fn plan(
        &mut self,
        action: &'static ActionSpec,
        keys: &[Key],
        left: Option<&Unfinished>,
    ) -> Result<Plan, Early> {
        let basis = Basis::new(action, keys, &self.app.world, 1).after(left);
        let mut have = Have::new();
        for _ in 0..ROUNDS {
            let (set, reason) = (self.order.set.clone(), self.order.reason.clone());
            match actions::plan(action, &basis.input(&have, &set, &reason)) {
                Ok(plan) => return Ok(plan),
                Err(Stop::Refuse(why)) => return Err((REFUSED, text::line(&why).into_owned())),
                Err(Stop::Need(paths)) => {
                    if let Reply::Read(found) = self.ask(Fetch::Paths(paths)).await? {
                        have.extend(found);
                    }
                }
            }
        }
        Err((REFUSED, "what it needs leads in a circle".to_owned()))
    }

    /// The operator's word, or what takes its place; typed words are never replaced by `--yes`.
    async fn approved(&mut self, plan: &Plan, denied: bool) -> Result<(), Early> {
        let refuse = |why: String| Err((REFUSED, why));
        if denied {
            return refuse("nothing was sent: it would be rejected".to_owned());
        }
        if plan.needs_reason && plan.reason.is_empty() {
            return refuse(format!("nothing was sent: {} needs a reason: --reason TEXT", plan.action));
        }
        if self.order.unlock.as_deref().is_some_and(|why| !says_why(why)) {
            return refuse("nothing was sent: --unlock needs a reason in words".to_owned());
        }
        // what is asked for is looked at first: an approval that fails must not leave a context unlocked
        let agreed = match (&plan.risk, self.order.confirm.as_deref()) {
            (Risk::Press, None) if self.order.yes => Ok(()),
            (Risk::Press, None) => Err("--yes approves it".to_owned()),
            // more than is asked for, but it must be right
            (Risk::Press, Some(word)) if words(plan, &self.app.world.facts.context).any(|right| right == word) => {
                Ok(())
            }
            (Risk::Press, Some(word)) => Err(format!("{word} is neither the object's name nor the context's")),
            (Risk::Name(word) | Risk::Context(word), Some(typed)) if typed == word => Ok(()),
            (Risk::Name(word) | Risk::Context(word), _) => {
                Err(format!("this must be confirmed by name: --confirm {}", quoted(word)))
            }
        };
        if let Err(why) = agreed {
            return refuse(format!("nothing was sent: {why}"));
        }
        if let Some(why) = self.order.unlock.clone().filter(|_| self.app.world.facts.may_write().is_err()) {
            self.data.ask(Ask::Unlock(why));
            self.until(|app| app.world.facts.may_write().is_ok()).await?;
        }
        if let Err(why) = self.app.world.facts.may_write() {
            let way_out = self.app.world.facts.way_out("--unlock REASON");
            return refuse(format!("nothing was sent: {why}; {way_out}"));
        }
        Ok(())
    }

    /// What has to be said for this plan to be run.
    fn needs(&self, plan: &Plan) -> Vec<String> {
        let facts = &self.app.world.facts;
        let mut out = vec![match &plan.risk {
            Risk::Press => "needs --yes".to_owned(),
            Risk::Name(word) | Risk::Context(word) => format!("needs --confirm {}", quoted(word)),
        }];
        if plan.needs_reason {
            out.push("needs --reason TEXT".to_owned());
        }
        if let Some(locked) = &facts.locked
            && let Err(why) = facts.may_write()
        {
            out.push(match &locked.instead {
                None => format!("needs --unlock REASON, {why}"),
                Some(_) => format!("cannot be run, {why}; {}", facts.way_out("")),
            });
        }
        out
    }

    /// Waits until every feed has its rows, or a reason for having none.
    async fn listed(&mut self) -> Result<(), Early> {
        self.until(|app| {
            matches!(app.world.facts.link, Link::Down { passing: false, .. })
                || (app.world.store.tables().all(|(_, t)| !is_late(&t.feed)) && !app.world.facts.operator.is_empty())
        })
        .await?;
        match &self.app.world.facts.link {
            Link::Down { headline, detail, .. } => Err((UNREACHABLE, text::with_detail(headline, detail))),
            _ => Ok(()),
        }
    }

    fn find(&self, kind: &str, namespace: &str, name: &str) -> Result<Key, Early> {
        let id = kinds::by_word(kind)
            .or_else(|| kinds::by_name(kind))
            .ok_or((USAGE, format!("no kind is called {kind}")))?;
        let store = &self.app.world.store;
        // a silence is found by its id, whatever namespace its matchers speak of
        let silences = matches!(kinds::spec(id).api, kinds::Api::Poll(kinds::Service::Silences));
        let namespace = match store.table(id).iter().find(|(_, row)| silences && *row.record.name == *name) {
            Some((_, row)) => store.strings.get(row.record.namespace),
            None => namespace,
        };
        let count = store.named(id, namespace, name).count();
        // alerts of one name differ by their labels
        if count > 1 && !self.order.set.contains_key("matchers") {
            let what = kinds::spec(id).title;
            return Err((
                REFUSED,
                format!("{count} {what} are called {namespace}/{name}: say which by --set matchers=..."),
            ));
        }
        let found = store.find(id, namespace, name).and_then(|row| store.key(row));
        found.ok_or_else(|| (REFUSED, self.app.world.absence(id, namespace, name)))
    }

    async fn until(&mut self, done: impl Fn(&App) -> bool) -> Result<(), Early> {
        for _ in 0..ROUNDS_OF_A_LOGIN {
            match tokio::time::timeout(PATIENCE, self.waiting(&done)).await {
                Ok(done) => return done,
                // a person logs in, which takes as long as it takes
                Err(_) if matches!(self.app.world.facts.link, Link::Down { passing: true, .. }) => {}
                Err(_) => break,
            }
        }
        Err((UNREACHABLE, format!("no complete answer within {} s", PATIENCE.as_secs())))
    }

    async fn waiting(&mut self, done: &impl Fn(&App) -> bool) -> Result<(), Early> {
        loop {
            self.app.world.set_time((self.now)());
            self.app.settle();
            if done(&self.app) {
                return Ok(());
            }
            match self.data.news.recv().await.map(|news| news.what) {
                Some(What::Complain(why)) => return Err((REFUSED, why)),
                Some(what) => {
                    if let What::Lost { headline, detail, passing: true, .. } = &what {
                        (self.say)(&text::with_detail(headline, detail));
                    }
                    feed::take(&mut self.app, what);
                }
                None => return Err((FAILED, "the data thread has ended".to_owned())),
            }
        }
    }

    async fn ask(&mut self, what: Fetch) -> Result<Reply, Early> {
        let ticket = Tickets::default().next();
        feed::ask(&self.data, Effect::Fetch(ticket, what));
        let waiting = async {
            loop {
                match self.data.news.recv().await.map(|news| news.what) {
                    Some(What::Reply(to, reply)) if to == ticket => return Ok(reply),
                    Some(what) => feed::take(&mut self.app, what),
                    None => return Err((FAILED, "the data thread has ended".to_owned())),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(reply) => reply,
            Err(_) => Err((UNREACHABLE, format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}

fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Done(_) => 0,
        Outcome::Failed(_) => FAILED,
        Outcome::Refused(_) => REFUSED,
        Outcome::Unknown(_) => UNKNOWN,
        Outcome::Interrupted(_) => INTERRUPTED,
    }
}

fn parse(target: &str) -> Result<(String, String, String), String> {
    let parts: Vec<&str> = target.splitn(3, '/').collect();
    match &*parts {
        [kind, namespace, name] if !kind.is_empty() && !name.is_empty() => {
            Ok(((*kind).to_owned(), (*namespace).to_owned(), (*name).to_owned()))
        }
        [kind, name] if !kind.is_empty() && !name.is_empty() => {
            Ok(((*kind).to_owned(), String::new(), (*name).to_owned()))
        }
        _ => {
            Err(format!("`{target}` is no target: write KIND/NAMESPACE/NAME, or KIND/NAME where there is no namespace"))
        }
    }
}

/// Every word that approves a plan which asks for none.
fn words<'p>(plan: &'p Plan, context: &'p str) -> impl Iterator<Item = &'p str> {
    plan.targets.iter().map(|key| &*key.name).chain([context])
}

/// Refuses a name that no object of the API server can have. Alerts and other kinds from elsewhere have other names.
fn named(kind: &str, namespace: &str, name: &str) -> Result<(), String> {
    let Some(id) = kinds::by_word(kind).or_else(|| kinds::by_name(kind)) else { return Ok(()) };
    if !matches!(kinds::spec(id).api, Api::Watch { .. }) {
        return Ok(());
    }
    served::segment(name)?;
    if namespace.is_empty() { Ok(()) } else { served::segment(namespace) }
}

fn print(plan: &Plan, needs: &[String], checks: &[Checked], out: &mut dyn Write) -> io::Result<()> {
    let clean = |raw: &str| text::line(raw).into_owned();
    writeln!(out, "plan: {}", clean(&plan.title))?;
    for need in needs {
        writeln!(out, "{}", clean(need))?;
    }
    for warning in &plan.warnings {
        writeln!(out, "warning: {}", clean(warning))?;
    }
    for reach in &plan.reach {
        writeln!(out, "reaches: {}", clean(reach))?;
    }
    for (nth, step) in plan.steps.iter().enumerate() {
        writeln!(out, "{:>3} {}", nth + 1, clean(&step.what))?;
        if let Act::Send(request) = &step.act {
            writeln!(out, "    {} {}", request.method, clean(&request.path))?;
            if let Some(body) = request.body.json() {
                writeln!(out, "    {}", clean(&body.to_string()))?;
            }
            if let Some(guard) = &request.guard {
                writeln!(out, "    only while it is {}", clean(&guard.told()))?;
            }
        }
        if let Act::Ask { argv, .. } = &step.act {
            writeln!(out, "    {}", clean(&argv.join(" ")))?;
        }
        if let Act::Evict(wanted) = &step.act {
            for (line, _) in evictions::table(wanted, WIDE) {
                writeln!(out, "    {line}")?;
            }
        }
        if let Act::Fetch(fetch) = &step.act {
            writeln!(out, "    {}", clean(&fetch.told()))?;
        }
        if !step.twin.is_empty() {
            writeln!(out, "    same as: {}", clean(&step.twin))?;
        }
        match checks.iter().find(|c| c.step == nth).map(|c| &c.verdict) {
            Some(Verdict::Denied(why)) => writeln!(out, "    would be rejected: {}", clean(why))?,
            Some(Verdict::Unknown(why)) => writeln!(out, "    not known: {}", clean(why))?,
            _ => {}
        }
    }
    for line in plan.undo.lines() {
        writeln!(out, "undo: {}", clean(line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_kind_namespace_and_name() {
        assert_eq!(parse("hr/a/b").unwrap(), ("hr".into(), "a".into(), "b".into()));
        assert_eq!(parse("node/n1").unwrap(), ("node".into(), String::new(), "n1".into()));
        assert!(parse("b").unwrap_err().contains("KIND/NAMESPACE/NAME"));
        assert!(parse("hr//").is_err());
    }

    #[test]
    fn a_name_that_would_lead_to_another_object_is_refused() {
        assert_eq!(named("deploy", "team-alpha", "shop-web"), Ok(()));
        for (namespace, name) in [("a", ".."), ("a", "b%2Fc"), ("..", "b"), ("a", "b/scale"), ("a%2Fb", "c")] {
            assert!(named("deploy", namespace, name).is_err(), "{namespace}/{name}");
            assert!(named("Deployment", namespace, name).is_err(), "{namespace}/{name}");
        }
        assert_eq!(named("alert", "a", "disk 90%"), Ok(()));
    }

    #[test]
    fn only_a_verified_end_is_success() {
        let all = [
            Outcome::Done(String::new()),
            Outcome::Failed(String::new()),
            Outcome::Refused(String::new()),
            Outcome::Unknown(String::new()),
            Outcome::Interrupted(String::new()),
        ];
        assert_eq!(all.map(|o| code(&o)), [0, 1, 4, 5, 6]);
    }
}
