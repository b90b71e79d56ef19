//! The ledger of one unit's visit, and one gap, as they are shown.

use serde::Serialize;
use serde_json::{Value, json};

use super::measure::{Measured, Stretch};
use super::{GapCode, GapState, Requirement};
use crate::duty::evidence::store::scene::GapRow;
use crate::words::ids::{AssignmentId, IncidentId, PersonId, SceneGapId, UnitId};
use crate::words::time::Timestamp;

/// One thing that was missing when a unit left.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct GapView {
    pub id: SceneGapId,
    pub incident_id: IncidentId,
    pub assignment_id: AssignmentId,
    /// Whose room has it in its list.
    pub unit_id: UnitId,
    #[schema(inline)]
    pub requirement: Requirement,
    #[schema(inline)]
    pub code: GapCode,
    /// Seconds of `recording`, otherwise a number; what there is and what is needed.
    pub have: i64,
    pub need: i64,
    #[schema(inline)]
    pub state: GapState,
    pub opened_at: Timestamp,
    /// When it must be there.
    pub due_at: Timestamp,
    /// Open beyond that.
    pub overdue: bool,
    pub closed_at: Option<Timestamp>,
    /// Who said that it cannot be supplied; null where it closed by itself.
    pub closed_by: Option<PersonId>,
    /// Why.
    pub reason: Option<String>,
}

impl GapView {
    /// As it stands at an instant.
    pub fn of(row: GapRow, now: Timestamp) -> Self {
        Self {
            overdue: row.state == GapState::Open && row.due_at <= now,
            id: row.id,
            incident_id: row.incident_id,
            assignment_id: row.assignment_id,
            unit_id: row.unit_id,
            requirement: row.requirement,
            code: row.code,
            have: row.have,
            need: row.need,
            state: row.state,
            opened_at: row.opened_at,
            due_at: row.due_at,
            closed_at: row.closed_at,
            closed_by: row.closed_by,
            reason: row.reason,
        }
    }
}

/// One thing that is asked for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RequirementView {
    #[schema(inline)]
    pub requirement: Requirement,
    /// Seconds of `recording`, otherwise a number; what there is and what is needed.
    pub have: i64,
    pub need: i64,
    /// What is missing; null where nothing is.
    #[schema(value_type = Option<String>)]
    pub code: Option<GapCode>,
    /// The stretches without a recording, by time; at most 20, the longest.
    pub missing: Vec<Stretch>,
    /// The gap in the room's list; null before clearing, and where nothing was missing.
    pub gap_id: Option<SceneGapId>,
    #[schema(value_type = Option<String>)]
    pub state: Option<GapState>,
    pub due_at: Option<Timestamp>,
}

impl RequirementView {
    /// What is measured now, with the gap that was opened for it.
    pub fn of(measured: Measured, gap: Option<&GapRow>) -> Self {
        Self {
            requirement: measured.requirement,
            have: measured.have,
            need: measured.need,
            code: measured.code,
            missing: measured.missing,
            gap_id: gap.map(|gap| gap.id),
            state: gap.map(|gap| gap.state),
            due_at: gap.map(|gap| gap.due_at),
        }
    }

    /// As the answer to clearing says it: ids, names and numbers.
    pub fn said(&self) -> Value {
        json!({
            "requirement": self.requirement, "code": self.code, "have": self.have, "need": self.need,
            "gap_id": self.gap_id, "due_at": self.due_at,
        })
    }

    /// Still missing, and nobody has explained it.
    pub fn is_open(&self) -> bool {
        self.code.is_some() && self.state != Some(GapState::Explained)
    }
}

/// What one unit's visit must leave behind.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LedgerView {
    pub assignment_id: AssignmentId,
    pub incident_id: IncidentId,
    /// The category that counts: the one found, else the one reported.
    pub category: String,
    /// The category of the rule; null: nothing is asked for.
    pub rule: Option<String>,
    pub arrived_at: Option<Timestamp>,
    pub cleared_at: Option<Timestamp>,
    pub requirements: Vec<RequirementView>,
}
