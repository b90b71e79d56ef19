//! Places on the earth: positions, distances, boxes and map tiles.
//!
//! Pure. Every slice that stores or compares a place uses these types, so that "degrees, longitude first, WGS-84" is
//! checked once, at the door. Datum conversion (the Chinese map datums) is in [`datum`].

pub mod datum;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::error::{Error, Result};

pub use datum::Datum;

/// Mean earth radius in metres (IUGG), the sphere all distances are computed on.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Degrees on either side of (0, 0) that count as "the receiver had no fix".
const NULL_ISLAND_DEG: f64 = 1e-4;

/// A place in WGS-84 degrees; always finite and in range when it came through [`Position::new`] or serde.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(try_from = "RawPosition")]
pub struct Position {
    /// Longitude in degrees east, -180 to 180.
    pub lon: f64,
    /// Latitude in degrees north, -90 to 90.
    pub lat: f64,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPosition {
    lon: f64,
    lat: f64,
}

impl TryFrom<RawPosition> for Position {
    type Error = String;

    fn try_from(raw: RawPosition) -> std::result::Result<Self, String> {
        Self::check(raw.lon, raw.lat).map_err(|(field, why)| format!("{field} {why}"))
    }
}

impl Position {
    /// A position, or `invalid_field` naming `lon` or `lat`.
    pub fn new(lon: f64, lat: f64) -> Result<Self> {
        Self::check(lon, lat).map_err(|(field, why)| Error::field(field, why))
    }

    /// The same position if it is in range; for values built in code.
    pub fn checked(self) -> Result<Self> {
        Self::new(self.lon, self.lat)
    }

    /// A position, or the field at fault and what it must be.
    pub fn check(lon: f64, lat: f64) -> std::result::Result<Self, (&'static str, &'static str)> {
        if !lon.is_finite() || !(-180.0..=180.0).contains(&lon) {
            return Err(("lon", "must be a number between -180 and 180"));
        }
        if !lat.is_finite() || !(-90.0..=90.0).contains(&lat) {
            return Err(("lat", "must be a number between -90 and 90"));
        }
        Ok(Self { lon, lat })
    }

    /// Great-circle distance in metres.
    pub fn distance_m(&self, other: Position) -> f64 {
        distance_m(*self, other)
    }

    /// Whether this is the (0, 0) that receivers without a fix report.
    pub fn is_null_island(&self) -> bool {
        self.lon.abs() < NULL_ISLAND_DEG && self.lat.abs() < NULL_ISLAND_DEG
    }

    /// The place `east_m` metres east and `north_m` metres north (small distances; clamped at the poles).
    pub fn moved(&self, east_m: f64, north_m: f64) -> Position {
        let lat = (self.lat + (north_m / EARTH_RADIUS_M).to_degrees()).clamp(-90.0, 90.0);
        let ring = EARTH_RADIUS_M * self.lat.to_radians().cos().max(1e-9);
        Position { lon: wrap_lon(self.lon + (east_m / ring).to_degrees()), lat }
    }

    /// Point on the unit sphere. Straight-line distance between such points orders like distance on the ground.
    pub fn unit_vector(&self) -> [f64; 3] {
        let (lon, lat) = (self.lon.to_radians(), self.lat.to_radians());
        [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
    }

    /// Initial bearing to `other` in degrees clockwise from north, 0 to 360.
    pub fn bearing_deg(&self, other: Position) -> f64 {
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        let d = (other.lon - self.lon).to_radians();
        let east = d.sin() * b.cos();
        let north = a.cos() * b.sin() - a.sin() * b.cos() * d.cos();
        east.atan2(north).to_degrees().rem_euclid(360.0)
    }
}

/// Great-circle distance in metres (haversine).
pub fn distance_m(a: Position, b: Position) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let half_lat = ((lat_b - lat_a) / 2.0).sin();
    let half_lon = ((b.lon - a.lon).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
    2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
}

/// Squared chord on the unit sphere that belongs to a ground distance in metres.
pub fn chord_squared(distance_m: f64) -> f64 {
    let half = (distance_m / (2.0 * EARTH_RADIUS_M)).clamp(0.0, std::f64::consts::FRAC_PI_2);
    let chord = 2.0 * half.sin();
    chord * chord
}

fn wrap_lon(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// A box of longitude and latitude, written `west,south,east,north`. `west > east` crosses the 180° meridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BBox {
    /// Western edge, degrees.
    pub west: f64,
    /// Southern edge, degrees.
    pub south: f64,
    /// Eastern edge, degrees.
    pub east: f64,
    /// Northern edge, degrees.
    pub north: f64,
}

impl BBox {
    /// A box, or `invalid_field` on `bbox`.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        let corner =
            |lon, lat| Position::check(lon, lat).map_err(|(f, why)| Error::field("bbox", format!("{f} {why}")));
        corner(west, south)?;
        corner(east, north)?;
        if south > north {
            return Err(Error::field("bbox", "south must not be greater than north"));
        }
        Ok(Self { west, south, east, north })
    }

    /// Whether the place lies inside or on the edge.
    pub fn contains(&self, p: Position) -> bool {
        let lon_inside = if self.west <= self.east {
            (self.west..=self.east).contains(&p.lon)
        } else {
            p.lon >= self.west || p.lon <= self.east
        };
        lon_inside && (self.south..=self.north).contains(&p.lat)
    }
}

impl FromStr for BBox {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::field("bbox", "must be four numbers: west,south,east,north");
        let numbers = text
            .split(',')
            .map(|part| part.trim().parse::<f64>().map_err(|_e| wrong()))
            .collect::<Result<Vec<f64>>>()?;
        match numbers.as_slice() {
            [west, south, east, north] => Self::new(*west, *south, *east, *north),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for BBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.west, self.south, self.east, self.north)
    }
}

