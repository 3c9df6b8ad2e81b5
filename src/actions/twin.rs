//! The commands that do the same as a step, or undo it: each begins here, so that none lacks its way to the cluster.
//! What the programs send is compared with what we send, from their sources and on a real cluster.

use super::input::{Input, Target};
use crate::domain::command_line::{CMCTL, CommandLine, FLUX, HELM, KUBECTL, VELERO};
use crate::kinds::flux::switch;

pub fn kubectl(input: &Input<'_>, words: &[&str]) -> CommandLine {
    CommandLine::new(&KUBECTL, input.way, words)
}

pub fn velero(input: &Input<'_>, words: &[&str]) -> CommandLine {
    CommandLine::new(&VELERO, input.way, words)
}

pub fn cmctl(input: &Input<'_>, words: &[&str]) -> CommandLine {
    CommandLine::new(&CMCTL, input.way, words)
}

pub fn helm(input: &Input<'_>, words: &[&str]) -> CommandLine {
    CommandLine::new(&HELM, input.way, words)
}

/// The annotation that asks for a reconciliation.
pub const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// `flux suspend helmrelease monitoring -n monitoring`. The flux command does not know kinds that are switched by an
/// annotation: kubectl annotates them.
pub fn flux(input: &Input<'_>, verb: &str, target: &Target) -> CommandLine {
    of_flux(input, verb, target.kind, &target.key.namespace, &target.key.name)
}

/// The same for any Flux object.
pub fn of_flux(input: &Input<'_>, verb: &str, kind: &str, namespace: &str, name: &str) -> CommandLine {
    if let Some(annotation) = switch(kind).annotation {
        let token = format!("{REQUESTED}={}", input.token);
        let notes = match verb {
            "suspend" => vec![format!("{annotation}=disabled")],
            "resume" => vec![format!("{annotation}=enabled"), token],
            _ => vec![token],
        };
        return kubectl(input, &["annotate", &kind.to_lowercase()])
            .arg(name)
            .args(notes)
            .within(namespace)
            .switch("--overwrite");
    }
    let words: Vec<&str> = std::iter::once(verb).chain(switch(kind).noun.iter().copied()).collect();
    CommandLine::new(&FLUX, input.way, &words).arg(name).within(namespace)
}
