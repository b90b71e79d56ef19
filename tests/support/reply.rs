//! One HTTP answer with the checks that tests want.

use reqwest::header::HeaderMap;
use serde_json::Value;
use std::ops::Index;

/// Status, headers and JSON body of one answer; `reply["field"]` reads the body.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Answer headers.
    pub headers: HeaderMap,
    /// Parsed body; `Null` when it is empty, a string when it is not JSON.
    pub json: Value,
    what: String,
}

impl Reply {
    /// Reads an answer to the end; `what` names the request in failures.
    pub async fn read(what: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        let json =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Self { status, headers, json, what }
    }

    /// Fails unless the status is exactly `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}: {}", self.what, self.status, self.json);
        self
    }

    /// Fails unless the status is 2xx.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{} answered {}: {}", self.what, self.status, self.json);
        self
    }

    /// Fails unless this is a problem document with this status and stable `code`.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let this = self.expect(status);
        assert_eq!(this.code(), code, "{}: {}", this.what, this.json);
        let kind = this.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/problem+json"), "{} has content type {kind}", this.what);
        this
    }

    /// The stable `code` of a problem document, or an empty string.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The body's `id`.
    #[track_caller]
    pub fn id(&self) -> String {
        self.text("id")
    }

    /// A string field of the body.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let value = self.json[field].as_str();
        value.unwrap_or_else(|| panic!("{} has no string `{field}`: {}", self.what, self.json)).to_owned()
    }

    /// The body's `items`.
    #[track_caller]
    pub fn items(&self) -> &Vec<Value> {
        self.json["items"].as_array().unwrap_or_else(|| panic!("{} has no items: {}", self.what, self.json))
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Index<&str> for Reply {
    type Output = Value;
    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}
