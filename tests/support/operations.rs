//! The served OpenAPI document as a list of operations, so that tests are driven by what is really offered.

use super::{TestApp, new_id};
use serde_json::Value;

/// One method on one path.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Upper case: `GET`, `POST`, …
    pub method: String,
    /// As documented: `/api/v1/incidents/{id}`.
    pub path: String,
    /// Schema of the JSON body, references resolved at the top; `Null` when there is none.
    pub body: Value,
    /// Names of query parameters.
    pub query: Vec<String>,
    /// Documented statuses.
    pub statuses: Vec<String>,
    /// Whether a caller without a token is served.
    pub public: bool,
}

impl Operation {
    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// `POST /incidents/{id}`: how tests name it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path.trim_start_matches("/api/v1"))
    }

    /// The path with a fresh id (or `word` where no id is meant) for every parameter.
    pub fn filled(&self) -> String {
        let mut path = String::new();
        for part in self.path.split('/').skip(1) {
            path.push('/');
            // What follows a parameter stays: `{kind}.pdf`.
            match part.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                None => path.push_str(part),
                Some((name, after)) if name.ends_with("id") => path.push_str(&(new_id() + after)),
                Some((_, after)) => path.push_str(&format!("nothing{after}")),
            }
        }
        path
    }

    /// Names of the body's documented members.
    pub fn members(&self) -> Vec<String> {
        self.body["properties"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }
}

/// Every operation of the document that the server serves.
pub async fn operations(app: &TestApp) -> Vec<Operation> {
    let document = app.call("GET", "/openapi.json", None).await.ok().json;
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let operation = &item[method];
            if operation.is_null() {
                continue;
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let secured = operation.get("security").or_else(|| document.get("security"));
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                body: resolved(&document, schema),
                query: parameters
                    .iter()
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect(),
                statuses: operation["responses"].as_object().unwrap().keys().cloned().collect(),
                // No requirement, or one alternative that asks for nothing.
                public: secured.and_then(Value::as_array).is_none_or(|all| {
                    all.is_empty() || all.iter().any(|one| one.as_object().is_some_and(|names| names.is_empty()))
                }),
            });
        }
    }
    assert!(all.len() > 10, "the document lists {} operations", all.len());
    all
}

fn resolved(document: &Value, schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).cloned().unwrap_or(Value::Null),
        None => schema.clone(),
    }
}
