//! Which subject explains which. Only what changed, and what asked for the name of something that changed, is explained
//! again; the rules themselves are asked through [`super::rules`].

use std::cell::RefCell;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::Settings;
use super::judged::{Differs, Judged};
use super::names::{Code, Names};
use super::node::{Claim, Group, GroupId, RuleId, Subject};
use super::rules::RULES;
use super::scan::{Claims, Scan, Target};
use crate::domain::ages::Time;
use crate::domain::finding::Finding;
use crate::kinds;
use crate::store::{RowId, Store};

/// A subject is explained at most this often in one turn: two rules that look at each other's result must not chase
/// each other.
const TURNS: u8 = 4;

/// A group, its members, and what is wrong with it.
#[derive(Debug)]
pub struct GroupState {
    pub rule: RuleId,
    pub group: Group,
    /// The members: not the subjects that only point at it.
    pub members: Vec<Subject>,
    /// `None`: too few to be a reason.
    pub finding: Option<Finding>,
}

#[derive(Debug, Default)]
pub struct Groups {
    slots: Vec<Option<GroupState>>,
    free: Vec<u32>,
    ids: HashMap<(RuleId, Group), GroupId, FixedState>,
    about: HashMap<Code, Vec<GroupId>, FixedState>,
    askers: HashMap<Code, Vec<Subject>, FixedState>,
}

impl Groups {
    pub fn get(&self, id: GroupId) -> Option<&GroupState> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub fn iter(&self) -> impl Iterator<Item = (GroupId, &GroupState)> {
        (0u32..).zip(&self.slots).filter_map(|(i, g)| Some((GroupId(i), g.as_ref()?)))
    }

    pub fn about(&self, code: Code) -> &[GroupId] {
        self.about.get(&code).map_or(&[], |ids| ids)
    }

    pub fn askers(&self, code: Code) -> &[Subject] {
        self.askers.get(&code).map_or(&[], |s| s)
    }

    fn unask(&mut self, code: Code, subject: Subject) {
        if let Some(askers) = self.askers.get_mut(&code) {
            askers.retain(|s| *s != subject);
            if askers.is_empty() {
                self.askers.remove(&code);
            }
        }
    }

    pub fn find(&self, rule: RuleId, group: &Group) -> Option<GroupId> {
        self.ids.get(&(rule, group.clone())).copied()
    }

    pub fn code(group: &Group) -> Code {
        Code::of(group.kind, &group.namespace, &group.name)
    }

    fn make(&mut self, rule: RuleId, group: Group) -> GroupId {
        if let Some(id) = self.ids.get(&(rule, group.clone())) {
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let id = GroupId(id);
        self.about.entry(Self::code(&group)).or_default().push(id);
        self.ids.insert((rule, group.clone()), id);
        self.slots[id.0 as usize] = Some(GroupState { rule, group, members: Vec::new(), finding: None });
        id
    }

    fn remove(&mut self, id: GroupId) -> Option<Code> {
        let state = self.slots[id.0 as usize].take()?;
        self.free.push(id.0);
        let code = Self::code(&state.group);
        self.ids.remove(&(state.rule, state.group));
        if let Some(ids) = self.about.get_mut(&code) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.about.remove(&code);
            }
        }
        Some(code)
    }
}

#[derive(Debug, Default)]
struct Node {
    claims: Vec<Claim>,
    /// The groups that it is a member of.
    groups: Vec<GroupId>,
    asked: Vec<Code>,
    /// Decides between equal roots; empty for kinds with very many objects.
    title: Box<str>,
}

#[derive(Debug, Default)]
pub struct Graph {
    nodes: HashMap<Subject, Node, FixedState>,
    /// Rows within their grace period that explain a row which counts: they count because of it.
    called: HashSet<RowId, FixedState>,
    pub names: Names,
    pub groups: Groups,
    dirty: Vec<Subject>,
    queued: HashSet<Subject, FixedState>,
    stale: HashSet<GroupId, FixedState>,
    changed: bool,
}

impl Graph {
    /// A row was touched; `had` says whether anything was wrong with it, and `differs` which part of that changed.
    pub fn touch(&mut self, store: &Store, judged: &Judged, id: RowId, had: bool, differs: Differs) {
        let (counts, has) = (judged.first(id).is_some(), judged.wrong(id).is_some());
        let is_crowd = kinds::spec(id.kind).crowd;
        if is_crowd && !has && !had {
            return;
        }
        let codes = if is_crowd && !has { self.names.remove(id) } else { self.names.set(store, id) };
        // of the rows within their grace period, only those that somebody asks for are explained
        let asked = has && (!is_crowd || codes.first().is_some_and(|own| !self.groups.askers(*own).is_empty()));
        if counts || asked {
            self.queue(Subject::Row(id));
        } else if had {
            self.forget(Subject::Row(id));
        }
        // of the crowd only findings are asked for; of the others also what they are like
        if differs.counts || differs.early || !is_crowd {
            for code in codes {
                self.tell(code);
            }
        }
    }

