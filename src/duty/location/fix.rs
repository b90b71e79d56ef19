//! A fix: one report of one device about where it is, as it arrives ([`FixIn`]) and as it is kept ([`Fix`]).
//!
//! Everything kept is a whole number of stated units, so that what is stored, read back and compared is exactly equal.

use serde::{Deserialize, Serialize};

use crate::words::geo::{Datum, Position};
use crate::words::ids::{PersonId, SessionId};
use crate::words::time::Timestamp;

/// Longest promise of silence a device may make: half a day, in seconds.
pub const MAX_NEXT_WITHIN_S: u32 = 43_200;

/// Who had the device when a fix was taken, where that is not the one who brings it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// The person whose fix it is.
    pub person_id: PersonId,
    /// That person's session on the device at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}

/// What a fix was taken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixSource {
    /// A satellite receiver.
    #[serde(alias = "gps")]
    Gnss,
    /// Cell towers or wireless networks.
    Network,
    /// The operating system's mixture.
    Fused,
    /// Set by hand on a map.
    Manual,
}

/// A fix as a terminal sends it, over REST or the socket alike.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FixIn {
    /// When it was taken, by the device's clock. Together with the device this is the fix's identity.
    pub at: Timestamp,
    /// Degrees east, in `datum`.
    #[schema(minimum = -180, maximum = 180)]
    #[schemars(range(min = -180.0, max = 180.0))]
    pub lon: f64,
    /// Degrees north, in `datum`.
    #[schema(minimum = -90, maximum = 90)]
    #[schemars(range(min = -90.0, max = 90.0))]
    pub lat: f64,
    /// Radius of uncertainty, metres.
    #[schema(minimum = 0, maximum = 10000000)]
    #[schemars(range(min = 0.0, max = 10000000.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// Speed over ground, metres per second.
    #[schema(minimum = 0, maximum = 10000)]
    #[schemars(range(min = 0.0, max = 10000.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Course over ground, degrees clockwise from north.
    #[schema(minimum = 0, maximum = 360)]
    #[schemars(range(min = 0.0, max = 360.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Height above the ellipsoid, metres.
    #[schema(minimum = -12000, maximum = 100000)]
    #[schemars(range(min = -12000.0, max = 100000.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
    /// Battery charge, percent.
    #[schema(minimum = 0, maximum = 100)]
    #[schemars(range(min = 0.0, max = 100.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_pct: Option<f64>,
    /// What `lon` and `lat` refer to; WGS-84 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datum: Option<Datum>,
    /// The device promises its next fix within so many seconds of `at`.
    #[schema(minimum = 0, maximum = 43200)]
    #[schemars(range(min = 0.0, max = 43200.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_within_s: Option<f64>,
    /// What it was taken with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<FixSource>,
    /// Whose fix it is, if it was taken before the present bearer logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
}