impl TryFrom<[f64; 4]> for BBox {
    type Error = Error;

    fn try_from([west, south, east, north]: [f64; 4]) -> Result<Self> {
        Self::new(west, south, east, north)
    }
}

/// A Web-Mercator map tile (x to the east, y to the south).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// Zoom level, 0 to 24.
    pub zoom: u8,
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
}

impl Tile {
    /// Largest zoom a tile can have.
    pub const MAX_ZOOM: u8 = 24;

    /// The tile of that zoom that holds the place (latitudes beyond Web-Mercator fall in the outermost row).
    pub fn of(p: Position, zoom: u8) -> Self {
        let zoom = zoom.min(Self::MAX_ZOOM);
        let n = f64::from(1u32 << zoom);
        let lat = p.lat.clamp(-85.051_128_77, 85.051_128_77).to_radians();
        let x = (p.lon + 180.0) / 360.0 * n;
        let y = (1.0 - lat.tan().asinh() / std::f64::consts::PI) / 2.0 * n;
        let cell = |v: f64| v.clamp(0.0, n - 1.0) as u32;
        Self { zoom, x: cell(x), y: cell(y) }
    }

    /// The ground the tile covers.
    pub fn bbox(&self) -> BBox {
        let n = f64::from(1u32 << self.zoom.min(Self::MAX_ZOOM));
        let lon = |x: f64| x / n * 360.0 - 180.0;
        let lat = |y: f64| (std::f64::consts::PI * (1.0 - 2.0 * y / n)).sinh().atan().to_degrees();
        let (x, y) = (f64::from(self.x), f64::from(self.y));
        BBox { west: lon(x), south: lat(y + 1.0), east: lon(x + 1.0), north: lat(y) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lon: f64, lat: f64) -> Position {
        Position::new(lon, lat).unwrap()
    }

    #[test]
    fn distances_agree_with_known_ones() {
        let one_degree = distance_m(at(0.0, 0.0), at(0.0, 1.0));
        assert!((one_degree - 111_195.08).abs() < 0.1, "{one_degree}");
        assert_eq!(distance_m(at(119.5, 31.7), at(119.5, 31.7)), 0.0);
        let antipodes = distance_m(at(0.0, 0.0), at(180.0, 0.0));
        assert!((antipodes - std::f64::consts::PI * EARTH_RADIUS_M).abs() < 1.0);
        let beijing_shanghai = distance_m(at(116.404, 39.915), at(121.4737, 31.2304));
        assert!((beijing_shanghai / 1000.0 - 1_068.0).abs() < 3.0, "{beijing_shanghai}");
    }

    #[test]
    fn chord_orders_like_ground_distance() {
        let home = at(119.57, 31.74);
        for (east, north) in [(10.0, 0.0), (0.0, 500.0), (3_000.0, -4_000.0)] {
            let there = home.moved(east, north);
            let (a, b) = (home.unit_vector(), there.unit_vector());
            let squared: f64 = a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum();
            let metres = distance_m(home, there);
            assert!((chord_squared(metres) - squared).abs() < 1e-12);
            assert!((metres - f64::hypot(east, north)).abs() < 5.0);
        }
    }

    #[test]
    fn positions_are_checked() {
        assert!(Position::new(180.0, -90.0).is_ok());
        for (lon, lat) in [(180.1, 0.0), (0.0, 90.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(Position::new(lon, lat).is_err());
        }
        assert!(serde_json::from_str::<Position>(r#"{"lon":119.5,"lat":31.7}"#).is_ok());
        assert!(serde_json::from_str::<Position>(r#"{"lon":119.5,"lat":131.7}"#).is_err());
        assert!(serde_json::from_str::<Position>(r#"{"lon":119.5,"lat":31.7,"z":1}"#).is_err());
        assert!(at(0.000_01, -0.000_01).is_null_island());
        assert!(!at(0.0, 51.5).is_null_island());
    }

    #[test]
    fn boxes_parse_and_contain() {
        let bbox: BBox = "119.0, 31.0,120.0,32.0".parse().unwrap();
        assert!(bbox.contains(at(119.5, 31.5)) && !bbox.contains(at(118.9, 31.5)));
        assert_eq!(bbox.to_string().parse::<BBox>().unwrap(), bbox);
        let pacific: BBox = "170,-10,-170,10".parse().unwrap();
        assert!(pacific.contains(at(179.0, 0.0)) && pacific.contains(at(-179.0, 0.0)));
        assert!(!pacific.contains(at(0.0, 0.0)));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,10,10,0", "0,0,200,1", "NaN,0,1,1"] {
            assert!(wrong.parse::<BBox>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tiles_hold_their_place() {
        for p in [at(119.5762, 31.7472), at(-0.1, 51.5), at(180.0, -90.0), at(-180.0, 90.0)] {
            for zoom in [0, 5, 14, 24] {
                let tile = Tile::of(p, zoom);
                assert!(tile.x < (1 << zoom) && tile.y < (1 << zoom));
            }
        }
        let tile = Tile::of(at(119.5762, 31.7472), 14);
        assert!(tile.bbox().contains(at(119.5762, 31.7472)));
        assert_eq!(Tile::of(at(0.0, 0.0), 1), Tile { zoom: 1, x: 1, y: 1 });
    }

    #[test]
    fn bearings() {
        assert!((at(0.0, 0.0).bearing_deg(at(0.0, 1.0))).abs() < 1e-9);
        assert!((at(0.0, 0.0).bearing_deg(at(1.0, 0.0)) - 90.0).abs() < 1e-9);
        assert!((at(0.0, 0.0).bearing_deg(at(-1.0, 0.0)) - 270.0).abs() < 1e-9);
    }
}
