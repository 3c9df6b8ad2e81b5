//! Every action through the same door as `watchkeeper run`: seen to succeed, to fail truthfully and to be refused, on
//! the demo; and on real controllers, where a cluster is given.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_macros, reason = "what was seen of a real cluster is printed with the verdict")]
#![expect(clippy::disallowed_methods, reason = "a wait has a deadline in real time")]

#[path = "actions/approval.rs"]
mod approval;
#[path = "actions/budgets.rs"]
mod budgets;
#[path = "actions/compare.rs"]
mod compare;
#[path = "actions/contract.rs"]
mod contract;
#[path = "actions/drains.rs"]
mod drains;
#[path = "actions/driver.rs"]
mod driver;
#[path = "actions/ends.rs"]
mod ends;
#[path = "actions/faults.rs"]
mod faults;
#[path = "actions/helm.rs"]
mod helm;
#[path = "actions/planning.rs"]
mod planning;
#[path = "actions/proofs.rs"]
mod proofs;
#[path = "actions/real.rs"]
mod real;
#[path = "actions/refusals.rs"]
mod refusals;
#[path = "actions/shown.rs"]
mod shown;
#[path = "actions/silences.rs"]
mod silences;
#[path = "actions/tools.rs"]
mod tools;
#[path = "actions/twins.rs"]
mod twins;
#[path = "actions/unfinished.rs"]
mod unfinished;
#[path = "actions/words.rs"]
mod words;
