//! What a dossier reads of the tables of other duties beyond what these offer: everything about one incident, oldest first.

use diesel::prelude::*;

use crate::duty::backup::rows::BackupRow;
use crate::duty::crews::IssueRow;
use crate::duty::evidence::store::HoldRow;
use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::evidence::uploads::State as UploadState;
use crate::duty::incidents::store::RevisionRow;
use crate::platform::db::Conn;
use crate::platform::db::schema::{backup, device_issue, evidence_incident as link, hold, incident_revision, upload};
use crate::words::error::Result;
use crate::words::ids::{EvidenceId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Which item was said to belong to the incident, by whom and when.
#[derive(Clone, Debug, Queryable)]
pub struct LinkRow {
    pub evidence_id: EvidenceId,
    pub linked_by: PersonId,
    pub linked_at: Timestamp,
}

/// Every push of the source, the applied and the others.
pub fn revisions_of(conn: &mut Conn, id: &IncidentId) -> Result<Vec<RevisionRow>> {
    Ok(incident_revision::table
        .filter(incident_revision::incident_id.eq(id))
        .order((incident_revision::received_at.asc(), incident_revision::revision.asc()))
        .load(conn)?)
}

/// The items of the incident.
pub fn links_of(conn: &mut Conn, id: &IncidentId) -> Result<Vec<LinkRow>> {
    Ok(link::table
        .filter(link::incident_id.eq(id))
        .order((link::linked_at.asc(), link::evidence_id.asc()))
        .select((link::evidence_id, link::linked_by, link::linked_at))
        .load(conn)?)
}

/// Holds on the incident or one of these items, lifted ones too.
pub fn holds_about(conn: &mut Conn, id: &IncidentId, items: &[EvidenceId]) -> Result<Vec<HoldRow>> {
    Ok(hold::table
        .filter(hold::incident_id.eq(id).or(hold::evidence_id.eq_any(items)))
        .order((hold::set_at.asc(), hold::id.asc()))
        .load(conn)?)
}

/// Calls for help by or for these people that came in between two instants.
pub fn backups_of(conn: &mut Conn, people: &[PersonId], from: Timestamp, to: Timestamp) -> Result<Vec<BackupRow>> {
    Ok(backup::table
        .filter(backup::requester_id.eq_any(people).or(backup::for_person_id.eq_any(people)))
        .filter(backup::received_at.ge(from))
        .filter(backup::received_at.le(to))
        .order((backup::received_at.asc(), backup::id.asc()))
        .select(backup::all_columns)
        .load(conn)?)
}

/// What these people carried at some time between two instants.
pub fn issues_of(conn: &mut Conn, people: &[PersonId], from: Timestamp, to: Timestamp) -> Result<Vec<IssueRow>> {
    Ok(device_issue::table
        .filter(device_issue::person_id.eq_any(people))
        .filter(device_issue::issued_at.le(to))
        .filter(device_issue::returned_at.is_null().or(device_issue::returned_at.ge(from)))
        .order((device_issue::issued_at.asc(), device_issue::id.asc()))
        .load(conn)?)
}

/// Uploads of these people, begun between two instants, of which nothing came.
pub fn uploads_lost(conn: &mut Conn, people: &[PersonId], from: Timestamp, to: Timestamp) -> Result<Vec<UploadRow>> {
    Ok(upload::table
        .filter(upload::author_id.eq_any(people))
        .filter(upload::state.eq_any([UploadState::Failed, UploadState::Terminated, UploadState::Expired]))
        .filter(upload::created_at.ge(from))
        .filter(upload::created_at.le(to))
        .order((upload::created_at.asc(), upload::id.asc()))
        .load(conn)?)
}