    /// Subjects that asked for this name are explained again.
    fn tell(&mut self, code: Code) {
        if let Some(askers) = self.groups.askers.get(&code) {
            let new = askers.iter().filter(|subject| self.queued.insert(**subject));
            self.dirty.extend(new);
        }
    }

    fn queue(&mut self, subject: Subject) {
        if self.queued.insert(subject) {
            self.dirty.push(subject);
        }
    }

    /// Explains all subjects that are due. Returns whether any explanation changed.
    pub fn settle(&mut self, store: &Store, judged: &Judged, settings: &Settings<'_>, now: Time) -> bool {
        let mut turns: HashMap<Subject, u8, FixedState> = HashMap::default();
        self.changed = false;
        let mut any = false;
        loop {
            while let Some(subject) = self.dirty.pop() {
                self.queued.remove(&subject);
                let turn = turns.entry(subject).or_default();
                *turn += 1;
                any = true;
                if *turn <= TURNS {
                    self.explain(subject, store, judged, settings, now);
                }
            }
            let stale: Vec<GroupId> = self.stale.drain().collect();
            if stale.is_empty() {
                if any || self.changed {
                    self.call(judged);
                }
                return self.changed;
            }
            for id in stale {
                self.judge_group(id, store, judged, settings, now);
            }
        }
    }

    /// Finds what counts before its grace has ended, because it explains something that counts.
    fn call(&mut self, judged: &Judged) {
        let loud = |s: &Subject| match s {
            Subject::Row(id) => judged.first(*id).is_some_and(|f| !f.muted),
            Subject::Group(id) => self.groups.get(*id).and_then(|g| g.finding.as_ref()).is_some_and(|f| !f.muted),
            _ => false,
        };
        let is_early = |claim: &Claim| matches!(claim.root, Subject::Row(id) if judged.is_only_early(id));
        let asks = self.nodes.iter().filter(|(_, node)| node.claims.iter().any(is_early));
        let mut open: Vec<Subject> = asks.map(|(subject, _)| *subject).filter(loud).collect();
        let mut called: HashSet<RowId, FixedState> = HashSet::default();
        while let Some(subject) = open.pop() {
            if let Some(Claim { root: Subject::Row(root), .. }) = self.first_claim(judged, subject, None)
                && judged.first(*root).is_none()
                && called.insert(*root)
            {
                open.push(Subject::Row(*root));
            }
        }
        if self.called != called {
            self.called = called;
            self.changed = true;
        }
    }

    fn explain(&mut self, subject: Subject, store: &Store, judged: &Judged, settings: &Settings<'_>, now: Time) {
        let alive = match subject {
            Subject::Row(id) => judged.wrong(id).is_some() && store.row(id).is_some(),
            Subject::Group(id) => self.groups.get(id).is_some(),
            _ => false,
        };
        if !alive {
            self.forget(subject);
            return;
        }
        let scan = self.scan(store, judged, settings, now);
        let mut said = Claims::default();
        for (rule, spec) in (0u8..).map(RuleId).zip(RULES) {
            let fits = match subject {
                Subject::Row(id) => spec.is_about(kinds::spec(id.kind)),
                Subject::Group(id) => {
                    scan.group(id).is_some_and(|g| spec.symptoms.contains(&RULES[g.rule.0 as usize].name))
                }
                _ => false,
            };
            if fits {
                said.rule = Some(rule);
                (spec.explain)(&scan, subject, &mut said);
            }
        }
        let mut asked = scan.asked.into_inner();
        // a row within its grace forms no group, but may belong to an existing one
        let early = matches!(subject, Subject::Row(id) if judged.first(id).is_none());
        if early {
            let groups =
                said.out.iter().filter_map(|(t, ..)| if let Target::New(group) = t { Some(group) } else { None });
            asked.extend(groups.map(Groups::code));
        }
        asked.sort_unstable();
        asked.dedup();
        let title = match subject {
            Subject::Row(id) if kinds::spec(id.kind).crowd => Box::default(),
            Subject::Group(id) => self.groups.get(id).map(|g| g.group.unique()).unwrap_or_default(),
            _ => self.scan(store, judged, settings, now).told(subject).into(),
        };
        let mut claims = Vec::with_capacity(said.out.len());
        let mut groups = Vec::new();
        for (target, rule, confidence, because) in said.out {
            let root = match target {
                Target::Row(id) => Subject::Row(id),
                Target::Group(id) => Subject::Group(id),
                Target::New(group) if early => match self.groups.find(rule, &group) {
                    Some(id) => Subject::Group(id),
                    None => continue,
                },
                Target::New(group) => {
                    let code = Groups::code(&group);
                    let id = self.groups.make(rule, group);
                    if !self.nodes.contains_key(&Subject::Group(id)) {
                        self.nodes.insert(Subject::Group(id), Node::default());
                        self.queue(Subject::Group(id));
                        self.tell(code);
                    }
                    groups.push(id);
                    Subject::Group(id)
                }
            };
            if root != subject {
                claims.push(Claim { root, rule, confidence, because });
            }
        }
        for claim in &claims {
            if let Subject::Row(id) = claim.root
                && judged.first(id).is_none()
                && judged.early(id).is_some()
                && !self.nodes.contains_key(&claim.root)
            {
                self.queue(claim.root);
            }
        }
        let old = self.nodes.insert(subject, Node { claims, groups, asked, title }).unwrap_or_default();
        self.changed |= self.nodes.get(&subject).is_none_or(|new| new.claims != old.claims);
        self.rewire(subject, &old, store, judged);
        // groups that contain this subject's group are judged by its current members
        self.stale_groups_of(subject);
    }

