//! "All right?" after a while on the scene of something risky; no answer → a card for the room.
//!
//! Set by the reaction to an `on_scene` rung, fired by `jobs`, answered by one tap (`POST /me/check-ins`) or any later
//! rung of the person on that assignment. Off unless `backup.check_in_categories` names categories.

use serde::Deserialize;
use serde_json::json;

use super::rows::{TimerKind, TimerRow};
use super::store;
use crate::duty::{incidents, officers};
use crate::platform::cards::{self, Draw};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, IncidentId, PersonId};

/// A question to one officer, answered with one tap.
pub const ASK: &str = "check_in.ask";

/// A human rung: the clock starts at the scene of a risky category; anything later from the person answers it.
pub fn rung(
    core: &Core,
    tx: &mut Tx<'_>,
    assignment: &AssignmentId,
    incident: &IncidentId,
    person: &PersonId,
    rung: &str,
) -> Result<()> {
    let settings = &core.config.backup;
    if settings.check_in_categories.is_empty() {
        return Ok(());
    }
    let category = incidents::store::incident_fetch(tx.conn(), incident)?.category;
    let risky = settings.check_in_categories.contains(&category);
    answered(tx, assignment, person, (risky && rung == "on_scene").then_some(settings.check_in_after_s))
}

/// One tap, or any sign of the person at that assignment, answers the question; `again_after_s` starts the next round.
fn answered(tx: &mut Tx<'_>, assignment: &AssignmentId, person: &PersonId, again_after_s: Option<i64>) -> Result<()> {
    let subject = subject(assignment, person);
    store::timers_cancel(tx, &subject, &[TimerKind::CheckInAsk, TimerKind::CheckInMissed])?;
    cards::close(tx, &key(&subject), Some(*person))?;
    let Some(after_s) = again_after_s else { return Ok(()) };
    let last = store::timer_last(tx.conn(), &subject, TimerKind::CheckInAsk)?;
    let due = tx.now.plus_secs(after_s);
    store::timer_set(tx, TimerKind::CheckInAsk, &subject, Some(*person), store::next_attempt(last.as_ref()), due)
}

/// Which question is answered.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInBody {
    pub assignment_id: AssignmentId,
}

/// "All right": answers the question and starts the next round. `not_found` if nothing was asked of him there.
pub async fn all_right(ctx: &Ctx, body: CheckInBody, meta: &RequestMeta) -> Result<Done> {
    let person = ctx.actor.person;
    let after_s = ctx.config.backup.check_in_after_s;
    idem::run(ctx, meta, Priority::Receipt, move |tx| {
        let subject = subject(&body.assignment_id, &person);
        if store::timer_last(tx.conn(), &subject, TimerKind::CheckInAsk)?.is_none() {
            return Err(Error::not_found("check-in"));
        }
        answered(tx, &body.assignment_id, &person, Some(after_s))?;
        Ok(Done::new(200, json!({ "assignment_id": body.assignment_id, "next_in_s": after_s })))
    })
    .await
}

/// Asks, and sets the clock for the answer.
pub(super) fn ask(tx: &mut Tx<'_>, timer: &TimerRow, answer_s: i64) -> Result<()> {
    if !store::timer_claim(tx, &timer.id)? {
        return Ok(());
    }
    let (Some(person), Some(assignment)) = (timer.person_id, assignment_of(timer)) else { return Ok(()) };
    let draft = Draft {
        kind: ASK,
        subject: Subject::new("assignment", assignment),
        version: timer.attempt,
        args: json!({ "assignment_id": assignment, "answer_within_s": answer_s }),
        urgent: true,
    };
    outbox::send(tx, &[person], &draft)?;
    let due = tx.now.plus_secs(answer_s);
    store::timer_set(tx, TimerKind::CheckInMissed, &timer.subject_id, Some(person), timer.attempt, due)
}

/// No answer: the room looks after him.
pub(super) fn missed(tx: &mut Tx<'_>, timer: &TimerRow) -> Result<()> {
    if !store::timer_claim(tx, &timer.id)? {
        return Ok(());
    }
    let (Some(person), Some(assignment)) = (timer.person_id, assignment_of(timer)) else { return Ok(()) };
    let unit = officers::store::person_fetch(tx.conn(), &person)?.unit_id;
    let (unit_id, seats) = officers::store::seats_or_parent(tx.conn(), &unit)?;
    cards::raise(
        tx,
        &Draw {
            unit_id,
            recipients: &seats,
            kind: "check_in.missed",
            subject: Subject::new("assignment", assignment),
            data: json!({ "person_id": person, "assignment_id": assignment, "suggest": "backup" }),
            key: key(&timer.subject_id),
            urgent: true,
        },
    )?;
    Ok(())
}

fn subject(assignment: &AssignmentId, person: &PersonId) -> String {
    format!("{assignment}/{person}")
}

fn assignment_of(timer: &TimerRow) -> Option<AssignmentId> {
    timer.subject_id.split_once('/').and_then(|(assignment, _)| assignment.parse().ok())
}

fn key(subject: &str) -> String {
    format!("check_in:{subject}")
}
