//! Who was told of a request, what their devices confirmed and what they answered.

use diesel::prelude::*;

use super::super::{Answer, State};
use super::rows::{AlertRow, ReceiptRow};
use crate::per_backend;
use crate::platform::db::schema::{backup, backup_alert, backup_receipt};
use crate::platform::db::{Conn, Tx};
use crate::words::error::Result;
use crate::words::ids::{BackupId, DeviceId, PersonId};
use crate::words::time::Timestamp;

/// Adds somebody to a request, or calls somebody again who had been stood down.
pub fn alert_put(tx: &mut Tx<'_>, row: &AlertRow) -> Result<()> {
    diesel::delete(
        backup_alert::table
            .filter(backup_alert::backup_id.eq(row.backup_id))
            .filter(backup_alert::person_id.eq(row.person_id))
            .filter(backup_alert::stood_down_at.is_not_null()),
    )
    .execute(tx.conn())?;
    diesel::insert_into(backup_alert::table).values(row).execute(tx.conn())?;
    Ok(())
}

/// Everybody told of a request, in the order they were chosen.
pub fn alerts_of(conn: &mut Conn, id: &BackupId) -> Result<Vec<AlertRow>> {
    Ok(backup_alert::table
        .filter(backup_alert::backup_id.eq(id))
        .order((backup_alert::wave.asc(), backup_alert::eta_s.asc(), backup_alert::person_id.asc()))
        .load(conn)?)
}

pub fn alerts_of_many(conn: &mut Conn, ids: &[BackupId]) -> Result<Vec<AlertRow>> {
    Ok(backup_alert::table
        .filter(backup_alert::backup_id.eq_any(ids))
        .order((backup_alert::wave.asc(), backup_alert::eta_s.asc(), backup_alert::person_id.asc()))
        .load(conn)?)
}

pub fn alert_fetch(conn: &mut Conn, id: &BackupId, person: &PersonId) -> Result<Option<AlertRow>> {
    Ok(backup_alert::table
        .filter(backup_alert::backup_id.eq(id))
        .filter(backup_alert::person_id.eq(person))
        .first(conn)
        .optional()?)
}

/// Keeps a human's answer.
pub fn alert_answer(
    tx: &mut Tx<'_>,
    id: &BackupId,
    person: &PersonId,
    answer: Answer,
    device: Option<DeviceId>,
) -> Result<()> {
    let now = tx.now;
    let mine = backup_alert::table.filter(backup_alert::backup_id.eq(id)).filter(backup_alert::person_id.eq(person));
    diesel::update(mine)
        .set((
            backup_alert::answer.eq(Some(answer)),
            backup_alert::answered_at.eq(Some(now)),
            backup_alert::answered_device_id.eq(device),
        ))
        .execute(tx.conn())?;
    if answer == Answer::Arrived {
        diesel::update(mine).set(backup_alert::arrived_at.eq(Some(now))).execute(tx.conn())?;
    }
    Ok(())
}

/// Stands people down who are not yet; returns those it concerned.
pub fn alerts_stand_down(tx: &mut Tx<'_>, id: &BackupId, people: &[PersonId], reason: &str) -> Result<Vec<PersonId>> {
    let now = tx.now;
    Ok(diesel::update(
        backup_alert::table
            .filter(backup_alert::backup_id.eq(id))
            .filter(backup_alert::person_id.eq_any(people))
            .filter(backup_alert::stood_down_at.is_null()),
    )
    .set((backup_alert::stood_down_at.eq(Some(now)), backup_alert::stand_down_reason.eq(Some(reason.to_owned()))))
    .returning(backup_alert::person_id)
    .get_results(tx.conn())?)
}

/// Keeps a device's receipt; the first of a carried device marks the alert as received.
pub fn receipt_keep(tx: &mut Tx<'_>, row: &ReceiptRow) -> Result<bool> {
    let fresh = per_backend!(tx.conn(), |c| diesel::insert_into(backup_receipt::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    if row.carried && row.message_kind == "backup.alert" {
        diesel::update(
            backup_alert::table
                .filter(backup_alert::backup_id.eq(row.backup_id))
                .filter(backup_alert::person_id.eq(row.person_id))
                .filter(backup_alert::received_at.is_null()),
        )
        .set((backup_alert::received_at.eq(Some(row.at)), backup_alert::received_device_id.eq(Some(row.device_id))))
        .execute(tx.conn())?;
    }
    Ok(fresh == 1)
}

pub fn receipts_of(conn: &mut Conn, id: &BackupId) -> Result<Vec<ReceiptRow>> {
    Ok(backup_receipt::table.filter(backup_receipt::backup_id.eq(id)).order(backup_receipt::at.asc()).load(conn)?)
}

/// Who of these is coming to, or stands at, an open request.
pub fn people_on_backup(conn: &mut Conn, people: &[PersonId]) -> Result<Vec<(PersonId, BackupId)>> {
    Ok(backup_alert::table
        .inner_join(backup::table.on(backup::id.eq(backup_alert::backup_id)))
        .filter(backup_alert::person_id.eq_any(people))
        .filter(backup_alert::stood_down_at.is_null())
        .filter(backup_alert::answer.eq_any([Answer::Coming, Answer::Arrived]))
        .filter(backup::state.eq(State::Open))
        .select((backup_alert::person_id, backup_alert::backup_id))
        .load(conn)?)
}

/// Open requests that join two people (caller's side or told of it): they may see each other.
pub fn backups_shared(conn: &mut Conn, one: &PersonId) -> Result<Vec<BackupId>> {
    let told: Vec<BackupId> = backup_alert::table
        .inner_join(backup::table.on(backup::id.eq(backup_alert::backup_id)))
        .filter(backup_alert::person_id.eq(one))
        .filter(backup::state.eq(State::Open))
        .select(backup_alert::backup_id)
        .load(conn)?;
    let mut own: Vec<BackupId> = backup::table
        .filter(backup::state.eq(State::Open))
        .filter(backup::requester_id.eq(one).or(backup::for_person_id.eq(one)))
        .select(backup::id)
        .load(conn)?;
    own.extend(told);
    Ok(own)
}

/// When this person was last answered `arrived` at a request, for the closing rule.
pub fn colleague_arrived(conn: &mut Conn, id: &BackupId, not: &[PersonId]) -> Result<Option<Timestamp>> {
    Ok(backup_alert::table
        .filter(backup_alert::backup_id.eq(id))
        .filter(backup_alert::arrived_at.is_not_null())
        .filter(diesel::dsl::not(backup_alert::person_id.eq_any(not)))
        .select(diesel::dsl::max(backup_alert::arrived_at))
        .first(conn)?)
}
