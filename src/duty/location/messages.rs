//! What devices hear from this slice: `reporting.policy`.

use serde::Serialize;
use serde_json::{Value, json};

use super::reporting::Policy;
use super::store;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::PersonId;

/// The kind of the one message this slice sends.
pub const REPORTING_POLICY: &str = "reporting.policy";

/// Body of `reporting.policy`: how often to report from now on.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct ReportingPolicy {
    /// What to do.
    pub policy: Policy,
}

/// The body as of today: the policy in force now, whatever it was when the message was written.
pub fn render(conn: &mut Conn, recipient: &PersonId, subject_id: &str) -> Result<Option<Value>> {
    if subject_id != recipient.to_string() {
        return Ok(None);
    }
    let policy = store::mode_of(conn, recipient)?.policy();
    Ok(Some(json!(ReportingPolicy { policy })))
}