/// Why a kept fix does not move the marker; several may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// Older than a fix the device had already delivered.
    pub const LATE: Flags = Flags(1);
    /// Ahead of the server's clock by more than the tolerance.
    pub const FUTURE: Flags = Flags(2);
    /// Too far from the last place for the time between.
    pub const IMPOSSIBLE: Flags = Flags(4);
    /// The (0, 0) of a receiver without a fix.
    pub const ZERO: Flags = Flags(8);

    const NAMES: [(Flags, &'static str); 4] =
        [(Self::LATE, "late"), (Self::FUTURE, "future"), (Self::IMPOSSIBLE, "impossible"), (Self::ZERO, "zero")];

    /// No flag is set.
    pub fn is_clear(self) -> bool {
        self.0 == 0
    }

    /// Every flag of `other` is set here.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The place itself cannot be believed (a late one can).
    pub fn is_wrong(self) -> bool {
        self.0 & (Self::FUTURE.0 | Self::IMPOSSIBLE.0 | Self::ZERO.0) != 0
    }

    /// Both sets together.
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The wire names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// A fix as it is kept. Identity is (device, `at`); the device and the author are the key it is filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// A test names the fields it is about.
#[cfg_attr(test, derive(Default))]
pub struct Fix {
    /// Device time, µs since the epoch, exact.
    pub at: i64,
    /// Server time of receipt, ms since the epoch.
    pub received_ms: i64,
    /// Degrees east × 10⁷ (1.1 cm), WGS-84.
    pub lon_e7: i32,
    /// Degrees north × 10⁷, WGS-84.
    pub lat_e7: i32,
    /// Decimetres.
    pub accuracy_dm: Option<u32>,
    /// Centimetres per second.
    pub speed_cms: Option<u32>,
    /// Tenths of a degree, 0 to 3599.
    pub heading_ddeg: Option<u16>,
    /// Decimetres.
    pub altitude_dm: Option<i32>,
    /// Percent.
    pub battery_pct: Option<u8>,
    /// Seconds.
    pub next_within_s: Option<u32>,
    /// What it was taken with.
    pub source: Option<FixSource>,
    /// The pair of degrees as it was sent, where that was not WGS-84.
    pub raw: Option<RawPlace>,
    /// Why it does not move the marker.
    pub flags: Flags,
}

/// Degrees as a terminal sent them, in another datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawPlace {
    /// What they refer to.
    pub datum: Datum,
    /// Degrees east × 10⁷.
    pub lon_e7: i32,
    /// Degrees north × 10⁷.
    pub lat_e7: i32,
}

/// A field of a fix that cannot be taken, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadField {
    /// The field's wire name.
    pub field: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl Fix {
    /// Checks a fix and brings it to WGS-84 and whole units.
    pub fn take(input: &FixIn, received: Timestamp) -> Result<Fix, BadField> {
        let bad = |field, must| BadField { field, must };
        let given = Position::check(input.lon, input.lat).map_err(|(field, must)| bad(field, must))?;
        if input.at.as_micros() < 0 {
            return Err(bad("at", "must not be before 1970"));
        }
        let datum = input.datum.unwrap_or_default();
        let place = datum.to_wgs84(given);
        let raw = (datum != Datum::Wgs84).then(|| RawPlace { datum, lon_e7: e7(given.lon), lat_e7: e7(given.lat) });
        let accuracy = within(input.accuracy_m, 0.0, 1e7).ok_or(bad("accuracy_m", "must be between 0 and 10000000"))?;
        let speed = within(input.speed_mps, 0.0, 1e4).ok_or(bad("speed_mps", "must be between 0 and 10000"))?;
        let heading = within(input.heading_deg, 0.0, 360.0).ok_or(bad("heading_deg", "must be between 0 and 360"))?;
        let altitude =
            within(input.altitude_m, -12_000.0, 1e5).ok_or(bad("altitude_m", "must be between -12000 and 100000"))?;
        let battery = within(input.battery_pct, 0.0, 100.0).ok_or(bad("battery_pct", "must be between 0 and 100"))?;
        let next = within(input.next_within_s, 0.0, f64::from(MAX_NEXT_WITHIN_S))
            .ok_or(bad("next_within_s", "must be between 0 and 43200"))?;
        Ok(Fix {
            at: input.at.as_micros(),
            received_ms: received.as_micros().div_euclid(1000),
            lon_e7: e7(place.lon),
            lat_e7: e7(place.lat),
            accuracy_dm: accuracy.map(|v| (v * 10.0).round() as u32),
            speed_cms: speed.map(|v| (v * 100.0).round() as u32),
            heading_ddeg: heading.map(|v| (v * 10.0).round() as u16 % 3600),
            altitude_dm: altitude.map(|v| (v * 10.0).round() as i32),
            battery_pct: battery.map(|v| v.round() as u8),
            next_within_s: next.map(|v| v.ceil().max(1.0) as u32),
            source: input.source,
            raw,
            flags: Flags::default(),
        })
    }

    /// When it was taken, by the device's clock.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }

    /// When the server had it.
    pub fn received(&self) -> Timestamp {
        Timestamp::from_micros(self.received_ms.saturating_mul(1000))
    }

    /// When it was taken, but never later than it was received: what freshness is counted from.
    pub fn trusted_at(&self) -> Timestamp {
        Timestamp::from_micros(self.at.min(self.received_ms.saturating_mul(1000)))
    }

    /// WGS-84.
    pub fn position(&self) -> Position {
        Position { lon: degrees(self.lon_e7), lat: degrees(self.lat_e7) }
    }

    /// Metres.
    pub fn accuracy_m(&self) -> Option<f64> {
        self.accuracy_dm.map(|v| f64::from(v) / 10.0)
    }

    /// Metres per second.
    pub fn speed_mps(&self) -> Option<f64> {
        self.speed_cms.map(|v| f64::from(v) / 100.0)
    }

    /// Degrees.
    pub fn heading_deg(&self) -> Option<f64> {
        self.heading_ddeg.map(|v| f64::from(v) / 10.0)
    }

    /// Metres.
    pub fn altitude_m(&self) -> Option<f64> {
        self.altitude_dm.map(|v| f64::from(v) / 10.0)
    }
}

/// Degrees of a stored 10⁻⁷ value.
pub fn degrees(e7: i32) -> f64 {
    f64::from(e7) / 1e7
}

/// Stored 10⁻⁷ value of degrees in range.
pub fn e7(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

/// `Some(value)` if absent or within the bounds.
fn within(value: Option<f64>, low: f64, high: f64) -> Option<Option<f64>> {
    match value {
        None => Some(None),
        Some(v) if v.is_finite() && (low..=high).contains(&v) => Some(Some(v)),
        Some(_) => None,
    }
}

/// A kept fix as it is read back: in tracks.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct FixOut {
    /// Device time.
    pub at: Timestamp,
    /// Degrees east, WGS-84.
    pub lon: f64,
    /// Degrees north, WGS-84.
    pub lat: f64,
    /// Metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// Metres per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_pct: Option<u8>,
    /// The device it came from.
    pub device_id: crate::words::ids::DeviceId,
    /// Server time of receipt.
    pub received_at: Timestamp,
    /// What it was taken with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<FixSource>,
    /// The datum it was sent in, if not WGS-84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datum: Option<Datum>,
    /// Why it did not move the marker: `late`, `future`, `impossible`, `zero`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
}

impl FixOut {
    /// The wire form of a fix of that device.
    pub fn of(device_id: crate::words::ids::DeviceId, fix: &Fix) -> Self {
        let place = fix.position();
        Self {
            at: fix.at(),
            lon: place.lon,
            lat: place.lat,
            accuracy_m: fix.accuracy_m(),
            speed_mps: fix.speed_mps(),
            heading_deg: fix.heading_deg(),
            altitude_m: fix.altitude_m(),
            battery_pct: fix.battery_pct,
            device_id,
            received_at: fix.received(),
            source: fix.source,
            datum: fix.raw.map(|raw| raw.datum),
            flags: fix.flags.names().collect(),
        }
    }
}
