//! Who is nearest among those one may see, or those a rule of the caller allows.

use std::collections::HashSet;

use super::Live;
use super::marker::Facts;
use super::subscription::Scope;
use crate::words::geo::Position;
use crate::words::ids::PersonId;

/// How many candidates are looked at between two takings of the lock in a filtered nearest search.
const NEAREST_CHUNK: usize = 64;

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
    ) -> Vec<(PersonId, f64)> {
        let state = self.inner.state.read();
        let peers = state.peers(&scope.viewer);
        let suits = |(person, _): &(PersonId, f64)| {
            state.facts.get(person).is_some_and(|facts| {
                scope.sees_one(facts.on_duty, &facts.unit_path, Some(*person), &peers) && wanted(person, facts)
            })
        };
        let mut found: Vec<_> = state.near.by_distance(from, within_m).filter(suits).take(limit).collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        found
    }

    /// Up to `limit` people on duty for whom `allowed` holds, nearest first, at most `within_m` metres away; with exact
    /// distances in metres. Silent markers are included: judge them by [`Live::get`]. `allowed` runs outside the lock.
    pub fn nearest(
        &self,
        from: Position,
        limit: usize,
        within_m: f64,
        mut allowed: impl FnMut(&PersonId) -> bool,
    ) -> Vec<(PersonId, f64)> {
        let mut found: Vec<(PersonId, f64)> = Vec::new();
        let mut seen: HashSet<PersonId> = HashSet::new();
        let mut asked = NEAREST_CHUNK;
        while found.len() < limit {
            // People move between two chunks, so each asks from the start for more and skips whom it has seen.
            let candidates: Vec<_> = self.inner.state.read().near.by_distance(from, within_m).take(asked).collect();
            let exhausted = candidates.len() < asked;
            for (person, metres) in candidates {
                if found.len() < limit && seen.insert(person) && allowed(&person) {
                    found.push((person, metres));
                }
            }
            if exhausted {
                break;
            }
            asked = asked.saturating_mul(4);
        }
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        found
    }
}
