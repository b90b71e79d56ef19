//! Clip marks: what is to be seen from when to when.

use diesel::prelude::*;
use serde::Serialize;

use crate::platform::db::Conn;
use crate::platform::db::schema::evidence_mark as mark;
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, MarkId, PersonId};
use crate::words::time::Timestamp;

/// One mark.
#[derive(Clone, Debug, Queryable, Insertable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = mark)]
pub struct MarkRow {
    pub id: MarkId,
    pub evidence_id: EvidenceId,
    /// From the beginning of the recording.
    pub from_ms: i64,
    pub to_ms: i64,
    pub text: String,
    pub by_person_id: PersonId,
    pub at: Timestamp,
}

pub fn mark_insert(conn: &mut Conn, row: &MarkRow) -> Result<()> {
    diesel::insert_into(mark::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn mark_fetch(conn: &mut Conn, id: &MarkId) -> Result<MarkRow> {
    mark::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("mark"))
}

/// The marks of one item, from its beginning on.
pub fn marks_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<Vec<MarkRow>> {
    Ok(mark::table
        .filter(mark::evidence_id.eq(evidence))
        .order((mark::from_ms.asc(), mark::at.asc(), mark::id.asc()))
        .load(conn)?)
}
