//! What people did with a record: steps, consents, signatures, papers, copies, performances, reminders.
//! Rows are added and never changed, but for papers, which are made again, and reminders, which are ticked off.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::super::rules::signing::SignerRole;
use super::super::rules::{SignStatus, State, Step};
use super::super::{Outcome, PaperName, Purpose, Reminder, Way};
use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::schema::{
    mediation_consent, mediation_copy, mediation_document, mediation_performance, mediation_referral,
    mediation_reminder, mediation_signature, mediation_step,
};
use crate::words::error::{Error, Result};
use crate::words::ids::{ActId, DeviceId, EntryId, EvidenceId, MediationId, PersonId, TaskId};
use crate::words::time::Timestamp;

/// One move from a state to another.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_step, treat_none_as_default_value = false)]
pub struct StepRow {
    pub mediation_id: MediationId,
    pub n: i32,
    pub step: Step,
    pub from_state: State,
    pub to_state: State,
    /// None for what followed by itself.
    pub by_person: Option<PersonId>,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// What a party said of being mediated.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = mediation_consent, treat_none_as_default_value = false)]
pub struct ConsentRow {
    pub mediation_id: MediationId,
    pub id: ActId,
    pub party_id: EntryId,
    pub consents: bool,
    pub needs_interpreter: bool,
    pub declines_guardian: bool,
    pub evidence_id: Option<EvidenceId>,
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    pub by_person: PersonId,
    pub device_id: DeviceId,
    pub said_at: Timestamp,
    pub received_at: Timestamp,
}

/// One signing; the drawing or picture it was done with is fetched by itself, since most who ask who signed need none.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = mediation_signature, treat_none_as_default_value = false)]
pub struct SignatureRow {
    pub mediation_id: MediationId,
    pub id: ActId,
    /// Its place among the record's signatures, from 1.
    pub n: i32,
    pub signer_id: EntryId,
    pub role: SignerRole,
    pub for_party: Option<EntryId>,
    pub status: SignStatus,
    /// What the signer saw.
    pub content_hash: String,
    pub content_format: i32,
    pub form: MarkForm,
    pub scribe_id: Option<EntryId>,
    pub reader_id: Option<EntryId>,
    pub witness_id: Option<EntryId>,
    pub evidence_id: Option<EvidenceId>,
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    pub reason: Option<String>,
    pub by_person: PersonId,
    pub device_id: DeviceId,
    pub signed_at: Timestamp,
    pub received_at: Timestamp,
}

crate::text_enum! {
    /// What a signature is made of.
    pub enum MarkForm {
        Strokes = "strokes",
        Png = "png",
        Jpeg = "jpeg",
        /// A stretch of a recording.
        Clip = "clip",
        /// Nothing: refused, or left.
        Nothing = "nothing",
    }
}

/// One paper of a record.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = mediation_document, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(mediation_id, kind, n))]
pub struct DocumentRow {
    pub mediation_id: MediationId,
    pub kind: PaperName,
    /// Its place among those of its kind, from 1: which receipt, which edition.
    pub n: i32,
    /// Of a receipt the performance, of a delivery note the copy.
    pub act_id: Option<ActId>,
    /// Once it is made.
    pub evidence_id: Option<EvidenceId>,
    pub sha256: Option<String>,
    pub pages: Option<i32>,
    /// Why it cannot be made.
    pub problem: Option<String>,
    pub by_person: PersonId,
    pub device_id: DeviceId,
    /// The date it bears.
    pub made_at: Timestamp,
}

/// How a party got its copy.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_copy, treat_none_as_default_value = false)]
pub struct CopyRow {
    pub mediation_id: MediationId,
    pub id: ActId,
    pub party_id: EntryId,
    pub document: PaperName,
    pub way: Way,
    pub note: Option<String>,
    pub by_person: PersonId,
    pub handed_at: Timestamp,
    pub received_at: Timestamp,
}

/// What became of a term.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_performance, treat_none_as_default_value = false)]
pub struct PerformanceRow {
    pub mediation_id: MediationId,
    pub id: ActId,
    pub n: i32,
    pub term_id: EntryId,
    pub outcome: Outcome,
    /// `YYYY-MM-DD`, in China.
    pub on_day: String,
    pub amount_fen: Option<i64>,
    pub evidence_id: Option<EvidenceId>,
    pub note: Option<String>,
    pub by_person: PersonId,
    pub received_at: Timestamp,
    /// What the payee said of it.
    pub payee_words: Option<String>,
}

/// An instant at which whoever is responsible is reminded of a term.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_reminder, treat_none_as_default_value = false)]
pub struct ReminderRow {
    pub mediation_id: MediationId,
    pub term_id: EntryId,
    pub at: Timestamp,
    pub kind: Reminder,
    pub done: bool,
}

/// That a record was handed to another body.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_referral, treat_none_as_default_value = false)]
pub struct ReferralRow {
    pub task_id: TaskId,
    pub mediation_id: MediationId,
    pub purpose: Purpose,
    pub by_person: PersonId,
    pub at: Timestamp,
}

pub fn referral_insert(conn: &mut Conn, row: &ReferralRow) -> Result<()> {
    diesel::insert_into(mediation_referral::table).values(row).execute(conn)?;
    Ok(())
}

/// In their order.
pub fn referrals_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<ReferralRow>> {
    Ok(mediation_referral::table
        .filter(mediation_referral::mediation_id.eq(id))
        .order((mediation_referral::at.asc(), mediation_referral::task_id.asc()))
        .load(conn)?)
}

pub fn step_insert(conn: &mut Conn, row: &StepRow) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(mediation_step::table).values(row).execute(c))?;
    Ok(())
}

