//! Movement of the demo's people: recorded GPS traces, turned and shifted into the district.
//!
//! Everything is in metres east and north of the district's centre until it leaves through
//! [`Spot::lon_lat`]. Called by the play, once per fix.

use std::f64::consts::TAU;
use std::sync::Arc;

use crate::words::dice::Dice;

/// Centre of the invented district: longitude and latitude, WGS-84.
pub const CENTRE: (f64, f64) = (119.5762, 31.7472);
/// Metres per degree of latitude near the centre.
const METRES_PER_DEGREE: f64 = 111_132.0;
/// The district's streets run along two axes turned by this angle (radians).
const STREET_ANGLE: f64 = 0.21;

const RECORDINGS: [&str; 3] = [
    include_str!("traces/garmin_with_extensions.csv"),
    include_str!("traces/garmin-activity.csv"),
    include_str!("traces/gpsies_example.csv"),
];

/// A place in metres east and north of the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Metres east.
    pub x: f64,
    /// Metres north.
    pub y: f64,
}

impl Spot {
    /// Straight distance in metres.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Longitude and latitude in degrees.
    pub fn lon_lat(self) -> (f64, f64) {
        let lat = CENTRE.1 + self.y / METRES_PER_DEGREE;
        let lon = CENTRE.0 + self.x / (METRES_PER_DEGREE * CENTRE.1.to_radians().cos());
        (lon, lat)
    }

    /// The spot at a longitude and latitude.
    pub fn at(lon: f64, lat: f64) -> Self {
        Self {
            x: (lon - CENTRE.0) * METRES_PER_DEGREE * CENTRE.1.to_radians().cos(),
            y: (lat - CENTRE.1) * METRES_PER_DEGREE,
        }
    }

    fn turned(self, angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { x: self.x * cos - self.y * sin, y: self.x * sin + self.y * cos }
    }

    fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }

    fn towards(self, other: Self, share: f64) -> Self {
        Self { x: self.x + (other.x - self.x) * share, y: self.y + (other.y - self.y) * share }
    }
}

/// One recording: seconds since its start and metres from its first point.
#[derive(Debug)]
pub struct Trace(Vec<(f64, Spot)>);

impl Trace {
    fn parse(csv: &str) -> Self {
        let mut origin: Option<(f64, f64)> = None;
        let rows = csv.lines().skip(1).filter_map(|line| {
            let mut fields = line.split(',').map(str::parse::<f64>);
            let (t, lat, lon) = (fields.next()?.ok()?, fields.next()?.ok()?, fields.next()?.ok()?);
            let (lat0, lon0) = *origin.get_or_insert((lat, lon));
            let x = (lon - lon0) * METRES_PER_DEGREE * lat0.to_radians().cos();
            Some((t, Spot { x, y: (lat - lat0) * METRES_PER_DEGREE }))
        });
        Self(rows.collect())
    }

    fn lasts(&self) -> f64 {
        self.0.last().map_or(1.0, |(t, _)| t.max(1.0))
    }

    fn at(&self, t: f64) -> Spot {
        let after = self.0.partition_point(|(at, _)| *at <= t);
        match (self.0.get(after.wrapping_sub(1)), self.0.get(after)) {
            (Some((t0, a)), Some((t1, b))) => a.towards(*b, (t - t0) / (t1 - t0).max(1e-3)),
            (Some((_, only)), None) | (None, Some((_, only))) => *only,
            (None, None) => Spot { x: 0.0, y: 0.0 },
        }
    }
}

/// The recordings, read once.
#[derive(Clone)]
pub struct Traces {
    walk: Arc<Trace>,
    run: Arc<Trace>,
    round: Arc<Trace>,
}

impl Traces {
    /// Read the recordings carried in the binary.
    pub fn load() -> Self {
        let [walk, run, round] = RECORDINGS.map(|csv| Arc::new(Trace::parse(csv)));
        Self { walk, run, round }
    }
}

