//! The end of a request: the caller's own word is shown to all and ends nothing.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::rows::{AlertRow, BackupRow, Says, TimerKind};
use super::super::rules::{self, Closer, Closing};
use super::super::view::Standing;
use super::super::{Answer, CloseReason, Reason, store};
use super::tell;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::body::text_opt;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Error, Result};
use crate::words::ids::{BackupId, PersonId};

/// Why it should end.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseBody {
    pub reason: CloseReason,
    #[serde(default)]
    pub note: Option<String>,
}

/// Ends the request, or keeps the caller's word that it may end.
///
/// Errors: `not_found`, `forbidden` for responders who are not on the scene.
pub async fn close(ctx: &Ctx, id: BackupId, body: CloseBody, meta: &RequestMeta) -> Result<Done> {
    text_opt("note", body.note.as_deref(), 2_000)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Urgent, move |tx| close_in(tx, &actor, &id, &body)).await
}

fn close_in(tx: &mut Tx<'_>, actor: &Actor, id: &BackupId, body: &CloseBody) -> Result<Done> {
    let row = store::backup_lock(tx, id)?;
    let standing = Standing::load(tx.conn(), &row, &actor.person)?;
    let closer = closer(&standing, actor)?;
    let done = Ok(Done::new(200, json!({ "id": id })));
    if !row.is_open() {
        return done;
    }
    let caller_side = own_people(tx, &row)?;
    let colleague = store::colleague_arrived(tx.conn(), id, &caller_side)?.is_some();
    match rules::closing(closer, body.reason, colleague) {
        Closing::Refused => Err(Error::forbidden("say `arrived` first; only a colleague on the scene can confirm")),
        Closing::Says => {
            say(tx, &row, actor, body)?;
            done
        }
        Closing::Closes => {
            end(tx, &row, actor, body)?;
            done
        }
    }
}

/// On which side of the request somebody stands who wants to end it. The caller's own crew stands on his side.
fn closer(standing: &Standing, actor: &Actor) -> Result<Closer> {
    if standing.own {
        return Ok(Closer::CallerSide);
    }
    match &standing.alert {
        Some(alert) if alert.reason == Reason::OwnCrew => Ok(Closer::CallerSide),
        Some(alert) => Ok(Closer::Responder { on_scene: alert.answer == Some(Answer::Arrived) }),
        None => {
            standing.check(actor, Action::BackupCommand)?;
            Ok(Closer::Room)
        }
    }
}

fn own_people(tx: &mut Tx<'_>, row: &BackupRow) -> Result<Vec<PersonId>> {
    let mut people = vec![row.requester_id, row.for_person_id];
    people.extend(
        store::alerts_of(tx.conn(), &row.id)?
            .into_iter()
            .filter(|alert| alert.reason == Reason::OwnCrew)
            .map(|alert| alert.person_id),
    );
    Ok(people)
}

fn say(tx: &mut Tx<'_>, row: &BackupRow, actor: &Actor, body: &CloseBody) -> Result<()> {
    if row.says()?.is_some_and(|says| says.reason == body.reason) {
        return Ok(());
    }
    let says = Says { reason: body.reason, by: actor.person, at: tx.now };
    store::backup_says(tx, &row.id, &says)?;
    store::event_append(
        tx,
        &row.id,
        "says",
        Some(actor.person),
        Some(actor.device),
        &json!({ "reason": body.reason, "note": body.note }),
    )?;
    audit::record(tx, Some(actor), "backup.says", "backup", &row.id.to_string(), &json!({ "reason": body.reason }))?;
    let fresh = store::backup_fetch(tx.conn(), &row.id)?;
    tell::card_refresh(tx, &fresh)?;
    tell::updated(tx, &fresh, "says")?;
    tx.emit(&Event::BackupChanged { backup: row.id })
}

fn end(tx: &mut Tx<'_>, row: &BackupRow, actor: &Actor, body: &CloseBody) -> Result<()> {
    store::backup_close(tx, &row.id, Some(actor.person), body.reason)?;
    let told: Vec<AlertRow> = store::alerts_of(tx.conn(), &row.id)?;
    let people: Vec<PersonId> = told.iter().map(|alert| alert.person_id).collect();
    let gone = store::alerts_stand_down(tx, &row.id, &people, body.reason.as_str())?;
    store::timers_cancel(
        tx,
        &row.id.to_string(),
        &[TimerKind::Wave, TimerKind::ParentRoom, TimerKind::Commander, TimerKind::Answers],
    )?;
    store::event_append(
        tx,
        &row.id,
        "closed",
        Some(actor.person),
        Some(actor.device),
        &json!({ "reason": body.reason, "note": body.note }),
    )?;
    audit::record(tx, Some(actor), "backup.close", "backup", &row.id.to_string(), &json!({ "reason": body.reason }))?;
    let fresh = store::backup_fetch(tx.conn(), &row.id)?;
    tell::stood_down(tx, &fresh, &gone, body.reason.as_str())?;
    tell::updated(tx, &fresh, "closed")?;
    tell::cards_closed(tx, &fresh, Some(actor.person))?;
    tx.emit(&Event::BackupClosed { backup: row.id, person: row.for_person_id })
}