/// In their order.
pub fn steps_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<StepRow>> {
    Ok(mediation_step::table.filter(mediation_step::mediation_id.eq(id)).order(mediation_step::n.asc()).load(conn)?)
}

/// False when there is one of this id.
pub fn consent_insert_new(conn: &mut Conn, row: &ConsentRow) -> Result<bool> {
    let rows = per_backend!(conn, |c| {
        diesel::insert_into(mediation_consent::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(rows > 0)
}

/// In the order in which they were said.
pub fn consents_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<ConsentRow>> {
    Ok(mediation_consent::table
        .filter(mediation_consent::mediation_id.eq(id))
        .order((mediation_consent::said_at.asc(), mediation_consent::id.asc()))
        .load(conn)?)
}

/// False when there is one of this id.
pub fn signature_insert_new(conn: &mut Conn, row: &SignatureRow, sealed: Option<Vec<u8>>) -> Result<bool> {
    let values = (row, mediation_signature::sealed.eq(sealed));
    let rows = per_backend!(conn, |c| {
        diesel::insert_into(mediation_signature::table).values(values).on_conflict_do_nothing().execute(c)
    })?;
    Ok(rows > 0)
}

/// In the order in which they came in.
pub fn signatures_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<SignatureRow>> {
    Ok(mediation_signature::table
        .filter(mediation_signature::mediation_id.eq(id))
        .order(mediation_signature::n.asc())
        .select(SignatureRow::as_select())
        .load(conn)?)
}

/// What it was signed with, sealed; None of a signing that had nothing of the kind.
pub fn drawing_of(conn: &mut Conn, id: &MediationId, act: &ActId) -> Result<Option<Vec<u8>>> {
    Ok(mediation_signature::table.find((id, act)).select(mediation_signature::sealed).first(conn)?)
}

/// Bytes of all drawings and pictures that were signed with.
pub fn drawings_size(conn: &mut Conn, id: &MediationId) -> Result<i64> {
    let size = diesel::dsl::sql::<BigInt>("COALESCE(SUM(LENGTH(sealed)), 0)");
    Ok(mediation_signature::table.filter(mediation_signature::mediation_id.eq(id)).select(size).first(conn)?)
}

/// Adds a paper that is to be made, or says anew how one stands.
pub fn document_save(conn: &mut Conn, row: &DocumentRow) -> Result<()> {
    per_backend!(conn, |c| {
        diesel::insert_into(mediation_document::table)
            .values(row)
            .on_conflict((mediation_document::mediation_id, mediation_document::kind, mediation_document::n))
            .do_update()
            .set(row)
            .execute(c)
    })?;
    Ok(())
}

pub fn documents_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<DocumentRow>> {
    Ok(mediation_document::table
        .filter(mediation_document::mediation_id.eq(id))
        .order((mediation_document::kind.asc(), mediation_document::n.asc()))
        .load(conn)?)
}

/// One paper; the latest of its kind unless a number is given. Errors: `not_found`.
pub fn document_fetch(conn: &mut Conn, id: &MediationId, kind: PaperName, n: Option<i32>) -> Result<DocumentRow> {
    let mut of_kind = documents_of(conn, id)?.into_iter().filter(|row| row.kind == kind);
    let row = of_kind.rfind(|row| n.is_none_or(|n| n == row.n));
    row.ok_or_else(|| Error::not_found("document"))
}

/// Records of which a paper could not be made.
pub fn documents_lacking(conn: &mut Conn) -> Result<Vec<MediationId>> {
    Ok(mediation_document::table
        .filter(mediation_document::problem.is_not_null())
        .filter(mediation_document::evidence_id.is_null())
        .select(mediation_document::mediation_id)
        .distinct()
        .order(mediation_document::mediation_id.asc())
        .load(conn)?)
}

/// False when there is one of this id.
pub fn copy_insert_new(conn: &mut Conn, row: &CopyRow) -> Result<bool> {
    let rows = per_backend!(conn, |c| {
        diesel::insert_into(mediation_copy::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(rows > 0)
}

pub fn copies_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<CopyRow>> {
    Ok(mediation_copy::table
        .filter(mediation_copy::mediation_id.eq(id))
        .order((mediation_copy::handed_at.asc(), mediation_copy::id.asc()))
        .load(conn)?)
}

/// False when there is one of this id.
pub fn performance_insert_new(conn: &mut Conn, row: &PerformanceRow) -> Result<bool> {
    let rows = per_backend!(conn, |c| {
        diesel::insert_into(mediation_performance::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(rows > 0)
}

/// In the order in which they came in.
pub fn performances_of(conn: &mut Conn, id: &MediationId) -> Result<Vec<PerformanceRow>> {
    Ok(mediation_performance::table
        .filter(mediation_performance::mediation_id.eq(id))
        .order(mediation_performance::n.asc())
        .load(conn)?)
}

pub fn reminders_insert(conn: &mut Conn, rows: &[ReminderRow]) -> Result<()> {
    for row in rows {
        per_backend!(conn, |c| {
            diesel::insert_into(mediation_reminder::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
    }
    Ok(())
}

pub fn reminders_due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<ReminderRow>> {
    Ok(mediation_reminder::table
        .filter(mediation_reminder::done.eq(false))
        .filter(mediation_reminder::at.le(now))
        .order(mediation_reminder::at.asc())
        .limit(limit)
        .load(conn)?)
}

/// False when another node was quicker.
pub fn reminder_tick(conn: &mut Conn, row: &ReminderRow) -> Result<bool> {
    let rows = diesel::update(
        mediation_reminder::table
            .filter(mediation_reminder::mediation_id.eq(row.mediation_id))
            .filter(mediation_reminder::term_id.eq(row.term_id))
            .filter(mediation_reminder::at.eq(row.at))
            .filter(mediation_reminder::done.eq(false)),
    )
    .set(mediation_reminder::done.eq(true))
    .execute(conn)?;
    Ok(rows > 0)
}

/// Nothing is expected of a term any more.
pub fn reminders_end(conn: &mut Conn, id: &MediationId, term: &EntryId) -> Result<()> {
    diesel::update(
        mediation_reminder::table
            .filter(mediation_reminder::mediation_id.eq(id))
            .filter(mediation_reminder::term_id.eq(term)),
    )
    .set(mediation_reminder::done.eq(true))
    .execute(conn)?;
    Ok(())
}

/// Nothing is expected of any of its terms any more.
pub fn reminders_end_all(conn: &mut Conn, id: &MediationId) -> Result<()> {
    diesel::update(mediation_reminder::table.filter(mediation_reminder::mediation_id.eq(id)))
        .set(mediation_reminder::done.eq(true))
        .execute(conn)?;
    Ok(())
}
