//! Recipes: what other duties tell location (duty, crew, policy), tracks, and who looked at me.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::access::AccessKind;
use super::codec;
use super::fix::Fix;
use super::ingest::Ingest;
use super::judge::CLOCK_AHEAD_S;
use super::live::{Facts, Live};
use super::looks::{Looks, read};
use super::messages::REPORTING_POLICY;
use super::reporting::Mode;
use super::store::{self, AccessRow};
use crate::duty::crews::store as crews;
use crate::duty::inquiries::store as inquiries;
use crate::duty::officers::store as officers;
use crate::platform::config;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Db, Priority, Tx};
use crate::platform::policy::DeviceKind;
use crate::platform::push::hub::Hub;
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AssignmentId, CrewId, DeviceId, PersonId};
use crate::words::time::{Clock, Timestamp};

/// Looks reported at once by [`looked_at`].
const LOOKS_MAX: i64 = 500;

/// Seconds before a look within which a last fix still says where one was.
const STANDING_S: i64 = 900;

/// Opens this slice's in-memory parts: the live table, rebuilt from history, the way in for fixes, and that for looks.
/// Blocking.
pub fn open(db: &Db, hub: Arc<Hub>, clock: Clock, settings: &config::Location) -> Result<(Live, Ingest, Looks)> {
    let live = Live::new(hub, clock.clone(), settings.default_promise_s);
    let now = clock.now();
    db.write_blocking(Priority::Background, move |tx| store::access_end_all(tx.conn(), now))?;
    for (person, facts) in db.read_blocking(facts_all)? {
        live.set_facts(person, facts);
    }
    for (person, mode) in db.read_blocking(store::rules_all)? {
        live.set_promise(person, mode.promise_s());
    }
    let looks = Looks::open(db, clock.clone())?;
    let ingest = Ingest::open(db, live.clone(), clock, settings)?;
    live.tick();
    Ok((live, ingest, looks))
}

