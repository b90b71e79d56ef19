//! The nearest free response units: a crew counts once, a lone person is one.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::offer::{Party, party_of_crew, party_of_person};
use crate::duty::crews::Availability;
use crate::duty::crews::store as crews;
use crate::duty::incidents::IncidentRow;
use crate::duty::location::live::{Freshness, Live};
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
pub fn nearest(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow, wanted: &Wanted<'_>) -> Result<Vec<Party>> {
    let live = core.part::<Live>()?;
    let on_duty: HashMap<PersonId, (PersonKind, Option<CrewId>)> = crews::people_on_duty(tx.conn(), wanted.scope_path)?
        .into_iter()
        .filter(|person| person.availability == Availability::Available && person.kind.is_field())
        .map(|person| (person.person_id, (person.kind, person.crew_id)))
        .collect();
    let kinds: &[PersonKind] = if wanted.kinds.is_empty() { &[PersonKind::PoliceOfficer] } else { wanted.kinds };
    let place = Position { lon: incident.lon, lat: incident.lat };
    let now = core.clock.now();
    let mut near: Vec<(PersonId, f64, bool)> = live
        .nearest(place, LOOKED_AT_MAX, wanted.within_m, |person| on_duty.contains_key(person))
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
        let Some((kind, crew)) = on_duty.get(&person) else { continue };
        let mut party = match crew {
            Some(crew) if taken.insert(*crew) => party_of_crew(tx, crew)?,
            Some(_) => continue,
            None if kinds.contains(kind) => party_of_person(tx, &person)?,
            None => continue,
        };
        let suits = party.kinds().iter().any(|kind| kinds.contains(kind));
        let busy = party
            .hands
            .iter()
            .any(|hand| wanted.without.contains(&hand.person_id) || !on_duty.contains_key(&hand.person_id));
        if !suits || busy {
            continue;
        }
        party.why = json!({ "nearest": found.len() + 1, "distance_m": distance_m.round(), "fresh": fresh });
        found.push(party);
    }
    Ok(found)
}
