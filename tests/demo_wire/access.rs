//! Who may what, discovery, and what the server says to paths and methods that it does not serve.

use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use watchkeeper::demo::{Demo, DemoError, Options};

use crate::lab::Lab;

#[tokio::test]
async fn each_identity_reads_what_it_may_and_is_refused_in_rbacs_words() {
    let lab = Lab::new();
    let pods = "/api/v1/pods";
    let team = "/api/v1/namespaces/team-alpha/pods";
    for (user, path, code) in [
        ("demo", pods, 200),
        ("readonly", pods, 200),
        ("readonly", "/api/v1/nodes", 200),
        ("readonly", "/api/v1/configmaps", 403),
        ("namespaced", pods, 403),
        ("namespaced", team, 200),
        ("namespaced", "/api/v1/namespaces/velero/pods", 403),
        ("namespaced", "/api/v1/namespaces", 403),
        ("nobody", team, 403),
        ("nobody", "/apis", 200),
        ("demo", "/api/v1/namespaces/wire/secrets", 403),
        ("stranger", pods, 401),
        ("stranger", "/version", 200),
    ] {
        let answer = lab.get_as(user, path).await;
        assert_eq!(answer.status, code, "{user} {path}: {}", answer.text());
    }
    let refused = lab.get_as("namespaced", &format!("{pods}?watch=1")).await.json();
    assert_eq!(
        refused["message"],
        "pods is forbidden: User \"namespaced\" cannot watch resource \"pods\" in API group \"\" at the cluster scope"
    );
    assert_eq!((refused["reason"].as_str(), refused["details"]["kind"].as_str()), (Some("Forbidden"), Some("pods")));
    let named = lab.get_as("nobody", &format!("{team}/p")).await.json();
    assert_eq!(
        named["message"],
        "pods \"p\" is forbidden: User \"nobody\" cannot get resource \"pods\" in API group \"\" in the namespace \"team-alpha\""
    );
}

#[tokio::test]
async fn a_missing_api_is_404_to_those_who_may_and_403_to_those_who_may_not() {
    let lab = Lab::new();
    let path = "/apis/openreports.io/v1alpha1/reports";
    let absent = lab.get_as("readonly", path).await;
    assert_eq!((absent.status, absent.text()), (404, "404 page not found\n"));
    let refused = lab.get_as("nobody", path).await;
    assert_eq!((refused.status, refused.json()["kind"].as_str()), (403, Some("Status")));
}

#[tokio::test]
async fn self_reviews_tell_the_same_as_the_refusals() {
    let lab = Lab::new();
    let review = |verb: &str, namespace: &str| {
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": verb, "resource": "pods", "group": "", "namespace": namespace}},
        })
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (user, verb, namespace, allowed) in [
        ("demo", "delete", "", true),
        ("readonly", "list", "", true),
        ("readonly", "delete", "", false),
        ("namespaced", "list", "", false),
        ("namespaced", "list", "team-alpha", true),
        ("nobody", "get", "team-alpha", false),
    ] {
        let answer = lab.post(user, path, &review(verb, namespace)).await;
        assert_eq!(
            (answer.status, &answer.json()["status"]["allowed"]),
            (201, &json!(allowed)),
            "{user} {verb} {namespace}"
        );
    }
    let rules = lab
        .post(
            "namespaced",
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            &json!({"spec": {"namespace": "team-alpha"}}),
        )
        .await
        .json();
    let resources = |rule: &Value| rule["resources"].as_array().unwrap().contains(&json!("pods"));
    assert!(rules["status"]["resourceRules"].as_array().unwrap().iter().any(resources));
    let me = lab.post("readonly", "/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await.json();
    assert_eq!(me["status"]["userInfo"]["username"], "readonly");
    assert_eq!(lab.post("demo", path, &json!({"spec": {}})).await.status, 422);
    // kubectl sends protobuf: namespace "team-alpha", verb "list", resource "pods" in spec.resourceAttributes.
    let spec = b"\x0a\x18\x0a\x0ateam-alpha\x12\x04list\x2a\x04pods";
    let body = [&b"k8s\0\x12\x1c\x12\x1a"[..], spec].concat();
    let request = lab.request("POST", path).header("impersonate-user", "namespaced");
    let answer =
        crate::lab::finish(request.header("content-type", "application/vnd.kubernetes.protobuf").body(body)).await;
    assert_eq!((answer.status, &answer.json()["status"]["allowed"]), (201, &json!(true)), "{}", answer.text());
}

