//! Append-only record of who did what to which subject.

use diesel::prelude::*;
use serde_json::Value;

use super::db::Tx;
use super::db::schema::audit;
use super::policy::Actor;
use crate::words::error::Result;
use crate::words::ids::AccessId;

/// Writes one audit row in the transaction of the deed; `detail` holds no personal data.
pub fn record(
    tx: &mut Tx<'_>,
    actor: Option<&Actor>,
    action: &str,
    subject_kind: &str,
    subject_id: &str,
    detail: &Value,
) -> Result<()> {
    let now = tx.now;
    diesel::insert_into(audit::table)
        .values((
            audit::id.eq(AccessId::new()),
            audit::at.eq(now),
            audit::person_id.eq(actor.map(|a| a.person)),
            audit::device_id.eq(actor.map(|a| a.device)),
            audit::action.eq(action),
            audit::subject_kind.eq(subject_kind),
            audit::subject_id.eq(subject_id),
            audit::detail.eq(detail.to_string()),
        ))
        .execute(tx.conn())?;
    Ok(())
}
