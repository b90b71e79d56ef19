//! Places on the earth (WGS-84), distances and boxes.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};

/// Mean earth radius in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A place in WGS-84 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub lon: f64,
    pub lat: f64,
}

impl Position {
    /// Checks the ranges; NaN and infinities are refused.
    pub fn checked(self) -> Result<Self> {
        if !(-180.0..=180.0).contains(&self.lon) {
            return Err(Error::field("lon", "must be between -180 and 180"));
        }
        if !(-90.0..=90.0).contains(&self.lat) {
            return Err(Error::field("lat", "must be between -90 and 90"));
        }
        Ok(self)
    }

    /// Great-circle distance in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        let h = ((b - a) / 2.0).sin().powi(2)
            + a.cos() * b.cos() * ((other.lon - self.lon).to_radians() / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }
}
