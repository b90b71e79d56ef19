//! One press becomes one request, whichever door and device it came through.

use std::sync::Arc;

use serde_json::json;

use super::super::facts::{self, Around, Call};
use super::super::follow::fix_place;
use super::super::rank::Choice;
use super::super::rows::{BackupRow, Place, PlaceSource, PressRow, TimerKind, Via};
use super::super::rules::{self, Arrival};
use super::super::{Kind, State, store};
use super::press::Press;
use super::{merge, tell, wave};
use crate::duty::{crews, officers};
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Actor, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::ids::{BackupId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Who pressed and by which door.
#[derive(Clone)]
pub struct Presser {
    pub ctx: Ctx,
    pub via: Via,
}

/// What became of a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    pub id: BackupId,
    /// False when the press belongs to a request that was there already.
    pub created: bool,
}

/// The actor of a press that an enrolled device signed by itself: its holder now, else its last one.
///
/// Errors: `bad_signature` when nobody ever held the device.
pub fn device_presser(conn: &mut Conn, device: &officers::auth::DeviceActor) -> Result<Actor> {
    let holder = crews::store::device_holder(conn, &device.device.id)?;
    let holder = match holder.or_else(|| device.holder()) {
        Some(person) => Some(person),
        None => crews::store::device_last_holder(conn, &device.device.id)?,
    };
    let person = holder.ok_or_else(|| Error::forbidden("nobody has held this device"))?;
    officers::auth::actor_of_device(conn, device, &person)
}

/// Everything the recipe stores, decided on a reader.
struct Prepared {
    press: Press,
    presser: Presser,
    for_person: PersonId,
    unit: UnitId,
    device: DeviceId,
    pressed_at: Timestamp,
    place: Option<Place>,
    destination: Option<Place>,
    last_sign: Option<Timestamp>,
    /// None when the press seemed to belong to a request that is there already.
    choice: Option<Choice>,
    settings: crate::platform::config::Backup,
}

/// Raises a request, or adds the press to the one it belongs to. Runs to its end even if the caller hangs up.
///
/// Errors: `invalid_field`, `forbidden` (service accounts), `key_reused`.
pub async fn raise(presser: Presser, press: Press, meta: RequestMeta) -> Result<(Raised, Done)> {
    press.check()?;
    if presser.ctx.actor.kind == PersonKind::ServiceAccount {
        return Err(Error::forbidden("a service account cannot call for help"));
    }
    // Detached: a handset that loses its link right after the press has pressed all the same.
    tokio::spawn(async move {
        let core = Arc::clone(&presser.ctx.core);
        let ctx = presser.ctx.clone();
        let prepared = Arc::new(prepare(&core, presser, press).await?);
        let done = idem::run(&ctx, &meta, Priority::Urgent, move |tx| {
            let raised = record(tx, &prepared)?;
            let status = if raised.created { 201 } else { 200 };
            Ok(Done::new(status, json!({ "id": raised.id, "created": raised.created })))
        })
        .await?;
        let raised = Raised { id: done.id()?, created: done.status == 201 };
        Ok((raised, done))
    })
    .await
    .map_err(Error::internal)?
}

async fn prepare(core: &Arc<Core>, presser: Presser, press: Press) -> Result<Prepared> {
    let around = Around::of(core)?;
    let settings = core.config.backup.clone();
    core.db.read(move |conn| prepare_on(conn, &around, presser, press, settings)).await
}