    fn stale_groups_of(&mut self, subject: Subject) {
        if let Some(node) = self.nodes.get(&subject) {
            self.stale.extend(&node.groups);
        }
    }

    /// Updates membership and questions after a subject's claims changed from `old`.
    fn rewire(&mut self, subject: Subject, old: &Node, store: &Store, judged: &Judged) {
        let empty = Node::default();
        let new = self.nodes.get(&subject).unwrap_or(&empty);
        let (gone, come) = (missing(&old.asked, &new.asked), missing(&new.asked, &old.asked));
        let (was, is) = (old.groups.clone(), new.groups.clone());
        for code in &gone {
            self.groups.unask(*code, subject);
        }
        for code in &come {
            self.groups.askers.entry(*code).or_default().push(subject);
        }
        for id in was.iter().filter(|id| !is.contains(id)) {
            self.leave(*id, subject);
        }
        for id in is.iter().filter(|id| !was.contains(id)) {
            if let Some(Some(state)) = self.groups.slots.get_mut(id.0 as usize) {
                state.members.push(subject);
            }
            self.stale.insert(*id);
        }
        // some rules look at who asks for them: a health check fails because of what it checks
        for code in gone.into_iter().chain(come) {
            if let Some(id) = self.names.get(code)
                && id.kind == kinds::KUSTOMIZATION
                && store.row(id).is_some()
                && judged.wrong(id).is_some()
                && Subject::Row(id) != subject
            {
                self.queue(Subject::Row(id));
            }
        }
    }

    fn leave(&mut self, id: GroupId, subject: Subject) {
        let Some(Some(state)) = self.groups.slots.get_mut(id.0 as usize) else { return };
        state.members.retain(|m| *m != subject);
        if state.members.is_empty() {
            self.forget(Subject::Group(id));
        } else {
            self.stale.insert(id);
        }
    }

    fn forget(&mut self, subject: Subject) {
        if let Some(old) = self.nodes.remove(&subject) {
            self.changed = true;
            for code in &old.asked {
                self.groups.unask(*code, subject);
                if let Some(id) = self.names.get(*code)
                    && id.kind == kinds::KUSTOMIZATION
                    && Subject::Row(id) != subject
                {
                    self.queue(Subject::Row(id));
                }
            }
            for id in old.groups {
                self.leave(id, subject);
            }
        }
        if let Subject::Group(id) = subject {
            self.stale.remove(&id);
            if let Some(code) = self.groups.remove(id) {
                self.tell(code);
            }
        }
    }

    fn judge_group(&mut self, id: GroupId, store: &Store, judged: &Judged, settings: &Settings<'_>, now: Time) {
        let Some(state) = self.groups.get(id) else { return };
        let Some(judge) = RULES[state.rule.0 as usize].group else { return };
        let scan = self.scan(store, judged, settings, now);
        let mut finding = judge(&scan, state);
        if let Some(finding) = &mut finding {
            finding.muted = state.members.iter().all(|m| self.finding(judged, *m).is_some_and(|f| f.muted));
            finding.since = finding.since.or_else(|| scan.since(Subject::Group(id)));
        }
        if state.finding != finding {
            // what this group belongs to counts its members' findings
            self.stale_groups_of(Subject::Group(id));
            self.queue(Subject::Group(id));
            if let Some(Some(state)) = self.groups.slots.get_mut(id.0 as usize) {
                state.finding = finding;
                let code = Groups::code(&state.group);
                self.tell(code);
            }
            self.changed = true;
        }
    }

