//! Rings of offers and the way up through the rooms: what timers do when they fall due.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;

use super::super::facts::{self, Around, Call};
use super::super::rank::{Choice, Verdict};
use super::super::rows::{AlertRow, BackupRow, Place, TimerKind, TimerRow, WaveRow};
use super::super::rules::{self, Offer, Step};
use super::super::{AlertRole, Reach, Reason, store, view};
use super::tell;
use crate::duty::officers;
use crate::platform::ctx::Core;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::words::error::Result;
use crate::words::ids::{BackupId, PersonId};
use crate::words::time::Timestamp;

/// Seconds until the next look when nobody could be offered the call: a terminal may come back any moment.
const RETRY_EMPTY_S: i64 = 3;
/// Verdicts kept per wave; the nearest first, so whoever mattered is among them.
const VERDICTS_KEPT: usize = 200;

/// When the next ring is due after one that reached so many units.
pub(super) fn next_due(now: Timestamp, units: usize, wave_s: i64) -> Timestamp {
    now.plus_secs(if units == 0 { RETRY_EMPTY_S.min(wave_s) } else { wave_s })
}

/// Stores a wave, alerts and informs its people; returns how many response units were offered the call.
pub(super) fn offer(
    tx: &mut Tx<'_>,
    row: &BackupRow,
    choice: &Choice,
    cause: &str,
    place: Option<&Place>,
) -> Result<usize> {
    let now = tx.now;
    let wave = row.wave + 1;
    let told_before: HashSet<PersonId> = store::alerts_of(tx.conn(), &row.id)?
        .into_iter()
        .filter(|alert| alert.stood_down_at.is_none())
        .map(|alert| alert.person_id)
        .collect();
    store::wave_insert(
        tx,
        &WaveRow {
            backup_id: row.id,
            wave,
            at: now,
            cause: cause.to_owned(),
            lon: place.map(|place| place.lon),
            lat: place.map(|place| place.lat),
            units: i64::try_from(choice.units).unwrap_or(i64::MAX),
            verdicts: json!(choice.verdicts.iter().take(VERDICTS_KEPT).map(verdict_json).collect::<Vec<_>>())
                .to_string(),
        },
    )?;
    let mut people = Vec::new();
    for verdict in choice.told().filter(|verdict| !told_before.contains(&verdict.person)) {
        let Some(role) = verdict.role else { continue };
        store::alert_put(
            tx,
            &AlertRow {
                backup_id: row.id,
                person_id: verdict.person,
                unit_key: verdict.unit.to_string(),
                role,
                reason: verdict.reason,
                reach: verdict.reach,
                wave,
                quiet: is_beside(verdict),
                distance_m: verdict.fix.map(|fix| fix.distance_m.round()),
                eta_s: verdict.fix.map(|fix| fix.eta_s.round()),
                alerted_at: now,
                received_at: None,
                received_device_id: None,
                answer: None,
                answered_at: None,
                answered_device_id: None,
                arrived_at: None,
                stood_down_at: None,
                stand_down_reason: None,
            },
        )?;
        people.push(verdict.person);
    }
    tell::alerted(tx, row, &people)?;
    store::event_append(
        tx,
        &row.id,
        "wave",
        None,
        None,
        &json!({ "wave": wave, "cause": cause, "units": choice.units, "people": people.len() }),
    )?;
    Ok(choice.units)
}

/// Within earshot of a silent caller: by a fix, or as his crew whose fix is unknown.
fn is_beside(verdict: &Verdict) -> bool {
    match verdict.fix {
        Some(fix) => fix.distance_m <= rules::QUIET_RADIUS_M,
        None => verdict.reason == Reason::OwnCrew,
    }
}

fn verdict_json(verdict: &Verdict) -> serde_json::Value {
    json!({
        "person_id": verdict.person,
        "unit": verdict.unit.to_string(),
        "role": verdict.role,
        "reason": verdict.reason,
        "reach": verdict.reach,
        "distance_m": verdict.fix.map(|fix| fix.distance_m.round()),
        "eta_s": verdict.fix.map(|fix| fix.eta_s.round()),
        "fix_age_s": verdict.fix.map(|fix| fix.age_s.round()),
        "fix_fresh": verdict.fix.map(|fix| fix.fresh),
    })
}

