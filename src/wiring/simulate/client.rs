//! REST side of a pretended client: log in, keep the token fresh, call, understand problems.
//!
//! Uses the public protocol only, exactly as somebody else's terminal would. Called by the load
//! generator and by the demo play.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::words::time::Clock;

/// How long one REST call may take before it counts as failed.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Tokens are renewed this long before they end.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// How often a call answered "busy" or "slow down" is repeated.
const BUSY_TRIES: u32 = 6;

/// Why a call gave nothing: the link broke, or the server said no.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// No answer: refused, reset, timed out, or not understood.
    Link(String),
    /// An answer with a problem document.
    Refused {
        /// HTTP status, or the close code of a socket.
        status: u16,
        /// Stable problem code, empty if the answer had none.
        code: String,
        /// What the server said, for people.
        detail: String,
    },
}

impl Trouble {
    /// Short label for counting: the problem code, or `link`.
    pub fn label(&self) -> String {
        match self {
            Self::Link(_) => "link".to_owned(),
            Self::Refused { status, code, .. } if code.is_empty() => format!("http_{status}"),
            Self::Refused { code, .. } => code.clone(),
        }
    }

    /// True if the server answered with this status.
    pub fn is_status(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(why) => write!(f, "no answer: {why}"),
            Self::Refused { status, code, detail } => write!(f, "{status} {code}: {detail}"),
        }
    }
}

impl std::error::Error for Trouble {}

/// A text member of a JSON object, or "".
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The first non-empty text at one of these JSON pointers, or "".
pub fn first_text<'a>(data: &'a Value, pointers: &[&str]) -> &'a str {
    let found = pointers.iter().find_map(|p| data.pointer(p).and_then(Value::as_str).filter(|t| !t.is_empty()));
    found.unwrap_or_default()
}

/// A server seen from outside: its address and a connection pool.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    root: Arc<str>,
}

impl Api {
    /// A client of the server at `root`, such as `http://127.0.0.1:8080`.
    pub fn new(root: &str) -> Result<Self, Trouble> {
        let http = reqwest::Client::builder()
            .timeout(CALL_LIMIT)
            .pool_max_idle_per_host(64)
            .no_proxy()
            .build()
            .map_err(|e| Trouble::Link(e.to_string()))?;
        Ok(Self { http, root: root.trim_end_matches('/').into() })
    }

    /// Address of the socket.
    pub fn socket_url(&self) -> String {
        let swapped = self.root.strip_prefix("http").map_or_else(|| self.root.to_string(), |rest| format!("ws{rest}"));
        format!("{swapped}/api/v1/ws")
    }

    /// The address given at the start.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// One call without any token; `path` starts with `/` and is under `/api/v1`.
    pub async fn open_call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        self.send(method, path, None, None, body).await.map(|(_, value)| value)
    }

    /// One call with a token as it is, whatever became of its session.
    pub async fn bearer_call(&self, method: Method, path: &str, bearer: &str, body: &Value) -> Result<Value, Trouble> {
        let body = Some(body).filter(|body| !body.is_null());
        self.send(method, path, Some(bearer), None, body).await.map(|(_, value)| value)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), Trouble> {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.root));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.map_err(|e| Trouble::Link(chain(&e)))?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(|e| Trouble::Link(chain(&e)))?;
        let value: Value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .map_err(|e| Trouble::Link(format!("{status} with a body that is not JSON: {e}")))?
        };
        if (200..300).contains(&status) {
            return Ok((status, value));
        }
        let detail = ["detail", "title"].into_iter().map(|name| text(&value, name)).find(|t| !t.is_empty());
        Err(Trouble::Refused {
            status,
            code: text(&value, "code").to_owned(),
            detail: format!("{} ({path})", detail.unwrap_or_default()),
        })
    }

    /// Log in; `device` is a known id (`{"device_id": …}`) or a new device (`{"device": {…}}`) or null.
    pub async fn login(&self, username: &str, password: &str, device: Value) -> Result<Session, Trouble> {
        let mut body = json!({"username": username, "password": password});
        if let (Some(body), Value::Object(device)) = (body.as_object_mut(), device) {
            body.extend(device);
        }
        let mut tries = 0;
        let answer = loop {
            match self.open_call(Method::POST, "/auth/login", Some(&body)).await {
                Err(Trouble::Refused { status: 429 | 503, .. }) if tries < BUSY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(300 << tries)).await;
                }
                other => break other?,
            }
        };
        Ok(Session::from_answer(self.clone(), &answer))
    }

    /// Continue a session from a refresh token kept since an earlier run.
    pub async fn resume(&self, refresh_token: &str) -> Result<Session, Trouble> {
        let body = json!({"refresh_token": refresh_token});
        let answer = self.open_call(Method::POST, "/auth/refresh", Some(&body)).await?;
        Ok(Session::from_answer(self.clone(), &answer))
    }
}

