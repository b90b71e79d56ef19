//! Who is nearest among those one may see, or those a rule of the caller allows.

use std::sync::Arc;

use super::Live;
use super::marker::{Facts, Marker};
use super::state::{Known, State};
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
    /// Up to `limit` people on duty whom the scope may see and `wanted` wants; otherwise as [`Live::nearest`].
    pub fn nearest_seen(
        &self,
        scope: &Scope,
        from: Position,
        limit: usize,
        within_m: f64,
        mut wanted: impl FnMut(&PersonId, &Facts) -> bool,
    ) -> Vec<Found> {
        let state = self.inner.state.read();
        let peers = state.peers(&scope.viewer);
        self.closest(&state, from, limit, within_m, |person, facts| {
            scope.sees_one(facts.on_duty, &facts.unit_path, Some(*person), &peers) && wanted(person, facts)
        })
    }

    /// Up to `limit` people on duty for whom `allowed` holds, nearest first, at most `within_m` metres away; with exact
    /// distances in metres. Silent markers are included. One look at the table from beginning to end: `allowed` runs
    /// under its lock and must not ask [`Live`] again.
    pub fn nearest(
        &self,
        from: Position,
        limit: usize,
        within_m: f64,
        allowed: impl FnMut(&PersonId, &Facts) -> bool,
    ) -> Vec<Found> {
        self.closest(&self.inner.state.read(), from, limit, within_m, allowed)
    }

    fn closest(
        &self,
        state: &State,
        from: Position,
        limit: usize,
        within_m: f64,
        mut suits: impl FnMut(&PersonId, &Facts) -> bool,
    ) -> Vec<Found> {
        let now = self.inner.clock.now();
        let suiting = |(person, distance_m): (PersonId, f64)| {
            let known = state.people.get(&person)?;
            let facts = known.facts.as_ref()?;
            suits(&person, facts).then_some((person, distance_m, known, facts))
        };
        let mut near: Vec<_> = state.near.by_distance(from, within_m).filter_map(suiting).take(limit).collect();
        near.sort_by(|a, b| a.1.total_cmp(&b.1));
        let found = |(person, distance_m, known, facts): (PersonId, f64, &Known, &Arc<Facts>)| {
            let marker = self.marker(facts.on_duty, person, state.best(known, now)?, now);
            Some(Found { distance_m, marker, facts: Arc::clone(facts) })
        };
        near.into_iter().filter_map(found).collect()
    }
}
