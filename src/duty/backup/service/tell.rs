//! Who hears what: alerts, updates and stand-downs through the outbox, cards for the rooms.
//!
//! Arguments hold ids and enums only; what a recipient sees is rendered for him in [`super::super::messages`], where
//! a silent request is made quiet for those beside the caller.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::messages::{ALERT, STAND_DOWN, UPDATED};
use super::super::rows::{BackupRow, Place, TimerKind, TimerRow};
use super::super::{AlertRole, Answer, CloseReason, store};
use super::wave;
use crate::duty::officers;
use crate::platform::cards::{self, Draw};
use crate::platform::db::{Conn, Tx};
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::Result;
use crate::words::ids::{BackupId, PersonId, UnitId};

/// How long answers are collected for those who were called, seconds.
const ANSWERS_SHARED_S: i64 = 1;

fn subject(row: &BackupRow) -> Subject {
    Subject::new("backup", row.id)
}

fn send(tx: &mut Tx<'_>, row: &BackupRow, kind: &str, people: &[PersonId], args: Value, urgent: bool) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    outbox::send(tx, people, &Draft { kind, subject: subject(row), version: row.version, args, urgent })?;
    Ok(())
}

/// The call itself.
pub(super) fn alerted(tx: &mut Tx<'_>, row: &BackupRow, people: &[PersonId]) -> Result<()> {
    send(tx, row, ALERT, people, json!({ "backup_id": row.id }), true)
}

/// Tells everybody concerned of a change: the caller's side, those not stood down, the room.
pub(super) fn updated(tx: &mut Tx<'_>, row: &BackupRow, change: &str) -> Result<()> {
    let mut people = waiting(tx.conn(), row)?;
    people.extend(called(tx.conn(), row)?);
    update(tx, row, people, change)
}

/// Tells of an answer: whoever waits for help, at once; those who were called hear of all answers of a second together.
/// A ring answers in a burst, and each telling all others would be a message for every pair of them.
pub(super) fn answered(tx: &mut Tx<'_>, row: &BackupRow, answer: Answer) -> Result<()> {
    let people = waiting(tx.conn(), row)?;
    update(tx, row, people, answer.as_str())?;
    let due = tx.now.plus_secs(ANSWERS_SHARED_S);
    store::timer_share(tx, TimerKind::Answers, &row.id.to_string(), due)
}

/// Tells those who were called what has been answered meanwhile.
pub fn tell_answers(tx: &mut Tx<'_>, timer: &TimerRow) -> Result<()> {
    let id: BackupId = timer.subject_id.parse()?;
    // The call before its timer, as whoever answers it does.
    let row = store::backup_lock(tx, &id)?;
    if !store::timer_claim(tx, &timer.id)? || !row.is_open() {
        return Ok(());
    }
    let heard = waiting(tx.conn(), &row)?;
    let mut people = called(tx.conn(), &row)?;
    people.retain(|person| !heard.contains(person));
    update(tx, &row, people, "answers")
}

/// Who waits for help, and who sees to it: the caller's side, who took it, the room.
fn waiting(conn: &mut Conn, row: &BackupRow) -> Result<BTreeSet<PersonId>> {
    let mut people = BTreeSet::from([row.requester_id, row.for_person_id]);
    people.extend(row.taken_by);
    people.extend(room_of(conn, row)?.1);
    Ok(people)
}

/// Who was called and not stood down.
fn called(conn: &mut Conn, row: &BackupRow) -> Result<BTreeSet<PersonId>> {
    let alerts = store::alerts_of(conn, &row.id)?;
    Ok(alerts.into_iter().filter(|alert| alert.stood_down_at.is_none()).map(|alert| alert.person_id).collect())
}

fn update(tx: &mut Tx<'_>, row: &BackupRow, people: BTreeSet<PersonId>, change: &str) -> Result<()> {
    let people: Vec<PersonId> = people.into_iter().collect();
    send(tx, row, UPDATED, &people, json!({ "backup_id": row.id, "change": change }), false)
}

/// Tells those who are coming that the destination has moved.
pub fn tell_moved(tx: &mut Tx<'_>, row: &BackupRow, place: &Place) -> Result<()> {
    store::destination_move(tx.conn(), &row.id, place)?;
    store::destination_told(tx.conn(), &row.id, place)?;
    let coming: Vec<PersonId> = store::alerts_of(tx.conn(), &row.id)?
        .into_iter()
        .filter(|alert| alert.stood_down_at.is_none() && alert.role != AlertRole::Informed)
        .filter(|alert| alert.answer != Some(Answer::Declined) && alert.arrived_at.is_none())
        .map(|alert| alert.person_id)
        .collect();
    send(tx, row, UPDATED, &coming, json!({ "backup_id": row.id, "change": "destination" }), false)
}

