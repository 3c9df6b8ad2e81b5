//! Where the news comes from: feeds that read the cluster and its services into records. No screen, no triage.

pub mod about;
pub mod alertmanager;
pub mod alerts;
pub mod join;
pub mod labels;
pub mod poll;
pub mod prometheus;
pub mod replicas;
pub mod rules;
pub mod seals;
