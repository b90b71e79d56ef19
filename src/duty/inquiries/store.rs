//! Every query about inquiries; `noun_verb`.

use diesel::prelude::*;

use super::rules::Inquiry;
use crate::lock_row;
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{incident, incident_person, inquiry, inquiry_look, inquiry_part, unit};
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::ids::{AccessId, CustodyId, DeviceId, EvidenceId, IncidentId, InquiryId, PersonId, UnitId};
use crate::words::time::Timestamp;

text_enum! {
    /// What is named in an inquiry besides its person.
    pub enum Part { Investigator = "investigator", Incident = "incident", Unit = "unit" }
}

/// One inquiry.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = inquiry, treat_none_as_default_value = false)]
pub struct InquiryRow {
    pub id: InquiryId,
    /// The office's own; no two have the same.
    pub number: String,
    /// Whom it is about; none where it is about incidents.
    pub person_id: Option<PersonId>,
    pub from_at: Timestamp,
    /// Before this.
    pub to_at: Timestamp,
    pub reason: String,
    pub requested_by: PersonId,
    pub requested_unit_id: UnitId,
    pub requested_at: Timestamp,
    pub expires_at: Timestamp,
    pub approved_by: Option<PersonId>,
    pub approved_at: Option<Timestamp>,
    pub closed_by: Option<PersonId>,
    pub closed_at: Option<Timestamp>,
    pub version: i64,
}

/// One look under an inquiry.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = inquiry_look, treat_none_as_default_value = false)]
pub struct LookRow {
    pub id: AccessId,
    pub inquiry_id: InquiryId,
    pub viewer_id: PersonId,
    pub device_id: DeviceId,
    pub at: Timestamp,
    /// In which way: `metadata`, `preview`, `content`, `custody`, `list`, `track`.
    pub what: String,
    pub purpose: Option<String>,
    /// Whose track.
    pub person_id: Option<PersonId>,
    pub evidence_id: Option<EvidenceId>,
    /// The entry of the custody log that says so.
    pub entry_id: Option<CustodyId>,
    /// Of a track: from when to when.
    pub from_at: Option<Timestamp>,
    pub to_at: Option<Timestamp>,
    /// When the item's custody was told of it.
    pub disclosed_at: Option<Timestamp>,
}

