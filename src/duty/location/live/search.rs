//! Who is nearest among those one may see, or those a rule of the caller allows.

use std::sync::Arc;

use super::Live;
use super::marker::{Facts, Marker};
use super::state::State;
use super::subscription::Scope;
use crate::words::geo::Position;
use crate::words::ids::PersonId;

/// Somebody near a place, as one look at the table found them.
#[derive(Debug, Clone)]
pub struct Found {
    /// Metres from the place to the marker.
    pub distance_m: f64,
    /// Where, and how far to be believed.
    pub marker: Marker,
    /// What is known of the person.
    pub facts: Arc<Facts>,
}

impl Live {
    /// Up to `limit` people on duty whom the scope may see and `wanted` wants, nearest first, at most `within_m` metres
    /// away; with exact distances in metres. Silent markers are included. One look at the table from beginning to end:
    /// `wanted` runs under its lock and must not ask [`Live`] again.
    pub fn nearest_seen(
        &self,
        scope: &Scope,
        from: Position,
        limit: usize,
        within_m: f64,
        mut wanted: impl FnMut(&PersonId, &Facts) -> bool,
    ) -> Vec<Found> {
        let now = self.inner.clock.now();
        let state = self.inner.state.read();
        let peers = state.peers(&scope.viewer);
        let suits = |(person, _): &(PersonId, f64)| {
            state.facts.get(person).is_some_and(|facts| {
                scope.sees_one(facts.on_duty, &facts.unit_path, Some(*person), &peers) && wanted(person, facts)
            })
        };
        let told = |(person, distance_m): (PersonId, f64)| {
            let facts = Arc::clone(state.facts.get(&person)?);
            let entry = state.chosen_of(&person, &facts.carried, now)?;
            Some(Found { distance_m, marker: self.marker(facts.on_duty, person, entry, now), facts })
        };
        closest(&state, from, limit, within_m, suits).into_iter().filter_map(told).collect()
    }

    /// Up to `limit` people on duty for whom `allowed` holds, nearest first, at most `within_m` metres away; with exact
    /// distances in metres. Silent markers are included: judge them by [`Live::get`], afterwards: `allowed`
    /// runs under the table's lock and must not ask [`Live`] again.
    pub fn nearest(
        &self,
        from: Position,
        limit: usize,
        within_m: f64,
        mut allowed: impl FnMut(&PersonId, &Facts) -> bool,
    ) -> Vec<(PersonId, f64)> {
        let state = self.inner.state.read();
        let suits = |(person, _): &(PersonId, f64)| state.facts.get(person).is_some_and(|facts| allowed(person, facts));
        closest(&state, from, limit, within_m, suits)
    }
}

fn closest(
    state: &State,
    from: Position,
    limit: usize,
    within_m: f64,
    suits: impl FnMut(&(PersonId, f64)) -> bool,
) -> Vec<(PersonId, f64)> {
    let mut found: Vec<_> = state.near.by_distance(from, within_m).filter(suits).take(limit).collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found
}
