//! Who is nearest: an R-tree over points of the unit sphere, where straight-line order is ground order.
//!
//! Exact by construction, across the date line and at the poles too. Guarded by the live state's lock.

use rstar::primitives::GeomWithData;
use rstar::{RStarInsertionStrategy, RTree, RTreeParams};

use crate::words::geo::{Position, chord_squared, distance_m};
use crate::words::ids::{IdMap, PersonId};

type Point = GeomWithData<[f64; 3], (PersonId, Position)>;

/// Twice as many children a node as rstar makes unless told: fewer nodes to visit, of which each is a wait for memory
/// when there are a million people (`cargo bench --bench nearby`).
#[derive(Debug)]
struct Wide;

impl RTreeParams for Wide {
    const MIN_SIZE: usize = 5;
    const MAX_SIZE: usize = 12;
    const REINSERTION_COUNT: usize = 3;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

/// Positions of people, for nearest-neighbour queries.
#[derive(Debug, Default)]
pub struct NearIndex {
    tree: RTree<Point, Wide>,
    places: IdMap<PersonId, Position>,
}

impl NearIndex {
    /// Puts or moves a person.
    pub fn put(&mut self, person: PersonId, place: Position) {
        match self.places.insert(person, place) {
            Some(before) if before == place => return,
            Some(before) => drop(self.tree.remove(&point(person, before))),
            None => {}
        }
        self.tree.insert(point(person, place));
    }

    /// Takes a person out.
    pub fn remove(&mut self, person: &PersonId) {
        if let Some(before) = self.places.remove(person) {
            self.tree.remove(&point(*person, before));
        }
    }

    /// Everybody no farther than `within_m`, nearest first, with distances in metres; found as far as one asks.
    pub fn by_distance(&self, from: Position, within_m: f64) -> impl Iterator<Item = (PersonId, f64)> {
        let from_vector = from.unit_vector();
        // A hair beyond, since the chord is rounded; the exact distance decides below.
        let limit = chord_squared(within_m.max(0.0)) * (1.0 + 1e-9) + 1e-18;
        self.tree
            .nearest_neighbor_iter_with_distance_2(from_vector)
            .take_while(move |(_, squared)| *squared <= limit)
            .filter_map(move |(point, _)| {
                let (person, place) = point.data;
                let metres = distance_m(from, place);
                (metres <= within_m).then_some((person, metres))
            })
    }

    /// Number of people in it.
    pub fn count(&self) -> usize {
        self.places.len()
    }
}

fn point(person: PersonId, place: Position) -> Point {
    Point::new(place.unit_vector(), (person, place))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Position> {
        prop_oneof![
            4 => (119.3..119.8f64, 31.5..31.9f64),
            1 => (-180.0..=180.0f64, -90.0..=90.0f64),
        ]
        .prop_map(|(lon, lat)| Position::new(lon, lat).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn agrees_with_asking_everybody(
            moves in proptest::collection::vec((0..40usize, proptest::option::of(place())), 1..200),
            from in place(),
            within in prop_oneof![Just(f64::INFINITY), 100.0..60_000.0f64],
            k in 1..50usize,
        ) {
            let people: Vec<PersonId> = (0..40).map(|_| PersonId::new()).collect();
            let (mut index, mut truth) = (NearIndex::default(), HashMap::new());
            for (who, to) in moves {
                match to {
                    Some(to) => { index.put(people[who], to); truth.insert(people[who], to); }
                    None => { index.remove(&people[who]); truth.remove(&people[who]); }
                }
            }
            prop_assert_eq!(index.count(), truth.len());
            let mut wanted: Vec<f64> = truth.values().map(|p| distance_m(from, *p)).filter(|d| *d <= within).collect();
            wanted.sort_by(f64::total_cmp);
            wanted.truncate(k);
            let found: Vec<_> = index.by_distance(from, within).take(k).collect();
            prop_assert_eq!(found.len(), wanted.len());
            for ((person, metres), want) in found.iter().zip(&wanted) {
                prop_assert!((metres - want).abs() < 0.01 + want * 1e-7);
                prop_assert!((distance_m(from, truth[person]) - metres).abs() < 1e-6);
            }
        }
    }
}
