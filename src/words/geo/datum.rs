//! WGS-84, GCJ-02 and BD-09: the three datums that Chinese terminals and maps speak.
//!
//! Positions are WGS-84 everywhere inside; conversion happens once, at the door. The published forward formulas are
//! used as they are; the inverses are iterated until the forward formula gives the input back, so both directions agree
//! far below a metre. Outside China all three are the same.

use serde::{Deserialize, Serialize};

use super::Position;

/// What a pair of degrees refers to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    /// GPS, BeiDou (CGCS2000 is the same at this accuracy); what is stored.
    #[default]
    #[serde(alias = "wgs-84", alias = "WGS-84", alias = "WGS84", alias = "cgcs2000", alias = "CGCS2000")]
    Wgs84,
    /// The offset datum of Chinese public maps.
    #[serde(alias = "gcj-02", alias = "GCJ-02", alias = "GCJ02")]
    Gcj02,
    /// Baidu's offset on top of GCJ-02.
    #[serde(alias = "bd-09", alias = "BD-09", alias = "BD09", alias = "bd09ll")]
    Bd09,
}

impl Datum {
    /// The same place in WGS-84.
    pub fn to_wgs84(self, p: Position) -> Position {
        match self {
            Self::Wgs84 => p,
            Self::Gcj02 => gcj02_to_wgs84(p),
            Self::Bd09 => gcj02_to_wgs84(bd09_to_gcj02(p)),
        }
    }

    /// A WGS-84 place in this datum.
    pub fn from_wgs84(self, p: Position) -> Position {
        match self {
            Self::Wgs84 => p,
            Self::Gcj02 => wgs84_to_gcj02(p),
            Self::Bd09 => gcj02_to_bd09(wgs84_to_gcj02(p)),
        }
    }
}

/// Semi-major axis (metres) and squared eccentricity of the Krasovsky 1940 ellipsoid, which GCJ-02 is built on.
const AXIS_M: f64 = 6_378_245.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// The factor BD-09 puts before its sines.
const BD_PI: f64 = std::f64::consts::PI * 3000.0 / 180.0;

/// Steps an inverse may take; each gains more than two digits, five are enough.
const MAX_STEPS: usize = 16;

/// Degrees below which an inverse has arrived (a hundredth of a millimetre).
const CLOSE_ENOUGH_DEG: f64 = 1e-10;

/// Whether the offset datums apply: the rectangle all map providers use.
pub fn in_china(p: Position) -> bool {
    (72.004..=137.8347).contains(&p.lon) && (0.8293..=55.8271).contains(&p.lat)
}

/// GCJ-02 of a WGS-84 place (unchanged outside China).
pub fn wgs84_to_gcj02(p: Position) -> Position {
    if !in_china(p) {
        return p;
    }
    let (d_lon, d_lat) = gcj_offset(p);
    Position { lon: p.lon + d_lon, lat: p.lat + d_lat }
}

/// WGS-84 of a GCJ-02 place (unchanged outside China).
pub fn gcj02_to_wgs84(p: Position) -> Position {
    invert(p, wgs84_to_gcj02)
}

/// BD-09 of a GCJ-02 place (unchanged outside China).
pub fn gcj02_to_bd09(p: Position) -> Position {
    if !in_china(p) {
        return p;
    }
    let z = p.lon.hypot(p.lat) + 0.000_02 * (p.lat * BD_PI).sin();
    let theta = p.lat.atan2(p.lon) + 0.000_003 * (p.lon * BD_PI).cos();
    Position { lon: z * theta.cos() + 0.0065, lat: z * theta.sin() + 0.006 }
}

/// GCJ-02 of a BD-09 place (unchanged outside China).
pub fn bd09_to_gcj02(p: Position) -> Position {
    invert(p, gcj02_to_bd09)
}

/// The place that `forward` sends to `target`, by fixed-point iteration. The offsets change by less than one percent
/// of a step, so it converges; at the rectangle's edge, where no such place may exist, the last guess stands.
fn invert(target: Position, forward: impl Fn(Position) -> Position) -> Position {
    if !in_china(target) {
        return target;
    }
    let mut guess = target;
    for _ in 0..MAX_STEPS {
        let image = forward(guess);
        let (d_lon, d_lat) = (target.lon - image.lon, target.lat - image.lat);
        guess = Position { lon: guess.lon + d_lon, lat: guess.lat + d_lat };
        if d_lon.abs().max(d_lat.abs()) < CLOSE_ENOUGH_DEG {
            break;
        }
    }
    guess
}

