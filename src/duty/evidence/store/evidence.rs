//! The items themselves.

use diesel::prelude::*;

use crate::duty::evidence::{Kind, Place, Previewed, Retention};
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{
    evidence, evidence_finding, evidence_incident, evidence_mark, evidence_preview, incident_person, incident_unit,
    upload,
};
use crate::platform::db::{Conn, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, DeviceId, EvidenceId, IncidentId, PersonId, SessionId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// One item; its bytes lie in the blobs under `sha256`.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = evidence, treat_none_as_default_value = false)]
pub struct EvidenceRow {
    pub id: EvidenceId,
    pub kind: Kind,
    pub filename: String,
    /// By its own first bytes, never as declared.
    pub media_type: String,
    pub size: i64,
    pub sha256: String,
    /// Computed by a job after the receipt.
    pub sm3: Option<String>,
    pub place: Place,
    /// Waits for the custodian's decision; nobody else sees it.
    pub quarantined: bool,
    pub author_id: PersonId,
    /// On whose body the camera was, if it was not the author's.
    pub wearer_id: Option<PersonId>,
    /// The device that delivered it.
    pub device_id: DeviceId,
    /// The session that delivered it; none when the device's key alone did.
    pub session_id: Option<SessionId>,
    /// The author's unit when it arrived.
    pub unit_id: UnitId,
    pub assignment_id: Option<AssignmentId>,
    /// By the device's clock.
    pub captured_at: Timestamp,
    pub received_at: Timestamp,
    pub device_signature: Option<String>,
    pub duration_ms: Option<i64>,
    pub codec: Option<String>,
    pub previewed: Previewed,
    /// The original of which this is a redacted copy.
    pub redacted_of: Option<EvidenceId>,
    pub retention: Retention,
    /// Not before this may it go; none: never.
    pub keep_until: Option<Timestamp>,
    /// Lawfully deleted; the row and its custody stay.
    pub gone_at: Option<Timestamp>,
    pub version: i64,
}

/// Errors: `not_found`.
pub fn evidence_fetch(conn: &mut Conn, id: &EvidenceId) -> Result<EvidenceRow> {
    evidence_find(conn, id)?.ok_or_else(|| Error::not_found("evidence"))
}

pub fn evidence_find(conn: &mut Conn, id: &EvidenceId) -> Result<Option<EvidenceRow>> {
    Ok(straight::one(conn, evidence::table.find(id))?)
}

/// False when an item of this id is there already.
pub fn evidence_insert_new(conn: &mut Conn, row: &EvidenceRow) -> Result<bool> {
    let rows =
        per_backend!(conn, |c| diesel::insert_into(evidence::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

/// What an inquiry covers.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Author or wearer; none where it is about incidents.
    pub person: Option<PersonId>,
    pub incidents: Vec<IncidentId>,
    /// Of these units; none: of any.
    pub units: Vec<UnitId>,
    /// Captured at or after.
    pub from: Timestamp,
    /// Captured before.
    pub to: Timestamp,
}

/// What a list asks for; every bound is checked by the caller.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// Sees his own, and what belongs to incidents he is or was sent to.
    pub viewer: PersonId,
    /// The units he watches besides: their people's items, and those of their incidents.
    pub units: Vec<UnitId>,
    /// Instead of all that: what an inquiry covers.
    pub scope: Option<Scope>,
    /// The custodian's: items that wait for his decision too.
    pub withheld: bool,
    pub incident: Option<IncidentId>,
    /// Author or wearer.
    pub person: Option<PersonId>,
    /// Captured at or after.
    pub from: Option<Timestamp>,
    /// Captured before.
    pub to: Option<Timestamp>,
    pub before: Option<(Timestamp, EvidenceId)>,
    pub limit: i64,
}

/// Latest arrivals first.
pub fn evidence_list(conn: &mut Conn, filter: &ListFilter) -> Result<Vec<EvidenceRow>> {
    let of_person = evidence_incident::table
        .filter(
            evidence_incident::incident_id.eq_any(
                incident_person::table
                    .filter(incident_person::person_id.eq(filter.viewer))
                    .select(incident_person::incident_id),
            ),
        )
        .select(evidence_incident::evidence_id);
    let of_units = evidence_incident::table
        .filter(
            evidence_incident::incident_id.eq_any(
                incident_unit::table
                    .filter(incident_unit::unit_id.eq_any(filter.units.clone()))
                    .select(incident_unit::incident_id),
            ),
        )
        .select(evidence_incident::evidence_id);
    let mut query = evidence::table.into_boxed::<MultiBackend>();
    match &filter.scope {
        None => {
            query = query.filter(
                evidence::id
                    .eq_any(of_person)
                    .or(evidence::id.eq_any(of_units))
                    .or(evidence::unit_id.eq_any(filter.units.clone()))
                    .or(evidence::author_id.eq(filter.viewer))
                    .or(evidence::wearer_id.eq(filter.viewer)),
            );
        }
        Some(scope) => {
            query = query.filter(evidence::captured_at.ge(scope.from)).filter(evidence::captured_at.lt(scope.to));
            if let Some(person) = scope.person {
                query = query.filter(evidence::author_id.eq(person).or(evidence::wearer_id.eq(person)));
            } else {
                let linked = evidence_incident::table
                    .filter(evidence_incident::incident_id.eq_any(scope.incidents.clone()))
                    .select(evidence_incident::evidence_id);
                query = query.filter(evidence::id.eq_any(linked));
            }
            if !scope.units.is_empty() {
                query = query.filter(evidence::unit_id.eq_any(scope.units.clone()));
            }
        }
    }
    if !filter.withheld {
        query = query.filter(evidence::quarantined.eq(false));
    }
    if let Some(incident) = filter.incident {
        let linked = evidence_incident::table
            .filter(evidence_incident::incident_id.eq(incident))
            .select(evidence_incident::evidence_id);
        query = query.filter(evidence::id.eq_any(linked));
    }
    if let Some(person) = filter.person {
        query = query.filter(evidence::author_id.eq(person).or(evidence::wearer_id.eq(person)));
    }
    if let Some(from) = filter.from {
        query = query.filter(evidence::captured_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(evidence::captured_at.lt(to));
    }
    if let Some((at, id)) = filter.before {
        query = query.filter(evidence::received_at.lt(at).or(evidence::received_at.eq(at).and(evidence::id.lt(id))));
    }
    Ok(query.order((evidence::received_at.desc(), evidence::id.desc())).limit(filter.limit).load(conn)?)
}

/// Notes the SM3 of the original.
pub fn evidence_sm3(conn: &mut Conn, id: &EvidenceId, sm3: &str) -> Result<()> {
    diesel::update(evidence::table.find(id))
        .set((evidence::sm3.eq(Some(sm3)), evidence::version.eq(evidence::version + 1)))
        .execute(conn)?;
    Ok(())
}

/// Lets an item out of quarantine; false when it was not in it.
pub fn evidence_release(conn: &mut Conn, id: &EvidenceId) -> Result<bool> {
    let withheld = evidence::table.find(id).filter(evidence::quarantined.eq(true));
    let rows = diesel::update(withheld)
        .set((evidence::quarantined.eq(false), evidence::version.eq(evidence::version + 1)))
        .execute(conn)?;
    Ok(rows > 0)
}

/// Fetches and locks the row until the transaction ends. Errors: `not_found`.
pub fn evidence_lock(conn: &mut Conn, id: &EvidenceId) -> Result<EvidenceRow> {
    lock_row!(conn, evidence, id)?.ok_or_else(|| Error::not_found("evidence"))
}

/// Those of these that there are, in no order.
pub fn evidence_by_ids(conn: &mut Conn, ids: &[EvidenceId]) -> Result<Vec<EvidenceRow>> {
    Ok(evidence::table.filter(evidence::id.eq_any(ids)).load(conn)?)
}

/// Puts an item into another class.
pub fn evidence_retain(conn: &mut Conn, id: &EvidenceId, class: Retention, until: Option<Timestamp>) -> Result<()> {
    diesel::update(evidence::table.find(id))
        .set((
            evidence::retention.eq(class),
            evidence::keep_until.eq(until),
            evidence::version.eq(evidence::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes that an item was lawfully deleted; previews that were still to be made are wanted no more.
pub fn evidence_erase(conn: &mut Conn, id: &EvidenceId, now: Timestamp) -> Result<()> {
    diesel::update(evidence::table.find(id).filter(evidence::previewed.eq(Previewed::Waiting)))
        .set(evidence::previewed.eq(Previewed::NotWanted))
        .execute(conn)?;
    diesel::update(evidence::table.find(id))
        .set((
            evidence::gone_at.eq(Some(now)),
            evidence::device_signature.eq(None::<String>),
            evidence::version.eq(evidence::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether an item that is not deleted needs the content of this hash.
pub fn evidence_needs(conn: &mut Conn, sha256: &str) -> Result<bool> {
    let found: Option<EvidenceId> = evidence::table
        .filter(evidence::sha256.eq(sha256))
        .filter(evidence::gone_at.is_null())
        .select(evidence::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Redacted copies of an item, oldest first.
pub fn copies_of(conn: &mut Conn, id: &EvidenceId) -> Result<Vec<EvidenceId>> {
    Ok(evidence::table
        .filter(evidence::redacted_of.eq(id))
        .order((evidence::received_at.asc(), evidence::id.asc()))
        .select(evidence::id)
        .load(conn)?)
}

/// Deletes what was seen in an item and said about it: marks, findings, previews, and what its uploads were told.
pub fn particulars_delete(conn: &mut Conn, id: &EvidenceId) -> Result<()> {
    diesel::delete(evidence_mark::table.filter(evidence_mark::evidence_id.eq(id))).execute(conn)?;
    diesel::delete(evidence_finding::table.filter(evidence_finding::evidence_id.eq(id))).execute(conn)?;
    diesel::delete(evidence_preview::table.filter(evidence_preview::evidence_id.eq(id))).execute(conn)?;
    diesel::update(upload::table.filter(upload::evidence_id.eq(id))).set(upload::metadata.eq("")).execute(conn)?;
    Ok(())
}

/// Notes on whose body the camera was; none where it was the author's.
pub fn evidence_wearer(conn: &mut Conn, id: &EvidenceId, wearer: Option<PersonId>) -> Result<()> {
    diesel::update(evidence::table.find(id))
        .set((evidence::wearer_id.eq(wearer), evidence::version.eq(evidence::version + 1)))
        .execute(conn)?;
    Ok(())
}
