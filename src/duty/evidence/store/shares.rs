//! Copies for somebody outside.

use diesel::prelude::*;

use crate::duty::evidence::keeping::{ShareForm, ShareState};
use crate::lock_row;
use crate::platform::db::Conn;
use crate::platform::db::schema::evidence_share as share;
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, PersonId, ShareId};
use crate::words::time::Timestamp;

/// One copy: for whom, to what end, until when.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = share, treat_none_as_default_value = false)]
pub struct ShareRow {
    pub id: ShareId,
    pub evidence_id: EvidenceId,
    pub receiver: String,
    pub purpose: String,
    pub form: ShareForm,
    pub state: ShareState,
    pub asked_by: PersonId,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    pub approved_by: Option<PersonId>,
    pub approved_at: Option<Timestamp>,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Timestamp>,
    /// How often it was handed out.
    pub fetches: i64,
    pub version: i64,
}

pub fn share_insert(conn: &mut Conn, row: &ShareRow) -> Result<()> {
    diesel::insert_into(share::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn share_fetch(conn: &mut Conn, id: &ShareId) -> Result<ShareRow> {
    share::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("share"))
}

/// Fetches and locks the row until the transaction ends. Errors: `not_found`.
pub fn share_lock(conn: &mut Conn, id: &ShareId) -> Result<ShareRow> {
    lock_row!(conn, share, id)?.ok_or_else(|| Error::not_found("share"))
}

/// Those of an item, oldest first.
pub fn shares_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<Vec<ShareRow>> {
    Ok(share::table
        .filter(share::evidence_id.eq(evidence))
        .order((share::asked_at.asc(), share::id.asc()))
        .load(conn)?)
}

/// Writes back what moves; callers hold the row's lock.
pub fn share_save(conn: &mut Conn, row: &ShareRow) -> Result<()> {
    diesel::update(share::table.find(&row.id))
        .set((
            share::state.eq(row.state),
            share::approved_by.eq(row.approved_by),
            share::approved_at.eq(row.approved_at),
            share::ended_by.eq(row.ended_by),
            share::ended_at.eq(row.ended_at),
            share::fetches.eq(row.fetches),
            share::version.eq(row.version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Takes back whatever stands of an item that is deleted; nobody in particular does.
pub fn shares_end(conn: &mut Conn, evidence: &EvidenceId, now: Timestamp) -> Result<()> {
    diesel::update(share::table.filter(share::evidence_id.eq(evidence)).filter(share::state.ne(ShareState::Revoked)))
        .set((
            share::state.eq(ShareState::Revoked),
            share::ended_at.eq(Some(now)),
            share::version.eq(share::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}
