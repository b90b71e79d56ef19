//! What an inquiry looks like to those who may know of it, and what of it is told when it has ended.

use serde::Serialize;

use super::rules::{Inquiry, State};
use super::store::LookRow;
use crate::words::ids::{DeviceId, EvidenceId, IncidentId, InquiryId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// One inquiry.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct InquiryView {
    pub id: InquiryId,
    pub number: String,
    #[schema(inline)]
    pub state: State,
    /// Whom it is about; null where it is about incidents.
    pub person_id: Option<PersonId>,
    pub incident_ids: Vec<IncidentId>,
    /// None: wherever it is.
    pub unit_ids: Vec<UnitId>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub reason: String,
    pub expires_at: Timestamp,
    pub investigator_ids: Vec<PersonId>,
    pub requested_by: PersonId,
    pub requested_at: Timestamp,
    pub approved_by: Option<PersonId>,
    pub approved_at: Option<Timestamp>,
    pub closed_by: Option<PersonId>,
    pub closed_at: Option<Timestamp>,
    pub version: i64,
}

/// One look under it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct InquiryLook {
    pub at: Timestamp,
    pub viewer_id: PersonId,
    pub device_id: DeviceId,
    /// `metadata`, `preview`, `content`, `custody`, `list`, `track`.
    pub what: String,
    pub purpose: Option<String>,
    /// Whose track.
    pub person_id: Option<PersonId>,
    pub evidence_id: Option<EvidenceId>,
    /// Of a track.
    pub from: Option<Timestamp>,
    /// Of a track.
    pub to: Option<Timestamp>,
}

/// One inquiry with the looks under it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct InquiryFull {
    #[serde(flatten)]
    pub inquiry: InquiryView,
    /// The latest first, 500 at most.
    pub looks: Vec<InquiryLook>,
}

/// What whoever was looked at is told of the inquiry.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct InquiryTold {
    pub number: String,
    pub reason: String,
    pub requested_by: PersonId,
    pub approved_by: Option<PersonId>,
    pub from: Timestamp,
    pub to: Timestamp,
    /// When it ended; null while it goes on, which only its keeper sees.
    pub ended_at: Option<Timestamp>,
}

impl InquiryView {
    pub fn of(inquiry: Inquiry, now: Timestamp) -> Self {
        let state = inquiry.state(now);
        let row = inquiry.row;
        Self {
            id: row.id,
            number: row.number,
            state,
            person_id: row.person_id,
            incident_ids: inquiry.incidents,
            unit_ids: inquiry.units,
            from: row.from_at,
            to: row.to_at,
            reason: row.reason,
            expires_at: row.expires_at,
            investigator_ids: inquiry.investigators,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            approved_by: row.approved_by,
            approved_at: row.approved_at,
            closed_by: row.closed_by,
            closed_at: row.closed_at,
            version: row.version,
        }
    }
}

impl From<LookRow> for InquiryLook {
    fn from(row: LookRow) -> Self {
        Self {
            at: row.at,
            viewer_id: row.viewer_id,
            device_id: row.device_id,
            what: row.what,
            purpose: row.purpose,
            person_id: row.person_id,
            evidence_id: row.evidence_id,
            from: row.from_at,
            to: row.to_at,
        }
    }
}

impl InquiryTold {
    pub fn of(inquiry: &Inquiry, now: Timestamp) -> Self {
        let row = &inquiry.row;
        let ended_at = match inquiry.state(now) {
            State::Closed => row.closed_at,
            State::Expired => Some(row.expires_at),
            State::Requested | State::Open => None,
        };
        Self {
            number: row.number.clone(),
            reason: row.reason.clone(),
            requested_by: row.requested_by,
            approved_by: row.approved_by,
            from: row.from_at,
            to: row.to_at,
            ended_at,
        }
    }
}
