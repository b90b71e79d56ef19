//! The nearest free response units: a crew counts once, a lone person is one.

use std::collections::HashSet;

use serde_json::json;

use super::offer::{Party, party_of_crew, party_of_person};
use crate::duty::crews::Availability;
use crate::duty::crews::store as crews;
use crate::duty::incidents::IncidentRow;
use crate::duty::location::live::{Facts, Found, Freshness, Live};
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::policy::PersonKind;
use crate::words::error::Result;
use crate::words::geo::Position;
use crate::words::ids::{CrewId, PersonId};

/// People looked at around a place before giving up on finding k units.
const LOOKED_AT_MAX: usize = 400;

/// What is wanted.
pub struct Wanted<'a> {
    pub k: usize,
    /// Kinds of people; empty: police.
    pub kinds: &'a [PersonKind],
    pub within_m: f64,
    /// Only people of units under this path.
    pub scope_path: &'a str,
    /// On the incident already.
    pub without: &'a HashSet<PersonId>,
    /// Nobody whose terminal is silent.
    pub fresh_only: bool,
}

/// The k nearest, nearest first, each with its distance and estimated time in `why`.
///
/// Who may suit is read from memory: a missed deadline asks this inside the writer, in a district of ten thousand. Only
/// those about to be taken are asked of the tables, whose word holds.
pub fn nearest(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow, wanted: &Wanted<'_>) -> Result<Vec<Party>> {
    let live = core.part::<Live>()?;
    let kinds: &[PersonKind] = if wanted.kinds.is_empty() { &[PersonKind::PoliceOfficer] } else { wanted.kinds };
    let place = Position { lon: incident.lon, lat: incident.lat };
    let now = core.clock.now();
    let mut near: Vec<(bool, Found)> = live
        .nearest(place, LOOKED_AT_MAX, wanted.within_m, |_, facts| may_suit(facts, wanted))
        .into_iter()
        .map(|one| (one.marker.freshness(now) == Freshness::Fresh, one))
        .filter(|(fresh, _)| *fresh || !wanted.fresh_only)
        .collect();
    // A place that may be believed before one that may not.
    near.sort_by_key(|(fresh, _)| !fresh);
    let mut taken: HashSet<CrewId> = HashSet::new();
    let mut found = Vec::new();
    for (fresh, one) in near {
        if found.len() >= wanted.k {
            break;
        }
        let person = one.marker.person_id;
        let Some(duty) = free(tx, &person)? else { continue };
        let mut party = match &duty.crew_id {
            Some(crew) if taken.insert(*crew) => party_of_crew(tx, crew)?,
            None if kinds.contains(&one.facts.kind) => party_of_person(tx, &person)?,
            _ => continue,
        };
        if !party.kinds().iter().any(|kind| kinds.contains(kind)) || !all_free(tx, live, &party, &person, wanted)? {
            continue;
        }
        party.why = json!({ "nearest": found.len() + 1, "distance_m": one.distance_m.round(), "fresh": fresh });
        found.push(party);
    }
    Ok(found)
}

fn may_suit(facts: &Facts, wanted: &Wanted<'_>) -> bool {
    facts.on_duty
        && facts.availability == Availability::Available.as_str()
        && facts.kind.is_field()
        && facts.unit_path.starts_with(wanted.scope_path)
}

/// His duty, if the table says that he may be sent.
fn free(tx: &mut Tx<'_>, person: &PersonId) -> Result<Option<crews::Duty>> {
    let duty = crews::duty_fetch(tx.conn(), person)?;
    Ok((duty.on_duty && duty.availability == Availability::Available).then_some(duty))
}

/// Whether everybody of the party may be sent; of `asked` it is known already.
fn all_free(tx: &mut Tx<'_>, live: &Live, party: &Party, asked: &PersonId, wanted: &Wanted<'_>) -> Result<bool> {
    for hand in &party.hands {
        let person = &hand.person_id;
        if wanted.without.contains(person) {
            return Ok(false);
        }
        if person == asked {
            continue;
        }
        if !live.facts(person).is_some_and(|facts| may_suit(&facts, wanted)) || free(tx, person)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
