//! Strict inputs: JSON bodies with a size limit, query parameters, path ids.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, IF_MATCH};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use serde::Deserialize as _;
use serde::de::{DeserializeOwned, Error as _};

use crate::platform::http::strict;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::TypedId;

/// Bytes of an ordinary JSON body: far above the longest form of ours.
pub const BODY_MAX: usize = 256 * 1024;
/// Bytes of a batch body: 10,000 fixes of at most 400 bytes.
pub const BATCH_BODY_MAX: usize = 4 * 1024 * 1024;
/// Characters of an `Idempotency-Key`.
const KEY_MAX: usize = 200;

/// What makes a write repeatable and guarded.
#[derive(Clone, Debug, Default)]
pub struct RequestMeta {
    /// The `Idempotency-Key` header.
    pub key: Option<String>,
    /// SHA-256 over method, path and body.
    pub hash: String,
    /// The version in `If-Match`; None when absent or `*`.
    pub if_match: Option<i64>,
}

impl RequestMeta {
    /// Reads the headers; `body` is what tells this request from another under the same key: its bytes, or what stands
    /// for them where they stream.
    pub fn read(request: &HttpRequest, body: &[u8]) -> Result<Self> {
        let key = match request.headers().get("Idempotency-Key") {
            None => None,
            Some(value) => {
                let text = value.to_str().map_err(|_bytes| Error::field("Idempotency-Key", "must be ASCII"))?.trim();
                if text.is_empty() || text.len() > KEY_MAX {
                    return Err(Error::field("Idempotency-Key", "must have 1 to 200 characters"));
                }
                Some(text.to_owned())
            }
        };
        let hash = request_hash(request.method().as_str(), request.path(), body);
        Ok(Self { key, hash, if_match: if_match(request)? })
    }

    /// Refuses a write that was decided on an older state, unless it says it does not care.
    pub fn check_version(&self, current: i64, state: impl FnOnce() -> serde_json::Value) -> Result<()> {
        match self.if_match {
            Some(seen) if seen != current => Err(Error::new(Code::Stale)
                .detail(format!("you saw version {seen}, it is {current}"))
                .with("current_version", current.into())
                .with("current", state())),
            _ => Ok(()),
        }
    }
}

/// What tells one request from another under the same key.
pub fn request_hash(method: &str, path: &str, body: &[u8]) -> String {
    let mut hashed = format!("{method} {path}\n").into_bytes();
    hashed.extend_from_slice(body);
    sha256_hex(&hashed)
}

/// Reads `If-Match: "7"`; `*` and absence mean "whatever it is now".
fn if_match(request: &HttpRequest) -> Result<Option<i64>> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let wrong = || Error::field("If-Match", "must be the ETag of the incident, e.g. \"7\"");
    let text = value.to_str().map_err(|_bytes| wrong())?.trim();
    if text == "*" {
        return Ok(None);
    }
    text.trim_start_matches("W/").trim_matches('"').parse().map(Some).map_err(|_parse| wrong())
}

/// A strict JSON body of at most `MAX` bytes; an empty body reads as `{}`.
///
/// Errors: `malformed_json`, `invalid_field`, `payload_too_large`, `unsupported_media_type`.
#[derive(Debug)]
pub struct Body<T, const MAX: usize = BODY_MAX> {
    pub value: T,
    pub meta: RequestMeta,
}

impl<T, const MAX: usize> Deref for Body<T, MAX> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// The body of a command that needs no words.
#[derive(Debug, Default, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Collects at most `max` bytes; what comes after is drained by the server.
pub async fn collect(request: &HttpRequest, payload: &mut Payload, max: usize) -> Result<Vec<u8>> {
    if let Some(length) = request.headers().get("content-length")
        && let Some(length) = length.to_str().ok().and_then(|text| text.parse::<usize>().ok())
        && length > max
    {
        return Err(too_large(max));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Error::bad(format!("the body broke off: {error}")))?;
        if bytes.len() + chunk.len() > max {
            return Err(too_large(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large(max: usize) -> Error {
    Error::new(Code::PayloadTooLarge).detail(format!("at most {max} bytes")).with("max_bytes", max.into())
}

/// Parses strict JSON; names the path of what is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    strict::from_slice(bytes)
}

/// For an object inside `#[serde(untagged)]`, where a derived reader would take a list for its members.
pub fn object<'de, D, T>(reader: D) -> std::result::Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned,
{
    let map = serde_json::Map::<String, serde_json::Value>::deserialize(reader)?;
    serde_json::from_value(map.into()).map_err(D::Error::custom)
}

impl<T: DeserializeOwned + 'static, const MAX: usize> FromRequest for Body<T, MAX> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let has_type = request.headers().contains_key(CONTENT_TYPE);
            if has_type && request.content_type() != "application/json" && !request.content_type().ends_with("+json") {
                return Err(Error::new(Code::UnsupportedMediaType));
            }
            let bytes = collect(&request, &mut payload, MAX).await?;
            let meta = RequestMeta::read(&request, &bytes)?;
            Ok(Self { value: parse(&bytes)?, meta })
        })
    }
}

/// Strict query parameters: unknown names are refused.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Error;
    type Future = std::future::Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = actix_web::web::Query::<T>::from_query(request.query_string());
        std::future::ready(parsed.map(|q| Self(q.into_inner())).map_err(|error| Error::field("query", error)))
    }
}

/// The path segment `{id}` as a typed id; malformed is `invalid_id`.
pub struct PathId<I>(pub I);

impl<I: TypedId + std::str::FromStr<Err = Error>> FromRequest for PathId<I> {
    type Error = Error;
    type Future = std::future::Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        std::future::ready(text.parse().map(Self))
    }
}

/// Checks the length of a text in characters and that it holds no control characters but line breaks.
pub fn text(name: &str, value: &str, min: usize, max: usize) -> Result<()> {
    let length = value.chars().count();
    if length < min || length > max {
        return Err(Error::field(name, format!("must have {min} to {max} characters")));
    }
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
        return Err(Error::field(name, "must not hold control characters"));
    }
    Ok(())
}

/// [`text`] for an optional field.
pub fn text_opt(name: &str, value: Option<&str>, max: usize) -> Result<()> {
    value.map_or(Ok(()), |value| text(name, value, 0, max))
}
