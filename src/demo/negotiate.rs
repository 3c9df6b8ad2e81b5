//! Which form of an answer a client accepts: whole objects, their metadata, a printed table, aggregated discovery.

use axum::http::{HeaderMap, header};

use super::status::Failure;

/// How much of each object a table row carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    Nothing,
    Metadata,
    Object,
}

/// The form of objects in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Full,
    Partial,
    Table(Include),
}

/// One media range of an Accept header.
struct Range<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Range<'_> {
    fn json(&self) -> bool {
        matches!(self.media, "application/json" | "application/*" | "*/*" | "")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

fn ranges(headers: &HeaderMap) -> Vec<Range<'_>> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    accept
        .split(',')
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parameters = parts.filter_map(|part| part.split_once('=')).collect();
            Range { media, parameters }
        })
        .collect()
}

fn refused() -> Failure {
    Failure::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    )
}

/// The first form in the client's order that this server has. `list` is about lists, not objects and watches.
///
/// # Errors
/// 406 when there is none, for example for protobuf alone.
pub fn form(headers: &HeaderMap, list: bool, include: Option<&str>) -> Result<Form, Failure> {
    let include = match include {
        None | Some("Metadata") => Include::Metadata,
        Some("None") => Include::Nothing,
        Some("Object") => Include::Object,
        Some(other) => {
            let message = format!("Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty");
            return Err(Failure::invalid("TableOptions", "includeObject", &message));
        }
    };
    let partial = if list { "PartialObjectMetadataList" } else { "PartialObjectMetadata" };
    for range in ranges(headers).iter().filter(|range| range.json()) {
        let meta = range.get("g").unwrap_or("meta.k8s.io") == "meta.k8s.io" && range.get("v").unwrap_or("v1") == "v1";
        match range.get("as") {
            None => return Ok(Form::Full),
            Some("Table") if meta => return Ok(Form::Table(include)),
            Some(kind) if meta && kind == partial => return Ok(Form::Partial),
            Some(_) => {}
        }
    }
    Err(refused())
}

/// Whether discovery is wanted in its aggregated form.
///
/// # Errors
/// 406 when neither form is acceptable.
pub fn aggregated(headers: &HeaderMap) -> Result<bool, Failure> {
    for range in ranges(headers).iter().filter(|range| range.json()) {
        match range.get("as") {
            None => return Ok(false),
            Some("APIGroupDiscoveryList")
                if range.get("g") == Some("apidiscovery.k8s.io") && range.get("v") == Some("v2") =>
            {
                return Ok(true);
            }
            Some(_) => {}
        }
    }
    Err(refused())
}

/// Whether a long body may be sent gzipped.
#[must_use]
pub fn gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())])
    }

    #[test]
    fn the_first_acceptable_form_wins() {
        let kubectl = accept(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
        );
        assert_eq!(form(&kubectl, true, None).unwrap(), Form::Table(Include::Metadata));
        let typed = accept("application/vnd.kubernetes.protobuf,application/json");
        assert_eq!(form(&typed, true, None).unwrap(), Form::Full);
        let metadata = accept("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
        assert_eq!(form(&metadata, true, None).unwrap(), Form::Partial);
        assert_eq!(form(&metadata, false, None).unwrap_err().code, 406);
    }

    #[test]
    fn protobuf_alone_is_not_acceptable() {
        assert_eq!(form(&accept("application/vnd.kubernetes.protobuf"), true, None).unwrap_err().code, 406);
    }

    #[test]
    fn gzip_with_weight_zero_is_no_gzip() {
        let with = |value: &str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())]);
        assert!(gzip(&with("br, gzip")));
        assert!(!gzip(&with("gzip;q=0")));
        assert!(!gzip(&HeaderMap::new()));
    }
}