/// The whole chain of causes in one line; the outermost message alone rarely says what broke.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

struct Tokens {
    access: String,
    refresh: String,
    ends: Instant,
}

/// One logged-in person on one device.
#[derive(Clone)]
pub struct Session {
    api: Api,
    /// Who is logged in.
    pub person_id: Arc<str>,
    /// On which device.
    pub device_id: Arc<str>,
    tokens: Arc<Mutex<Tokens>>,
}

fn tokens_of(answer: &Value) -> Tokens {
    let lasts = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(600);
    Tokens {
        access: text(answer, "access_token").to_owned(),
        refresh: text(answer, "refresh_token").to_owned(),
        ends: Instant::now() + Duration::from_secs(lasts),
    }
}

impl Session {
    fn from_answer(api: Api, answer: &Value) -> Self {
        let person = answer.get("person").map(|p| text(p, "id")).unwrap_or_default();
        Self {
            api,
            person_id: person.into(),
            device_id: text(answer, "device_id").into(),
            tokens: Arc::new(Mutex::new(tokens_of(answer))),
        }
    }

    /// The server this session is on.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// An access token that still lasts a minute, renewed when needed.
    pub async fn bearer(&self) -> Result<String, Trouble> {
        let mut tokens = self.tokens.lock().await;
        if tokens.ends <= Instant::now() + RENEW_BEFORE {
            let body = json!({"refresh_token": tokens.refresh});
            let answer = self.api.open_call(Method::POST, "/auth/refresh", Some(&body)).await?;
            *tokens = tokens_of(&answer);
        }
        Ok(tokens.access.clone())
    }

    /// The refresh token to keep for a later run.
    pub async fn refresh_token(&self) -> String {
        self.tokens.lock().await.refresh.clone()
    }

    /// Read a resource.
    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        let bearer = self.bearer().await?;
        self.api.send(Method::GET, path, Some(&bearer), None, None).await.map(|(_, value)| value)
    }

    /// Write under a fresh idempotency key; repeated with the same key while the server is busy.
    pub async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
        let key = uuid::Uuid::now_v7().to_string();
        let mut tries = 0;
        loop {
            let bearer = self.bearer().await?;
            match self.api.send(method.clone(), path, Some(&bearer), Some(&key), Some(body)).await {
                Err(Trouble::Refused { status: 429 | 503, .. }) if tries < BUSY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100 << tries)).await;
                }
                other => return other.map(|(_, value)| value),
            }
        }
    }

    /// `POST` under a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.write(Method::POST, path, body).await
    }

    /// Delivers a whole file in one request of the resumable door (tus, creation-with-upload). `described`: the metadata
    /// keys and values as the door names them.
    pub async fn deliver(&self, bytes: Vec<u8>, described: &[(&str, &str)]) -> Result<(), Trouble> {
        let metadata: Vec<String> =
            described.iter().map(|(key, value)| format!("{key} {}", BASE64.encode(value))).collect();
        let answer = self
            .api
            .http
            .post(format!("{}/api/v1/uploads", self.api.root))
            .bearer_auth(self.bearer().await?)
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", bytes.len())
            .header("Upload-Metadata", metadata.join(","))
            .header("Content-Type", "application/offset+octet-stream")
            .body(bytes)
            .send()
            .await
            .map_err(|e| Trouble::Link(chain(&e)))?;
        let status = answer.status().as_u16();
        if status == 201 && answer.headers().contains_key("suixing-evidence-id") {
            return Ok(());
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        let (code, detail) = (text(&problem, "code").to_owned(), text(&problem, "detail").to_owned());
        Err(Trouble::Refused { status, code, detail })
    }

    /// `PUT` under a fresh idempotency key.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.write(Method::PUT, path, body).await
    }

    /// Every item of a list that always comes whole.
    pub async fn whole(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        match self.get(path).await?.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// Every item of a paged list.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                None => format!("{path}{join}limit=200"),
                Some(cursor) => format!("{path}{join}limit=200&cursor={cursor}"),
            };
            let mut answer = self.get(&page).await?;
            if let Some(Value::Array(more)) = answer.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match answer.get("next_cursor").and_then(Value::as_str) {
                Some(next) if !next.is_empty() => cursor = Some(next.to_owned()),
                _ => return Ok(items),
            }
        }
    }
}

fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::system)
}

/// Now, as terminals write it.
pub fn stamp() -> String {
    clock().now().to_string()
}

/// Now, µs since the epoch.
pub fn now_micros() -> i64 {
    clock().now().as_micros()
}
