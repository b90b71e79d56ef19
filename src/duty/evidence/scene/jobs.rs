//! What has to be done about gaps without anybody asking: each second.

use std::sync::Arc;

use super::service;
use crate::duty::evidence::store::scene as gaps;
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::jobs::{self, JobRow};
use crate::words::error::Result;
use crate::words::ids::IncidentId;

/// Gaps taken in one turn; the rest wait a second.
const BATCH: i64 = 200;

/// Fresh gaps are measured once more, and of those whose time is over the room is told. The times stand in the rows: a
/// restart forgets none, and a conditional write lets one node tell.
pub async fn run(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    let (fresh, due) = core
        .db
        .read(move |conn| Ok((gaps::gaps_to_look(conn, now, BATCH)?, gaps::gaps_due(conn, now, BATCH)?)))
        .await?;
    for id in fresh {
        core.db.write(Priority::Background, move |tx| service::look(tx, &id)).await?;
    }
    for id in due {
        core.db.write(Priority::Normal, move |tx| service::overdue(tx, &id)).await?;
    }
    Ok(())
}

/// The job of [`service::left`]: what the incident as a whole must have, looked at once more.
pub async fn left_together(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Args {
        incident_id: IncidentId,
    }
    let Args { incident_id: id } = serde_json::from_str(&job.args)?;
    let (inner, job) = (Arc::clone(core), job.clone());
    core.db
        .write(Priority::Background, move |tx| {
            if jobs::finish(tx, &job)? {
                service::left_together(&inner, tx, &id)?;
            }
            Ok(())
        })
        .await
}
