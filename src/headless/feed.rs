//! Between the app and the data thread: what news mean for the app, and what effects mean for the data thread. Shared
//! by everything that runs the app, with a terminal or without.

use std::sync::Arc;

use crate::app::App;
use crate::data::{Ask, Connected, Data, What};
use crate::domain::context::Context;
use crate::domain::profile::Profiles;
use crate::intent::Effect;
use crate::screens::world::{Facts, Link};

/// Hands an effect on; what the data thread does not do is ignored.
pub fn ask(data: &Data, effect: Effect) {
    data.ask(match effect {
        Effect::Fetch(ticket, what) => Ask::Fetch(ticket, what),
        Effect::Log(ticket, query) => Ask::Log(ticket, query),
        Effect::Cancel(ticket) => Ask::Cancel(ticket),
        Effect::Reload(kind) => Ask::Reload(kind),
        Effect::Watch(kind) => Ask::Watch(kind),
        Effect::Start(id, plan) => Ask::Run(id, plan),
        Effect::Stop(id) => Ask::Stop(id),
        Effect::Unlock(why) => Ask::Unlock(why),
        Effect::Dismiss(run, why) => Ask::Dismiss(run, why),
        Effect::Record(moments) => Ask::Record(moments),
        Effect::Deeds => Ask::Deeds,
        Effect::Trust { service, place } => Ask::Trust(service, place),
        Effect::Connect(context) => Ask::Connect(Some(context)),
        _ => return,
    });
}

/// Takes one piece of news in.
pub fn take(app: &mut App, what: What) {
    match what {
        What::Contexts { contexts, current, problems } => known_contexts(app, contexts, &current, problems),
        What::Connected(connected) => connected_to(app, *connected),
        What::Lost { since, headline, detail, passing } => {
            app.world.facts.link = Link::Down { since, headline, detail, passing };
            app.connection_failed();
        }
        What::Back => app.world.facts.link = Link::Up,
        What::Skew(skew) => app.world.facts.skew = skew,
        What::Standing(standing) => app.standing(standing),
        What::Batch(batch) => app.news(batch),
        What::Reply(ticket, reply) => app.reply(ticket, &reply),
        What::Operator(operator) => app.world.facts.operator = operator,
        What::Lock { locked, until } => app.lock(locked, until),
        What::Progress(id, progress) => app.progress(id, progress),
        What::Unfinished(found) => app.left_unfinished(found),
        What::Unread(why) => {
            if !app.world.facts.warnings.contains(&why) {
                app.world.facts.warnings.push(why.clone());
            }
            app.complain(why);
        }
        What::Dismissed(run) => app.dismissed(&run),
        What::Past { moments, unreadable } => app.world.timeline.resume(moments, unreadable),
        What::Deeds(moments) => app.world.timeline.log.set_deeds(moments),
        What::Services(found) => app.world.facts.candidates = found,
        What::Said(what) => app.say(what),
        What::Complain(why) | What::Aside(why) => app.complain(why),
        What::Profiles(profiles) => app.world.facts.set_profiles(profiles),
        What::Unwatched(kinds) => app.world.facts.unwatched = kinds,
    }
}

fn known_contexts(app: &mut App, contexts: Vec<Context>, current: &str, problems: Vec<String>) {
    let other = app.world.facts.context != current && !app.world.facts.context.is_empty();
    // the contexts come before anything else of a connection: what is there now is of the one before, and its interned
    // strings mean nothing to this one, even if it is the same cluster
    if other || app.world.store.tables().any(|(_, table)| !table.is_empty()) {
        let facts = &app.world.facts;
        let namespace = facts.namespace.clone().filter(|_| !other);
        let known = Arc::new(Profiles::of(facts.profiles.known.clone()));
        let mut fresh = Facts {
            now: facts.now,
            namespace,
            utc: facts.utc,
            thresholds: facts.thresholds,
            core_configured: facts.core_configured.clone(),
            salt: facts.salt,
            link: Link::Connecting,
            ..Facts::default()
        };
        // which profiles are on there is not known yet
        fresh.set_profiles(known);
        app.reset(fresh);
    } else {
        // nobody reads them for the connection that begins
        app.world.idle();
    }
    let facts = &mut app.world.facts;
    current.clone_into(&mut facts.context);
    facts.contexts = contexts;
    facts.kubeconfig_problems = problems;
}

fn connected_to(app: &mut App, connected: Connected) {
    let facts = &mut app.world.facts;
    facts.context = connected.context;
    facts.way = connected.way;
    facts.server_version = connected.version;
    facts.alarms = connected.alarms;
    facts.warnings = connected.warnings;
    facts.link = Link::Up;
    app.connection_made();
}
