//! Deletions of items, batches of them, and who agreed.

use diesel::prelude::*;

use crate::duty::evidence::Retention;
use crate::duty::evidence::keeping::{BatchState, DeletionState};
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{
    deletion, deletion_batch as batch, deletion_round as round, deletion_vote as vote, evidence, person,
};
use crate::platform::policy::PersonKind;
use crate::words::error::{Error, Result};
use crate::words::ids::{BatchId, DeletionId, DeviceId, EvidenceId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// The deletion of one item, by itself or in a batch.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = deletion, treat_none_as_default_value = false)]
pub struct DeletionRow {
    pub id: DeletionId,
    pub evidence_id: EvidenceId,
    pub batch_id: Option<BatchId>,
    pub state: DeletionState,
    pub reason: String,
    /// The law it is founded on.
    pub article: String,
    /// None: the rule.
    pub asked_by: Option<PersonId>,
    pub asked_at: Timestamp,
    /// Once approved: not carried out before.
    pub not_before: Option<Timestamp>,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Timestamp>,
    /// What kept the item, or why it was refused.
    pub why: Option<String>,
    pub version: i64,
}

/// Deletions that are decided together.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = batch, treat_none_as_default_value = false)]
pub struct BatchRow {
    pub id: BatchId,
    /// Its items are of this unit and those below.
    pub unit_id: UnitId,
    /// The month whose batch it is; none when a custodian asked for it.
    pub month: Option<String>,
    pub state: BatchState,
    pub reason: String,
    pub article: String,
    /// None: the rule.
    pub proposed_by: Option<PersonId>,
    pub proposed_at: Timestamp,
    /// Items on the list.
    pub size: i64,
    /// SHA-256 over the ids of the items in ascending order, one a line; hex. What is approved is this list.
    pub digest: Option<String>,
    pub not_before: Option<Timestamp>,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Timestamp>,
    pub version: i64,
}

/// Somebody's agreement.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = vote)]
pub struct VoteRow {
    /// A deletion or a batch.
    pub subject_id: String,
    pub person_id: PersonId,
    pub device_id: DeviceId,
    pub at: Timestamp,
}

pub fn deletion_insert(conn: &mut Conn, row: &DeletionRow) -> Result<()> {
    diesel::insert_into(deletion::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn deletion_fetch(conn: &mut Conn, id: &DeletionId) -> Result<DeletionRow> {
    deletion::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("deletion"))
}

/// Fetches and locks the row until the transaction ends. Errors: `not_found`.
pub fn deletion_lock(conn: &mut Conn, id: &DeletionId) -> Result<DeletionRow> {
    lock_row!(conn, deletion, id)?.ok_or_else(|| Error::not_found("deletion"))
}

/// The last deletion that was asked for of an item.
pub fn deletion_last(conn: &mut Conn, evidence: &EvidenceId) -> Result<Option<DeletionRow>> {
    Ok(deletion::table
        .filter(deletion::evidence_id.eq(evidence))
        .order((deletion::asked_at.desc(), deletion::id.desc()))
        .first(conn)
        .optional()?)
}

/// Those of an item that may still be carried out.
pub fn deletions_open_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<Vec<DeletionRow>> {
    Ok(deletion::table
        .filter(deletion::evidence_id.eq(evidence))
        .filter(deletion::state.eq_any(DeletionState::OPEN))
        .load(conn)?)
}

/// Open single deletions of items of these units, the oldest first.
pub fn deletions_open(
    conn: &mut Conn,
    units: &[UnitId],
    after: Option<(Timestamp, DeletionId)>,
    limit: i64,
) -> Result<Vec<DeletionRow>> {
    let of_units = evidence::table.filter(evidence::unit_id.eq_any(units.to_vec())).select(evidence::id);
    let mut query = deletion::table
        .filter(deletion::state.eq_any(DeletionState::OPEN))
        .filter(deletion::batch_id.is_null())
        .filter(deletion::evidence_id.eq_any(of_units))
        .into_boxed::<MultiBackend>();
    if let Some((at, id)) = after {
        query = query.filter(deletion::asked_at.gt(at).or(deletion::asked_at.eq(at).and(deletion::id.gt(id))));
    }
    Ok(query.order((deletion::asked_at.asc(), deletion::id.asc())).limit(limit).load(conn)?)
}

/// Those of a batch by item, after one.
pub fn deletions_of_batch(
    conn: &mut Conn,
    id: &BatchId,
    after: Option<EvidenceId>,
    limit: i64,
) -> Result<Vec<DeletionRow>> {
    let mut query = deletion::table.filter(deletion::batch_id.eq(*id)).into_boxed::<MultiBackend>();
    if let Some(after) = after {
        query = query.filter(deletion::evidence_id.gt(after));
    }
    Ok(query.order(deletion::evidence_id.asc()).limit(limit).load(conn)?)
}

/// Those of a batch that may still be carried out, by item, after one.
pub fn deletions_due_of_batch(
    conn: &mut Conn,
    id: &BatchId,
    after: Option<EvidenceId>,
    limit: i64,
) -> Result<Vec<(EvidenceId, DeletionId)>> {
    let mut query = deletion::table
        .filter(deletion::batch_id.eq(*id))
        .filter(deletion::state.eq(DeletionState::Asked))
        .into_boxed::<MultiBackend>();
    if let Some(after) = after {
        query = query.filter(deletion::evidence_id.gt(after));
    }
    Ok(query
        .order(deletion::evidence_id.asc())
        .limit(limit)
        .select((deletion::evidence_id, deletion::id))
        .load(conn)?)
}

/// The items on the list of a batch, in ascending order.
pub fn batch_items(conn: &mut Conn, id: &BatchId) -> Result<Vec<EvidenceId>> {
    Ok(deletion::table
        .filter(deletion::batch_id.eq(id))
        .order(deletion::evidence_id.asc())
        .select(deletion::evidence_id)
        .load(conn)?)
}

/// How many of a batch are in which state.
pub fn batch_counts(conn: &mut Conn, id: &BatchId) -> Result<Vec<(DeletionState, i64)>> {
    Ok(deletion::table
        .filter(deletion::batch_id.eq(id))
        .group_by(deletion::state)
        .select((deletion::state, diesel::dsl::count_star()))
        .load(conn)?)
}

/// Whether an item on the list was made or worn by this person.
pub fn batch_has_item_of(conn: &mut Conn, id: &BatchId, who: &PersonId) -> Result<bool> {
    let own =
        evidence::table.filter(evidence::author_id.eq(*who).or(evidence::wearer_id.eq(*who))).select(evidence::id);
    let found: Option<DeletionId> = deletion::table
        .filter(deletion::batch_id.eq(id))
        .filter(deletion::evidence_id.eq_any(own))
        .select(deletion::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Writes back what moves; callers hold the row's lock.
pub fn deletion_save(conn: &mut Conn, row: &DeletionRow) -> Result<()> {
    diesel::update(deletion::table.find(&row.id))
        .set((
            deletion::state.eq(row.state),
            deletion::not_before.eq(row.not_before),
            deletion::ended_by.eq(row.ended_by),
            deletion::ended_at.eq(row.ended_at),
            deletion::why.eq(&row.why),
            deletion::version.eq(row.version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends everything of a batch that is still open.
pub fn batch_deletions_end(conn: &mut Conn, id: &BatchId, by: &PersonId, why: &str, now: Timestamp) -> Result<()> {
    diesel::update(
        deletion::table.filter(deletion::batch_id.eq(id)).filter(deletion::state.eq_any(DeletionState::OPEN)),
    )
    .set((
        deletion::state.eq(DeletionState::Refused),
        deletion::ended_by.eq(Some(*by)),
        deletion::ended_at.eq(Some(now)),
        deletion::why.eq(Some(why)),
        deletion::version.eq(deletion::version + 1),
    ))
    .execute(conn)?;
    Ok(())
}

pub fn batch_insert(conn: &mut Conn, row: &BatchRow) -> Result<()> {
    diesel::insert_into(batch::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn batch_fetch(conn: &mut Conn, id: &BatchId) -> Result<BatchRow> {
    batch::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("batch"))
}

/// Fetches and locks the row until the transaction ends. Errors: `not_found`.
pub fn batch_lock(conn: &mut Conn, id: &BatchId) -> Result<BatchRow> {
    lock_row!(conn, batch, id)?.ok_or_else(|| Error::not_found("batch"))
}

/// Writes back what moves; callers hold the row's lock.
pub fn batch_save(conn: &mut Conn, row: &BatchRow) -> Result<()> {
    diesel::update(batch::table.find(&row.id))
        .set((
            batch::state.eq(row.state),
            batch::size.eq(row.size),
            batch::digest.eq(&row.digest),
            batch::not_before.eq(row.not_before),
            batch::ended_by.eq(row.ended_by),
            batch::ended_at.eq(row.ended_at),
            batch::version.eq(row.version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets a batch that found nothing.
pub fn batch_delete(conn: &mut Conn, id: &BatchId) -> Result<()> {
    diesel::delete(batch::table.find(id)).execute(conn)?;
    Ok(())
}

/// Batches of these units, the latest first.
pub fn batches_list(
    conn: &mut Conn,
    units: &[UnitId],
    before: Option<(Timestamp, BatchId)>,
    limit: i64,
) -> Result<Vec<BatchRow>> {
    let mut query = batch::table.filter(batch::unit_id.eq_any(units.to_vec())).into_boxed::<MultiBackend>();
    if let Some((at, id)) = before {
        query = query.filter(batch::proposed_at.lt(at).or(batch::proposed_at.eq(at).and(batch::id.lt(id))));
    }
    Ok(query.order((batch::proposed_at.desc(), batch::id.desc())).limit(limit).load(conn)?)
}

pub fn vote_insert(conn: &mut Conn, row: &VoteRow) -> Result<()> {
    diesel::insert_into(vote::table).values(row).execute(conn)?;
    Ok(())
}

/// Who has agreed, in the order in which they did.
pub fn votes_of(conn: &mut Conn, subject: &str) -> Result<Vec<VoteRow>> {
    Ok(vote::table.filter(vote::subject_id.eq(subject)).order((vote::at.asc(), vote::person_id.asc())).load(conn)?)
}

/// Notes that a month's batches are made; false when they were.
pub fn round_insert(conn: &mut Conn, month: &str, now: Timestamp) -> Result<bool> {
    let row = (round::month.eq(month), round::begun_at.eq(now));
    let made =
        per_backend!(conn, |c| diesel::insert_into(round::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(made > 0)
}

/// Whether a month's batches are made.
pub fn round_begun(conn: &mut Conn, month: &str) -> Result<bool> {
    let found: Option<String> = round::table.find(month).select(round::month).first(conn).optional()?;
    Ok(found.is_some())
}

/// Units in which an active custodian works.
pub fn units_with_custodian(conn: &mut Conn) -> Result<Vec<UnitId>> {
    Ok(person::table
        .filter(person::kind.eq(PersonKind::Custodian))
        .filter(person::status.eq("active"))
        .select(person::unit_id)
        .distinct()
        .load(conn)?)
}

/// Items of these units whose term is over, after one; held and classed ones are sorted out by the caller.
pub fn evidence_expired(
    conn: &mut Conn,
    units: &[UnitId],
    now: Timestamp,
    after: Option<EvidenceId>,
    limit: i64,
) -> Result<Vec<EvidenceId>> {
    let open = deletion::table.filter(deletion::state.eq_any(DeletionState::OPEN)).select(deletion::evidence_id);
    let mut query = evidence::table
        .filter(evidence::unit_id.eq_any(units.to_vec()))
        .filter(evidence::keep_until.le(now))
        .filter(evidence::retention.eq(Retention::Ordinary))
        .filter(evidence::quarantined.eq(false))
        .filter(evidence::gone_at.is_null())
        .filter(evidence::id.ne_all(open))
        .into_boxed::<MultiBackend>();
    if let Some(after) = after {
        query = query.filter(evidence::id.gt(after));
    }
    Ok(query.order(evidence::id.asc()).limit(limit).select(evidence::id).load(conn)?)
}
