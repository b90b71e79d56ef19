//! A batch: what has run out and nothing holds, on one list that two people agree to. Made by the rule once a month for
//! each unit with a custodian, and whenever a custodian asks.
//!
//! The list is made by a job, an item a recipe; what is agreed to is the list as it then stands, by its digest. An item
//! that is held, classed or linked meanwhile drops out of it and says why.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Retention;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::jobs::{EXPIRE_JOB, GATHER_JOB};
use super::super::rules::REASON_MAX;
use super::super::store::deletions::{self, BatchRow, DeletionRow};
use super::deletion::{ApprovalView, another, approvals, asked, voted};
use super::erase::{APPROVALS, carry_out};
use super::{BatchState, DeletionState, Terms, standing};
use crate::duty::officers::store as officers;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::jobs::{self, JobRow};
use crate::platform::keys::sha256_hex;
use crate::platform::policy::{self, Action, Actor, Facts};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{BatchId, DeletionId, EvidenceId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Items looked at in one go.
const PAGE: i64 = 500;
/// What every batch says of itself.
const REASON: &str = "保存期限届满";

/// Which batch a job is about.
#[derive(Debug, Serialize, Deserialize)]
pub struct BatchArgs {
    pub batch_id: BatchId,
}

/// A batch as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BatchView {
    pub id: BatchId,
    /// Its items are of this unit and those below.
    pub unit_id: UnitId,
    /// The month whose batch it is; null when a custodian asked for it.
    pub month: Option<String>,
    #[schema(inline)]
    pub state: BatchState,
    pub reason: String,
    pub article: String,
    /// Null: the rule.
    pub proposed_by: Option<PersonId>,
    pub proposed_at: Timestamp,
    /// Items on the list.
    pub size: i64,
    /// SHA-256 over their ids in ascending order, one a line, hex: what is agreed to. Null while the list is being made.
    pub digest: Option<String>,
    pub approvals: Vec<ApprovalView>,
    /// Once approved: carried out then at the earliest.
    pub not_before: Option<Timestamp>,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Timestamp>,
    /// Items that something keeps, so that they dropped out.
    pub dropped: i64,
    /// Items that are deleted.
    pub deleted: i64,
}

/// A batch with what became of its items so far.
pub fn view(conn: &mut Conn, row: BatchRow) -> Result<BatchView> {
    let counts = deletions::batch_counts(conn, &row.id)?;
    let of = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
    let votes = deletions::votes_of(conn, &row.id.to_string())?;
    Ok(BatchView {
        id: row.id,
        unit_id: row.unit_id,
        month: row.month,
        state: row.state,
        reason: row.reason,
        article: row.article,
        proposed_by: row.proposed_by,
        proposed_at: row.proposed_at,
        size: row.size,
        digest: row.digest,
        approvals: approvals(&votes),
        not_before: row.not_before,
        ended_by: row.ended_by,
        ended_at: row.ended_at,
        dropped: of(DeletionState::Dropped),
        deleted: of(DeletionState::Done),
    })
}

/// A batch that the actor may see and decide. Errors: `not_found`, `forbidden`.
pub fn fetch(conn: &mut Conn, actor: &Actor, id: &BatchId) -> Result<BatchRow> {
    let row = deletions::batch_fetch(conn, id)?;
    check(conn, actor, &row)?;
    Ok(row)
}

fn check(conn: &mut Conn, actor: &Actor, row: &BatchRow) -> Result<()> {
    let unit = officers::unit_fetch(conn, &row.unit_id)?;
    let facts = Facts { unit_path: Some(&unit.path), ..Facts::default() };
    policy::may(actor, Action::EvidenceDispose, &facts).check("batch")
}

/// Whether a person decides about deletions at all: in his own unit. Errors: `forbidden`.
pub fn decides(actor: &Actor, action: Action) -> Result<()> {
    let facts = Facts { unit_path: Some(&actor.unit_path), ..Facts::default() };
    match policy::may(actor, action, &facts) {
        policy::Decision::Allow => Ok(()),
        _ => Err(Error::new(Code::Forbidden)),
    }
}

