//! What is read stays true: a server that refuses for a moment, goes back, ends watches at once, or is not the one that
//! is meant. Every case is over a socket, and counts what was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use watchkeeper::domain::change::FeedState;

use super::harness::{Console, DEADLINE, settings};
use super::script::{Instead, Script};

fn console(script: &Script) -> Console {
    let mut settings = settings(&script.kubeconfig(), None);
    for name in watchkeeper::config::ServiceName::ALL {
        settings.services.entry(name).or_default().mode = watchkeeper::config::ServiceMode::Off;
    }
    Console::start(settings)
}

fn live(script: &Script) -> Console {
    let mut console = console(script);
    console.ready();
    console.go("pods");
    console.shows(&["web-0", "web-1"]);
    console
}

/// Takes news in until the feed of pods is as wanted.
#[track_caller]
fn until(console: &mut Console, limit: Duration, what: &str, wanted: impl Fn(&Console) -> bool) -> Duration {
    let started = Instant::now();
    while !wanted(console) {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}: {:?}", console.feed("pods"));
        console.wait_news();
    }
    console.frame();
    started.elapsed()
}

fn pods(console: &Console) -> FeedState {
    console.feed("pods").state
}

fn lists(script: &Script) -> usize {
    script.asked().iter().filter(|asked| asked.is_pods() && !asked.is_watch()).count()
}

/// What the feeds have asked for.
fn asked(script: &Script) -> usize {
    script.asked().iter().filter(|asked| matches!(&*asked.path, "/api/v1/pods" | "/api/v1/nodes")).count()
}

fn watches(script: &Script) -> usize {
    script.asked().iter().filter(|asked| asked.is_pods() && asked.is_watch()).count()
}

// ---- what cannot be asked is not nothing

#[test]
fn discovery_that_is_refused_makes_every_kind_blind_and_says_why() {
    let script = Script::start();
    script.hook(|asked| matches!(&*asked.path, "/api" | "/apis").then(|| Instead::status(403, "Forbidden")));
    let mut console = console(&script);
    console.ready();
    let frame = console.shows(&["blind", "no access"]);
    assert!(!frame.contains("  0 blind") && !frame.contains("nothing wrong") && !frame.contains("P1 0"), "{frame}");
    let feed = console.feed("pods");
    assert_eq!(feed.state, FeedState::NoAccess);
    assert!(feed.error.as_ref().unwrap().contains("what this server serves cannot be asked"), "{feed:?}");
    // it is asked again, and once it is known all is there
    script.unhook();
    until(&mut console, Duration::from_secs(10), "the rows", |console| console.rows("pods") == 2);
}

#[test]
fn discovery_of_the_other_groups_that_is_refused_leaves_pods_and_blinds_the_rest() {
    let script = Script::start();
    script.hook(|asked| (asked.path == "/apis").then(|| Instead::status(403, "Forbidden")));
    let mut console = console(&script);
    console.ready();
    assert_eq!((pods(&console), console.feed("deploy").state), (FeedState::Live, FeedState::NoAccess));
}

#[test]
fn discovery_that_is_refused_later_takes_nothing_away() {
    let script = Script::start();
    let mut console = live(&script);
    script.hook(|asked| matches!(&*asked.path, "/api" | "/apis").then(|| Instead::status(403, "Forbidden")));
    script.forget();
    console.keys("ctrl-r");
    let again = |script: &Script| script.asked().iter().any(|asked| asked.path == "/apis");
    until(&mut console, DEADLINE, "another discovery", |console| again(&script) && pods(console) == FeedState::Live);
    assert_eq!(console.rows("pods"), 2);
}

#[test]
fn a_login_page_in_place_of_the_api_is_no_connection() {
    for code in [200, 404, 403] {
        let script = Script::start();
        script.hook(move |_| Some(Instead::Html(code)));
        let mut console = console(&script);
        let frame = console.shows(&["answers HTML, not the Kubernetes API", "login page"]);
        assert!(frame.contains("Contexts 1"), "{frame}");
    }
}

#[test]
fn a_login_page_that_comes_later_leaves_the_rows_as_stale() {
    let script = Script::start();
    let mut console = live(&script);
    script.hook(|_| Some(Instead::Html(200)));
    script.cut();
    let frame = console.shows(&["DISCONNECTED", "stale"]);
    assert_eq!(console.rows("pods"), 2, "{frame}");
    script.unhook();
    console.until("the recovery", |f| !f.contains("DISCONNECTED") && !f.contains("stale"));
}

// ---- a refusal that passes

