//! A few fields out of Kubernetes protobuf, which kubectl sends for built-in kinds; the answer is JSON either way.
//! It reads the messages of the self-subject reviews and of evictions and nothing else.

use serde_json::{Map, Value, json};

/// What the body begins with: the magic number of the Kubernetes envelope.
const MAGIC: &[u8] = b"k8s\0";

/// `ResourceAttributes` by field number.
const RESOURCE: &[(u64, &str)] =
    &[(1, "namespace"), (2, "verb"), (3, "group"), (4, "version"), (5, "resource"), (6, "subresource"), (7, "name")];
const NON_RESOURCE: &[(u64, &str)] = &[(1, "path"), (2, "verb")];

/// The review as JSON, or none when the bytes are something else.
pub fn review(body: &[u8], resource: &str) -> Option<Value> {
    let envelope = fields(body.strip_prefix(MAGIC)?)?;
    let object = fields(message(&envelope, 2).unwrap_or_default())?;
    let spec = fields(message(&object, 2).unwrap_or_default())?;
    let spec = match resource {
        "selfsubjectaccessreviews" => {
            let mut out = Map::new();
            if let Some(bytes) = message(&spec, 1) {
                out.insert("resourceAttributes".to_owned(), texts(bytes, RESOURCE)?);
            }
            if let Some(bytes) = message(&spec, 2) {
                out.insert("nonResourceAttributes".to_owned(), texts(bytes, NON_RESOURCE)?);
            }
            Value::Object(out)
        }
        "selfsubjectrulesreviews" => texts(message(&object, 2).unwrap_or_default(), &[(1, "namespace")])?,
        _ => json!({}),
    };
    Some(json!({"spec": spec}))
}

/// An eviction as JSON, with the uid that it is for; a grace of its own is not read.
pub fn eviction(body: &[u8]) -> Option<Value> {
    let envelope = fields(body.strip_prefix(MAGIC)?)?;
    let object = fields(message(&envelope, 2).unwrap_or_default())?;
    let mut eviction =
        json!({"metadata": texts(message(&object, 1).unwrap_or_default(), &[(1, "name"), (3, "namespace")])?});
    let options = fields(message(&object, 2).unwrap_or_default())?;
    if let Some(preconditions) = message(&options, 2) {
        eviction["deleteOptions"]["preconditions"] = texts(preconditions, &[(1, "uid"), (2, "resourceVersion")])?;
    }
    if let Some(dry) = message(&options, 5) {
        eviction["deleteOptions"]["dryRun"] = json!([std::str::from_utf8(dry).ok()?]);
    }
    Some(eviction)
}

/// The named string fields of a message.
fn texts(bytes: &[u8], names: &[(u64, &str)]) -> Option<Value> {
    let mut out = Map::new();
    for (number, bytes) in fields(bytes)? {
        if let Some((_, name)) = names.iter().find(|(known, _)| *known == number) {
            out.insert((*name).to_owned(), json!(std::str::from_utf8(bytes).ok()?));
        }
    }
    Some(Value::Object(out))
}

fn message<'a>(fields: &[(u64, &'a [u8])], number: u64) -> Option<&'a [u8]> {
    fields.iter().find(|(known, _)| *known == number).map(|(_, bytes)| *bytes)
}

/// The length-delimited fields of a message; numbers are skipped.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                all.push((key >> 3, bytes.get(..length)?));
                bytes = &bytes[length..];
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(all)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_tells_its_pod_and_the_uid_that_is_meant() {
        let metadata = [field(1, b"p"), field(3, b"ns")].concat();
        let options = field(2, &field(1, b"u"));
        let object = [field(1, &metadata), field(2, &options)].concat();
        let body = [MAGIC.to_vec(), field(2, &object)].concat();
        let eviction = eviction(&body).unwrap();
        assert_eq!(eviction["metadata"], json!({"name": "p", "namespace": "ns"}));
        assert_eq!(eviction["deleteOptions"]["preconditions"]["uid"], "u");
    }

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn an_access_review_is_read_from_its_envelope() {
        let attributes = [field(1, b"velero"), field(2, b"list"), field(5, b"pods"), vec![0x40, 0x96, 0x01]].concat();
        let object = [field(1, b""), field(2, &field(1, &attributes))].concat();
        let body = [MAGIC.to_vec(), field(1, b""), field(2, &object)].concat();
        assert_eq!(
            review(&body, "selfsubjectaccessreviews"),
            Some(json!({"spec": {"resourceAttributes": {"namespace": "velero", "verb": "list", "resource": "pods"}}}))
        );
    }

    #[test]
    fn cut_and_foreign_bytes_are_no_review() {
        for body in [&b"{}"[..], b"k8s\0\x12\x7f\x01", b"k8s\0\xff"] {
            assert_eq!(review(body, "selfsubjectaccessreviews"), None, "{body:?}");
        }
    }
}
