//! The nearest free response units: a crew counts once, a lone person is one.

use std::collections::HashSet;

use serde_json::json;

use super::offer::{Party, party_of_crew, party_of_person};
use crate::duty::crews::Availability;
use crate::duty::crews::store as crews;
use crate::duty::incidents::IncidentRow;
use crate::duty::location::live::{Facts, Freshness, Live};
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
    let mut near: Vec<(PersonId, f64, bool)> = live
        .nearest(place, LOOKED_AT_MAX, wanted.within_m, |_, facts| may_suit(facts, wanted))
        .into_iter()
        .map(|(person, metres)| {
            let fresh = live.get(&person).is_some_and(|marker| marker.freshness(now) == Freshness::Fresh);
            (person, metres, fresh)
        })
        .filter(|(_, _, fresh)| *fresh || !wanted.fresh_only)
        .collect();
    // A place that may be believed before one that may not.
    near.sort_by_key(|(_, _, fresh)| !fresh);
    let mut taken: HashSet<CrewId> = HashSet::new();
    let mut found = Vec::new();
    for (person, distance_m, fresh) in near {
        if found.len() >= wanted.k {
            break;
        }
        let Some(duty) = free(tx, live, &person, wanted)? else { continue };
        let mut party = match &duty.crew_id {
            Some(crew) if taken.insert(*crew) => party_of_crew(tx, crew)?,
            Some(_) => continue,
            None => party_of_person(tx, &person)?,
        };
        if !party.kinds().iter().any(|kind| kinds.contains(kind)) {
            continue;
        }
        let mut busy = false;
        for hand in &party.hands {
            busy =
                busy || wanted.without.contains(&hand.person_id) || free(tx, live, &hand.person_id, wanted)?.is_none();
        }
        if busy {
            continue;
        }
        party.why = json!({ "nearest": found.len() + 1, "distance_m": distance_m.round(), "fresh": fresh });
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

/// His duty, if he may be sent: by memory, and by the table.
fn free(tx: &mut Tx<'_>, live: &Live, person: &PersonId, wanted: &Wanted<'_>) -> Result<Option<crews::Duty>> {
    if !live.facts(person).is_some_and(|facts| may_suit(&facts, wanted)) {
        return Ok(None);
    }
    let duty = crews::duty_fetch(tx.conn(), person)?;
    Ok((duty.on_duty && duty.availability == Availability::Available).then_some(duty))
}