/// Tells people that they are no longer needed.
pub(super) fn stood_down(tx: &mut Tx<'_>, row: &BackupRow, people: &[PersonId], reason: &str) -> Result<()> {
    send(tx, row, STAND_DOWN, people, json!({ "backup_id": row.id, "reason": reason }), true)
}

/// The room that owns the request and its seats: the nearest unit upwards that has any.
pub(super) fn room_of(conn: &mut Conn, row: &BackupRow) -> Result<(UnitId, Vec<PersonId>)> {
    officers::store::seats_or_parent(conn, &row.unit_id)
}

/// What a card about the request says.
pub fn card_data(row: &BackupRow) -> Value {
    json!({
        "backup_id": row.id,
        "person_id": row.for_person_id,
        "requester_id": row.requester_id,
        "kind": row.kind,
        "silent": row.silent,
        "late": row.late,
        "pressed_at": row.pressed_at,
        "ringing": row.ring,
        "unauthenticated_session": row.unauthenticated_session,
        "says_false_alarm": row.says().ok().flatten().is_some_and(|says| says.reason != CloseReason::Resolved),
        "taken_by": row.taken_by,
    })
}

fn key(row: &BackupRow, what: &str) -> String {
    format!("backup:{}:{what}", row.id)
}

fn card(tx: &mut Tx<'_>, row: &BackupRow, what: &str, kind: &str, unit_id: UnitId, seats: &[PersonId]) -> Result<()> {
    let draw = Draw {
        unit_id,
        recipients: seats,
        kind,
        subject: subject(row),
        data: card_data(row),
        key: key(row, what),
        urgent: true,
    };
    cards::raise(tx, &draw)?;
    Ok(())
}

/// The room's card for a new request; nobody reachable, or a late press, is its own louder one.
pub(super) fn card_raised(tx: &mut Tx<'_>, row: &BackupRow, units: usize) -> Result<()> {
    let (unit, seats) = room_of(tx.conn(), row)?;
    let kind = if row.late { "backup.late" } else { "backup.raised" };
    card(tx, row, "raised", kind, unit, &seats)?;
    if row.ring && units == 0 {
        card(tx, row, "unreachable", "backup.unreachable", unit, &seats)?;
    }
    Ok(())
}

/// A later ring reached somebody: the louder card goes.
pub(super) fn card_reached(tx: &mut Tx<'_>, row: &BackupRow, units: usize) -> Result<()> {
    if units > 0 {
        cards::close(tx, &key(row, "unreachable"), None)?;
    }
    Ok(())
}

/// A ring found nobody new; the room hears of it once while it lasts.
pub(super) fn card_exhausted(tx: &mut Tx<'_>, row: &BackupRow) -> Result<()> {
    let alerts = store::alerts_of(tx.conn(), &row.id)?;
    let (unit, seats) = room_of(tx.conn(), row)?;
    if wave::reached_anybody(&alerts) {
        card(tx, row, "short", "backup.not_enough", unit, &seats)
    } else {
        card(tx, row, "unreachable", "backup.unreachable", unit, &seats)
    }
}

/// Nobody took it: a card one step further up.
pub(super) fn card_escalated(
    tx: &mut Tx<'_>,
    row: &BackupRow,
    step: &str,
    unit: UnitId,
    people: &[PersonId],
) -> Result<()> {
    card(tx, row, step, "backup.untaken", unit, people)
}

/// Brings the open cards up to date with the request.
pub(super) fn card_refresh(tx: &mut Tx<'_>, row: &BackupRow) -> Result<()> {
    let (unit, seats) = room_of(tx.conn(), row)?;
    let kind = if row.late { "backup.late" } else { "backup.raised" };
    card(tx, row, "raised", kind, unit, &seats)
}

/// Somebody took it: nobody else needs to be called.
pub(super) fn cards_taken(tx: &mut Tx<'_>, row: &BackupRow) -> Result<()> {
    for step in ["parent", "commander"] {
        cards::close(tx, &key(row, step), row.taken_by)?;
    }
    card_refresh(tx, row)
}

/// Enough units come: the cards about too few go.
pub(super) fn cards_covered(tx: &mut Tx<'_>, row: &BackupRow) -> Result<()> {
    for what in ["unreachable", "short"] {
        cards::close(tx, &key(row, what), None)?;
    }
    Ok(())
}

/// The request ended: all its cards go.
pub(super) fn cards_closed(tx: &mut Tx<'_>, row: &BackupRow, by: Option<PersonId>) -> Result<()> {
    for what in ["raised", "unreachable", "short", "parent", "commander"] {
        cards::close(tx, &key(row, what), by)?;
    }
    Ok(())
}