#[test]
fn a_feed_that_was_live_and_is_refused_once_keeps_its_rows_and_asks_again_within_seconds() {
    let script = Script::start();
    let mut console = live(&script);
    script.forget();
    // as after a restart: both the watch and the list are refused once
    let (refused, times) = (AtomicUsize::new(0), 2);
    script.hook(move |asked| {
        (asked.is_pods() && refused.fetch_add(1, Ordering::Relaxed) < times).then(|| Instead::status(403, "Forbidden"))
    });
    script.cut();
    until(&mut console, DEADLINE, "stale", |console| pods(console) == FeedState::Stale);
    assert_eq!(console.rows("pods"), 2);
    script.put("web-2");
    let took = until(&mut console, Duration::from_secs(6), "live again", |console| console.rows("pods") == 3);
    assert!(took < Duration::from_secs(6));
    assert!(script.asked().iter().filter(|asked| asked.is_pods()).count() < 12, "{:?}", script.asked());
}

#[test]
fn a_right_that_is_gone_for_good_is_no_access_within_half_a_minute() {
    let script = Script::start();
    let mut console = live(&script);
    script.hook(|asked| asked.path.ends_with("/pods").then(|| Instead::status(403, "Forbidden")));
    script.forget();
    script.cut();
    until(&mut console, DEADLINE, "no access", |console| pods(console) == FeedState::NoAccess);
    assert!(script.asked().iter().filter(|asked| asked.path == "/api/v1/pods").count() < 10, "{:?}", script.asked());
}

#[test]
fn who_may_list_and_not_watch_is_not_blind() {
    let script = Script::start();
    script.hook(|asked| asked.is_watch().then(|| Instead::status(403, "Forbidden")));
    let mut console = live(&script);
    until(&mut console, DEADLINE, "the note", |console| console.feed("pods").aside.contains("read again"));
    assert_eq!(pods(&console), FeedState::Live);
    console.resize(200, 40);
    let frame = console.go("feeds");
    assert!(frame.contains("read again every 30 s: it may be listed but not watched"), "{frame}");
    assert!(frame.contains(", 0 blind") || !frame.contains("Pods                   no access"), "{frame}");
    assert!(watches(&script) <= 2, "{:?}", script.asked());
    // and a right that comes is used
    script.unhook();
    console.go("pods");
    console.keys("ctrl-r");
    script.put("web-2");
    until(&mut console, DEADLINE, "watched", |c| c.rows("pods") == 3 && !c.feed("pods").aside.contains("read again"));
}

// ---- a server that has gone back

#[test]
fn a_watch_that_is_refused_as_too_old_is_a_new_list_and_no_storm() {
    let script = Script::start();
    let mut console = live(&script);
    script.restore(2000, "web-1");
    script.hook(|asked| (asked.is_watch() && asked.version() < 2000).then(|| Instead::status(410, "Expired")));
    script.forget();
    script.cut();
    // after the cut: the watch of before must not report it
    script.put("web-2");
    until(&mut console, Duration::from_secs(10), "the new list", |console| {
        console.rows("pods") == 2 && pods(console) == FeedState::Live && lists(&script) > 0
    });
    let frame = console.frame();
    assert!(frame.contains("web-2") && !frame.contains("web-1"), "{frame}");
    assert!(asked(&script) < 12, "{:?}", script.asked());
}

#[test]
fn a_server_that_says_that_a_position_is_ahead_of_it_is_listed_again_without_one() {
    let script = Script::start();
    let mut console = live(&script);
    script.restore(50, "web-1");
    script.hook(|asked| (asked.is_watch() && asked.version() > 60).then(Instead::ahead));
    script.forget();
    script.cut();
    until(&mut console, Duration::from_secs(10), "the new list", |console| {
        console.rows("pods") == 1 && pods(console) == FeedState::Live
    });
    let list = script.asked().into_iter().find(|asked| asked.is_pods() && !asked.is_watch()).unwrap();
    assert!(!list.query.contains("resourceVersion="), "{list:?}");
    assert!(asked(&script) < 12, "{:?}", script.asked());
}

#[test]
fn a_watch_from_a_position_that_does_not_exist_yet_is_noticed_though_the_server_takes_it() {
    let script = Script::start();
    let mut console = live(&script);
    script.restore(50, "web-1");
    script.put("restored-0");
    script.forget();
    script.cut();
    let limit = Duration::from_secs(15);
    console.within(limit, "what was restored", |frame| frame.contains("restored-0") && !frame.contains("web-1"));
}

#[test]
fn a_server_that_refuses_every_position_is_not_asked_without_a_pause() {
    let script = Script::start();
    script.hook(|asked| asked.is_watch().then(|| Instead::status(410, "Expired")));
    let mut console = console(&script);
    let begun = Instant::now();
    until(&mut console, DEADLINE, "a while", |_| begun.elapsed() > Duration::from_secs(6));
    assert!(lists(&script) <= 6 && watches(&script) <= 6, "{} lists, {} watches", lists(&script), watches(&script));
}

// ---- watches that are ended at once

#[test]
fn watches_that_end_at_once_pause_and_the_rows_stay_right() {
    let script = Script::start();
    script.hook(|asked| asked.is_watch().then_some(Instead::Ended));
    let mut console = live(&script);
    until(&mut console, DEADLINE, "polled", |console| console.feed("pods").aside.contains("read again"));
    assert_eq!(pods(&console), FeedState::Live);
    let note = console.feed("pods").aside.clone();
    assert!(note.contains("ends each watch at once"), "{note}");
    assert!(watches(&script) <= 4 && lists(&script) <= 4, "{} watches, {} lists", watches(&script), lists(&script));
}