/// How somebody gets about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gait {
    /// Patrol car.
    Car,
    /// On foot.
    Foot,
    /// Electric bicycle of a grid chief.
    Bike,
}

impl Gait {
    /// Speed towards a call, metres per second.
    fn hurry(self) -> f64 {
        match self {
            Self::Car => 12.5,
            Self::Foot => 2.2,
            Self::Bike => 5.5,
        }
    }
}

/// Where somebody is and how they move.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Place.
    pub spot: Spot,
    /// Metres per second.
    pub speed: f64,
    /// Degrees clockwise from north.
    pub heading: f64,
}

/// A stretch of a recording walked to and fro.
struct Patrol {
    trace: Arc<Trace>,
    from: f64,
    lasts: f64,
    tempo: f64,
    scale: f64,
    angle: f64,
    anchor: Spot,
}

impl Patrol {
    fn spot(&self, clock: f64) -> Spot {
        let played = (clock * self.tempo).rem_euclid(self.lasts * 2.0);
        let there = if played > self.lasts { self.lasts * 2.0 - played } else { played };
        let start = self.trace.at(self.from);
        let now = self.trace.at(self.from + there);
        let local = Spot { x: (now.x - start.x) * self.scale, y: (now.y - start.y) * self.scale };
        local.turned(self.angle).plus(self.anchor)
    }
}

enum Motion {
    /// On patrol; the patrol's own clock runs from this play time on.
    Patrol { since: f64 },
    /// On the way, along two streets.
    Leg { from: Spot, corner: Spot, to: Spot, since: f64, back_to_patrol: bool },
    /// Standing somewhere.
    Stay(Spot),
}

/// One moving thing: a crew in its car, a pair on foot, a grid chief.
pub struct Mover {
    gait: Gait,
    patrol: Patrol,
    patrol_clock: f64,
    motion: Motion,
    wobble: f64,
}

impl Mover {
    /// Somebody patrolling around `anchor`.
    pub fn new(traces: &Traces, gait: Gait, anchor: Spot, dice: &mut Dice) -> Self {
        let (trace, tempo, scale, stretch_s) = match gait {
            Gait::Car if dice.chance(0.2) => (&traces.round, 2.0, 1.5, 1_400.0),
            Gait::Car => (&traces.run, 2.1, 1.7, 1_100.0),
            Gait::Foot => (&traces.walk, 1.6, 1.0, 2_400.0),
            Gait::Bike => (&traces.run, 1.2, 1.0, 900.0),
        };
        let lasts = trace.lasts().min(stretch_s);
        let from = dice.between(0.0, (trace.lasts() - lasts).max(0.0));
        let patrol = Patrol {
            trace: trace.clone(),
            from,
            lasts,
            tempo: tempo * dice.between(0.85, 1.15),
            scale,
            angle: dice.between(0.0, TAU),
            anchor,
        };
        let patrol_clock = dice.between(0.0, lasts * 2.0);
        Self { gait, patrol, patrol_clock, motion: Motion::Patrol { since: 0.0 }, wobble: dice.unit() }
    }

    /// Set off towards a place at play time `clock`; seconds until arrival.
    pub fn go(&mut self, clock: f64, to: Spot) -> f64 {
        self.leave(clock, to, false)
    }

    /// Stop and stay where one is.
    pub fn halt(&mut self, clock: f64) {
        let spot = self.pose(clock).spot;
        self.pause_patrol(clock);
        self.motion = Motion::Stay(spot);
    }

    /// Go back to the patrol; it continues where it was left.
    pub fn resume(&mut self, clock: f64) {
        if !matches!(self.motion, Motion::Patrol { .. }) {
            let home = self.patrol.spot(self.patrol_clock);
            self.leave(clock, home, true);
        }
    }

    fn pause_patrol(&mut self, clock: f64) {
        if let Motion::Patrol { since } = self.motion {
            self.patrol_clock += (clock - since).max(0.0);
        }
    }