/// A wave timer fell due: rests when enough accepted, else offers the call to the next ring.
pub async fn widen(core: &Arc<Core>, timer: TimerRow) -> Result<()> {
    let around = Around::of(core)?;
    let settings = core.config.backup.clone();
    let wave_s = settings.wave_s;
    let id: BackupId = timer.subject_id.parse()?;
    let planned = core.db.read(move |conn| {
        let row = store::backup_fetch(conn, &id)?;
        let alerts = store::alerts_of(conn, &id)?;
        let offers: Vec<Offer> = alerts.iter().map(AlertRow::offer).collect();
        let accepted = rules::accepted_units(&offers);
        if !row.is_open() || !row.ring {
            return Ok(None);
        }
        let Step::Widen { missing } = rules::wave_step(accepted, row.wanted(), row.wave) else { return Ok(None) };
        let Some(place) = view::destination_now(&around, &row)? else { return Ok(Some((Choice::default(), None))) };
        let choice = facts::rank_around(
            conn,
            &around,
            &Call {
                requester: row.requester_id,
                for_person: row.for_person_id,
                kind: row.kind,
                place: crate::words::geo::Position { lon: place.lon, lat: place.lat },
                already: alerts
                    .iter()
                    .filter(|alert| alert.stood_down_at.is_none())
                    .map(|alert| alert.person_id)
                    .collect(),
                missing,
                spare: settings.spare,
                within_m: settings.within_m,
            },
        )?;
        Ok(Some((choice, Some((place.lon, place.lat)))))
    });
    let planned = Arc::new(planned.await?);
    core.db
        .write(Priority::Urgent, move |tx| {
            let row = store::backup_lock(tx, &id)?;
            if store::timer_claim(tx, &timer.id)? {
                widen_in(tx, row, &timer, planned.as_ref().as_ref(), wave_s)
            } else {
                Ok(())
            }
        })
        .await
}

fn widen_in(
    tx: &mut Tx<'_>,
    row: BackupRow,
    timer: &TimerRow,
    planned: Option<&(Choice, Option<(f64, f64)>)>,
    wave_s: i64,
) -> Result<()> {
    let Some((choice, place)) = planned else { return Ok(()) };
    if !row.is_open() {
        return Ok(());
    }
    let now = tx.now;
    let anybody = choice.told().next().is_some();
    if anybody {
        let place = place.map(|(lon, lat)| Place {
            lon,
            lat,
            at: now,
            accuracy_m: None,
            source: super::super::rows::PlaceSource::Fix,
        });
        let cause = if row.wave == 0 { "raised" } else { "not_enough" };
        let units = offer(tx, &row, choice, cause, place.as_ref())?;
        let fresh = store::backup_fetch(tx.conn(), &row.id)?;
        tell::card_reached(tx, &fresh, units)?;
        tx.emit(&Event::BackupChanged { backup: row.id })?;
    } else {
        tell::card_exhausted(tx, &row)?;
    }
    let due = next_due(now, if anybody { choice.units.max(1) } else { 0 }, wave_s);
    store::timer_set(tx, TimerKind::Wave, &timer.subject_id, None, timer.attempt + 1, due)
}

/// Nobody took it in time: the next room above is told too.
pub fn escalate_parent(tx: &mut Tx<'_>, timer: &TimerRow) -> Result<()> {
    let id: BackupId = timer.subject_id.parse()?;
    // The call before its timer, as whoever answers it does.
    let row = store::backup_lock(tx, &id)?;
    if !store::timer_claim(tx, &timer.id)? || !row.is_open() || row.taken_by.is_some() {
        return Ok(());
    }
    let (room, _) = tell::room_of(tx.conn(), &row)?;
    let above = officers::store::unit_ancestors(tx.conn(), &room)?;
    let Some(parent) = above.first() else { return Ok(()) };
    let (unit, seats) = officers::store::seats_or_parent(tx.conn(), &parent.id)?;
    tell::card_escalated(tx, &row, "parent", unit, &seats)?;
    store::event_append(tx, &id, "escalated_parent_room", None, None, &json!({ "unit_id": unit, "seats": seats.len() }))
}

/// Still nobody: supervisors and administrators of the unit and everything above.
pub fn escalate_commander(tx: &mut Tx<'_>, timer: &TimerRow) -> Result<()> {
    let id: BackupId = timer.subject_id.parse()?;
    // The call before its timer, as whoever answers it does.
    let row = store::backup_lock(tx, &id)?;
    if !store::timer_claim(tx, &timer.id)? || !row.is_open() || row.taken_by.is_some() {
        return Ok(());
    }
    let mut units = vec![row.unit_id];
    units.extend(officers::store::unit_ancestors(tx.conn(), &row.unit_id)?.into_iter().map(|unit| unit.id));
    let commanders = store::commanders_of_units(tx.conn(), &units)?;
    // The card belongs to the lowest unit, so that every commander above may see it.
    tell::card_escalated(tx, &row, "commander", row.unit_id, &commanders)?;
    store::event_append(tx, &id, "escalated_commander", None, None, &json!({ "people": commanders.len() }))
}

/// Whether the ring has reached anybody who could come.
pub(super) fn reached_anybody(alerts: &[AlertRow]) -> bool {
    alerts.iter().any(|alert| alert.role == AlertRole::Respond && alert.reach != Reach::None)
}
