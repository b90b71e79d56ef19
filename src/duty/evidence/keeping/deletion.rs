//! The deletion of one item: a custodian asks, two others agree, a job carries it out when its time has come.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::access;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::jobs::DELETE_JOB;
use super::super::rules::REASON_MAX;
use super::super::store::EvidenceRow;
use super::super::store::deletions::{self, DeletionRow, VoteRow};
use super::erase::{APPROVALS, DeleteArgs};
use super::{DeletionState, Terms, standing};
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::jobs;
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{BatchId, DeletionId, EvidenceId, PersonId};
use crate::words::time::Timestamp;

/// Characters of the law a deletion is founded on.
pub const ARTICLE_MAX: usize = 200;

/// Why, and by which law.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeletion {
    /// 1 to 500 characters.
    pub reason: String,
    /// The law it is founded on; 1 to 200 characters.
    pub article: String,
}

/// Somebody who agreed, and when.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ApprovalView {
    pub person_id: PersonId,
    pub at: Timestamp,
}

/// A deletion: how far it is, who asked, who agreed, what kept the item.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DeletionView {
    pub id: DeletionId,
    pub evidence_id: EvidenceId,
    /// Decided with others; null when by itself.
    pub batch_id: Option<BatchId>,
    #[schema(inline)]
    pub state: DeletionState,
    pub reason: String,
    pub article: String,
    /// Null: the rule.
    pub asked_by: Option<PersonId>,
    pub asked_at: Timestamp,
    /// Those of its batch, when it is in one.
    pub approvals: Vec<ApprovalView>,
    /// Once approved: carried out then at the earliest.
    pub not_before: Option<Timestamp>,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Timestamp>,
    /// `held`, `class`, `term`, `quarantined` or `gone` when something kept the item; a reason when it was refused.
    pub why: Option<String>,
}

/// A deletion as it is shown; `votes` are its own or its batch's.
pub fn view(row: DeletionRow, votes: &[VoteRow]) -> DeletionView {
    DeletionView {
        id: row.id,
        evidence_id: row.evidence_id,
        batch_id: row.batch_id,
        state: row.state,
        reason: row.reason,
        article: row.article,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        approvals: approvals(votes),
        not_before: row.not_before,
        ended_by: row.ended_by,
        ended_at: row.ended_at,
        why: row.why,
    }
}

/// Who agreed, as it is shown.
pub fn approvals(votes: &[VoteRow]) -> Vec<ApprovalView> {
    votes.iter().map(|vote| ApprovalView { person_id: vote.person_id, at: vote.at }).collect()
}

/// One deletion by its id.
pub fn fetch(conn: &mut Conn, id: &DeletionId) -> Result<DeletionView> {
    let row = deletions::deletion_fetch(conn, id)?;
    let subject = row.batch_id.map_or_else(|| row.id.to_string(), |batch| batch.to_string());
    let votes = deletions::votes_of(conn, &subject)?;
    Ok(view(row, &votes))
}

/// The last deletion that was asked for of an item. Errors: `not_found`.
pub fn last_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<DeletionView> {
    let row = deletions::deletion_last(conn, evidence)?.ok_or_else(|| Error::not_found("deletion"))?;
    fetch(conn, &row.id)
}

/// Asks for the deletion of an item whose term is over.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`, `erased`, `held`, `retention_running`, `already_exists` while one is
/// open.
pub async fn ask(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, new: NewDeletion) -> Result<Done> {
    body::text("reason", &new.reason, 1, REASON_MAX)?;
    body::text("article", &new.article, 1, ARTICLE_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    let terms = ctx.part::<Terms>()?.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceKeep)?;
        deletable(tx, &terms, &id)?;
        if let Some(open) = deletions::deletions_open_of(tx.conn(), &id)?.first() {
            return Err(Error::new(Code::AlreadyExists)
                .detail("its deletion is asked for already")
                .with("deletion_id", json!(open.id))
                .with("batch_id", json!(open.batch_id)));
        }
        let row = DeletionRow {
            id: DeletionId::new(),
            evidence_id: id,
            batch_id: None,
            state: DeletionState::Asked,
            reason: new.reason.clone(),
            article: new.article.clone(),
            asked_by: Some(actor.person),
            asked_at: tx.now,
            not_before: None,
            ended_by: None,
            ended_at: None,
            why: None,
            version: 1,
        };
        asked(tx, Some(&actor), &row)?;
        Ok(Done::new(201, json!({ "id": row.id })))
    })
    .await
}

