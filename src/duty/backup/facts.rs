//! Loads what the ranking judges: who is around the destination, reachable how, bound to what.
//!
//! Positions and contact come from memory, everything else from a handful of queries over all candidates together;
//! it runs on a reader before the write, so that the writer only stores a decision. Called by `service` and `cover`.

use std::collections::{HashMap, HashSet};

use super::rank::{self, Ask, Candidate, Choice, Fix, Held};
use super::rules::THERE_RADIUS_M;
use super::store::{self, PersonFacts};
use super::{Force, Kind, Reach};
use crate::duty::location::live::{Freshness, Live, Marker};
use crate::duty::location::travel::{TravelMode, eta_s};
use crate::platform::ctx::Core;
use crate::platform::db::Conn;
use crate::platform::policy::{DeviceKind, PersonKind};
use crate::platform::push::hub::{self, Hub};
use crate::words::error::Result;
use crate::words::geo::Position;
use crate::words::ids::{CrewId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// How many neighbours are looked at, widened step by step while too few of them can come.
const NEIGHBOURS: [usize; 3] = [48, 192, 768];

/// The parts in memory that ranking reads.
#[derive(Clone)]
pub struct Around {
    pub live: Live,
    pub hub: std::sync::Arc<Hub>,
    pub now: Timestamp,
}

impl Around {
    /// Taken at one instant from the core.
    pub fn of(core: &Core) -> Result<Self> {
        Ok(Self { live: core.part::<Live>()?.clone(), hub: core.hub.clone(), now: core.clock.now() })
    }

    /// A person's last good fix and whether it is fresh by its contract.
    pub fn marker(&self, person: &PersonId) -> Option<(Marker, bool)> {
        let marker = self.live.get(person)?;
        let fresh = marker.freshness(self.now) == Freshness::Fresh;
        Some((marker, fresh))
    }

    fn reach(&self, person: &PersonId, carried: &[DeviceId]) -> Reach {
        match self.hub.reach(person, carried, self.now) {
            hub::Reach::Socket => Reach::Socket,
            hub::Reach::Recent => Reach::Recent,
            hub::Reach::None => Reach::None,
        }
    }
}

/// Whom a wave is for and where.
#[derive(Clone, Debug)]
pub struct Call {
    pub requester: PersonId,
    pub for_person: PersonId,
    pub kind: Kind,
    pub place: Position,
    pub already: HashSet<PersonId>,
    pub missing: usize,
    pub spare: usize,
    /// Nobody further away is looked at, metres.
    pub within_m: f64,
}

/// What somebody's office lets him do at a call for help.
pub fn force(kind: PersonKind) -> Force {
    match kind {
        PersonKind::PoliceOfficer | PersonKind::GridChief => Force::Police,
        PersonKind::Auxiliary => Force::Auxiliary,
        PersonKind::Guard | PersonKind::GridWorker => Force::Guard,
        PersonKind::Mediator
        | PersonKind::Volunteer
        | PersonKind::Dispatcher
        | PersonKind::Supervisor
        | PersonKind::Custodian
        | PersonKind::Administrator
        | PersonKind::ServiceAccount => Force::Other,
    }
}

/// Ranks the neighbourhood; looks further while too few units can come.
pub fn rank_around(conn: &mut Conn, around: &Around, call: &Call) -> Result<Choice> {
    let own = own_side(conn, call)?;
    let mut choice = Choice::default();
    for limit in NEIGHBOURS {
        let near = around.live.nearest(call.place, limit, call.within_m, |_, _| true);
        let exhausted = near.len() < limit;
        let people: Vec<PersonId> = near.into_iter().map(|found| found.marker.person_id).collect();
        choice = rank_people(conn, around, call, &own, people)?;
        if exhausted || choice.units >= call.missing.saturating_add(call.spare) {
            break;
        }
    }
    Ok(choice)
}

/// The crew and the incidents of the caller's side.
struct OwnSide {
    crew: Option<CrewId>,
    people: Vec<PersonId>,
    incidents: HashSet<crate::words::ids::IncidentId>,
}

fn own_side(conn: &mut Conn, call: &Call) -> Result<OwnSide> {
    let mut people = vec![call.for_person, call.requester];
    people.dedup();
    let crews = store::crews_of_people(conn, &people)?;
    let crew = crews.get(&call.for_person).or_else(|| crews.get(&call.requester)).copied();
    let incidents = store::engagements_of(conn, &people)?
        .into_iter()
        .filter(|engagement| engagement.state == "on_scene")
        .map(|engagement| engagement.incident_id)
        .collect();
    if let Some(crew) = crew {
        people.extend(store::members_of_crews(conn, &[crew])?.into_iter().map(|(person, _)| person));
    }
    Ok(OwnSide { crew, people, incidents })
}

fn rank_people(conn: &mut Conn, around: &Around, call: &Call, own: &OwnSide, near: Vec<PersonId>) -> Result<Choice> {
    let mut people: Vec<PersonId> = near;
    people.extend(&own.people);
    let crews_met: Vec<CrewId> = store::crews_of_people(conn, &people)?.into_values().collect();
    let members: HashMap<PersonId, CrewId> = store::members_of_crews(conn, &crews_met)?.into_iter().collect();
    people.extend(members.keys());
    people.sort_unstable();
    people.dedup();

    let facts = store::people_facts(conn, &people)?;
    let crews = store::crews_facts(conn, &crews_met)?;
    let carried = store::carried_by_people(conn, &people)?;
    let held = held_by(conn, call, &people)?;
    let engaged = store::engagements_of(conn, &people)?;
    let at_incident: HashSet<PersonId> = engaged
        .iter()
        .filter(|one| one.state == "on_scene" && own.incidents.contains(&one.incident_id))
        .map(|one| one.person_id)
        .collect();
    let mut busiest: HashMap<PersonId, u8> = HashMap::new();
    for one in &engaged {
        let priority = u8::try_from(one.priority).unwrap_or(u8::MAX);
        busiest.entry(one.person_id).and_modify(|seen| *seen = (*seen).min(priority)).or_insert(priority);
    }

    let grids = Grids::load(conn, &facts, &members, &crews)?;
    let own_grid = grids.of.get(&call.for_person).cloned();

    let candidates: Vec<Candidate> = facts
        .into_iter()
        .map(|person| {
            let crew = members.get(&person.id).copied();
            let crew_facts = crew.and_then(|id| crews.get(&id));
            let devices = carried.get(&person.id).map(Vec::as_slice).unwrap_or_default();
            let vehicle = person.vehicle.is_some()
                || crew_facts.is_some_and(|(_, vehicle, _)| vehicle.is_some())
                || devices.iter().any(|(_, kind)| *kind == DeviceKind::VehicleUnit);
            let fix = fix_of(around, call.place, &person, vehicle);
            let ids: Vec<DeviceId> = devices.iter().map(|(id, _)| *id).collect();
            let close = fix.is_some_and(|fix| fix.fresh && fix.distance_m <= THERE_RADIUS_M);
            Candidate {
                person: person.id,
                force: force(person.kind),
                crew,
                on_duty: person.on_duty,
                reach: around.reach(&person.id, &ids),
                fix,
                held: held
                    .get(&person.id)
                    .copied()
                    .or_else(|| busiest.get(&person.id).map(|priority| Held::Incident(*priority)))
                    .unwrap_or(Held::Free),
                grid: grids.of.get(&person.id).cloned(),
                there: person.on_duty
                    && (close && force(person.kind) != Force::Other || at_incident.contains(&person.id)),
            }
        })
        .collect();

    Ok(rank::choose(
        &Ask {
            kind: call.kind,
            requester: call.requester,
            for_person: call.for_person,
            own_crew: own.crew,
            grid: own_grid.as_deref(),
            already: &call.already,
            missing: call.missing,
            spare: call.spare,
            strength: &grids.strength,
            keep: &grids.keep,
        },
        candidates,
    ))
}

/// The grids of the people looked at, each by its id.
struct Grids {
    of: HashMap<PersonId, String>,
    strength: HashMap<String, usize>,
    keep: HashMap<String, usize>,
}

impl Grids {
    fn load(
        conn: &mut Conn,
        people: &[PersonFacts],
        members: &HashMap<PersonId, CrewId>,
        crews: &HashMap<CrewId, store::CrewFacts>,
    ) -> Result<Self> {
        let code_of = |person: &PersonFacts| {
            let crew = || members.get(&person.id).and_then(|crew| crews.get(crew));
            person.grid.clone().or_else(|| crew().and_then(|(_, _, grid)| grid.clone()))
        };
        let posted: Vec<(&PersonFacts, String)> =
            people.iter().filter_map(|person| Some((person, code_of(person)?))).collect();
        let mut codes: Vec<String> = posted.iter().map(|(_, code)| code.clone()).collect();
        codes.sort_unstable();
        codes.dedup();
        let grids = store::grids_of_codes(conn, &codes)?;
        let units: Vec<UnitId> = posted.iter().map(|(person, _)| person.unit_id).collect();
        let paths = store::unit_paths(conn, &units)?;
        let of = posted
            .into_iter()
            .filter_map(|(person, code)| {
                let grid = store::grid_of(&grids, paths.get(&person.unit_id)?, &code)?;
                Some((person.id, grid.id.to_string()))
            })
            .collect();
        let strength = store::strength_of_grids(conn, &grids)?;
        let keep = grids.iter().map(|grid| (grid.id.to_string(), grid.keep)).collect();
        Ok(Self { of, strength, keep })
    }
}

/// Who is bound by another call for help, his own or a colleague's.
fn held_by(conn: &mut Conn, call: &Call, people: &[PersonId]) -> Result<HashMap<PersonId, Held>> {
    let mut held: HashMap<PersonId, Held> = store::people_on_backup(conn, people)?
        .into_iter()
        .filter(|(person, _)| !call.already.contains(person))
        .map(|(person, _)| (person, Held::Backup))
        .collect();
    for (person, _) in store::people_in_trouble(conn, people)? {
        if person != call.for_person {
            held.insert(person, Held::InTrouble);
        }
    }
    Ok(held)
}

fn fix_of(around: &Around, place: Position, person: &PersonFacts, vehicle: bool) -> Option<Fix> {
    let (marker, fresh) = around.marker(&person.id)?;
    let distance_m = marker.position.distance_m(place);
    let mode =
        if vehicle { TravelMode::Car } else { TravelMode::of(around.live.facts(&person.id).as_deref(), &marker) };
    Some(Fix { fresh, age_s: around.now.secs_since(marker.at).max(0.0), distance_m, eta_s: eta_s(distance_m, mode) })
}
