//! Lists: pages, tokens, versions, selectors, forms.

use std::io::Read as _;

use serde_json::json;
use watchkeeper::demo::Options;

use crate::lab::{Lab, TABLE};

const MAPS: &str = "/api/v1/namespaces/wire/configmaps";

fn seven() -> Lab {
    let lab = Lab::new();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        lab.put(name, if name < "d" { "red" } else { "blue" });
    }
    lab
}

#[tokio::test]
async fn pages_add_up_to_the_whole_list_at_one_version() {
    let lab = seven();
    let (mut names, mut remaining, mut versions, mut token) = (Vec::new(), Vec::new(), Vec::new(), String::new());
    loop {
        let page = lab.get(&format!("{MAPS}?limit=3&continue={token}")).await;
        let list = page.json();
        names.extend(page.names());
        versions.push(list["metadata"]["resourceVersion"].clone());
        remaining.push(list["metadata"]["remainingItemCount"].as_i64());
        // A change between two pages must not move the list's version.
        lab.put("zz", &names.len().to_string());
        match list["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g", "zz"]);
    assert_eq!(remaining, [Some(4), Some(2), None]);
    assert!(versions.windows(2).all(|pair| pair[0] == pair[1]), "{versions:?}");
}

#[tokio::test]
async fn an_expired_token_is_answered_410_with_a_token_for_the_rest() {
    let lab = seven();
    let first = lab.get(&format!("{MAPS}?limit=3")).await.json();
    lab.put("h", "red");
    lab.control.with_world(watchkeeper::demo::World::compact);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let expired = lab.get(&format!("{MAPS}?limit=3&continue={token}")).await;
    assert_eq!((expired.status, expired.json()["reason"].as_str()), (410, Some("Expired")));
    let fresh = expired.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    let rest = lab.get(&format!("{MAPS}?continue={fresh}")).await;
    assert_eq!(rest.names(), ["d", "e", "f", "g", "h"]);
    assert_eq!(lab.get(&format!("{MAPS}?continue=nonsense")).await.status, 400);
}

#[tokio::test]
async fn versions_that_are_wrong_or_not_reached_are_refused() {
    let lab = seven();
    let version: u64 = lab.get(MAPS).await.json()["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")).await.status, 200);
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersion=0")).await.names().len(), 7);
    let future = lab.get(&format!("{MAPS}?resourceVersion={}", version + 1000)).await;
    assert_eq!((future.status, future.headers["retry-after"].to_str().unwrap()), (504, "1"));
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersion=abc")).await.status, 422);
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersionMatch=Exact")).await.status, 422);
}

#[tokio::test]
async fn selectors_choose_and_unknown_fields_are_refused() {
    let lab = seven();
    assert_eq!(lab.get(&format!("{MAPS}?labelSelector=color%3Dred")).await.names(), ["a", "b", "c"]);
    assert_eq!(lab.get(&format!("{MAPS}?labelSelector=color+notin+(red)")).await.names(), ["d", "e", "f", "g"]);
    assert_eq!(lab.get(&format!("{MAPS}?fieldSelector=metadata.name%3Db")).await.names(), ["b"]);
    let paged = lab.get(&format!("{MAPS}?labelSelector=color%3Dblue&limit=2")).await;
    assert_eq!(paged.names(), ["d", "e"]);
    assert_eq!(paged.json()["metadata"].get("remainingItemCount"), None);
    let refused = lab.get(&format!("{MAPS}?fieldSelector=data.color%3Dred")).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["message"], "field label not supported: data.color");
}

#[tokio::test]
async fn built_in_items_leave_out_their_type_and_custom_ones_repeat_it() {
    let lab = seven();
    let list = lab.get(MAPS).await.json();
    assert_eq!((list["kind"].as_str(), list["items"][0].get("kind")), (Some("ConfigMapList"), None));
    lab.control.with_world(|world| {
        world.apply(json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "r", "namespace": "wire"}}));
    });
    let list = lab.get("/apis/helm.toolkit.fluxcd.io/v2/namespaces/wire/helmreleases").await.json();
    assert_eq!(
        (list["kind"].as_str(), list["items"][0]["kind"].as_str()),
        (Some("HelmReleaseList"), Some("HelmRelease"))
    );
}

#[tokio::test]
async fn metadata_alone_is_given_when_asked_for() {
    let lab = seven();
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = lab.accept(accept, MAPS).await.json();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert_eq!(list["items"][0].get("data"), None);
    assert_eq!(list["items"][0]["metadata"]["name"], "a");
}

#[tokio::test]
async fn a_table_has_kubectls_columns_and_as_much_of_the_object_as_asked() {
    let lab = Lab::new();
    lab.control.with_world(|world| {
        world.apply(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "wire"},
            "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.9", "containerStatuses": [
                {"name": "c", "ready": false, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        }));
    });
    let path = "/api/v1/namespaces/wire/pods";
    let table = lab.accept(TABLE, path).await.json();
    let names: Vec<&str> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node", "Readiness Gates"]
    );
    let row = &table["rows"][0];
    assert_eq!(
        row["cells"],
        json!(["p", "0/1", "CrashLoopBackOff", "4", row["cells"][4], "10.0.0.9", "n", "<none>", "<none>"])
    );
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    let whole = lab.accept(TABLE, &format!("{path}?includeObject=Object")).await.json();
    assert_eq!(whole["rows"][0]["object"]["spec"]["nodeName"], "n");
    let none = lab.accept(TABLE, &format!("{path}?includeObject=None")).await.json();
    assert!(none["rows"][0]["object"].is_null());
    let single = lab.accept(TABLE, &format!("{path}/p")).await.json();
    assert_eq!((single["kind"].as_str(), single["rows"].as_array().unwrap().len()), (Some("Table"), 1));
}

#[tokio::test]
async fn long_lists_are_gzipped_for_those_who_ask() {
    let lab = Lab::with(Options { pods: 600, story: "quiet".to_owned(), ..Options::default() });
    // Pages are cut at one moment; ages do not appear in objects, so both answers must be equal.
    let path = "/api/v1/namespaces/load-003/pods";
    let all = "/api/v1/pods?labelSelector=app.kubernetes.io/part-of%3Dsynthetic-load";
    let small = crate::lab::finish(lab.request("GET", path).header("accept-encoding", "gzip")).await;
    assert!(small.headers.get("content-encoding").is_none(), "{} bytes are not worth it", small.body.len());
    let plain = lab.get(all).await;
    for query in ["", "&limit=600"] {
        let packed =
            crate::lab::finish(lab.request("GET", &format!("{all}{query}")).header("accept-encoding", "gzip")).await;
        assert_eq!(packed.headers["content-encoding"], "gzip");
        assert!(packed.body.len() * 3 < plain.body.len());
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body);
    }
    assert_eq!(plain.names().len(), 600);
}