pub fn inquiry_insert(conn: &mut Conn, inquiry: &Inquiry) -> Result<()> {
    diesel::insert_into(inquiry::table).values(&inquiry.row).execute(conn)?;
    let investigators = inquiry.investigators.iter().map(|id| (Part::Investigator, id.to_string()));
    let incidents = inquiry.incidents.iter().map(|id| (Part::Incident, id.to_string()));
    let units = inquiry.units.iter().map(|id| (Part::Unit, id.to_string()));
    for (kind, subject) in investigators.chain(incidents).chain(units) {
        let row = (
            inquiry_part::inquiry_id.eq(inquiry.row.id),
            inquiry_part::kind.eq(kind),
            inquiry_part::subject_id.eq(subject),
        );
        diesel::insert_into(inquiry_part::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Errors: `not_found`.
pub fn inquiry_fetch(conn: &mut Conn, id: &InquiryId) -> Result<Inquiry> {
    let row: Option<InquiryRow> = inquiry::table.find(id).first(conn).optional()?;
    let row = row.ok_or_else(|| Error::not_found("inquiry"))?;
    whole(conn, row)
}

/// Fetches and locks the row until the transaction ends.
pub fn inquiry_lock(conn: &mut Conn, id: &InquiryId) -> Result<Inquiry> {
    let row: Option<InquiryRow> = lock_row!(conn, inquiry, id)?;
    let row = row.ok_or_else(|| Error::not_found("inquiry"))?;
    whole(conn, row)
}

fn whole(conn: &mut Conn, row: InquiryRow) -> Result<Inquiry> {
    let parts: Vec<(Part, String)> = inquiry_part::table
        .filter(inquiry_part::inquiry_id.eq(row.id))
        .order((inquiry_part::kind.asc(), inquiry_part::subject_id.asc()))
        .select((inquiry_part::kind, inquiry_part::subject_id))
        .load(conn)?;
    let of = |kind: Part| parts.iter().filter(move |(known, _)| *known == kind).map(|(_, subject)| subject.as_str());
    let units = of(Part::Unit).map(str::parse).collect::<Result<Vec<UnitId>>>()?;
    Ok(Inquiry {
        investigators: of(Part::Investigator).map(str::parse).collect::<Result<_>>()?,
        incidents: of(Part::Incident).map(str::parse).collect::<Result<_>>()?,
        unit_paths: unit_paths(conn, &units)?,
        units,
        row,
    })
}

/// Notes who approved it and until when; the caller holds the row.
pub fn inquiry_approve(
    conn: &mut Conn,
    id: &InquiryId,
    by: &PersonId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    diesel::update(inquiry::table.find(id))
        .set((
            inquiry::approved_by.eq(Some(*by)),
            inquiry::approved_at.eq(Some(now)),
            inquiry::expires_at.eq(expires_at),
            inquiry::version.eq(inquiry::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes who closed it; the caller holds the row.
pub fn inquiry_close(conn: &mut Conn, id: &InquiryId, by: &PersonId, now: Timestamp) -> Result<()> {
    diesel::update(inquiry::table.find(id))
        .set((
            inquiry::closed_by.eq(Some(*by)),
            inquiry::closed_at.eq(Some(now)),
            inquiry::version.eq(inquiry::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Inquiries a person asked for, approved or is named in, and those that people of these units asked for; the latest
/// first.
pub fn inquiries_page(
    conn: &mut Conn,
    person: &PersonId,
    units: &[UnitId],
    before: Option<(Timestamp, InquiryId)>,
    limit: i64,
) -> Result<Vec<Inquiry>> {
    let named = inquiry_part::table
        .filter(inquiry_part::kind.eq(Part::Investigator))
        .filter(inquiry_part::subject_id.eq(person.to_string()))
        .select(inquiry_part::inquiry_id);
    let mut query = inquiry::table
        .filter(
            inquiry::id
                .eq_any(named)
                .or(inquiry::requested_by.eq(*person))
                .or(inquiry::requested_unit_id.eq_any(units.to_vec()))
                .or(inquiry::approved_by.eq(*person)),
        )
        .into_boxed::<MultiBackend>();
    if let Some((at, id)) = before {
        query = query.filter(inquiry::requested_at.lt(at).or(inquiry::requested_at.eq(at).and(inquiry::id.lt(id))));
    }
    let rows: Vec<InquiryRow> =
        query.order((inquiry::requested_at.desc(), inquiry::id.desc())).limit(limit).load(conn)?;
    rows.into_iter().map(|row| whole(conn, row)).collect()
}

/// Those of these incidents that there are, with the path of the unit in charge.
pub fn incidents_known(conn: &mut Conn, ids: &[IncidentId]) -> Result<Vec<(IncidentId, String)>> {
    Ok(incident::table
        .inner_join(unit::table.on(unit::id.eq(incident::unit_id)))
        .filter(incident::id.eq_any(ids))
        .select((incident::id, unit::path))
        .load(conn)?)
}

/// Those of these units that there are, by path.
pub fn unit_paths(conn: &mut Conn, ids: &[UnitId]) -> Result<Vec<String>> {
    Ok(unit::table.filter(unit::id.eq_any(ids)).order(unit::path.asc()).select(unit::path).load(conn)?)
}

/// The units of these paths and everything below them.
pub fn units_below(conn: &mut Conn, paths: &[String]) -> Result<Vec<UnitId>> {
    let mut all = Vec::new();
    for path in paths {
        let below: Vec<UnitId> = unit::table.filter(unit::path.like(format!("{path}%"))).select(unit::id).load(conn)?;
        all.extend(below);
    }
    Ok(all)
}

/// Which of these incidents a person is or was sent to.
pub fn incidents_of_person(conn: &mut Conn, person: &PersonId, among: &[IncidentId]) -> Result<Vec<IncidentId>> {
    Ok(incident_person::table
        .filter(incident_person::person_id.eq(person))
        .filter(incident_person::incident_id.eq_any(among))
        .select(incident_person::incident_id)
        .distinct()
        .load(conn)?)
}

pub fn look_insert(conn: &mut Conn, row: &LookRow) -> Result<()> {
    diesel::insert_into(inquiry_look::table).values(row).execute(conn)?;
    Ok(())
}

/// Looks under one inquiry, the latest first.
pub fn looks_of_inquiry(conn: &mut Conn, id: &InquiryId, limit: i64) -> Result<Vec<LookRow>> {
    Ok(inquiry_look::table
        .filter(inquiry_look::inquiry_id.eq(id))
        .order((inquiry_look::at.desc(), inquiry_look::id.desc()))
        .limit(limit)
        .load(conn)?)
}

/// Looks under inquiries at one item, the latest first, each with its inquiry.
pub fn looks_of_evidence(conn: &mut Conn, id: &EvidenceId, limit: i64) -> Result<Vec<(LookRow, Inquiry)>> {
    let rows: Vec<(LookRow, InquiryRow)> = inquiry_look::table
        .inner_join(inquiry::table.on(inquiry::id.eq(inquiry_look::inquiry_id)))
        .filter(inquiry_look::evidence_id.eq(id))
        .order((inquiry_look::at.desc(), inquiry_look::id.desc()))
        .limit(limit)
        .select((inquiry_look::all_columns, inquiry::all_columns))
        .load(conn)?;
    rows.into_iter().map(|(look, row)| Ok((look, whole(conn, row)?))).collect()
}

/// Looks at a person's track between two instants under inquiries that have ended, the latest first, each with its
/// inquiry's number.
pub fn looks_told_of_person(
    conn: &mut Conn,
    person: &PersonId,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(LookRow, String)>> {
    Ok(inquiry_look::table
        .inner_join(inquiry::table.on(inquiry::id.eq(inquiry_look::inquiry_id)))
        .filter(inquiry_look::person_id.eq(person))
        .filter(inquiry_look::at.ge(from))
        .filter(inquiry_look::at.le(to))
        .filter(inquiry::closed_at.is_not_null().or(inquiry::expires_at.le(now)))
        .order((inquiry_look::at.desc(), inquiry_look::id.desc()))
        .limit(limit)
        .select((inquiry_look::all_columns, inquiry::number))
        .load(conn)?)
}

/// Looks at items under inquiries that have ended, which the items' custody has not been told of, oldest first, each with
/// its inquiry's number.
pub fn looks_to_disclose(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<(LookRow, String)>> {
    Ok(inquiry_look::table
        .inner_join(inquiry::table.on(inquiry::id.eq(inquiry_look::inquiry_id)))
        .filter(inquiry_look::disclosed_at.is_null())
        .filter(inquiry_look::evidence_id.is_not_null())
        .filter(inquiry::closed_at.is_not_null().or(inquiry::expires_at.le(now)))
        .order((inquiry_look::at.asc(), inquiry_look::id.asc()))
        .limit(limit)
        .select((inquiry_look::all_columns, inquiry::number))
        .load(conn)?)
}

/// Notes that the item's custody was told; false when it had been.
pub fn look_disclosed(conn: &mut Conn, id: &AccessId, now: Timestamp) -> Result<bool> {
    let untold = inquiry_look::table.find(id).filter(inquiry_look::disclosed_at.is_null());
    Ok(diesel::update(untold).set(inquiry_look::disclosed_at.eq(Some(now))).execute(conn)? > 0)
}
