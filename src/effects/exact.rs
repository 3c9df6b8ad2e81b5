//! One request, to its last byte: what is recorded, rehearsed and sent is the same.

use ::http::Method as HttpMethod;
use serde_json::Value;

/// One request exactly as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    pub method: HttpMethod,
    /// With its query.
    pub path: String,
    pub content_type: Option<&'static str>,
    pub body: Option<Value>,
    /// The resource version that it holds, and is taken for alone.
    pub version: Option<String>,
}
