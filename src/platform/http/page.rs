//! Lists: `?limit=&cursor=` in, `{items, next_cursor}` out. A cursor is opaque.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::words::error::{Code, Error, Result};
use crate::words::time::Timestamp;

/// Items of a page unless told.
const LIMIT_DEFAULT: i64 = 50;
/// Items of the largest page; bounds one answer to about 1 MB.
const LIMIT_MAX: i64 = 500;

/// Query parameters of a list; flatten by copying the two fields where more are needed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// 1 to 500; 50 unless told.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<i64>,
    /// From `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Page {
    pub fn limit(&self) -> Result<i64> {
        limit(self.limit)
    }

    /// The decoded cursor.
    pub fn after(&self) -> Result<Option<String>> {
        self.cursor.as_deref().map(decode).transpose()
    }
}

/// Checks a limit and fills in the default.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    match asked {
        None => Ok(LIMIT_DEFAULT),
        Some(n) if (1..=LIMIT_MAX).contains(&n) => Ok(n),
        Some(_) => Err(Error::field("limit", format!("must be between 1 and {LIMIT_MAX}"))),
    }
}

/// Makes a cursor opaque.
pub fn encode(position: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(position)
}

/// Reads a cursor of ours; anything else is `invalid_cursor`.
pub fn decode(cursor: &str) -> Result<String> {
    BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        // PostgreSQL refuses NUL in a text, which would read as our own failure.
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| Error::new(Code::InvalidCursor))
}

/// The place of a row in a list by time, the id telling apart what happened in one instant.
pub fn place(at: Timestamp, id: impl Display) -> String {
    format!("{}:{id}", at.as_micros())
}

/// Reads [`place`]; anything else is `invalid_cursor`.
pub fn placed<T: FromStr>(position: &str) -> Result<(Timestamp, T)> {
    let read = || {
        let (at, id) = position.split_once(':')?;
        Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?))
    };
    read().ok_or_else(|| Error::new(Code::InvalidCursor))
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Items<T> {
    pub items: Vec<T>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Items<T> {
    /// A page from `limit + 1` rows: the extra row only proves that there is more.
    pub fn from_rows(mut rows: Vec<T>, limit: i64, position: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|row| encode(&position(row))) } else { None };
        Self { items: rows, next_cursor }
    }
}