fn prepare_on(
    conn: &mut Conn,
    around: &Around,
    presser: Presser,
    press: Press,
    settings: crate::platform::config::Backup,
) -> Result<Prepared> {
    let actor = Arc::clone(&presser.ctx.actor);
    let requester = actor.person;
    let for_person = press.for_person_id.unwrap_or(requester);
    let unit = if for_person == requester {
        actor.unit
    } else {
        officers::store::person_fetch(conn, &for_person)
            .map_err(|_unknown| Error::field("for_person_id", "nobody has this id"))?
            .unit_id
    };
    // A device that is not the caller's to name is no reason to refuse help.
    let device = match press.device_id {
        Some(named) if crews::store::carries(conn, &requester, &named)? => named,
        _ => actor.device,
    };
    let now = around.now;
    let pressed_at = press.pressed_at.unwrap_or(now).min(now);
    let last_sign = around.marker(&for_person).map(|(marker, _)| marker.at);
    let place = press.given(pressed_at).or_else(|| best_fix(conn, around, &for_person, &requester).ok().flatten());
    let destination = match (place, fix_place(around, &for_person, PlaceSource::Fix)) {
        (Some(place), Some(fix)) if fix.at > place.at => Some(fix),
        (place, fix) => place.or(fix),
    };
    let mut prepared = Prepared {
        for_person,
        unit,
        device,
        pressed_at,
        place,
        destination,
        last_sign,
        choice: None,
        settings,
        press,
        presser,
    };
    if earlier(conn, &prepared, now)?.is_none() {
        // A failure to rank must not lose the alarm: the room hears at once, the poll ranks again.
        prepared.choice = first_choice(conn, around, &prepared)
            .inspect_err(|error| tracing::error!(%error, "a call for help could not be ranked at once"))
            .ok();
    }
    Ok(prepared)
}

/// The caller's last good fix, else his companion's: somebody who calls is never nowhere if we can help it.
fn best_fix(conn: &mut Conn, around: &Around, for_person: &PersonId, requester: &PersonId) -> Result<Option<Place>> {
    if let Some(place) = fix_place(around, for_person, PlaceSource::Fix) {
        return Ok(Some(place));
    }
    if let Some(place) = fix_place(around, requester, PlaceSource::RequesterFix) {
        return Ok(Some(place));
    }
    let Some(crew) = crews::store::crew_of(conn, for_person)? else { return Ok(None) };
    Ok(store::members_of_crews(conn, &[crew])?
        .into_iter()
        .filter_map(|(person, _)| fix_place(around, &person, PlaceSource::CrewFix))
        .max_by_key(|place| place.at))
}

fn first_choice(conn: &mut Conn, around: &Around, prepared: &Prepared) -> Result<Choice> {
    let Some(destination) = prepared.destination else { return Ok(Choice::default()) };
    facts::rank_around(
        conn,
        around,
        &Call {
            requester: prepared.presser.ctx.actor.person,
            for_person: prepared.for_person,
            kind: prepared.press.kind.unwrap_or(Kind::Help),
            place: destination.position(),
            already: std::collections::HashSet::new(),
            missing: prepared.settings.wanted,
            spare: prepared.settings.spare,
            within_m: prepared.settings.within_m,
        },
    )
}

