//! Watches: resuming, bookmarks, expiry, streaming lists, selectors, tables.

use std::time::Duration;

use serde_json::Value;
use watchkeeper::demo::World;

use crate::lab::{Frames, Lab, TABLE, config, pair};

const MAPS: &str = "/api/v1/namespaces/wire/configmaps";

async fn version(lab: &Lab) -> String {
    lab.get(MAPS).await.json()["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

async fn follow(lab: &Lab, more: &str) -> Frames {
    let version = version(lab).await;
    lab.watch(&format!("{MAPS}?watch=1&resourceVersion={version}{more}")).await
}

#[tokio::test]
async fn a_watch_tells_what_came_after_its_version_and_nothing_before() {
    let lab = Lab::new();
    lab.put("old", "red");
    let version = version(&lab).await;
    lab.put("new", "red");
    lab.put("old", "blue");
    let mut frames = lab.watch(&format!("{MAPS}?watch=true&resourceVersion={version}")).await;
    assert_eq!(frames.seen().await, pair("ADDED", "new"));
    let event = frames.next().await.unwrap();
    assert_eq!((event["type"].as_str(), event["object"]["data"]["color"].as_str()), (Some("MODIFIED"), Some("blue")));
    lab.control.with_world(|world| assert!(world.remove("ConfigMap", "wire", "old")));
    assert_eq!(frames.seen().await, pair("DELETED", "old"));

    // Broken off after the first change, it continues at the second.
    let seen = event["object"]["metadata"]["resourceVersion"].as_str().unwrap();
    let mut resumed = lab.watch(&format!("{MAPS}?watch=true&resourceVersion={seen}")).await;
    assert_eq!(resumed.seen().await, pair("DELETED", "old"));
}

#[tokio::test]
async fn without_a_version_a_watch_begins_with_what_is_there() {
    let lab = Lab::new();
    lab.put("one", "red");
    lab.put("two", "red");
    for query in ["", "&resourceVersion=0"] {
        let mut frames = lab.watch(&format!("{MAPS}?watch=1{query}")).await;
        assert_eq!(frames.seen().await, pair("ADDED", "one"));
        assert_eq!(frames.seen().await, pair("ADDED", "two"));
    }
}

#[tokio::test]
async fn a_bookmark_comes_each_minute_to_those_who_allow_it() {
    let lab = Lab::new();
    let mut frames = follow(&lab, "&allowWatchBookmarks=true").await;
    let mut silent = follow(&lab, "").await;
    // Something else changes: the bookmark lets a quiet watch resume from there.
    lab.control.with_world(|world| {
        let mut other = config("x", "red");
        other["metadata"]["namespace"] = "elsewhere".into();
        world.apply(other);
    });
    lab.control.advance(Duration::from_secs(61));
    let bookmark = frames.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    let version: u64 = bookmark["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    lab.put("after", "red");
    let event = frames.next().await.unwrap();
    assert!(event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > version);
    assert_eq!(silent.seen().await, pair("ADDED", "after"));
}

#[tokio::test]
async fn a_watch_ends_at_its_timeout_with_a_bookmark() {
    let lab = Lab::new();
    let mut frames = follow(&lab, "&allowWatchBookmarks=true&timeoutSeconds=1").await;
    assert_eq!(frames.next().await.unwrap()["type"], "BOOKMARK");
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn a_version_from_before_the_history_is_gone() {
    let lab = Lab::new();
    let old = version(&lab).await;
    let mut open = follow(&lab, "").await;
    lab.control.with_world(|world| {
        world.apply(config("a", "red"));
        world.compact();
    });
    let refused = lab.get(&format!("{MAPS}?watch=1&resourceVersion={old}")).await;
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (410, Some("Expired")));
    // A watch that was open and had not read that far hears it in its stream.
    let error = open.next().await.unwrap();
    assert_eq!(error["type"], "ERROR");
    assert_eq!((error["object"]["kind"].as_str(), error["object"]["code"].as_i64()), (Some("Status"), Some(410)));
    assert_eq!(open.next().await, None);
}

#[tokio::test]
async fn a_streaming_list_ends_with_its_bookmark_and_goes_on_as_a_watch() {
    let lab = Lab::new();
    for index in 0..200 {
        lab.put(&format!("m{index:03}"), "red");
    }
    let path =
        format!("{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    let mut frames = lab.watch(&path).await;
    for index in 0..200 {
        assert_eq!(frames.seen().await, pair("ADDED", &format!("m{index:03}")));
    }
    let end = frames.next().await.unwrap();
    assert_eq!(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    lab.put("m007", "blue");
    assert_eq!(frames.seen().await, pair("MODIFIED", "m007"));

    assert_eq!(lab.get(&format!("{MAPS}?watch=1&sendInitialEvents=true")).await.status, 422);
    lab.control.with_world(|world| world.set_streaming_lists(false));
    let off = lab.get(&path).await;
    assert_eq!((off.status, off.json()["reason"].as_str()), (422, Some("Invalid")));
}

#[tokio::test]
async fn an_object_that_stops_matching_is_deleted_for_the_watch() {
    let lab = Lab::new();
    lab.put("a", "red");
    let mut frames = follow(&lab, "&labelSelector=color%3Dred").await;
    lab.put("b", "blue");
    lab.put("a", "blue");
    assert_eq!(frames.seen().await, pair("DELETED", "a"));
    lab.put("b", "red");
    assert_eq!(frames.seen().await, pair("ADDED", "b"));
}

#[tokio::test]
async fn a_watch_of_tables_sends_its_columns_once() {
    let lab = Lab::new();
    let version = version(&lab).await;
    let mut frames = lab.watch_accepting(TABLE, &format!("{MAPS}?watch=1&resourceVersion={version}")).await;
    lab.put("a", "red");
    lab.put("b", "red");
    let (first, second) = (frames.next().await.unwrap(), frames.next().await.unwrap());
    assert_eq!(first["object"]["kind"], "Table");
    assert!(first["object"]["columnDefinitions"].is_array());
    assert!(second["object"]["columnDefinitions"].is_null());
    assert_eq!(second["object"]["rows"][0]["cells"][0], "b");
}

#[tokio::test]
async fn an_api_that_goes_away_ends_its_watches_and_comes_back() {
    let lab = Lab::new();
    let group = "velero.io";
    let path = "/apis/velero.io/v1/backups";
    let version = lab.get(path).await.json()["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut frames = lab.watch(&format!("{path}?watch=1&resourceVersion={version}")).await;
    lab.control.with_world(|world| world.hide_group(group));
    assert_eq!(frames.next().await, None);
    let gone = lab.get(path).await;
    assert_eq!((gone.status, gone.text()), (404, "404 page not found\n"));
    let groups = |list: &Value| list["groups"].as_array().unwrap().iter().any(|one| one["name"] == group);
    assert!(!groups(&lab.get("/apis").await.json()));
    lab.control.with_world(|world: &mut World| world.show_group(group));
    assert_eq!(lab.get(path).await.status, 200);
    assert!(groups(&lab.get("/apis").await.json()));
}