/// Has a list made of what has run out in the custodian's subtree; it is there soon after. Errors: `forbidden`.
pub async fn propose(ctx: &Ctx, meta: &RequestMeta) -> Result<Done> {
    decides(&ctx.actor, Action::EvidenceKeep)?;
    let actor = Arc::clone(&ctx.actor);
    let terms = ctx.part::<Terms>()?.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let id = begin(tx, &terms, actor.unit, None, Some(actor.person))?;
        Ok(Done::new(202, json!({ "id": id })))
    })
    .await
}

fn begin(tx: &mut Tx<'_>, terms: &Terms, unit: UnitId, month: Option<String>, by: Option<PersonId>) -> Result<BatchId> {
    let article = terms.all().iter().find(|term| term.category == Retention::Ordinary);
    let row = BatchRow {
        id: BatchId::new(),
        unit_id: unit,
        month,
        state: BatchState::Gathering,
        reason: REASON.to_owned(),
        article: article.map(|term| term.article.clone()).unwrap_or_default(),
        proposed_by: by,
        proposed_at: tx.now,
        size: 0,
        digest: None,
        not_before: None,
        ended_by: None,
        ended_at: None,
        version: 1,
    };
    deletions::batch_insert(tx.conn(), &row)?;
    let (args, now) = (serde_json::to_value(BatchArgs { batch_id: row.id })?, tx.now);
    jobs::enqueue(tx, GATHER_JOB, &args, now)?;
    Ok(row.id)
}

/// The periodic duty: once in each month, a batch for each unit with a custodian, and one for whatever is left.
pub async fn monthly(core: Arc<Core>) -> Result<()> {
    let month = month_of(core.clock.now());
    let asked = month.clone();
    if core.db.read(move |conn| deletions::round_begun(conn, &asked)).await? {
        return Ok(());
    }
    let terms = core.part::<Terms>()?.clone();
    core.db.write(Priority::Background, move |tx| round(tx, &terms, &month)).await
}

fn round(tx: &mut Tx<'_>, terms: &Terms, month: &str) -> Result<()> {
    let now = tx.now;
    if !deletions::round_insert(tx.conn(), month, now)? {
        return Ok(());
    }
    let mut units = deletions::units_with_custodian(tx.conn())?;
    units.extend(officers::unit_any(tx.conn())?.map(|root| root.id));
    units.sort_unstable();
    units.dedup();
    for unit in units {
        begin(tx, terms, unit, Some(month.to_owned()), None)?;
    }
    Ok(())
}

/// `2026-11`, in UTC.
fn month_of(at: Timestamp) -> String {
    at.to_string().chars().take(7).collect()
}

/// The units whose items a batch takes: its own and those below; of a month's batches each leaves to the others what is
/// below another custodian.
fn units_of(conn: &mut Conn, row: &BatchRow) -> Result<Vec<UnitId>> {
    let own = officers::unit_fetch(conn, &row.unit_id)?;
    let below = officers::units_in_subtree(conn, &own.path)?;
    let mut others = Vec::new();
    if row.month.is_some() {
        let custodians = deletions::units_with_custodian(conn)?;
        others = below
            .iter()
            .filter(|unit| unit.id != own.id && custodians.contains(&unit.id))
            .map(|unit| unit.path.clone())
            .collect();
    }
    let mine = below.into_iter().filter(|unit| !others.iter().any(|path| unit.path.starts_with(path)));
    Ok(mine.map(|unit| unit.id).collect())
}

/// The job that makes the list. Begun again after a kill it goes on: what is listed is not listed twice.
pub async fn run_gather(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    let BatchArgs { batch_id: id } = serde_json::from_str(&job.args)?;
    let terms = core.part::<Terms>()?.clone();
    let mut after: Option<EvidenceId> = None;
    loop {
        let page = core.db.read(move |conn| expired(conn, &id, after)).await?;
        let Some(last) = page.last().copied() else { break };
        for item in page {
            let terms = terms.clone();
            core.db.write(Priority::Background, move |tx| list(tx, &terms, &id, &item)).await?;
        }
        after = Some(last);
    }
    core.db.write(Priority::Background, move |tx| proposed(tx, &id)).await
}