/// Stores a deletion and writes it down.
pub fn asked(tx: &mut Tx<'_>, actor: Option<&Actor>, row: &DeletionRow) -> Result<()> {
    deletions::deletion_insert(tx.conn(), row)?;
    let detail = json!({
        "deletion_id": row.id, "batch_id": row.batch_id, "reason": row.reason, "article": row.article,
    });
    touch(
        tx,
        Touch {
            evidence: Some(&row.evidence_id),
            kind: TouchKind::DeletionAsked,
            actor: actor.map(|actor| actor.person),
            device: actor.map(|actor| actor.device),
            detail,
        },
    )?;
    Ok(())
}

/// Locks an item and asks what keeps it. Errors: `erased`, `held`, `retention_running`, `conflict`.
fn deletable(tx: &mut Tx<'_>, terms: &Terms, id: &EvidenceId) -> Result<EvidenceRow> {
    let (row, incidents) = standing::lock(tx, id)?;
    access::whole(tx.conn(), &row)?;
    let now = tx.now;
    match standing::keeps(tx.conn(), terms, &row, &incidents, now)? {
        Some(keeps) => Err(keeps.refusal()),
        None => Ok(row),
    }
}

/// The open single deletion of an item, locked. Errors: `not_found`, `conflict` when it is decided in a batch.
fn open_of(tx: &mut Tx<'_>, id: &EvidenceId) -> Result<DeletionRow> {
    let open = deletions::deletions_open_of(tx.conn(), id)?;
    let found = open.first().ok_or_else(|| Error::not_found("deletion"))?;
    if let Some(batch) = found.batch_id {
        return Err(Error::conflict("it is decided with its batch").with("batch_id", json!(batch)));
    }
    deletions::deletion_lock(tx.conn(), &found.id)
}

/// Whoever asked, has agreed already, or made what is to be deleted: it takes another. Errors: `other_person_required`.
pub fn another(actor: &Actor, asked_by: Option<PersonId>, votes: &[VoteRow], own: bool) -> Result<()> {
    let why = if asked_by == Some(actor.person) {
        "whoever asks does not approve"
    } else if votes.iter().any(|vote| vote.person_id == actor.person) {
        "one person approves once"
    } else if own {
        "nobody approves the deletion of what he recorded"
    } else {
        return Ok(());
    };
    Err(Error::new(Code::OtherPersonRequired).detail(why))
}

/// Agrees. With the second agreement the deletion is set for its time.
///
/// Errors: `not_found`, `forbidden`, `other_person_required`, `conflict` when it is approved already, `held`,
/// `retention_running`, `erased`.
pub async fn approve(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    let terms = ctx.part::<Terms>()?.clone();
    let wait = ctx.config.evidence.deletion_wait_s.max(0);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (_, sight) = access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceDispose)?;
        deletable(tx, &terms, &id)?;
        let row = open_of(tx, &id)?;
        let votes = deletions::votes_of(tx.conn(), &row.id.to_string())?;
        another(&actor, row.asked_by, &votes, sight.own)?;
        if row.state != DeletionState::Asked {
            return Err(Error::conflict("it is approved already"));
        }
        let now = tx.now;
        voted(tx, &actor, &row.id.to_string())?;
        let given = votes.len() + 1;
        let detail = json!({ "deletion_id": row.id, "approvals": given });
        touch(tx, Touch::by(&actor, Some(&id), TouchKind::DeletionApproved, detail))?;
        if given >= APPROVALS {
            let due = now.plus_secs(wait);
            let approved = DeletionRow { state: DeletionState::Approved, not_before: Some(due), ..row.clone() };
            deletions::deletion_save(tx.conn(), &approved)?;
            let args = serde_json::to_value(DeleteArgs { deletion_id: row.id })?;
            jobs::enqueue(tx, DELETE_JOB, &args, due)?;
        }
        Ok(Done::new(200, json!({ "id": row.id })))
    })
    .await
}

/// Notes an agreement.
pub fn voted(tx: &mut Tx<'_>, actor: &Actor, subject: &str) -> Result<()> {
    let vote = VoteRow { subject_id: subject.to_owned(), person_id: actor.person, device_id: actor.device, at: tx.now };
    deletions::vote_insert(tx.conn(), &vote)
}

/// Refuses, or takes back, a deletion that has not been carried out. Whoever asked may, and whoever may approve.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`, `conflict`, `erased`.
pub async fn refuse(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, reason: String) -> Result<Done> {
    body::text("reason", &reason, 1, REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceDispose)?;
        let (row, _) = standing::lock(tx, &id)?;
        access::whole(tx.conn(), &row)?;
        let row = open_of(tx, &id)?;
        let deletion = row.id;
        standing::ended(tx, Some(&actor), row, DeletionState::Refused, &reason)?;
        Ok(Done::new(200, json!({ "id": deletion })))
    })
    .await
}