#[tokio::test]
async fn kubes_own_client_discovers_and_reads_through_the_written_kubeconfig() {
    let lab = Lab::with(Options { pods: 300, story: "quiet".to_owned(), ..Options::default() });
    let file = kube::config::Kubeconfig::read_from(lab.demo.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let aggregated = kube::discovery::Discovery::new(client.clone()).run_aggregated().await.unwrap();
    let plain = kube::discovery::Discovery::new(client.clone()).run().await.unwrap();
    for discovery in [aggregated, plain] {
        let group = discovery.get("helm.toolkit.fluxcd.io").unwrap();
        let (resource, capabilities) = group.recommended_kind("HelmRelease").unwrap();
        assert_eq!((resource.version.as_str(), resource.plural.as_str()), ("v2", "helmreleases"));
        assert!(capabilities.supports_operation("watch"));
        assert!(!discovery.has_group("openreports.io"));
    }
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::all(client);
    let page = pods.list(&ListParams::default().limit(250)).await.unwrap();
    assert_eq!(page.items.len(), 250);
    let last = page.items.last().unwrap();
    assert_eq!(last.spec.as_ref().unwrap().containers.len(), 2);
}

#[tokio::test]
async fn a_group_can_be_served_in_an_older_version_only() {
    let lab = Lab::new();
    lab.control.with_world(|world| {
        world.apply(json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "r", "namespace": "wire"}}));
        world.serve_version("helm.toolkit.fluxcd.io", "v2beta2");
    });
    assert_eq!(lab.get("/apis/helm.toolkit.fluxcd.io/v2/helmreleases").await.status, 404);
    let old = lab.get("/apis/helm.toolkit.fluxcd.io/v2beta2/namespaces/wire/helmreleases/r").await.json();
    assert_eq!(old["apiVersion"], "helm.toolkit.fluxcd.io/v2beta2");
}

#[tokio::test]
async fn what_is_not_served_is_refused_honestly() {
    let lab = Lab::new();
    lab.put("a", "red");
    for path in ["/nothing", "/apis/apps/v7", "/apis/apps/v1/gadgets", "/openapi/v2", "/api/v2/pods"] {
        let answer = lab.get(path).await;
        assert_eq!((answer.status, answer.text()), (404, "404 page not found\n"), "{path}");
    }
    let missing = lab.get("/api/v1/namespaces/wire/configmaps/b").await;
    assert_eq!((missing.status, missing.json()["message"].as_str()), (404, Some("configmaps \"b\" not found")));
    let release = lab.get("/apis/helm.toolkit.fluxcd.io/v2/namespaces/wire/helmreleases/none").await;
    assert_eq!(release.json()["message"], "helmreleases.helm.toolkit.fluxcd.io \"none\" not found");
    for (method, path) in [
        ("PUT", "/api/v1/namespaces/wire/configmaps"),
        ("DELETE", "/api/v1/namespaces/wire/configmaps"),
        ("POST", "/api/v1/namespaces/wire/configmaps/a"),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/apis/metrics.k8s.io/v1beta1/nodes/worker-1"),
    ] {
        let answer = crate::lab::finish(lab.request(method, path).body("{}")).await;
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (405, Some("MethodNotAllowed")), "{method}");
    }
    assert_eq!(lab.get("/api/v1/namespaces/wire/configmaps/a").await.status, 200);
    let protobuf = lab.accept("application/vnd.kubernetes.protobuf", "/api/v1/pods").await;
    assert_eq!((protobuf.status, protobuf.json()["reason"].as_str()), (406, Some("NotAcceptable")));
    assert_eq!(lab.get("/readyz").await.text(), "ok");
}

#[tokio::test]
async fn requests_are_remembered_as_they_came() {
    let lab = Lab::new();
    crate::lab::finish(lab.request("GET", "/api/v1/pods?limit=1").header("user-agent", "tester/1")).await;
    let seen = lab.control.requests();
    let last = seen.last().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("GET", "/api/v1/pods"));
    assert_eq!((last.query.as_str(), last.user_agent.as_str()), ("limit=1", "tester/1"));
}

#[test]
fn an_ended_demo_leaves_neither_a_port_nor_a_file() {
    let demo = Demo::start(Options { story: "quiet".to_owned(), ..Options::default() }).unwrap();
    let (address, file) = (demo.address(), demo.kubeconfig().to_owned());
    assert!(std::net::TcpStream::connect(address).is_ok() && file.exists());
    drop(demo);
    assert!(std::net::TcpStream::connect(address).is_err() && !file.exists());
}

#[test]
fn what_cannot_be_started_says_why() {
    let unknown = Options { story: "thriller".to_owned(), ..Options::default() };
    assert!(matches!(Demo::start(unknown), Err(DemoError::UnknownStory(name)) if name == "thriller"));
    let churn = Options { churn: f64::NAN, ..Options::default() };
    assert!(matches!(Demo::start(churn), Err(DemoError::Churn(_))));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = Options { listen: taken.local_addr().unwrap(), ..Options::default() };
    assert!(matches!(Demo::start(listen), Err(DemoError::Listen(..))));
}
