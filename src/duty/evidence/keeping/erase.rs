//! The deed: an item is deleted, with what was seen in it and said about it. What stays is that it was there, its hash
//! and its receipt, and who agreed to its end, when and why.
//!
//! The rows go first, in one recipe with the entry that says so and the job that removes the files; a kill in between
//! leaves the job. Files go only if no other item has the same bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::custody::{Touch, TouchKind, log};
use super::super::jobs::REMOVE_JOB;
use super::super::photos::{LARGE_PX, SMALL_PX};
use super::super::store::custody as entries;
use super::super::store::deletions::{self, BatchRow, DeletionRow, VoteRow};
use super::super::store::{self, EvidenceRow, shares};
use super::{BatchState, Bytes, DeletionState, Terms, standing};
use crate::duty::incidents::trail;
use crate::platform::blobs::Blobs;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::disk::blocking;
use crate::platform::jobs::{self, JobRow};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeletionId, EvidenceId, IncidentId};

/// People who must have agreed to a deletion, whoever asked for it.
pub const APPROVALS: usize = 2;

/// Which deletion a job carries out.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteArgs {
    pub deletion_id: DeletionId,
}

/// Which files a job removes.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveArgs {
    pub evidence_id: EvidenceId,
    pub sha256: String,
}

/// The job of a single deletion.
pub async fn run_delete(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    let args: DeleteArgs = serde_json::from_str(&job.args)?;
    let terms = core.part::<Terms>()?.clone();
    core.db.write(Priority::Background, move |tx| carry_out(tx, &terms, &args.deletion_id)).await
}

/// Deletes the item of an approved deletion, or lets the deletion fall through when something keeps the item. What is
/// over is left as it is.
pub fn carry_out(tx: &mut Tx<'_>, terms: &Terms, id: &DeletionId) -> Result<()> {
    let now = tx.now;
    let seen = deletions::deletion_fetch(tx.conn(), id)?;
    let (row, incidents) = standing::lock(tx, &seen.evidence_id)?;
    // The batch before its deletions, as whoever refuses it does.
    let batch = match seen.batch_id {
        Some(batch) => Some(deletions::batch_lock(tx.conn(), &batch)?),
        None => None,
    };
    let deletion = deletions::deletion_lock(tx.conn(), id)?;
    let Some(votes) = agreed(tx, &deletion, batch.as_ref())? else { return Ok(()) };
    if let Some(keeps) = standing::keeps(tx.conn(), terms, &row, &incidents, now)? {
        return standing::ended(tx, None, deletion, DeletionState::Dropped, keeps.as_str());
    }
    erase(tx, &row, &incidents, &deletion, &votes)
}

/// Who agreed; none when the deletion is over or refused. Errors: `busy` when it is not due, `internal` when fewer agreed
/// than must.
fn agreed(tx: &mut Tx<'_>, deletion: &DeletionRow, batch: Option<&BatchRow>) -> Result<Option<Vec<VoteRow>>> {
    let (approved, not_before, subject) = match batch {
        Some(batch) => (
            batch.state == BatchState::Approved && deletion.state == DeletionState::Asked,
            batch.not_before,
            batch.id.to_string(),
        ),
        None => (deletion.state == DeletionState::Approved, deletion.not_before, deletion.id.to_string()),
    };
    if !approved {
        return Ok(None);
    }
    if not_before.is_none_or(|at| at > tx.now) {
        // The clock went back a little; the job comes again.
        return Err(Error::busy(1).detail("the deletion is not due yet"));
    }
    let votes = deletions::votes_of(tx.conn(), &subject)?;
    let asked_by = batch.map_or(deletion.asked_by, |batch| batch.proposed_by);
    if votes.len() < APPROVALS || votes.iter().any(|vote| Some(vote.person_id) == asked_by) {
        return Err(Error::internal(format!("deletion {} is approved, and not by two others", deletion.id)));
    }
    Ok(Some(votes))
}

fn erase(
    tx: &mut Tx<'_>,
    row: &EvidenceRow,
    incidents: &[IncidentId],
    deletion: &DeletionRow,
    votes: &[VoteRow],
) -> Result<()> {
    let (id, now) = (row.id, tx.now);
    let approved_by: Vec<Value> =
        votes.iter().map(|vote| json!({ "person_id": vote.person_id, "at": vote.at })).collect();
    log::erase(
        tx,
        Touch {
            evidence: Some(&id),
            kind: TouchKind::Deleted,
            // By the rule, on the word of those who are named.
            actor: None,
            device: None,
            detail: json!({
                "deletion_id": deletion.id,
                "batch_id": deletion.batch_id,
                "reason": deletion.reason,
                "article": deletion.article,
                "asked_by": deletion.asked_by,
                "asked_at": deletion.asked_at,
                "approved_by": approved_by,
            }),
        },
    )?;
    store::evidence_erase(tx.conn(), &id, now)?;
    store::particulars_delete(tx.conn(), &id)?;
    shares::shares_end(tx.conn(), &id, now)?;
    let done = DeletionRow { state: DeletionState::Done, ended_at: Some(now), ..deletion.clone() };
    deletions::deletion_save(tx.conn(), &done)?;
    for incident in incidents {
        let data = json!({ "evidence_id": id, "deletion_id": deletion.id });
        trail::entry(tx, incident, "evidence.deleted", None, data)?;
    }
    remove_later(tx, row)
}

/// Has the files of a deleted item removed.
pub fn remove_later(tx: &mut Tx<'_>, row: &EvidenceRow) -> Result<()> {
    let args = RemoveArgs { evidence_id: row.id, sha256: row.sha256.clone() };
    let now = tx.now;
    jobs::enqueue(tx, REMOVE_JOB, &serde_json::to_value(args)?, now).map(drop)
}

/// The job that removes the files of a deleted item: its previews, and the original unless another item has the same.
pub async fn run_remove(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    let RemoveArgs { evidence_id: id, sha256 } = serde_json::from_str(&job.args)?;
    // Whoever stores the same bytes now has committed its row before this, or waits until they are gone.
    let _alone = core.part::<Bytes>()?.alone(&sha256).await;
    let key = sha256.clone();
    let (gone, needed) = core
        .db
        .read(move |conn| {
            let gone = store::evidence_fetch(conn, &id)?.gone_at.is_some();
            Ok((gone, store::evidence_needs(conn, &key)?))
        })
        .await?;
    if !gone {
        return Err(Error::internal(format!("the files of {id} are not removed: it is not deleted")));
    }
    let blobs = core.part::<Blobs>()?.clone();
    let remove = move || -> Result<bool> {
        for px in [SMALL_PX, LARGE_PX] {
            blobs.remove_preview(id, px)?;
        }
        if needed { Ok(false) } else { blobs.remove(&sha256) }
    };
    let removed = blocking(remove).await??;
    tracing::info!(evidence = %id, removed, needed, "the files of a deleted item were removed");
    Ok(())
}

/// What is answered about a deleted item: `erased`, with when, why, by which law, and who asked and agreed, as the log
/// has it.
pub fn tombstone(conn: &mut Conn, id: &EvidenceId) -> Result<Error> {
    let mut error = Error::new(Code::Erased).with("evidence_id", json!(id));
    if let Some(entry) = entries::entry_last(conn, id, TouchKind::Deleted)? {
        error = error.detail(format!("it was deleted at {}", entry.at)).with("erased_at", json!(entry.at));
        let detail: Value = entry.detail.as_deref().map_or(Ok(Value::Null), serde_json::from_str)?;
        for (name, value) in detail.as_object().into_iter().flatten() {
            error = error.with(name, value.clone());
        }
    }
    Ok(error)
}
