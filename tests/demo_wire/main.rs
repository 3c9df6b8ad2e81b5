//! The demo's Kubernetes API over real sockets: what any client of the true one relies on.
//! The objects are the tests' own, in a namespace of their own, so that the story may be any.

#![expect(clippy::disallowed_macros, reason = "the test for other clients tells them where it listens")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic with its line is the report")]

mod access;
mod controllers;
mod faults;
mod lab;
mod lists;
mod load;
mod objects;
mod watches;
mod writes;

/// For trying other clients by hand: `cargo test --test demo_wire serve -- --ignored --nocapture`.
#[test]
#[ignore = "serves for WIRE_SECONDS (60) so that a person can point kubectl at it"]
fn serve_for_other_clients() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let options = watchkeeper::demo::Options {
        pods: usize::try_from(number("WIRE_PODS", 0)).unwrap(),
        churn: f64::from(u32::try_from(number("WIRE_CHURN", 0)).unwrap()),
        ..Default::default()
    };
    let demo = watchkeeper::demo::Demo::start(options).unwrap();
    println!("KUBECONFIG={}", demo.kubeconfig().display());
    std::thread::sleep(std::time::Duration::from_secs(number("WIRE_SECONDS", 60)));
}
