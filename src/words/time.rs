//! UTC instants in microseconds and the one clock that makes them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{Error, Result};

/// Microseconds in one second.
pub const MICROS: i64 = 1_000_000;

/// A UTC instant, microseconds since the Unix epoch; RFC 3339 with `Z` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, diesel::AsExpression, diesel::FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant the wire accepts: the year 1970.
    pub const EPOCH: Self = Self(0);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    pub(crate) const fn micros_ref(&self) -> &i64 {
        &self.0
    }

    #[must_use]
    pub const fn plus_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS)))
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// Seconds from `earlier` to this instant; negative when it lies before.
    #[expect(clippy::cast_precision_loss, reason = "differences stay far below 2^52 µs")]
    pub fn secs_since(self, earlier: Self) -> f64 {
        (self.0.saturating_sub(earlier.0)) as f64 / 1e6
    }

    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000
    }

    /// Parses RFC 3339 with any offset; years 1970–9999.
    pub fn parse(text: &str) -> Result<Self> {
        let at: jiff::Timestamp =
            text.parse().map_err(|_bad| Error::bad("times are RFC 3339, e.g. 2026-01-02T03:04:05Z"))?;
        let micros = at.as_microsecond();
        if micros < 0 {
            return Err(Error::bad("times before 1970 are refused"));
        }
        Ok(Self(micros))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_beyond) => write!(f, "9999-12-30T00:00:00.000000Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.detail_text().to_owned()))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .into()
    }
}
impl utoipa::ToSchema for Timestamp {}

/// Server time: a monotonic clock plus an offset that is sampled from the
/// database's clock, so a stepped system clock moves nothing by itself.
#[derive(Clone)]
pub struct Clock {
    inner: Arc<ClockInner>,
}

struct ClockInner {
    started: Instant,
    /// Micros since the epoch at `started`, corrected by [`Clock::sync`].
    base: AtomicI64,
}

impl Clock {
    /// Starts from the system clock; the only place that reads it.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn system() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let base = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Self { inner: Arc::new(ClockInner { started: Instant::now(), base: AtomicI64::new(base) }) }
    }

    /// The current instant, never going backwards between two syncs.
    pub fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.inner.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.inner.base.load(Ordering::Relaxed).saturating_add(elapsed))
    }

    /// Moves towards the database's clock by at most `step` µs, so that a stepped
    /// system clock cannot throw due times about; returns what remains.
    pub fn slew(&self, database: Timestamp, step: i64) -> i64 {
        let wanted = database.0.saturating_sub(self.now().0);
        let done = wanted.clamp(-step, step);
        self.inner.base.fetch_add(done, Ordering::Relaxed);
        wanted - done
    }

    /// Takes the database's clock as the truth; returns the correction in µs.
    pub fn sync(&self, database: Timestamp) -> i64 {
        let correction = database.0.saturating_sub(self.now().0);
        self.inner.base.fetch_add(correction, Ordering::Relaxed);
        correction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_round_trips_to_the_microsecond() {
        let at = Timestamp::from_micros(1_767_225_600_123_456);
        assert_eq!(at.to_string(), "2026-01-01T00:00:00.123456Z");
        assert_eq!(Timestamp::parse(&at.to_string()).unwrap(), at);
        assert_eq!(Timestamp::parse("2026-01-01T08:00:00.123456+08:00").unwrap(), at);
    }

    #[test]
    fn garbage_and_prehistory_are_refused() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
