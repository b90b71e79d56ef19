//! Queries about linked bodies.

use diesel::prelude::*;

use crate::duty::partners::{AgencyKind, Channel};
use crate::platform::db::Conn;
use crate::platform::db::schema::agency;
use crate::words::error::{Error, Result};
use crate::words::ids::{AgencyId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// Linked bodies of the largest answer: a county works with some thirty.
const LIST_MAX: i64 = 500;

/// One linked body.
#[derive(Clone, Debug, PartialEq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = agency, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AgencyRow {
    pub id: AgencyId,
    /// Whose administrators keep it.
    pub unit_id: UnitId,
    pub name: String,
    pub created_at: Timestamp,
    pub kind: AgencyKind,
    pub phone: Option<String>,
    pub channel: Channel,
    pub webhook_url: Option<String>,
    pub secret_sealed: Option<Vec<u8>>,
    /// The service account it answers under.
    pub service_person_id: Option<PersonId>,
    pub accept_within_s: i32,
    pub finish_within_s: i32,
    /// Takes new orders.
    pub enabled: bool,
    pub version: i64,
    pub updated_at: Timestamp,
}

pub fn agency_insert(conn: &mut Conn, row: &AgencyRow) -> Result<()> {
    diesel::insert_into(agency::table).values(row).execute(conn)?;
    Ok(())
}

/// Writes the row down as it is now; the caller holds its lock.
pub fn agency_save(conn: &mut Conn, row: &AgencyRow) -> Result<()> {
    per_backend!(conn, |c| diesel::update(agency::table.find(row.id)).set(row).execute(c))?;
    Ok(())
}

/// Errors: `not_found`.
pub fn agency_fetch(conn: &mut Conn, id: &AgencyId) -> Result<AgencyRow> {
    agency::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("agency"))
}

/// Fetches and locks the row until the transaction ends; none when there is none.
pub fn agency_lock(conn: &mut Conn, id: &AgencyId) -> Result<Option<AgencyRow>> {
    Ok(lock_row!(conn, agency, id)?)
}

pub fn agencies_fetch(conn: &mut Conn, ids: &[AgencyId]) -> Result<Vec<AgencyRow>> {
    Ok(agency::table.filter(agency::id.eq_any(ids)).load(conn)?)
}

/// By name.
pub fn agencies_list(conn: &mut Conn) -> Result<Vec<AgencyRow>> {
    Ok(agency::table.order((agency::name.asc(), agency::id.asc())).limit(LIST_MAX).load(conn)?)
}

/// The one that answers under this account.
pub fn agency_of_account(conn: &mut Conn, person: &PersonId) -> Result<Option<AgencyRow>> {
    Ok(agency::table.filter(agency::service_person_id.eq(person)).first(conn).optional()?)
}