/// What live location must know of one person; `None` if there is no such person.
pub fn facts_load(conn: &mut Conn, person: &PersonId) -> Result<Option<Facts>> {
    let row = match officers::person_fetch(conn, person) {
        Ok(row) => row,
        Err(error) if error.is(Code::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let unit = officers::unit_fetch(conn, &row.unit_id)?;
    let duty = crews::duty_fetch(conn, person)?;
    let carried = crews::carried_devices(conn, person)?;
    let crew_vehicle = match &duty.crew_id {
        Some(crew) => crews::crew_fetch(conn, crew)?.vehicle.is_some(),
        None => false,
    };
    Ok(Some(Facts {
        kind: row.kind,
        unit_id: unit.id,
        unit_path: unit.path.into(),
        on_duty: duty.on_duty,
        availability: duty.availability.as_str().to_owned(),
        crew_id: duty.crew_id,
        has_vehicle: crew_vehicle
            || duty.vehicle.is_some()
            || carried.iter().any(|device| device.kind == DeviceKind::VehicleUnit),
        carried: carried.into_iter().map(|device| device.id).collect(),
    }))
}

/// The facts of everybody on duty.
pub fn facts_all(conn: &mut Conn) -> Result<Vec<(PersonId, Facts)>> {
    let people = crews::people_on_duty(conn, "")?;
    let mut all = Vec::with_capacity(people.len());
    for person in people {
        if let Some(facts) = facts_load(conn, &person.person_id)? {
            all.push((person.person_id, facts));
        }
    }
    Ok(all)
}

/// Duty, crew, availability, unit or carried devices of a person changed: the live table follows at the commit.
pub fn person_changed(core: &Core, tx: &mut Tx<'_>, person: &PersonId) -> Result<()> {
    let live = core.part::<Live>()?.clone();
    let person = *person;
    match facts_load(tx.conn(), &person)? {
        Some(facts) => tx.on_commit(move || live.set_facts(person, facts)),
        None => tx.on_commit(move || live.drop_person(&person)),
    }
    Ok(())
}

/// A unit was hung elsewhere: everybody and everything below it is on the maps of the new line at the commit.
pub fn unit_moved(core: &Core, tx: &mut Tx<'_>, from: &str, to: &str) -> Result<()> {
    let live = core.part::<Live>()?.clone();
    let (from, to) = (from.to_owned(), to.to_owned());
    tx.on_commit(move || live.move_unit(&from, &to));
    Ok(())
}

/// Members of a crew, present and past, as [`person_changed`].
pub fn crew_changed(core: &Core, tx: &mut Tx<'_>, crew: &CrewId) -> Result<()> {
    let mut people: HashSet<PersonId> = core.part::<Live>()?.people_of_crew(crew).into_iter().collect();
    people.extend(crews::crew_members(tx.conn(), crew)?.into_iter().map(|member| member.person_id));
    people.iter().try_for_each(|person| person_changed(core, tx, person))
}

/// A person may not sign in any more: off every map at the commit.
pub fn person_gone(core: &Core, tx: &mut Tx<'_>, person: &PersonId) -> Result<()> {
    let (live, person) = (core.part::<Live>()?.clone(), *person);
    tx.on_commit(move || live.drop_person(&person));
    Ok(())
}

/// A device was revoked: its place is nobody's at the commit.
pub fn device_gone(core: &Core, tx: &mut Tx<'_>, device: &DeviceId) -> Result<()> {
    let (live, device) = (core.part::<Live>()?.clone(), *device);
    tx.on_commit(move || live.drop_device(&device));
    Ok(())
}

/// Gives people a reason to report more often; `source` names it, e.g. `backup:<id>`. Devices hear of a change.
pub fn reporting_raise(core: &Core, tx: &mut Tx<'_>, people: &[PersonId], source: &str, mode: Mode) -> Result<()> {
    for person in people {
        let rules = store::rules_of(tx.conn(), person)?;
        if rules.iter().any(|(known, as_is)| known == source && *as_is == mode) {
            continue;
        }
        let now = tx.now;
        store::rule_put(tx.conn(), person, source, mode, now)?;
        let after = Mode::strongest(others_than(source, &rules).chain([mode]));
        reporting_tell(core, tx, person, strongest(&rules), after)?;
    }
    Ok(())
}

/// Ends a reason for everybody it was given to.
pub fn reporting_end(core: &Core, tx: &mut Tx<'_>, source: &str) -> Result<()> {
    for person in store::rule_people(tx.conn(), source)? {
        reporting_end_for(core, tx, &person, source)?;
    }
    Ok(())
}

/// Ends a reason for one person.
pub fn reporting_end_for(core: &Core, tx: &mut Tx<'_>, person: &PersonId, source: &str) -> Result<()> {
    let rules = store::rules_of(tx.conn(), person)?;
    if store::rule_drop(tx.conn(), person, source)? {
        let after = Mode::strongest(others_than(source, &rules));
        reporting_tell(core, tx, person, strongest(&rules), after)?;
    }
    Ok(())
}

fn others_than(source: &str, rules: &[(String, Mode)]) -> impl Iterator<Item = Mode> {
    rules.iter().filter(move |(known, _)| known != source).map(|(_, mode)| *mode)
}

fn strongest(rules: &[(String, Mode)]) -> Mode {
    Mode::strongest(rules.iter().map(|(_, mode)| *mode))
}

/// An assignment moved: while it is on its way, its people's devices report more often.
pub fn assignment_moved(
    core: &Core,
    tx: &mut Tx<'_>,
    assignment: &AssignmentId,
    to: &str,
    people: &[PersonId],
) -> Result<()> {
    let source = format!("assignment:{assignment}");
    match to {
        "accepted" | "en_route" | "on_scene" => reporting_raise(core, tx, people, &source, Mode::OnAssignment),
        _ => reporting_end(core, tx, &source),
    }
}

/// Somebody was split off from an assignment under way: his devices report as before it.
pub fn assignment_left(core: &Core, tx: &mut Tx<'_>, assignment: &AssignmentId, person: &PersonId) -> Result<()> {
    reporting_end_for(core, tx, person, &format!("assignment:{assignment}"))
}

fn reporting_tell(core: &Core, tx: &mut Tx<'_>, person: &PersonId, before: Mode, after: Mode) -> Result<()> {
    if after == before {
        return Ok(());
    }
    outbox::send(
        tx,
        &[*person],
        &Draft {
            kind: REPORTING_POLICY,
            subject: Subject::new("person", person),
            version: 0,
            args: json!({ "mode": after }),
            urgent: false,
        },
    )?;
    let (live, person) = (core.part::<Live>()?.clone(), *person);
    tx.on_commit(move || live.set_promise(person, after.promise_s()));
    Ok(())
}

/// Fixes of a person between two instants (inclusive), by time, each once.
pub async fn track(core: &Core, person: PersonId, from: Timestamp, to: Timestamp) -> Result<Vec<(DeviceId, Fix)>> {
    let (from, to) = (from.as_micros(), to.as_micros());
    // Memory first: what is sealed in between is then found in both, not in neither.
    let open = core.part::<Ingest>()?.open_of(person, from, to);
    let segments = core.db.read(move |conn| store::segments_of_person(conn, &person, from, to)).await?;
    merged(open, segments, from, to)
}

/// Open fixes and segments as one track: each (device, time) once, by time. Both may hold the same fix.
pub fn merged(
    open: Vec<(DeviceId, Fix)>,
    segments: Vec<(DeviceId, Vec<u8>)>,
    from: i64,
    to: i64,
) -> Result<Vec<(DeviceId, Fix)>> {
    let mut fixes = open;
    for (device, body) in segments {
        let decoded = codec::decode(&body).map_err(Error::internal)?;
        fixes.extend(decoded.into_iter().filter(|fix| (from..=to).contains(&fix.at)).map(|fix| (device, fix)));
    }
    fixes.sort_by_key(|(device, fix)| (fix.at, *device));
    fixes.dedup_by_key(|(device, fix)| (fix.at, *device));
    Ok(fixes)
}

/// One look at me, with the part of it in which I was in view.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LookedAt {
    /// Who looked.
    pub viewer_id: PersonId,
    /// That person's name.
    pub viewer_name: String,
    /// How.
    pub kind: AccessKind,
    /// The reason given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The number of the inquiry under which it was, which has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inquiry: Option<String>,
    /// When the look began.
    pub from: Timestamp,
    /// When it ended; null while it goes on.
    pub to: Option<Timestamp>,
    /// My first and last place that it showed.
    pub seen_from: Timestamp,
    /// See `seen_from`.
    pub seen_to: Timestamp,
}

/// Who looked at a person between two instants: looks that named the person, looks at the unit while the person was in
/// view, and looks under inquiries that have ended.
pub async fn looked_at(core: &Core, person: PersonId, from: Timestamp, to: Timestamp) -> Result<Vec<LookedAt>> {
    let own_track = track(core, person, from.plus_secs(-STANDING_S), to.plus_secs(CLOCK_AHEAD_S)).await?;
    let open = core.part::<Looks>()?.open_at(&person, from, to, usize::try_from(LOOKS_MAX).unwrap_or(0));
    let now = core.clock.now();
    core.db
        .read(move |conn| {
            let home = officers::person_fetch(conn, &person)?.unit_id;
            let unit = officers::unit_fetch(conn, &home)?;
            let mut looks: Vec<LookedAt> = Vec::new();
            let mut names: HashMap<PersonId, String> = HashMap::new();
            let named = read::naming(conn, &person, open, from, to, LOOKS_MAX)?;
            let scoped = store::accesses_of_units(conn, &person, &paths_above(&unit.path), from, to, LOOKS_MAX)?;
            let named = named.into_iter().map(|row| {
                let (a, b) = (row.from_at, row.to_at.unwrap_or(row.from_at));
                (row, Some((a, b)))
            });
            let scoped = scoped.into_iter().map(|row| {
                let seen = in_view(&row, &own_track, to);
                (row, seen)
            });
            let told = inquiries::looks_told_of_person(conn, &person, (from, to), now, LOOKS_MAX)?;
            let told = told.into_iter().map(|(look, number)| {
                // From which unit he looked is not told.
                let viewer = (look.viewer_id, unit.id, look.device_id);
                let row = AccessRow::of_moment(look.id, viewer, AccessKind::Track, look.purpose, look.at);
                (row, Some((look.at, look.at)), Some(number))
            });
            let named = named.chain(scoped).map(|(row, seen)| (row, seen, None));
            for (row, seen, inquiry) in named.chain(told) {
                let Some((seen_from, seen_to)) = seen else { continue };
                let name = match names.get(&row.viewer_id) {
                    Some(name) => name.clone(),
                    None => officers::person_fetch(conn, &row.viewer_id)?.name,
                };
                names.insert(row.viewer_id, name.clone());
                looks.push(LookedAt {
                    viewer_id: row.viewer_id,
                    viewer_name: name,
                    kind: row.kind,
                    purpose: row.purpose,
                    inquiry,
                    from: row.from_at,
                    to: row.to_at,
                    seen_from,
                    seen_to,
                });
            }
            looks.sort_by_key(|look| std::cmp::Reverse(look.from));
            Ok(looks)
        })
        .await
}

/// `/a/b/c/` → itself, `/a/b/`, `/a/`.
fn paths_above(path: &str) -> Vec<String> {
    let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(i, _)| i);
    let mut paths: Vec<String> = ends.skip(1).filter_map(|i| path.get(..=i)).map(str::to_owned).collect();
    paths.reverse();
    paths
}

/// The first and last moment of the look at which the track was in its box. What a clock ahead says is shown when it
/// arrives, not when that clock's time comes.
fn in_view(row: &AccessRow, track: &[(DeviceId, Fix)], now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let (from, to) = (row.from_at, row.to_at.unwrap_or(now));
    let bbox = row.bbox();
    let inside = |fix: &Fix| bbox.is_none_or(|b| b.contains(fix.position()));
    let good = || track.iter().map(|(_, fix)| fix).filter(|fix| !fix.flags.is_wrong());
    let standing =
        good().rfind(|fix| fix.trusted_at() <= from && from.secs_since(fix.trusted_at()) <= STANDING_S as f64);
    let standing = standing.filter(|fix| inside(fix)).map(|_| from);
    let mut during = good().filter(|fix| inside(fix)).map(Fix::trusted_at).filter(|at| *at >= from && *at <= to);
    let first = standing.or_else(|| during.next())?;
    Some((first, during.next_back().unwrap_or(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_above() {
        assert_eq!(paths_above("/a/b/c/"), ["/a/b/c/", "/a/b/", "/a/"]);
        assert_eq!(paths_above("/a/"), ["/a/"]);
    }
}
