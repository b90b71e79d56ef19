//! The command room's own desk: cards that a human must look at. What raises
//! them lies in the other duties; here they are listed, snoozed and closed.

pub mod http;
pub mod messages;
pub mod service;
pub mod store;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::cards::CardRow;
use crate::words::error::{Error, Result};
use crate::words::ids::{CardId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Longest snooze: a card must come back within the shift.
pub const SNOOZE_MAX_MIN: i64 = 240;

/// A card as a seat sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CardView {
    pub id: CardId,
    pub unit_id: UnitId,
    /// e.g. `assignment.undelivered`, `area.silent`, `backup.unreachable`
    pub kind: String,
    pub subject_kind: String,
    pub subject_id: String,
    /// Ids, enums and counts.
    #[schema(value_type = Object)]
    pub data: Value,
    pub open: bool,
    pub raised_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<PersonId>,
    pub snoozed_until: Option<Timestamp>,
    pub snooze_reason: Option<String>,
}

impl CardView {
    pub fn of(row: CardRow) -> Result<Self> {
        Ok(Self {
            data: serde_json::from_str(&row.data)?,
            id: row.id,
            unit_id: row.unit_id,
            kind: row.kind,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            open: row.open,
            raised_at: row.raised_at,
            closed_at: row.closed_at,
            closed_by: row.closed_by,
            snoozed_until: row.snoozed_until,
            snooze_reason: row.snooze_reason,
        })
    }
}

/// `POST /cards/{id}/snooze`
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snooze {
    /// 1 to 240 minutes.
    pub minutes: i64,
    pub reason: String,
}

impl Snooze {
    /// Checks the bounds.
    pub fn check(&self) -> Result<()> {
        if !(1..=SNOOZE_MAX_MIN).contains(&self.minutes) {
            return Err(Error::field("minutes", format!("must be between 1 and {SNOOZE_MAX_MIN}")));
        }
        crate::platform::http::body::text("reason", &self.reason, 1, 200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snooze_has_a_reason_and_ends_within_the_shift() {
        let snooze = |minutes, reason: &str| Snooze { minutes, reason: reason.into() }.check().is_ok();
        assert!(snooze(1, "已电话核实") && snooze(240, "x"));
        assert!(!snooze(0, "x") && !snooze(241, "x") && !snooze(5, ""));
    }
}