    fn leave(&mut self, clock: f64, to: Spot, back_to_patrol: bool) -> f64 {
        let from = self.pose(clock).spot;
        self.pause_patrol(clock);
        let (a, b) = (from.turned(-STREET_ANGLE), to.turned(-STREET_ANGLE));
        let corner = if self.wobble < 0.5 { Spot { x: b.x, y: a.y } } else { Spot { x: a.x, y: b.y } };
        let corner = corner.turned(STREET_ANGLE);
        self.motion = Motion::Leg { from, corner, to, since: clock, back_to_patrol };
        (from.distance(corner) + corner.distance(to)) / self.gait.hurry()
    }

    /// Where one is at play time `clock` (seconds), with a receiver's few metres of noise.
    pub fn pose(&mut self, clock: f64) -> Pose {
        if let Motion::Leg { from, corner, to, since, back_to_patrol } = self.motion {
            let length = from.distance(corner) + corner.distance(to);
            if (clock - since) * self.gait.hurry() >= length {
                self.motion = if back_to_patrol { Motion::Patrol { since: clock } } else { Motion::Stay(to) };
            }
        }
        let (now, next) = (self.exact(clock), self.exact(clock + 1.0));
        let (dx, dy) = (next.x - now.x, next.y - now.y);
        let noise = |turn: f64| 2.5 * ((clock * 0.13 + self.wobble * 40.0 + turn).sin());
        Pose {
            spot: Spot { x: now.x + noise(0.0), y: now.y + noise(1.7) },
            speed: dx.hypot(dy),
            heading: dx.atan2(dy).to_degrees().rem_euclid(360.0),
        }
    }

    fn exact(&self, clock: f64) -> Spot {
        match self.motion {
            Motion::Patrol { since } => self.patrol.spot(self.patrol_clock + (clock - since).max(0.0)),
            Motion::Stay(spot) => spot,
            Motion::Leg { from, corner, to, since, .. } => {
                let gone = (clock - since).max(0.0) * self.gait.hurry();
                let first = from.distance(corner);
                if gone < first {
                    from.towards(corner, gone / first.max(0.1))
                } else {
                    let second = corner.distance(to);
                    corner.towards(to, ((gone - first) / second.max(0.1)).min(1.0))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_whole() {
        let traces = Traces::load();
        assert_eq!(traces.walk.0.len(), 3540);
        assert_eq!(traces.run.0.len(), 988);
        assert_eq!(traces.round.0.len(), 41);
    }

    #[test]
    fn a_spot_survives_the_way_through_degrees() {
        let spot = Spot { x: 4_321.0, y: -1_234.0 };
        let (lon, lat) = spot.lon_lat();
        assert!(Spot::at(lon, lat).distance(spot) < 0.01);
    }

    #[test]
    fn nobody_jumps_and_everybody_arrives() {
        let traces = Traces::load();
        let mut dice = Dice::new(3);
        for (gait, fastest) in [(Gait::Car, 25.0), (Gait::Foot, 5.0), (Gait::Bike, 8.0)] {
            let mut mover = Mover::new(&traces, gait, Spot { x: 0.0, y: 0.0 }, &mut dice);
            let target = Spot { x: 900.0, y: 700.0 };
            let mut before = mover.pose(0.0).spot;
            let mut arrival = f64::INFINITY;
            for second in 1..3_000 {
                let clock = f64::from(second);
                if second == 600 {
                    arrival = clock + mover.go(clock, target);
                }
                if clock > arrival + 60.0 {
                    assert!(mover.pose(clock).spot.distance(target) < 8.0);
                    arrival = f64::INFINITY;
                    mover.resume(clock);
                }
                let now = mover.pose(clock).spot;
                assert!(now.distance(before) < fastest + 3.0, "{gait:?} at {second}: {}", now.distance(before));
                before = now;
            }
        }
    }
}