/// The request this press belongs to: the same press again, another button within a minute, or a late twin.
fn earlier(conn: &mut Conn, prepared: &Prepared, now: Timestamp) -> Result<Option<BackupRow>> {
    let requester = prepared.presser.ctx.actor.person;
    if let Some(id) = prepared.press.id
        && let Some(known) = store::press_fetch(conn, &id)?
    {
        if known.person_id != requester {
            return Err(Error::conflict("this id belongs to another press"));
        }
        return store::backup_fetch(conn, &known.backup_id).map(Some);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a small constant")]
    let window = rules::ONE_PRESS_S as i64;
    if let Some(open) = store::backup_recent(conn, &requester, &prepared.for_person, now.plus_secs(-window))? {
        return Ok(Some(open));
    }
    if now.secs_since(prepared.pressed_at) <= rules::LATE_AFTER_S {
        return Ok(None);
    }
    store::backup_pressed_near(
        conn,
        &requester,
        &prepared.for_person,
        prepared.pressed_at.plus_secs(-window),
        prepared.pressed_at.plus_secs(window),
    )
}

fn record(tx: &mut Tx<'_>, prepared: &Prepared) -> Result<Raised> {
    store::gate_pass(tx, &prepared.presser.ctx.actor.person)?;
    let now = tx.now;
    if let Some(row) = earlier(tx.conn(), prepared, now)? {
        let known = match prepared.press.id {
            Some(id) => store::press_fetch(tx.conn(), &id)?.is_some(),
            None => false,
        };
        if !known {
            press_keep(tx, prepared, &row.id)?;
            merge::press_again(tx, &row, &prepared.press, prepared.place, &prepared.presser.ctx.actor)?;
        }
        return Ok(Raised { id: row.id, created: false });
    }
    let row = create(tx, prepared)?;
    Ok(Raised { id: row.id, created: true })
}

fn press_keep(tx: &mut Tx<'_>, prepared: &Prepared, backup: &BackupId) -> Result<()> {
    let row = PressRow {
        id: prepared.press.id.unwrap_or_else(BackupId::new),
        backup_id: *backup,
        person_id: prepared.presser.ctx.actor.person,
        device_id: Some(prepared.device),
        via: prepared.presser.via,
        pressed_at: prepared.pressed_at,
        received_at: tx.now,
    };
    store::press_insert(tx.conn(), &row)
}

fn create(tx: &mut Tx<'_>, prepared: &Prepared) -> Result<BackupRow> {
    let actor = &prepared.presser.ctx.actor;
    let now = tx.now;
    let arrival = rules::arrival(prepared.pressed_at, now, prepared.last_sign);
    let row = BackupRow {
        id: prepared.press.id.unwrap_or_else(BackupId::new),
        requester_id: actor.person,
        for_person_id: prepared.for_person,
        device_id: Some(prepared.device),
        unit_id: prepared.unit,
        kind: prepared.press.kind.unwrap_or(Kind::Help),
        state: State::Open,
        silent: prepared.press.silent.unwrap_or(false),
        late: arrival != Arrival::InTime,
        ring: arrival != Arrival::Late { ring: false },
        unauthenticated_session: actor.session.is_none(),
        note: prepared.press.note.clone(),
        needs: json!(prepared.press.needs.clone().unwrap_or_default()).to_string(),
        target: None,
        pressed_at: prepared.pressed_at,
        received_at: now,
        place: prepared.place.as_ref().map(store::place_text).transpose()?,
        destination: prepared.destination.as_ref().map(store::place_text).transpose()?,
        told: prepared.destination.as_ref().map(store::place_text).transpose()?,
        wanted: i64::try_from(prepared.settings.wanted).unwrap_or(3),
        wave: 0,
        covered_at: None,
        taken_by: None,
        taken_unit_id: None,
        taken_at: None,
        says: None,
        closed_at: None,
        closed_by: None,
        close_reason: None,
        version: 1,
        updated_at: now,
    };
    store::backup_insert(tx.conn(), &row)?;
    press_keep(tx, prepared, &row.id)?;
    store::event_append(
        tx,
        &row.id,
        "raised",
        Some(actor.person),
        Some(prepared.device),
        &json!({ "via": prepared.presser.via, "late": row.late, "ring": row.ring, "silent": row.silent }),
    )?;

    let subject = row.id.to_string();
    let units = if row.ring {
        let units = match &prepared.choice {
            Some(choice) => {
                let cause = if prepared.destination.is_some() { "raised" } else { "no_place" };
                wave::offer(tx, &row, choice, cause, prepared.destination.as_ref())?
            }
            // The request this press seemed to join has just ended, or ranking failed: the poll ranks at once.
            None => 0,
        };
        let due = if prepared.choice.is_none() { now } else { wave::next_due(now, units, prepared.settings.wave_s) };
        store::timer_set(tx, TimerKind::Wave, &subject, None, 1, due)?;
        units
    } else {
        0
    };
    store::timer_set(
        tx,
        TimerKind::ParentRoom,
        &subject,
        None,
        1,
        now.plus_secs(prepared.settings.parent_room_after_s),
    )?;
    store::timer_set(tx, TimerKind::Commander, &subject, None, 1, now.plus_secs(prepared.settings.commander_after_s))?;
    tell::card_raised(tx, &row, units)?;
    audit::record(
        tx,
        Some(actor),
        "backup.raise",
        "backup",
        &subject,
        &json!({ "kind": row.kind, "for_person_id": row.for_person_id, "via": prepared.presser.via }),
    )?;
    tx.emit(&Event::BackupRaised { backup: row.id, person: row.for_person_id })?;
    metrics::counter!("suixing_backups_total", "kind" => row.kind.as_str()).increment(1);
    Ok(row)
}