// ---- away and back

#[test]
fn feeds_are_back_within_three_seconds_of_the_server_and_without_a_storm() {
    let mut script = Script::start();
    let mut console = live(&script);
    script.close();
    console.shows(&["DISCONNECTED"]);
    // long enough for the feeds' own pauses to have grown
    let away = Instant::now();
    until(&mut console, DEADLINE, "a while", |_| away.elapsed() > Duration::from_secs(10));
    script.put("born-meanwhile");
    script.forget();
    script.listen();
    let back = Instant::now();
    until(&mut console, Duration::from_secs(5), "all feeds", |console| {
        console.rows("pods") == 3 && pods(console) == FeedState::Live
    });
    assert!(back.elapsed() < Duration::from_secs(4), "{:?}", back.elapsed());
    assert!(asked(&script) < 12, "{:?}", script.asked());
}

// ---- credentials that are written again

#[test]
fn a_token_that_a_login_elsewhere_writes_into_the_kubeconfig_is_used() {
    let script = Script::start();
    let secure = script.secure();
    script.write_kubeconfig_to(&secure, "{token: t0}");
    let mut console = live(&script);
    script.hook(|asked| (asked.token != "t2").then(|| Instead::status(401, "Unauthorized")));
    script.cut();
    console.shows(&["DISCONNECTED"]);
    assert_eq!(console.rows("pods"), 2);
    script.write_kubeconfig_to(&secure, "{token: t2}");
    script.put("web-2");
    let took = until(&mut console, DEADLINE, "connected again", |console| console.rows("pods") == 3);
    assert!(took < Duration::from_secs(20), "{took:?}");
    console.until("the recovery", |f| !f.contains("DISCONNECTED"));
}

#[test]
fn a_kubeconfig_that_leads_elsewhere_is_followed_and_keeps_its_new_token_to_itself() {
    let (old, new) = (Script::start(), Script::start());
    new.put("of-the-new-one");
    old.write_kubeconfig_to(&old.secure(), "{token: t0}");
    let mut console = live(&old);
    old.forget();
    old.write_kubeconfig_to(&new.secure(), "{token: t2}");
    until(&mut console, DEADLINE, "the other server", |console| console.rows("pods") == 3);
    assert!(old.asked().iter().all(|asked| asked.token == "t0"), "a token must not reach another server");
    assert!(new.asked().iter().all(|asked| asked.token == "t2"));
}

#[test]
fn what_a_credential_plugin_asks_for_is_shown_while_it_waits() {
    use std::os::unix::fs::PermissionsExt;
    let script = Script::start();
    let plugin = script.folder().join("plugin");
    let done = script.folder().join("done");
    let text = format!(
        "#!/bin/sh\necho 'open https://login.example.com/device and enter ABCD1234' >&2\n\
         until [ -e {0} ]; do sleep 0.1; done\nprintf '{{\"status\":{{\"token\":\"t0\"}}}}'\n",
        done.display()
    );
    std::fs::write(&plugin, text).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let user = format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}}}}}", plugin.display());
    script.write_kubeconfig_to(&script.secure(), &user);
    let mut console = console(&script);
    console.shows(&["waits for a login", "https://login.example.com/device", "ABCD1234"]);
    std::fs::write(done, "").unwrap();
    console.ready();
    assert_eq!(console.rows("pods"), 2);
}

#[test]
fn a_credential_plugin_that_fails_is_not_run_again_at_once_but_by_a_key() {
    use std::os::unix::fs::PermissionsExt;
    let script = Script::start();
    let (plugin, runs) = (script.folder().join("plugin"), script.folder().join("runs"));
    std::fs::write(&plugin, format!("#!/bin/sh\necho run >> {}\nexit 1\n", runs.display())).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let user = format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}}}}}", plugin.display());
    script.write_kubeconfig_to(&script.secure(), &user);
    let mut console = console(&script);
    console.shows(&["failed with exit code 1"]);
    let count = || std::fs::read_to_string(&runs).unwrap_or_default().lines().count();
    let begun = Instant::now();
    until(&mut console, DEADLINE, "a while", |_| begun.elapsed() > Duration::from_secs(8));
    assert_eq!(count(), 1);
    console.keys("ctrl-r");
    until(&mut console, DEADLINE, "another run", |_| count() == 2);
}

#[test]
fn a_namespace_that_does_not_exist_is_said_on_the_first_screen() {
    let script = Script::start();
    let mut settings = settings(&script.kubeconfig(), None);
    settings.namespace = Some("shpo".to_owned());
    let mut console = Console::start(settings);
    let frame = console.shows(&["there is no namespace shpo: is it shop?"]);
    assert!(frame.lines().next().unwrap().contains("no namespace shpo"), "{frame}");
}
