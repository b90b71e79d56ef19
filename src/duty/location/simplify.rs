//! Fewer points, same line: the Douglas–Peucker order of importance, cut at a wanted number of points.

use std::collections::BinaryHeap;

use crate::words::geo::{EARTH_RADIUS_M, Position};

/// A stretch whose farthest point splits it next; ordered by that distance.
struct Stretch {
    metres: f64,
    first: usize,
    split: usize,
    last: usize,
}

impl PartialEq for Stretch {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Stretch {}
impl PartialOrd for Stretch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Stretch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.metres.total_cmp(&other.metres).then(other.first.cmp(&self.first))
    }
}

/// Indexes of at most `max` points, ascending, first and last among them, that keep the line's shape best.
pub fn most_telling(line: &[Position], max: usize) -> Vec<usize> {
    let Some(last) = line.len().checked_sub(1) else { return Vec::new() };
    if line.len() <= max.max(2) {
        return (0..line.len()).collect();
    }
    let mut kept = vec![0, last];
    let mut heap = BinaryHeap::new();
    heap.extend(stretch(line, 0, last));
    while kept.len() < max
        && let Some(Stretch { first, split, last, .. }) = heap.pop()
    {
        kept.push(split);
        heap.extend(stretch(line, first, split));
        heap.extend(stretch(line, split, last));
    }
    kept.sort_unstable();
    kept
}

fn stretch(line: &[Position], first: usize, last: usize) -> Option<Stretch> {
    let (a, b) = (*line.get(first)?, *line.get(last)?);
    let inner = line.get(first + 1..last)?;
    let farthest = inner.iter().enumerate().map(|(i, p)| (off_line_m(a, b, *p), i));
    let (metres, i) = farthest.max_by(|x, y| x.0.total_cmp(&y.0))?;
    Some(Stretch { metres, first, split: first + 1 + i, last })
}

/// Distance of `p` from the segment `a`–`b` in metres, on the plane around `a`.
fn off_line_m(a: Position, b: Position, p: Position) -> f64 {
    let shrink = a.lat.to_radians().cos();
    let flat = |q: Position| {
        let east = (q.lon - a.lon).to_radians() * shrink * EARTH_RADIUS_M;
        let north = (q.lat - a.lat).to_radians() * EARTH_RADIUS_M;
        (east, north)
    };
    let ((bx, by), (px, py)) = (flat(b), flat(p));
    let length = bx * bx + by * by;
    let along = if length > 0.0 { ((px * bx + py * by) / length).clamp(0.0, 1.0) } else { 0.0 };
    (px - along * bx).hypot(py - along * by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn corners_stay_and_straight_points_go() {
        let corner = |lon, lat| Position { lon, lat };
        let mut line: Vec<Position> = (0..50).map(|i| corner(119.0 + f64::from(i) * 1e-4, 31.0)).collect();
        line.extend((1..50).map(|i| corner(119.0 + 49e-4, 31.0 + f64::from(i) * 1e-4)));
        assert_eq!(most_telling(&line, 3), [0, 49, 98]);
        assert_eq!(most_telling(&line, 1_000).len(), 99);
        assert!(most_telling(&[], 5).is_empty());
        assert_eq!(most_telling(&line[..1], 2), [0]);
    }

    proptest! {
        #[test]
        fn as_many_as_wanted_in_order_with_both_ends(
            line in proptest::collection::vec((119.0..119.2f64, 31.0..31.2f64), 2..200), max in 2..50usize,
        ) {
            let line: Vec<Position> = line.into_iter().map(|(lon, lat)| Position { lon, lat }).collect();
            let kept = most_telling(&line, max);
            prop_assert_eq!(kept.len(), max.min(line.len()));
            prop_assert!(kept.windows(2).all(|w| w[0] < w[1]));
            prop_assert_eq!((kept[0], kept[kept.len() - 1]), (0, line.len() - 1));
        }
    }
}
