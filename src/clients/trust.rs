//! Whose word makes a Service Prometheus, Alertmanager or OpenBao: anybody who may create a Service can label it as a
//! chart does. The configuration's, an active profile's, or the operator's own, given once.

use std::collections::BTreeMap;

use crate::config::{Service, ServiceName};
use crate::domain::profile::{Certainty, Profiles};

/// What is known of it in one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// It is known which profiles are on, and what was confirmed.
    pub settled: bool,
    /// Namespaces that profiles name, and by which profile.
    named: BTreeMap<ServiceName, Vec<(String, String)>>,
    /// Prometheus that profiles bring along: namespace, name, and of which profile.
    own: Vec<(String, String, String)>,
    /// The uids of Services that the operator has confirmed, one for each service.
    confirmed: BTreeMap<ServiceName, String>,
}

impl Default for Trust {
    /// The configuration's word alone.
    fn default() -> Self {
        Self { settled: true, named: BTreeMap::new(), own: Vec::new(), confirmed: BTreeMap::new() }
    }
}

/// Who says that a Service is what it seems to be, the weightiest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody.
    Nobody,
    /// A profile asks it for its own guardrails, and for nothing else.
    Guardrails(String),
    /// A profile names its namespace.
    Profile(String),
    /// The configuration names its namespace.
    Namespace,
    /// The operator.
    Confirmed,
    /// The configuration names it, and its namespace.
    Configured,
}

impl Standing {
    /// Which counts more.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Nobody | Self::Guardrails(_) => 0,
            Self::Profile(_) => 1,
            Self::Namespace => 2,
            Self::Confirmed => 3,
            Self::Configured => 4,
        }
    }

    /// Why it may be used.
    pub fn told(&self) -> String {
        match self {
            Self::Nobody => "nobody has named its namespace".to_owned(),
            Self::Guardrails(profile) => format!("the profile {profile} asks it for its guardrails alone"),
            Self::Profile(profile) => format!("the profile {profile} names its namespace"),
            Self::Namespace => "the configuration names its namespace".to_owned(),
            Self::Confirmed => "you have confirmed it".to_owned(),
            Self::Configured => "the configuration names it".to_owned(),
        }
    }
}

impl Trust {
    /// From the profiles that are on, and what was confirmed.
    pub fn of(profiles: &Profiles, confirmed: BTreeMap<ServiceName, String>) -> Self {
        let mut named: BTreeMap<ServiceName, Vec<(String, String)>> = BTreeMap::new();
        for service in ServiceName::ALL {
            for profile in &profiles.active {
                let names = profile.names(service.key()).map(|namespace| (namespace.to_owned(), profile.name.clone()));
                named.entry(service).or_default().extend(names);
            }
        }
        let own = profiles.active.iter().filter_map(|profile| {
            let own = profile.prometheus.as_ref().filter(|own| profile.vouches_for(&own.namespace))?;
            Some((own.namespace.clone(), own.service.clone(), profile.name.clone()))
        });
        Self { settled: profiles.certainty != Certainty::Waiting, named, own: own.collect(), confirmed }
    }

    /// Before anything is known.
    pub fn waiting() -> Self {
        Self { settled: false, ..Self::default() }
    }

    /// How far a Service is trusted, given what is configured for the service.
    pub fn standing(
        &self,
        service: ServiceName,
        settings: &Service,
        (namespace, name): (&str, &str),
        uid: &str,
    ) -> Standing {
        if let Some(only) = &settings.namespace {
            return match (only == namespace, &settings.service) {
                (false, _) => Standing::Nobody,
                (true, Some(_)) => Standing::Configured,
                (true, None) => Standing::Namespace,
            };
        }
        if !uid.is_empty() && self.confirmed.get(&service).is_some_and(|own| own == uid) {
            return Standing::Confirmed;
        }
        let named = self.named.get(&service).into_iter().flatten();
        let by = named.into_iter().find(|(own, _)| own == namespace);
        if let Some((_, profile)) = by {
            return Standing::Profile(profile.clone());
        }
        let is_own = |own: &&(String, String, String)| own.0 == namespace && own.1 == name;
        match self.own.iter().find(is_own).filter(|_| service == ServiceName::Prometheus) {
            Some((.., profile)) => Standing::Guardrails(profile.clone()),
            None => Standing::Nobody,
        }
    }

    /// The namespaces that the configuration or a profile names for a service.
    pub fn namespaces(&self, service: ServiceName, settings: &Service) -> Vec<String> {
        match &settings.namespace {
            Some(only) => vec![only.clone()],
            None => self.named.get(&service).into_iter().flatten().map(|(namespace, _)| namespace.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::{Component, Profile, Said};

    fn trust(said: Said, confirmed: &[(ServiceName, &str)]) -> Trust {
        let component = Component {
            name: "m".into(),
            namespace: "monitoring".into(),
            services: vec!["prometheus".into()],
            ..Component::default()
        };
        let profile = Profile { name: "p".into(), components: vec![component], said, ..Profile::default() };
        let profiles = Profiles { active: vec![profile], certainty: Certainty::Certain, ..Profiles::default() };
        Trust::of(&profiles, confirmed.iter().map(|(name, uid)| (*name, (*uid).to_owned())).collect())
    }

    #[test]
    fn a_profile_names_a_namespace_for_the_services_of_its_components_alone() {
        let (open, found) = (Service::default(), trust(Said::Namespaces, &[]));
        let standing = |service, namespace| found.standing(service, &open, (namespace, "x"), "u");
        assert_eq!(standing(ServiceName::Prometheus, "monitoring"), Standing::Profile("p".into()));
        assert_eq!(standing(ServiceName::Prometheus, "external-secrets"), Standing::Nobody);
        assert_eq!(standing(ServiceName::Alertmanager, "monitoring"), Standing::Nobody);
        let by_a_pod = trust(Said::Nobody, &[]);
        assert_eq!(by_a_pod.standing(ServiceName::Prometheus, &open, ("monitoring", "x"), "u"), Standing::Nobody);
        assert!(!Trust::of(&Profiles::default(), BTreeMap::new()).settled);
    }

    #[test]
    fn a_confirmation_is_of_one_service_object_and_the_configuration_outweighs_it() {
        let found = trust(Said::Namespaces, &[(ServiceName::Prometheus, "u1")]);
        let open = Service::default();
        let standing = |namespace, uid| found.standing(ServiceName::Prometheus, &open, (namespace, "x"), uid);
        assert_eq!(standing("tools", "u1"), Standing::Confirmed);
        assert_eq!(standing("tools", "u2"), Standing::Nobody, "created again, it is another one");
        assert_eq!(standing("tools", ""), Standing::Nobody);
        let only = Service { namespace: Some("obs".into()), ..Service::default() };
        assert_eq!(found.standing(ServiceName::Prometheus, &only, ("tools", "x"), "u1"), Standing::Nobody);
        assert_eq!(found.standing(ServiceName::Prometheus, &only, ("obs", "x"), "u9"), Standing::Namespace);
        let exact = Service { service: Some("prom".into()), ..only };
        assert_eq!(found.standing(ServiceName::Prometheus, &exact, ("obs", "x"), "u9"), Standing::Configured);
    }
}
