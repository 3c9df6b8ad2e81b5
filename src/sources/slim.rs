//! Our records through kube's watcher: an object is decoded straight from its text into a record, and an object that
//! cannot be decoded does not fail its page.
//!
//! kube deserialises lists and events by type alone, so the decoder of the feed travels in a task-local.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::domain::change::Bad;
use crate::domain::interner::Interner;
use crate::domain::record::Record;
use crate::kinds::Decode;

/// How the feed of this task decodes.
#[derive(Debug, Clone)]
pub struct Decoder {
    pub decode: Decode,
    pub interner: Rc<RefCell<Interner>>,
}

tokio::task_local! {
    /// Set around every poll of a watcher.
    pub static DECODER: Decoder;
}

/// One object of a list or watch.
#[derive(Debug, Clone)]
pub struct Slim {
    meta: ObjectMeta,
    pub record: Result<Record, Bad>,
}

impl<'de> Deserialize<'de> for Slim {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(d)?;
        let decoded = DECODER.with(|decoder| (decoder.decode)(raw.get(), &mut decoder.interner.borrow_mut()));
        let meta = ObjectMeta { resource_version: Some(decoded.version), ..ObjectMeta::default() };
        Ok(Self { meta, record: decoded.record })
    }
}

impl kube::Resource for Slim {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(served: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&served.kind)
    }

    fn group(served: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&served.group)
    }

    fn version(served: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&served.version)
    }

    fn api_version(served: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&served.api_version)
    }

    fn plural(served: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&served.plural)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
