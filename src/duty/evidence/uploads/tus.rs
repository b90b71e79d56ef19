//! tus 1.0 as it stands in headers: read and written here, nowhere else. Pure.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::header::{HeaderMap, HttpDate};
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::platform::keys::same;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;
use crate::words::time::{MICROS, Timestamp};

/// The one version spoken here.
pub const VERSION: &str = "1.0.0";
/// What is offered beside the core protocol.
pub const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination,concatenation";
/// How a chunk may be summed.
pub const ALGORITHMS: &str = "sha1,sha256";
/// The type of a chunk.
pub const CHUNK_TYPE: &str = "application/offset+octet-stream";
/// Parts of one joined file: clients make as many as they send side by side.
pub const PARTS_MAX: usize = 1_000;
/// The last second an HTTP date can name: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// A header as text; `None` when it is absent or not ASCII.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// Errors: `unsupported_version` (412) when the client speaks another version, or does not say.
pub fn check_version(headers: &HeaderMap) -> Result<()> {
    match text(headers, "tus-resumable") {
        Some(VERSION) => Ok(()),
        _ => Err(Error::new(Code::UnsupportedVersion).detail("send Tus-Resumable: 1.0.0")),
    }
}

/// A number of bytes; `None` when the header is absent. One too large to count is the largest there is.
///
/// Errors: `bad_request` when it is not digits alone.
pub fn bytes(headers: &HeaderMap, name: &'static str) -> Result<Option<i64>> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let digits = text(headers, name).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::bad(format!("{name} must be a number of bytes")));
    }
    Ok(Some(digits.parse().unwrap_or(i64::MAX)))
}

/// Whether a body follows, by its headers.
pub fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key("transfer-encoding") || matches!(bytes(headers, "content-length"), Ok(Some(1..)))
}

/// Whether the body is a chunk by its type.
pub fn is_chunk(headers: &HeaderMap) -> bool {
    let kind = text(headers, "content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(CHUNK_TYPE)
}

/// The method that is meant: weak clients and proxies know POST alone. `None` without the header.
pub fn meant_method(headers: &HeaderMap) -> Option<String> {
    text(headers, "x-http-method-override").map(str::to_ascii_uppercase)
}

/// A hash algorithm of the checksum extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// What a chunk's bytes must sum to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Checksum {
    /// Reads `Upload-Checksum`; `None` without it. Errors: `bad_request`, also for an algorithm that is not offered.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>> {
        if !headers.contains_key("upload-checksum") {
            return Ok(None);
        }
        Self::parse(text(headers, "upload-checksum").unwrap_or_default()).map(Some)
    }

    /// Reads `sha1 <base64>` or `sha256 <base64>`. Errors: `bad_request`.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, encoded) = text
            .split_once(' ')
            .ok_or_else(|| Error::bad("Upload-Checksum must be an algorithm, a space and a base64 sum"))?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            _ => return Err(Error::bad("Upload-Checksum: only sha1 and sha256 are offered")),
        };
        let digest = BASE64_STANDARD
            .decode(encoded.trim())
            .map_err(|_not_base64| Error::bad("Upload-Checksum: the sum is not base64"))?;
        if digest.len() != algorithm.len() {
            return Err(Error::bad(format!("Upload-Checksum: the sum must have {} bytes", algorithm.len())));
        }
        Ok(Self { algorithm, digest })
    }

    /// Begins to sum.
    pub fn begin(self) -> Summing {
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => &SHA256,
        };
        Summing { context: Context::new(algorithm), digest: self.digest }
    }
}

/// A chunk that is being summed.
pub struct Summing {
    context: Context,
    digest: Vec<u8>,
}

impl Summing {
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// Whether the bytes are those that were sent.
    pub fn holds(self) -> bool {
        same(self.context.finish().as_ref(), &self.digest)
    }
}

/// What an upload is to a joined file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concat {
    /// A part of a file that is still to be named.
    Partial,
    /// The file of these parts, in this order.
    Final(Vec<UploadId>),
}

impl Concat {
    /// Reads `Upload-Concat`; `None` without it. Errors: `bad_request`.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>> {
        if !headers.contains_key("upload-concat") {
            return Ok(None);
        }
        Self::parse(text(headers, "upload-concat").unwrap_or_default()).map(Some)
    }

    /// Reads `partial` or `final;URL URL …`; addresses may be absolute. Errors: `bad_request`.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "partial" {
            return Ok(Self::Partial);
        }
        let urls = text
            .strip_prefix("final;")
            .ok_or_else(|| Error::bad("Upload-Concat must be partial or final;URL URL …"))?;
        let parts = urls.split_ascii_whitespace().map(part_of).collect::<Result<Vec<_>>>()?;
        let mut distinct: Vec<&UploadId> = parts.iter().collect();
        distinct.sort();
        distinct.dedup();
        if parts.is_empty() || parts.len() > PARTS_MAX || distinct.len() != parts.len() {
            return Err(Error::bad(format!("Upload-Concat must name 1 to {PARTS_MAX} different uploads")));
        }
        Ok(Self::Final(parts))
    }
}

/// The upload that an address names by its last segment.
fn part_of(url: &str) -> Result<UploadId> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    name.parse().map_err(|_not_ours: Error| Error::bad("Upload-Concat: an address is not one of an upload"))
}

/// An instant as headers write it, e.g. `Wed, 25 Jun 2014 16:00:00 GMT`.
pub fn http_date(at: Timestamp) -> String {
    let second = (at.as_micros() / MICROS).clamp(0, LAST_SECOND).cast_unsigned();
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(second)).to_string()
}

/// The address of an upload.
pub fn location(id: UploadId) -> String {
    format!("/api/v1/uploads/{id}")
}

/// What a device signs in the place of the body, which streams and is not known when the headers arrive: the headers
/// that say what the bytes are and where they go. Absent ones are empty lines.
pub fn signed_text(headers: &HeaderMap) -> String {
    const COVERED: [&str; 5] =
        ["upload-length", "upload-offset", "upload-metadata", "upload-concat", "upload-checksum"];
    let mut out = "suixing-device-upload-v1".to_owned();
    for name in COVERED {
        out.push('\n');
        out.push_str(text(headers, name).unwrap_or_default());
    }
    out
}
