//! Rungs as recorded; never changed, never deleted.

use diesel::prelude::*;

use super::super::ladder::{Rung, State, Truth, Via};
use crate::platform::db::schema::rung;
use crate::platform::db::{Conn, straight};
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, DeviceId, PersonId, RungId};
use crate::words::time::Timestamp;

/// One rung: who, by which device or voice, by which clock, and what it did.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = rung, treat_none_as_default_value = false)]
pub struct RungRow {
    pub id: RungId,
    pub assignment_id: AssignmentId,
    pub step: Rung,
    pub at: Timestamp,
    pub device_at: Option<Timestamp>,
    pub device_id: Option<DeviceId>,
    pub person_id: Option<PersonId>,
    /// Who entered it, when that was somebody else.
    pub recorded_by: Option<PersonId>,
    pub via: Via,
    pub truth: Truth,
    pub reason: Option<String>,
    pub applied: bool,
    /// False: shown, but proves nothing (a receipt of a browser tab).
    pub counts: bool,
    pub state_after: State,
    pub natural_key: String,
}

pub fn rung_insert(conn: &mut Conn, row: &RungRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(rung::table).values(row))?;
    Ok(())
}

pub fn rung_by_key(conn: &mut Conn, id: &AssignmentId, key: &str) -> Result<Option<RungRow>> {
    Ok(straight::one(conn, rung::table.filter(rung::assignment_id.eq(id)).filter(rung::natural_key.eq(key)))?)
}

/// In the order of recording.
pub fn rungs_list(conn: &mut Conn, id: &AssignmentId) -> Result<Vec<RungRow>> {
    Ok(rung::table.filter(rung::assignment_id.eq(id)).order((rung::at.asc(), rung::id.asc())).limit(500).load(conn)?)
}
