//! Taking a request in the room and correcting what is known about it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::Kind;
use super::super::rows::{BackupRow, LastSeen, Place, PlaceSource, Target, TimerKind};
use super::super::store::{self, Correction};
use super::super::view::Standing;
use super::press::{GivenLocation, check_location, check_needs};
use super::tell;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::body::{text, text_opt};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Code, Error, Result};
use crate::words::geo::Position;
use crate::words::ids::BackupId;

/// The room takes the request by name. By the same person again: nothing changes.
///
/// Errors: `claimed` with `taken_by` when another seat was first; `not_found`, `forbidden`.
pub async fn take(ctx: &Ctx, id: BackupId, meta: &RequestMeta) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Urgent, move |tx| take_in(tx, &actor, &id)).await
}

fn take_in(tx: &mut Tx<'_>, actor: &Actor, id: &BackupId) -> Result<Done> {
    let row = store::backup_lock(tx, id)?;
    let standing = Standing::load(tx.conn(), &row, &actor.person)?;
    standing.check(actor, Action::BackupCommand)?;
    if row.taken_by == Some(actor.person) {
        return Ok(Done::new(200, json!({ "id": id })));
    }
    if let Some(other) = row.taken_by {
        return Err(Error::new(Code::Claimed).with("taken_by", json!(other)).with("taken_at", json!(row.taken_at)));
    }
    if !row.is_open() {
        return Err(Error::conflict("it has ended"));
    }
    store::backup_take(tx, id, &actor.person, &actor.unit)?;
    store::timers_cancel(tx, &id.to_string(), &[TimerKind::ParentRoom, TimerKind::Commander])?;
    store::event_append(tx, id, "taken", Some(actor.person), Some(actor.device), &json!({ "unit_id": actor.unit }))?;
    audit::record(tx, Some(actor), "backup.take", "backup", &id.to_string(), &json!({}))?;
    let fresh = store::backup_fetch(tx.conn(), id)?;
    tell::cards_taken(tx, &fresh)?;
    tell::updated(tx, &fresh, "taken")?;
    tx.emit(&Event::BackupChanged { backup: *id })?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// What may be said after the press; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchBody {
    #[serde(default)]
    pub kind: Option<Kind>,
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub needs: Option<Vec<String>>,
    /// The pursued target; given fields replace, others stay.
    #[serde(default)]
    pub target: Option<Target>,
    #[serde(default)]
    pub silent: Option<bool>,
    /// Where help is needed, told by voice or seen.
    #[serde(default)]
    pub location: Option<GivenLocation>,
    /// The room only: ring for a late press that alarmed the room alone.
    #[serde(default)]
    pub ring: Option<bool>,
}

impl PatchBody {
    fn check(&self) -> Result<()> {
        text_opt("note", self.note.as_deref(), 2_000)?;
        check_needs(self.needs.as_deref())?;
        check_location(self.location.as_ref())?;
        let Some(target) = &self.target else { return Ok(()) };
        if let Some(plate) = &target.plate {
            text("target.plate", plate, 1, 16)?;
        }
        text_opt("target.colour", target.colour.as_deref(), 40)?;
        text_opt("target.description", target.description.as_deref(), 500)?;
        text_opt("target.direction", target.direction.as_deref(), 100)?;
        match target.last_seen {
            Some(seen) => Position { lon: seen.lon, lat: seen.lat }.checked().map(drop),
            None => Ok(()),
        }
    }
}

/// Corrects a request; who comes hears of it.
///
/// Errors: `conflict` once it has ended, `stale`, `not_found`, `forbidden`.
pub async fn patch(ctx: &Ctx, id: BackupId, body: PatchBody, meta: &RequestMeta) -> Result<Done> {
    body.check()?;
    let actor = Arc::clone(&ctx.actor);
    let seen = meta.clone();
    idem::run(ctx, meta, Priority::Urgent, move |tx| patch_in(tx, &actor, &id, &body, &seen)).await
}

fn patch_in(tx: &mut Tx<'_>, actor: &Actor, id: &BackupId, body: &PatchBody, meta: &RequestMeta) -> Result<Done> {
    let row = store::backup_lock(tx, id)?;
    let standing = Standing::load(tx.conn(), &row, &actor.person)?;
    let involved = standing.own || standing.may(actor, Action::BackupAnswer);
    if !involved || body.ring.is_some() {
        standing.check(actor, Action::BackupCommand)?;
    }
    if !row.is_open() {
        return Err(Error::conflict("it has ended"));
    }
    meta.check_version(row.version, || json!({ "id": id, "version": row.version }))?;
    let change = correction(tx, &row, body)?;
    store::backup_correct(tx, id, &change)?;
    store::event_append(
        tx,
        id,
        "changed",
        Some(actor.person),
        Some(actor.device),
        &json!({ "kind": body.kind, "needs": body.needs, "target": body.target, "silent": body.silent, "ring": body.ring }),
    )?;
    audit::record(tx, Some(actor), "backup.change", "backup", &id.to_string(), &json!({ "kind": body.kind }))?;
    let rings = body.ring == Some(true) && !row.ring;
    if rings
        || change.kind.is_some() && row.ring
        || change.destination.is_some() && row.covered_at.is_none() && row.ring
    {
        store::timer_hasten(tx, TimerKind::Wave, &id.to_string())?;
    }
    let fresh = store::backup_fetch(tx.conn(), id)?;
    tell::card_refresh(tx, &fresh)?;
    tell::updated(tx, &fresh, "changed")?;
    tx.emit(&Event::BackupChanged { backup: *id })?;
    Ok(Done::new(200, json!({ "id": id })))
}

fn correction(tx: &Tx<'_>, row: &BackupRow, body: &PatchBody) -> Result<Correction> {
    let mut change = Correction {
        kind: body.kind.filter(|kind| *kind != row.kind),
        silent: body.silent,
        ring: body.ring.filter(|ring| *ring),
        note: body.note.clone(),
        needs: body.needs.as_ref().map(|needs| json!(needs).to_string()),
        ..Correction::default()
    };
    if let Some(given) = &body.location {
        change.destination = Some(store::place_text(&given.place(tx.now))?);
    }
    if let Some(target) = &body.target {
        let old = row.target()?.unwrap_or_default();
        let last_seen =
            target.last_seen.map(|seen| LastSeen { at: Some(seen.at.unwrap_or(tx.now).min(tx.now)), ..seen });
        let merged = Target {
            plate: target.plate.clone().or(old.plate),
            colour: target.colour.clone().or(old.colour),
            description: target.description.clone().or(old.description),
            direction: target.direction.clone().or(old.direction),
            last_seen: last_seen.or(old.last_seen),
        };
        change.target = Some(store::target_text(&merged)?);
        if let Some(LastSeen { lon, lat, at: Some(at) }) = last_seen {
            let place = Place { lon, lat, at, accuracy_m: None, source: PlaceSource::Target };
            change.destination = Some(store::place_text(&place)?);
        }
    }
    Ok(change)
}
