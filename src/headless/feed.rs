//! Between the app and the data thread: what news mean for the app, and what effects mean for the data thread. Shared
//! by everything that runs the app, with a terminal or without.

use crate::app::App;
use crate::data::{Ask, Connected, Data, KnownContexts, What};
use crate::intent::Effect;
use crate::screens::world::Link;

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
        What::Contexts(known) => known_contexts(app, known),
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
        What::Profiles(profiles) => app.world.set_profiles(profiles),
        What::Unwatched(kinds) => app.world.facts.unwatched = kinds,
    }
}

fn known_contexts(app: &mut App, known: KnownContexts) {
    let KnownContexts { contexts, current, problems, own_namespace } = known;
    let other = app.world.facts.context != current && !app.world.facts.context.is_empty();
    // the contexts come before anything else of a connection: what is there now is of the one before, and its interned
    // strings mean nothing to this one, even if it is the same cluster
    if other || app.world.store.tables().any(|(_, table)| !table.is_empty()) {
        let facts = &app.world.facts;
        let namespace = if other { own_namespace } else { facts.namespace.clone() };
        app.reset(facts.renewed(namespace));
    } else {
        // nobody reads them for the connection that begins
        app.world.idle();
    }
    let facts = &mut app.world.facts;
    facts.context = current;
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
    app.world.set_context_settings(connected.namespaces, connected.core_namespaces);
    app.connection_made();
}
