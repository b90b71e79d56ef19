//! How long somebody takes to arrive. Behind a trait: today the straight line, stretched; road times come later.

use crate::platform::policy::{DeviceKind, PersonKind};
use crate::text_enum;
use crate::words::geo::{Position, distance_m};

use super::live::{Facts, Marker};

/// How much longer the road is than the straight line, where nothing else is configured.
pub const DETOUR: f64 = 1.35;

/// Speed in m/s above which somebody is riding, whatever was reported at sign-on.
const RIDING_MPS: f64 = 4.0;

text_enum! {
    /// How somebody moves.
    pub enum TravelMode {
        Foot = "foot",
        Bicycle = "bicycle",
        Car = "car",
        Drone = "drone",
    }
}

impl TravelMode {
    /// Metres per second on the way, stops included: a brisk walk, an electric bicycle, a car in a town, a drone.
    pub const fn speed_mps(self) -> f64 {
        match self {
            Self::Foot => 1.5,
            Self::Bicycle => 5.0,
            Self::Car => 9.0,
            Self::Drone => 12.0,
        }
    }

    /// The mode of somebody: riding if he has a vehicle or moves like it, else the habit of his kind.
    pub fn of(facts: Option<&Facts>, marker: &Marker) -> Self {
        let in_vehicle = marker.device_kind == Some(DeviceKind::VehicleUnit);
        if marker.device_kind == Some(DeviceKind::Drone) {
            Self::Drone
        } else if in_vehicle
            || facts.is_some_and(|f| f.has_vehicle)
            || marker.speed_mps.is_some_and(|v| v >= RIDING_MPS)
        {
            Self::Car
        } else if facts.is_some_and(|f| matches!(f.kind, PersonKind::GridWorker | PersonKind::GridChief)) {
            Self::Bicycle
        } else {
            Self::Foot
        }
    }
}

/// An estimate of travel times.
pub trait TravelTime: Send + Sync {
    /// Seconds from one place to another.
    fn seconds(&self, from: Position, to: Position, mode: TravelMode) -> f64;
}

/// Straight line × detour ÷ speed of the mode.
#[derive(Debug, Clone, Copy)]
pub struct StraightLine {
    /// How much longer the road is; drones fly straight.
    pub detour: f64,
}

impl StraightLine {
    /// Seconds for a straight distance in metres.
    pub fn over(&self, distance_m: f64, mode: TravelMode) -> f64 {
        let detour = if mode == TravelMode::Drone { 1.0 } else { self.detour };
        distance_m * detour / mode.speed_mps()
    }
}

impl TravelTime for StraightLine {
    fn seconds(&self, from: Position, to: Position, mode: TravelMode) -> f64 {
        self.over(distance_m(from, to), mode)
    }
}

/// Seconds for a straight distance in metres with the usual detour.
pub fn eta_s(distance_m: f64, mode: TravelMode) -> f64 {
    StraightLine { detour: DETOUR }.over(distance_m, mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_car_is_sooner_than_a_walker_and_a_drone_flies_straight() {
        assert!((eta_s(900.0, TravelMode::Car) - 135.0).abs() < 1e-9);
        assert!((eta_s(1_000.0, TravelMode::Foot) - 900.0).abs() < 1e-9);
        assert!((eta_s(1_200.0, TravelMode::Drone) - 100.0).abs() < 1e-9);
        let (a, b) = (Position { lon: 119.5, lat: 31.7 }, Position { lon: 119.5, lat: 31.71 });
        let line = StraightLine { detour: 1.0 };
        assert!((line.seconds(a, b, TravelMode::Car) - distance_m(a, b) / 9.0).abs() < 1e-9);
    }
}
