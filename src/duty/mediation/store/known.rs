//! What is known of a record's people and place from before: where values came from that nobody typed, and the indexes
//! by which a party and a place are found again.

use diesel::prelude::*;

use super::super::record::Origin;
use super::super::rules::State;
use super::MediationRow;
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{incident, mediation, mediation_fill, mediation_person, mediation_step};
use crate::words::error::Result;
use crate::words::geo::Position;
use crate::words::ids::{EditId, EntryId, IncidentId, MediationId, UnitId};
use crate::words::time::Timestamp;

/// A writing whose value nobody typed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_fill, treat_none_as_default_value = false)]
pub struct FillRow {
    pub mediation_id: MediationId,
    pub edit_id: EditId,
    pub path: String,
    pub origin: Origin,
    /// Which incident, record, recording: its id or number.
    pub reference: String,
}

/// By which a party is found again.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_person, treat_none_as_default_value = false)]
pub struct PartyIndexRow {
    pub mediation_id: MediationId,
    pub party_id: EntryId,
    /// Blind index of the number of its document.
    pub identity_index: Option<String>,
    /// Of its telephone number, as of callers.
    pub phone_index: Option<String>,
}

/// A record near a place.
#[derive(Clone, Debug)]
pub struct Near {
    pub row: MediationRow,
    pub at: Position,
    /// Of the incident.
    pub address: Option<String>,
}

pub fn fills_insert(conn: &mut Conn, rows: &[FillRow]) -> Result<()> {
    for row in rows {
        diesel::insert_into(mediation_fill::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub fn fills_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<FillRow>> {
    Ok(mediation_fill::table
        .filter(mediation_fill::mediation_id.eq(id))
        .order((mediation_fill::path.asc(), mediation_fill::edit_id.asc()))
        .load(conn)?)
}

/// Writes down by what the parties are found, in place of what stood there.
pub fn parties_index(conn: &mut Conn, id: &MediationId, rows: &[PartyIndexRow]) -> Result<()> {
    diesel::delete(mediation_person::table.filter(mediation_person::mediation_id.eq(id))).execute(conn)?;
    for row in rows {
        diesel::insert_into(mediation_person::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub fn parties_indexed(conn: &mut Conn, of: &[MediationId]) -> Result<Vec<PartyIndexRow>> {
    Ok(mediation_person::table.filter(mediation_person::mediation_id.eq_any(of)).load(conn)?)
}

/// Records made from `since` on, in which one of these numbers occurs; the latest first, no drills.
pub fn mediations_with(
    conn: &mut Conn,
    identities: &[String],
    phones: &[String],
    since: Timestamp,
    limit: i64,
) -> Result<Vec<(MediationRow, PartyIndexRow)>> {
    if identities.is_empty() && phones.is_empty() {
        return Ok(Vec::new());
    }
    let found = mediation_person::identity_index
        .eq_any(identities)
        .assume_not_null()
        .or(mediation_person::phone_index.eq_any(phones).assume_not_null());
    Ok(mediation::table
        .inner_join(mediation_person::table.on(mediation_person::mediation_id.eq(mediation::id)))
        .filter(found)
        .filter(mediation::drill.eq(false))
        .filter(mediation::created_at.ge(since))
        .order((mediation::created_at.desc(), mediation::id.desc(), mediation_person::party_id.asc()))
        .limit(limit)
        .load(conn)?)
}

/// The latest final record of a unit, but this one, in which the number of a document occurs; with which party that is.
pub fn mediation_of_party(
    conn: &mut Conn,
    but: &MediationId,
    unit: &UnitId,
    identity: &str,
    since: Timestamp,
) -> Result<Option<(MediationRow, PartyIndexRow)>> {
    Ok(mediation::table
        .inner_join(mediation_person::table.on(mediation_person::mediation_id.eq(mediation::id)))
        .filter(mediation_person::identity_index.eq(identity))
        .filter(mediation::id.ne(but))
        .filter(mediation::unit_id.eq(unit))
        .filter(mediation::drill.eq(false))
        .filter(mediation::finalized_at.ge(since))
        .order((mediation::finalized_at.desc(), mediation::id.desc(), mediation_person::party_id.asc()))
        .first(conn)
        .optional()?)
}

/// The latest made first; of other incidents whose place lies within so many metres east and north of this one.
pub fn mediations_near(
    conn: &mut Conn,
    but: &IncidentId,
    place: Position,
    reach_m: f64,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Near>> {
    let (low, high) = (place.moved(-reach_m, -reach_m), place.moved(reach_m, reach_m));
    let rows: Vec<(MediationRow, f64, f64, Option<String>)> = mediation::table
        .inner_join(incident::table.on(incident::id.eq(mediation::incident_id)))
        .filter(incident::lat.between(low.lat, high.lat))
        .filter(incident::lon.between(low.lon, high.lon))
        .filter(incident::id.ne(but))
        .filter(mediation::drill.eq(false))
        .filter(mediation::created_at.ge(since))
        .order((mediation::created_at.desc(), mediation::id.desc()))
        .select((mediation::all_columns, incident::lon, incident::lat, incident::address))
        .into_boxed::<MultiBackend>()
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(|(row, lon, lat, address)| Ok(Near { row, at: Position::new(lon, lat)?, address })).collect()
}

/// Those of these that were ever said not to have been kept.
pub fn mediations_defaulted(conn: &mut Conn, of: &[MediationId]) -> Result<Vec<MediationId>> {
    Ok(mediation_step::table
        .filter(mediation_step::mediation_id.eq_any(of))
        .filter(mediation_step::to_state.eq(State::Defaulted))
        .select(mediation_step::mediation_id)
        .distinct()
        .load(conn)?)
}
