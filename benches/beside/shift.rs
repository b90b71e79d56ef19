//! A shift of an officer, out of recorded traces: where they were is recorded, when they report is decided as a terminal
//! decides it. Traces are laid one after the other and read between their points along the straight line.

use std::path::PathBuf;

use suixing::duty::location::fix::FixIn;
use suixing::words::dice::Dice;

use crate::Result;
use crate::world::stamp;

/// Length, seconds.
pub const SHIFT_S: usize = 12 * 3_600;
/// Seconds between two fixes while moving, and while standing.
pub const MOVING_S: usize = 5;
pub const STANDING_S: usize = 30;
/// Who came less far than this, in metres, within so many seconds, stands.
const STOOD_M: f64 = 10.0;
const STOOD_S: usize = 30;
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Places by second.
struct Trace(Vec<(f64, [f64; 2])>);

impl Trace {
    /// Reads `seconds,lat,lon` files, each going on where the one before ended.
    fn read(files: &[PathBuf]) -> Result<Self> {
        let (mut points, mut ahead) = (Vec::<(f64, [f64; 2])>::new(), [0.0, 0.0]);
        for file in files {
            let begin = points.last().map_or(0.0, |(at, _)| at + 1.0);
            for (n, line) in std::fs::read_to_string(file)?.lines().skip(1).enumerate() {
                let numbers: Vec<f64> = line.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
                let [at, lat, lon] = numbers[..] else { return Err(format!("{}: {line}", file.display()).into()) };
                if n == 0
                    && let Some((_, last)) = points.last()
                {
                    ahead = [last[0] - lon, last[1] - lat];
                }
                points.push((begin + at, [lon + ahead[0], lat + ahead[1]]));
            }
            ahead = [0.0, 0.0];
        }
        Ok(Self(points))
    }

    /// Longitude and latitude at a second; the last place after the end.
    fn at(&self, second: usize) -> [f64; 2] {
        let after = self.0.partition_point(|(at, _)| *at <= second as f64);
        let (Some(before), Some(next)) = (after.checked_sub(1).map(|n| self.0[n]), self.0.get(after)) else {
            return self.0[after.min(self.0.len() - 1)].1;
        };
        let share = (second as f64 - before.0) / (next.0 - before.0);
        [0, 1].map(|i| before.1[i] + (next.1[i] - before.1[i]) * share)
    }
}

/// East and north from one place to another, metres.
fn between(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [(b[0] - a[0]) * METRES_PER_DEGREE * a[1].to_radians().cos(), (b[1] - a[1]) * METRES_PER_DEGREE]
}

/// A shift that began then (µs): the second and the fix of every report, and how many seconds were spent moving.
pub fn fixes(files: &[PathBuf], begin_us: i64) -> Result<(Vec<(usize, FixIn)>, usize)> {
    let trace = Trace::read(files)?;
    let (mut fixes, mut moved_s, mut next, mut dice) = (Vec::new(), 0, 0, Dice::new(5));
    let mut accuracy = 60;
    for second in (0..SHIFT_S).step_by(MOVING_S) {
        let place = trace.at(second);
        let [east, north] = between(trace.at(second.saturating_sub(STOOD_S)), place);
        let moving = east.hypot(north) >= STOOD_M;
        moved_s += if moving { MOVING_S } else { 0 };
        if !moving && second < next {
            continue;
        }
        next = second + if moving { MOVING_S } else { STANDING_S };
        let [east, north] = between(trace.at(second.saturating_sub(MOVING_S)), place);
        // The recordings have no accuracy and no battery: one wanders, the other runs down.
        accuracy = (accuracy + dice.below(11) as i64 - 5).clamp(30, 150);
        let rounded = |degrees: f64| (degrees * 1e6).round() / 1e6;
        fixes.push((
            second,
            FixIn {
                at: stamp(begin_us + second as i64 * 1_000_000),
                lon: rounded(place[0]),
                lat: rounded(place[1]),
                accuracy_m: Some(accuracy as f64 / 10.0),
                speed_mps: Some((east.hypot(north) / MOVING_S as f64 * 100.0).round() / 100.0),
                heading_deg: moving.then(|| (east.atan2(north).to_degrees().rem_euclid(360.0) * 10.0).round() / 10.0),
                altitude_m: None,
                battery_pct: Some((95 - second * 70 / SHIFT_S) as f64),
                datum: None,
                next_within_s: Some(if moving { 30.0 } else { 60.0 }),
                source: None,
                author: None,
            },
        ));
    }
    Ok((fixes, moved_s))
}