fn gcj_offset(p: Position) -> (f64, f64) {
    use std::f64::consts::PI;
    let (x, y) = (p.lon - 105.0, p.lat - 35.0);
    let short_waves = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + short_waves
        + (20.0 * (y * PI).sin() + 40.0 * (y / 3.0 * PI).sin()) * 2.0 / 3.0
        + (160.0 * (y / 12.0 * PI).sin() + 320.0 * (y * PI / 30.0).sin()) * 2.0 / 3.0;
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + short_waves
        + (20.0 * (x * PI).sin() + 40.0 * (x / 3.0 * PI).sin()) * 2.0 / 3.0
        + (150.0 * (x / 12.0 * PI).sin() + 300.0 * (x / 30.0 * PI).sin()) * 2.0 / 3.0;
    let lat = p.lat.to_radians();
    let magic = 1.0 - ECCENTRICITY_SQUARED * lat.sin() * lat.sin();
    let meridian = AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (magic * magic.sqrt());
    let d_lat = (north / meridian).to_degrees();
    let d_lon = (east / (AXIS_M / magic.sqrt() * lat.cos())).to_degrees();
    (d_lon, d_lat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::geo::distance_m;
    use proptest::prelude::*;

    fn at(lon: f64, lat: f64) -> Position {
        Position::new(lon, lat).unwrap()
    }

    #[track_caller]
    fn near(a: Position, b: Position, metres: f64) {
        let d = distance_m(a, b);
        assert!(d <= metres, "{a:?} and {b:?} are {d} m apart");
    }

    #[test]
    fn the_known_vectors_hold_both_ways() {
        let vectors = [
            (at(116.404, 39.915), at(116.4102445, 39.9164043), Some(at(116.4166272, 39.9226996))),
            (at(119.5762, 31.7472), at(119.5811324, 31.7450640), None),
        ];
        for (wgs, gcj, bd) in vectors {
            near(Datum::Gcj02.from_wgs84(wgs), gcj, 0.05);
            near(Datum::Gcj02.to_wgs84(gcj), wgs, 0.05);
            if let Some(bd) = bd {
                near(Datum::Bd09.from_wgs84(wgs), bd, 0.05);
                near(Datum::Bd09.to_wgs84(bd), wgs, 0.05);
            }
        }
    }

    #[test]
    fn outside_china_nothing_moves() {
        for p in [at(-0.1276, 51.5072), at(139.69, 35.69), at(103.8, -1.3), at(-122.4, 37.8), at(0.0, 0.0)] {
            for datum in [Datum::Wgs84, Datum::Gcj02, Datum::Bd09] {
                assert_eq!(datum.to_wgs84(p), p);
                assert_eq!(datum.from_wgs84(p), p);
            }
        }
    }

    #[test]
    fn names_in_use_are_understood() {
        for (text, datum) in
            [("wgs84", Datum::Wgs84), ("GCJ-02", Datum::Gcj02), ("gcj02", Datum::Gcj02), ("bd09", Datum::Bd09)]
        {
            assert_eq!(serde_json::from_str::<Datum>(&format!("\"{text}\"")).unwrap(), datum);
        }
        assert_eq!(serde_json::to_string(&Datum::Gcj02).unwrap(), "\"gcj02\"");
    }

    proptest! {
        #[test]
        fn both_directions_agree_to_a_centimetre(lon in 73.5..135.0f64, lat in 18.0..53.5f64) {
            let wgs = at(lon, lat);
            for datum in [Datum::Gcj02, Datum::Bd09] {
                prop_assert!(distance_m(datum.to_wgs84(datum.from_wgs84(wgs)), wgs) < 0.01);
                prop_assert!(distance_m(datum.from_wgs84(datum.to_wgs84(wgs)), wgs) < 0.01);
            }
        }
    }
}