fn expired(conn: &mut Conn, id: &BatchId, after: Option<EvidenceId>) -> Result<Vec<EvidenceId>> {
    let row = match deletions::batch_fetch(conn, id) {
        Ok(row) if row.state == BatchState::Gathering => row,
        Err(error) if !error.is(Code::NotFound) => return Err(error),
        // Done before, or forgotten because there was nothing.
        _ => return Ok(Vec::new()),
    };
    let units = units_of(conn, &row)?;
    // By the time of the proposal, so that a list ends.
    deletions::evidence_expired(conn, &units, row.proposed_at, after, PAGE)
}

/// Puts one item on the list, unless something keeps it or another list has it.
fn list(tx: &mut Tx<'_>, terms: &Terms, id: &BatchId, item: &EvidenceId) -> Result<()> {
    let now = tx.now;
    let (row, incidents) = standing::lock(tx, item)?;
    let batch = deletions::batch_lock(tx.conn(), id)?;
    let kept = standing::keeps(tx.conn(), terms, &row, &incidents, now)?.is_some();
    let listed = !deletions::deletions_open_of(tx.conn(), item)?.is_empty();
    if kept || listed || batch.state != BatchState::Gathering {
        return Ok(());
    }
    let row = DeletionRow {
        id: DeletionId::new(),
        evidence_id: *item,
        batch_id: Some(*id),
        state: DeletionState::Asked,
        reason: batch.reason,
        article: batch.article,
        asked_by: batch.proposed_by,
        asked_at: now,
        not_before: None,
        ended_by: None,
        ended_at: None,
        why: None,
        version: 1,
    };
    asked(tx, None, &row)
}

/// The list stands. A month's batch without items is forgotten.
fn proposed(tx: &mut Tx<'_>, id: &BatchId) -> Result<()> {
    let row = match deletions::batch_lock(tx.conn(), id) {
        Ok(row) if row.state == BatchState::Gathering => row,
        Err(error) if !error.is(Code::NotFound) => return Err(error),
        _ => return Ok(()),
    };
    let items = deletions::batch_items(tx.conn(), id)?;
    if items.is_empty() {
        if row.month.is_some() {
            return deletions::batch_delete(tx.conn(), id);
        }
        let ended_at = Some(tx.now);
        return deletions::batch_save(tx.conn(), &BatchRow { state: BatchState::Empty, ended_at, ..row });
    }
    let digest = digest(&items);
    let size = i64::try_from(items.len()).map_err(Error::internal)?;
    let (unit, by) = (row.unit_id, row.proposed_by);
    let row = BatchRow { state: BatchState::Proposed, size, digest: Some(digest.clone()), ..row };
    deletions::batch_save(tx.conn(), &row)?;
    let detail = json!({ "batch_id": id, "unit_id": unit, "size": size, "digest": digest });
    touch(tx, Touch { evidence: None, kind: TouchKind::DeletionAsked, actor: by, device: None, detail })?;
    Ok(())
}

/// SHA-256 over the ids, one a line, hex.
fn digest(items: &[EvidenceId]) -> String {
    let lines: String = items.iter().map(|id| format!("{id}\n")).collect();
    sha256_hex(lines.as_bytes())
}

