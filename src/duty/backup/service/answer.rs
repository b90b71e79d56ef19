//! What alerted people answer and what their devices confirm; enough acceptances send the rest home.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::messages::ALERT;
use super::super::rows::{AlertRow, BackupRow, ReceiptRow, TimerKind};
use super::super::rules::{self, Offer};
use super::super::view::Standing;
use super::super::{Answer, store};
use super::tell;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor};
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::ids::{BackupId, DeviceId, PersonId};

text_enum! {
    /// How the room heard an answer it records for somebody.
    pub enum HeardVia { Radio = "radio", Phone = "phone", InPerson = "in_person" }
}

/// An answer to an alert.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseBody {
    pub answer: Answer,
    /// The room only: for whom it records what it heard.
    #[serde(default)]
    pub person_id: Option<PersonId>,
    /// The room only: how it was heard; shown as voice, never as device proof.
    #[serde(default)]
    pub via: Option<HeardVia>,
}

/// Records an answer. The same answer again changes nothing; after the end it is told `applied: false`.
///
/// Errors: `not_found`, `forbidden` for who was not told of it.
pub async fn respond(ctx: &Ctx, id: BackupId, body: ResponseBody, meta: &RequestMeta) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Urgent, move |tx| respond_in(tx, &actor, &id, &body)).await
}

fn respond_in(tx: &mut Tx<'_>, actor: &Actor, id: &BackupId, body: &ResponseBody) -> Result<Done> {
    let row = store::backup_lock(tx, id)?;
    let standing = Standing::load(tx.conn(), &row, &actor.person)?;
    let person = match body.person_id {
        Some(person) if person != actor.person => {
            standing.check(actor, Action::BackupCommand)?;
            if body.via.is_none() {
                return Err(Error::field("via", "how was it heard: radio, phone or in_person"));
            }
            person
        }
        _ => {
            standing.check(actor, Action::BackupAnswer)?;
            actor.person
        }
    };
    let alert = store::alert_fetch(tx.conn(), id, &person)?
        .ok_or_else(|| Error::field("person_id", "this person was not told of it"))?;
    let done = |applied: bool| Ok(Done::new(200, json!({ "id": id, "applied": applied })));
    if alert.answer == Some(body.answer) {
        return done(alert.stood_down_at.is_none());
    }
    // Who is there is there: a later tap of another kind by a slow device does not take it back.
    if alert.arrived_at.is_some() && body.answer == Answer::Coming {
        return done(false);
    }
    let device = (person == actor.person).then_some(actor.device);
    store::alert_answer(tx, id, &person, body.answer, device)?;
    store::event_append(
        tx,
        id,
        "answered",
        Some(person),
        device,
        &json!({ "answer": body.answer, "via": body.via, "recorded_by": (person != actor.person).then_some(actor.person) }),
    )?;
    audit::record(
        tx,
        Some(actor),
        "backup.answer",
        "backup",
        &id.to_string(),
        &json!({ "answer": body.answer, "person_id": person }),
    )?;
    if !row.is_open() || alert.stood_down_at.is_some() {
        return done(false);
    }
    tally(tx, &row)?;
    let fresh = store::backup_fetch(tx.conn(), id)?;
    tell::answered(tx, &fresh, body.answer)?;
    tx.emit(&Event::BackupChanged { backup: *id })?;
    done(true)
}

/// Counts units; enough → the rest stand down; one lost again, or nobody left to hope for → the next ring at once.
fn tally(tx: &mut Tx<'_>, row: &BackupRow) -> Result<()> {
    let alerts = store::alerts_of(tx.conn(), &row.id)?;
    let offers: Vec<Offer> = alerts.iter().map(AlertRow::offer).collect();
    let accepted = rules::accepted_units(&offers);
    let subject = row.id.to_string();
    if accepted < row.wanted() {
        if row.covered_at.is_some() {
            store::backup_cover(tx, &row.id, false)?;
            store::event_append(tx, &row.id, "uncovered", None, None, &json!({ "accepted": accepted }))?;
            return store::timer_hasten(tx, TimerKind::Wave, &subject);
        }
        if row.ring && accepted + rules::pending_units(&offers) < row.wanted() && has_declined(&offers) {
            return store::timer_hasten(tx, TimerKind::Wave, &subject);
        }
        return Ok(());
    }
    if row.covered_at.is_none() {
        store::backup_cover(tx, &row.id, true)?;
        store::event_append(tx, &row.id, "covered", None, None, &json!({ "accepted": accepted }))?;
    }
    store::timers_cancel(tx, &subject, &[TimerKind::Wave])?;
    tell::cards_covered(tx, row)?;
    let rest: Vec<PersonId> = rules::surplus(&offers, row.wanted())
        .into_iter()
        .filter_map(|index| alerts.get(index))
        .map(|alert| alert.person_id)
        .collect();
    let gone = store::alerts_stand_down(tx, &row.id, &rest, "enough")?;
    if !gone.is_empty() {
        store::event_append(tx, &row.id, "stood_down", None, None, &json!({ "people": gone, "reason": "enough" }))?;
    }
    let fresh = store::backup_fetch(tx.conn(), &row.id)?;
    tell::stood_down(tx, &fresh, &gone, "enough")
}

fn has_declined(offers: &[Offer]) -> bool {
    offers.iter().any(|offer| offer.answer == Some(Answer::Declined))
}

/// A device confirmed a message about a request: machine truth, kept per device.
pub fn alert_received(
    tx: &mut Tx<'_>,
    person: &PersonId,
    device: &DeviceId,
    carried: bool,
    message_kind: &str,
    backup: &str,
) -> Result<()> {
    let backup_id: BackupId = backup.parse()?;
    let at = tx.now;
    let fresh = store::receipt_keep(
        tx,
        &ReceiptRow {
            backup_id,
            person_id: *person,
            device_id: *device,
            message_kind: message_kind.to_owned(),
            carried,
            at,
        },
    )?;
    if fresh && message_kind == ALERT {
        store::event_append(tx, &backup_id, "received", Some(*person), Some(*device), &json!({ "carried": carried }))?;
    }
    Ok(())
}
