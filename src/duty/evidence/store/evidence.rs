//! The items themselves.

use diesel::prelude::*;

use crate::duty::evidence::{Kind, Place, Previewed, Retention};
use crate::per_backend;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{evidence, evidence_incident, incident_person, incident_unit};
use crate::platform::db::{Conn, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, DeviceId, EvidenceId, IncidentId, PersonId, SessionId, UnitId};
use crate::words::time::Timestamp;

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

/// What a list asks for; every bound is checked by the caller.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// Sees his own, and what belongs to incidents he is or was sent to.
    pub viewer: PersonId,
    /// The units he watches besides: their people's items, and those of their incidents.
    pub units: Vec<UnitId>,
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
    query = query.filter(
        evidence::id
            .eq_any(of_person)
            .or(evidence::id.eq_any(of_units))
            .or(evidence::unit_id.eq_any(filter.units.clone()))
            .or(evidence::author_id.eq(filter.viewer))
            .or(evidence::wearer_id.eq(filter.viewer)),
    );
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