    /// How many entries of each sort are kept.
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("nodes", self.nodes.len()),
            ("names", self.names.len()),
            ("groups", self.groups.ids.len()),
            ("groups by name", self.groups.about.len()),
            ("questions", self.groups.askers.len()),
            ("to explain", self.dirty.len() + self.stale.len()),
        ]
    }

    pub fn scan<'a>(&'a self, store: &'a Store, judged: &'a Judged, settings: &'a Settings<'a>, now: Time) -> Scan<'a> {
        Scan { store, settings, now, judged, names: &self.names, groups: &self.groups, asked: RefCell::default() }
    }

    pub fn finding<'a>(&'a self, judged: &'a Judged, subject: Subject) -> Option<&'a Finding> {
        match subject {
            Subject::Row(id) => judged.first(id).or_else(|| judged.early(id).filter(|_| self.called.contains(&id))),
            Subject::Group(id) => self.groups.get(id)?.finding.as_ref(),
            Subject::Cluster | Subject::Feed(_) | Subject::Plan(_) => None,
        }
    }

    /// What explains a subject directly. A group all of whose members have another reason has that reason too.
    pub fn claim<'a>(&'a self, judged: &'a Judged, subject: Subject) -> Option<&'a Claim> {
        match subject {
            Subject::Group(id) => {
                self.elsewhere(judged, id).or_else(|| self.first_claim(judged, subject, Some(&self.called)))
            }
            _ => self.first_claim(judged, subject, Some(&self.called)),
        }
    }

    fn elsewhere<'a>(&'a self, judged: &'a Judged, id: GroupId) -> Option<&'a Claim> {
        let mut found: Option<&Claim> = None;
        for member in &self.groups.get(id)?.members {
            let claim = self.claim(judged, *member).filter(|c| c.root != Subject::Group(id))?;
            if found.is_none_or(|f| f.root != claim.root && self.comes_first(claim.root, f.root)) {
                found = Some(claim);
            }
        }
        found
    }

    /// The subject with the lesser name of two, so that nothing depends on which was seen first.
    fn comes_first(&self, a: Subject, b: Subject) -> bool {
        let title = |s| self.nodes.get(&s).map_or("", |node| &*node.title);
        (title(a), a) < (title(b), b)
    }

    /// The first claim whose root is a failure itself, be it one within its grace. What is silenced explains nothing that
    /// is not, and ends no grace: for it `called` tells what counts.
    fn first_claim<'a>(
        &'a self,
        judged: &'a Judged,
        subject: Subject,
        called: Option<&HashSet<RowId, FixedState>>,
    ) -> Option<&'a Claim> {
        let own = match subject {
            Subject::Row(id) => judged.wrong(id),
            _ => self.finding(judged, subject),
        };
        let muted = own.is_some_and(|f| f.muted);
        let holds = |c: &&Claim| match c.root {
            Subject::Row(id) => match judged.first(id) {
                Some(finding) => muted || !finding.muted,
                None => judged.early(id).is_some() && (!muted || called.is_none_or(|called| called.contains(&id))),
            },
            root => self.finding(judged, root).is_some_and(|f| muted || !f.muted),
        };
        self.nodes.get(&subject)?.claims.iter().find(holds)
    }

    /// The root of a subject, itself if nothing explains it. In a circle it is the member with the least name, wherever
    /// it is asked from.
    pub fn root(&self, judged: &Judged, subject: Subject) -> Subject {
        let next = |at| self.claim(judged, at).map(|claim| claim.root);
        // the mark is moved after ever more steps, so it is met again only in a circle
        let (mut at, mut mark) = (subject, subject);
        for step in 1u32.. {
            let Some(root) = next(at) else { return at };
            at = root;
            if at == mark {
                break;
            }
            if step.is_power_of_two() {
                mark = at;
            }
        }
        let (mut least, end) = (at, at);
        while let Some(root) = next(at).filter(|root| *root != end) {
            at = root;
            least = if self.comes_first(at, least) { at } else { least };
        }
        least
    }

    /// Everything that has a finding.
    pub fn subjects<'a>(&'a self, judged: &'a Judged) -> impl Iterator<Item = (Subject, &'a Finding)> {
        let rows = judged.rows().map(|(id, finding)| (Subject::Row(id), finding));
        let early = self.called.iter().filter_map(|id| Some((Subject::Row(*id), judged.early(*id)?)));
        rows.chain(early)
            .chain(self.groups.iter().filter_map(|(id, g)| Some((Subject::Group(id), g.finding.as_ref()?))))
    }
}

/// What is in sorted `these` and not in sorted `those`.
fn missing(these: &[Code], those: &[Code]) -> Vec<Code> {
    these.iter().filter(|code| those.binary_search(code).is_err()).copied().collect()
}