/// Agrees to a batch. With the second agreement its items are set for their time.
///
/// Errors: `not_found`, `forbidden`, `other_person_required`, `conflict` when it is not open.
pub async fn approve(ctx: &Ctx, meta: &RequestMeta, id: BatchId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    let wait = ctx.config.evidence.deletion_wait_s.max(0);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = deletions::batch_lock(tx.conn(), &id)?;
        check(tx.conn(), &actor, &row)?;
        let subject = id.to_string();
        let votes = deletions::votes_of(tx.conn(), &subject)?;
        let own = deletions::batch_has_item_of(tx.conn(), &id, &actor.person)?;
        another(&actor, row.proposed_by, &votes, own)?;
        if row.state != BatchState::Proposed {
            return Err(Error::conflict(format!("the batch is {}", row.state)).with("state", json!(row.state)));
        }
        voted(tx, &actor, &subject)?;
        let given = votes.len() + 1;
        let detail = json!({ "batch_id": id, "size": row.size, "digest": row.digest, "approvals": given });
        touch(tx, Touch::by(&actor, None, TouchKind::DeletionApproved, detail))?;
        if given >= APPROVALS {
            let due = tx.now.plus_secs(wait);
            let approved = BatchRow { state: BatchState::Approved, not_before: Some(due), ..row };
            deletions::batch_save(tx.conn(), &approved)?;
            jobs::enqueue(tx, EXPIRE_JOB, &serde_json::to_value(BatchArgs { batch_id: id })?, due)?;
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Refuses a batch, or takes an approved one back: what of it is not deleted yet stays.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`, `conflict` when it is not open.
pub async fn refuse(ctx: &Ctx, meta: &RequestMeta, id: BatchId, reason: String) -> Result<Done> {
    body::text("reason", &reason, 1, REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = deletions::batch_lock(tx.conn(), &id)?;
        check(tx.conn(), &actor, &row)?;
        if !matches!(row.state, BatchState::Proposed | BatchState::Approved) {
            return Err(Error::conflict(format!("the batch is {}", row.state)).with("state", json!(row.state)));
        }
        let now = tx.now;
        deletions::batch_deletions_end(tx.conn(), &id, &actor.person, &reason, now)?;
        let ended = BatchRow { state: BatchState::Refused, ended_by: Some(actor.person), ended_at: Some(now), ..row };
        deletions::batch_save(tx.conn(), &ended)?;
        let detail = json!({ "batch_id": id, "outcome": BatchState::Refused, "why": reason });
        touch(tx, Touch::by(&actor, None, TouchKind::DeletionEnded, detail))?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// The job that carries an approved batch out, an item a recipe. Begun again after a kill it goes on; what fails keeps
/// nobody else waiting and is tried again with the job.
pub async fn run_expire(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    let BatchArgs { batch_id: id } = serde_json::from_str(&job.args)?;
    let terms = core.part::<Terms>()?.clone();
    let mut after: Option<EvidenceId> = None;
    let mut failed = None;
    loop {
        let row = core.db.read(move |conn| deletions::batch_fetch(conn, &id)).await?;
        if row.state != BatchState::Approved {
            return Ok(());
        }
        let due = core.db.read(move |conn| deletions::deletions_due_of_batch(conn, &id, after, PAGE)).await?;
        let Some((last, _)) = due.last().copied() else { break };
        for (item, deletion) in due {
            let terms = terms.clone();
            if let Err(error) = core.db.write(Priority::Background, move |tx| carry_out(tx, &terms, &deletion)).await {
                tracing::warn!(evidence = %item, %error, "an item of a batch could not be deleted; it is tried again");
                failed = Some(error);
            }
        }
        after = Some(last);
    }
    match failed {
        Some(error) => Err(error),
        None => core.db.write(Priority::Background, move |tx| done(tx, &id)).await,
    }
}

fn done(tx: &mut Tx<'_>, id: &BatchId) -> Result<()> {
    let row = deletions::batch_lock(tx.conn(), id)?;
    if row.state != BatchState::Approved {
        return Ok(());
    }
    let ended_at = Some(tx.now);
    deletions::batch_save(tx.conn(), &BatchRow { state: BatchState::Done, ended_at, ..row })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_one_name() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(month_of(at("2026-11-01T00:00:00Z")), "2026-11");
        assert_eq!(month_of(at("2026-12-01T07:59:59+08:00")), "2026-11");
    }

    #[test]
    fn the_digest_is_that_of_the_lines() {
        let ids = [EvidenceId::new(), EvidenceId::new()];
        assert_eq!(digest(&ids), sha256_hex(format!("{}\n{}\n", ids[0], ids[1]).as_bytes()));
        assert_ne!(digest(&ids), digest(&ids[..1]));
    }
}
