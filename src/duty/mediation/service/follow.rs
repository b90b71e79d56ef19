//! What comes after signing or instead of it: steps that people take, copies that are handed out, terms that are kept or
//! not.

use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use super::super::lifecycle;
use super::super::numbers::{Series, of_mediation, void_used};
use super::super::rules::states::{self, Step, Who};
use super::super::rules::{State, calendar, clocks};
use super::super::store::acts::{self, CopyRow, PerformanceRow};
use super::super::store::{self, MediationRow};
use super::super::{Outcome, PaperName, Way, access, documents, messages};
use super::finish::in_effect;
use super::proof;
use super::sign::{open, room, same};
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Actor, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{ActId, EntryId, EvidenceId, MediationId};
use crate::words::time::Timestamp;

/// Characters of a reason or note: some sentences.
const NOTE_MAX: usize = 500;
/// Steps that people take by name; all others follow from what is written and done.
const BY_NAME: &[Step] =
    &[Step::Fail, Step::SecondRound, Step::CloseFailed, Step::NotReached, Step::Seal, Step::Reopen, Step::Void];

/// The body of `POST /mediations/{id}/steps`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStep {
    /// `fail`, `second_round`, `close_failed`, `not_reached`, `seal`, `reopen` or `void`.
    #[schema(inline)]
    pub step: Step,
    /// Why, or of a seal what is known of it; needed but for `seal`, up to 500 characters.
    pub reason: Option<String>,
}

/// The body of `POST /mediations/{id}/copies`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCopy {
    /// The client's own id of this (UUIDv7); one is made unless given.
    pub id: Option<ActId>,
    /// The party's entry in the record.
    pub party: EntryId,
    #[schema(inline)]
    pub document: PaperName,
    #[schema(inline)]
    pub way: Way,
    /// Up to 500 characters; needed when it was refused.
    pub note: Option<String>,
    /// By the device's clock; now unless told.
    pub handed_at: Option<Timestamp>,
}

/// The body of `POST /mediations/{id}/performances`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerformance {
    /// The client's own id of this (UUIDv7); one is made unless given.
    pub id: Option<ActId>,
    /// The term's entry in the record.
    pub term: EntryId,
    #[schema(inline)]
    pub outcome: Outcome,
    /// The day in China; today unless told, and none to come.
    #[schema(value_type = Option<String>, format = Date)]
    pub on: Option<Date>,
    /// Of a part of a sum; the term is performed when the parts make the whole.
    pub amount_fen: Option<i64>,
    /// What shows it: a transfer's photo, a signed receipt.
    pub evidence_id: Option<EvidenceId>,
    /// Up to 500 characters; needed of a default.
    pub note: Option<String>,
    /// What the payee says of what he was given, up to 500 characters; printed on the receipt.
    pub payee_words: Option<String>,
}

/// Takes a step.
///
/// Errors: `not_found`, `forbidden` for whom the law does not let, `conflict` (with `allowed`) where it is not possible,
/// `invalid_field`.
pub async fn step(ctx: &Ctx, meta: &RequestMeta, id: MediationId, new: NewStep) -> Result<Done> {
    if !BY_NAME.contains(&new.step) {
        return Err(Error::field("step", "follows by itself from what is written and done"));
    }
    let reason = new.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    match &reason {
        None if new.step == Step::Seal => {}
        None => return Err(Error::field("reason", "is needed")),
        Some(reason) => body::text("reason", reason, 1, NOTE_MAX)?,
    }
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = store::mediation_fetch(tx.conn(), &id)?;
        access::decide(tx.conn(), &actor, &row, Action::MediationRead)?.check("mediation")?;
        let (mut row, now) = read(tx, &core, &actor, &id)?;
        whose(&row, &actor, new.step)?;
        // Sealed it has moved on by itself: to who says it again it is sealed.
        let sealed =
            |steps: Vec<acts::StepRow>| new.step == Step::Seal && steps.iter().any(|one| one.step == Step::Seal);
        if sealed(acts::steps_of(tx.conn(), &id)?) || states::next(row.kind, row.state, new.step)?.is_none() {
            return Ok(Done::new(200, json!({ "id": id })));
        }
        if row.finalized_at.is_none() && new.step == Step::Seal {
            return Err(now.not_ready("what is sealed is final"));
        }
        waits_for_effect(&row, new.step)?;
        // A seal makes nothing effective that still waits for something.
        if new.step == Step::Seal && row.state == State::Signed && !now.may_take_effect() {
            return Err(now.not_ready("what it waits for has not come"));
        }
        if new.step == Step::SecondRound {
            again(&row, &now, tx.now)?;
            row.round += 1;
        }
        row.version += 1;
        lifecycle::step_to(tx, &mut row, new.step, Some(actor.person), reason.clone())?;
        match new.step {
            Step::Seal => {
                in_effect(tx, &mut row, &now)?;
                // The paper bears the seal now; the one before stays beside it. Who keeps the seal is named on it; it is
                // the paper of who made the agreement, as the one before.
                let signed = acts::document_fetch(tx.conn(), &id, PaperName::Agreement, Some(1))?;
                let by = (signed.by_person, signed.device_id);
                documents::ask(tx, id, &[(PaperName::Agreement, None)], by)?;
            }
            Step::Void => {
                if let Some(number) = of_mediation(tx.conn(), Series::of(row.kind), &id)? {
                    void_used(tx, &number, &actor.person, reason.as_deref().unwrap_or_default())?;
                }
                messages::tell(tx, &row, messages::MOVED)?;
            }
            Step::Fail | Step::NotReached => {
                // That it was tried and why nothing came of it belongs to the file as an agreement would.
                documents::ask(tx, id, &[(PaperName::Minutes, None)], (actor.person, actor.device))?;
                messages::tell(tx, &row, messages::MOVED)?;
            }
            _ => messages::tell(tx, &row, messages::MOVED)?,
        }
        store::mediation_save(tx.conn(), &row)?;
        let detail = json!({ "step": new.step, "reason": reason, "state": row.state });
        audit::record(tx, Some(&actor), "mediation.step", "mediation", &id.to_string(), &detail)?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// The record, locked, for who may take steps with it though not write into it.
fn read(tx: &mut Tx<'_>, core: &Core, actor: &Actor, id: &MediationId) -> Result<(MediationRow, lifecycle::Now)> {
    let row = store::mediation_lock(tx.conn(), id)?;
    access::decide(tx.conn(), actor, &row, Action::MediationRead)?.check("mediation")?;
    let instant = tx.now;
    let now = lifecycle::Now::stored(tx.conn(), &core.keys, &row, instant)?;
    Ok((row, now))
}

/// What is final has its number and its papers: until it takes effect it is sealed or voided, and nothing else.
pub(super) fn waits_for_effect(row: &MediationRow, step: Step) -> Result<()> {
    let waits = row.finalized_at.is_some() && row.effective_at.is_none();
    if waits && !matches!(step, Step::Seal | Step::Void) {
        return Err(Error::conflict(format!("it is final and has not taken effect yet: {step} is not possible"))
            .with("state", json!(row.state))
            .with("serial_no", json!(row.serial_no)));
    }
    Ok(())
}

/// Whether the law lets this person take this step.
///
/// Errors: `forbidden`, `other_person_required` for a seal by who led it.
pub(super) fn whose(row: &MediationRow, actor: &Actor, step: Step) -> Result<()> {
    let leads = row.leader_id == Some(actor.person) || (row.leader_id.is_none() && row.created_by == actor.person);
    let above = matches!(actor.kind, PersonKind::Supervisor | PersonKind::Administrator);
    let may = match states::who(step) {
        Who::Leader => leads,
        Who::Officer => leads || above || actor.kind == PersonKind::PoliceOfficer,
        // The committee's seal is kept by another than who mediated, so that two have seen every agreement.
        Who::SealKeeper if leads => return Err(Error::new(Code::OtherPersonRequired)),
        Who::SealKeeper => above || actor.kind == PersonKind::Mediator,
        Who::Supervisor => above,
        Who::System => false,
    };
    if may { Ok(()) } else { Err(Error::new(Code::Forbidden)) }
}

/// Whether there may be another session: the police hold two, the second within seven working days of the first.
fn again(row: &MediationRow, now: &lifecycle::Now, instant: Timestamp) -> Result<()> {
    let (law, held) = (now.law()?, u32::try_from(row.round).map_err(Error::internal)?);
    if !clocks::may_sit_again(law, row.kind, held)? {
        return Err(Error::conflict("there were as many sessions as the law allows").with("round", json!(row.round)));
    }
    if law.kind(row.kind)?.offence {
        let due = clocks::second_due(law, calendar::Calendar::ours()?, now.day);
        if instant > due.at {
            return Err(Error::conflict("the time for a second session is over").with("due", json!(due)));
        }
    }
    Ok(())
}

/// Says how a party got its copy.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `conflict` before the record is final, `key_reused`.
pub async fn copy(ctx: &Ctx, meta: &RequestMeta, id: MediationId, new: NewCopy) -> Result<Done> {
    let note = noted("note", new.note.as_deref(), new.way == Way::Refused)?;
    if !PaperName::FINAL.contains(&new.document) {
        return Err(Error::field("document", "is no paper of which the parties get copies"));
    }
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let act = new.id.unwrap_or_else(ActId::new);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (mut row, now) = open(tx, &core, &actor, &id)?;
        let copies = acts::copies_of(tx.conn(), &id)?;
        if let Some(known) = copies.iter().find(|known| known.id == act) {
            let told = (known.party_id, known.document, known.way, &known.note);
            same(told == (new.party, new.document, new.way, &note))?;
            return Ok(Done::new(200, json!({ "id": id })));
        }
        if row.finalized_at.is_none() {
            return Err(Error::conflict("there is no paper of it yet").with("state", json!(row.state)));
        }
        if !now.record.entries("parties").iter().any(|party| EntryId::from(party.id) == new.party) {
            return Err(Error::field("party", "is no party of the record"));
        }
        room(copies.len())?;
        let copied = CopyRow {
            mediation_id: id,
            id: act,
            party_id: new.party,
            document: new.document,
            way: new.way,
            note: note.clone(),
            by_person: actor.person,
            handed_at: new.handed_at.map_or(tx.now, |at| at.min(tx.now)),
            received_at: tx.now,
        };
        acts::copy_insert_new(tx.conn(), &copied)?;
        documents::ask(tx, id, &[(PaperName::Delivery, Some(act))], (actor.person, actor.device))?;
        row.version += 1;
        row.updated_at = tx.now;
        store::mediation_save(tx.conn(), &row)?;
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

/// Says what became of a term. When every term is performed the record is; a default moves it, and of a police case
/// reopens it.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `conflict` while nothing is due, `key_reused`.
pub async fn perform(ctx: &Ctx, meta: &RequestMeta, id: MediationId, new: NewPerformance) -> Result<Done> {
    let note = noted("note", new.note.as_deref(), new.outcome == Outcome::Defaulted)?;
    let payee_words = noted("payee_words", new.payee_words.as_deref(), false)?;
    if new.amount_fen.is_some_and(|fen| fen < 1) {
        return Err(Error::field("amount_fen", "must be positive"));
    }
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let act = new.id.unwrap_or_else(ActId::new);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (mut row, now) = open(tx, &core, &actor, &id)?;
        let mut done = acts::performances_of(tx.conn(), &id)?;
        if let Some(known) = done.iter().find(|known| known.id == act) {
            let told = (known.term_id, known.outcome, known.amount_fen, known.evidence_id, &known.note);
            let said = known.payee_words == payee_words;
            let on_that_day = new.on.is_none_or(|on| on.to_string() == known.on_day);
            same(said && on_that_day && told == (new.term, new.outcome, new.amount_fen, new.evidence_id, &note))?;
            return Ok(Done::new(200, json!({ "id": id })));
        }
        if !matches!(row.state, State::Performing | State::Defaulted) {
            return Err(Error::conflict("nothing is due by it").with("state", json!(row.state)));
        }
        let today = calendar::date_of(tx.now);
        let on = new.on.unwrap_or(today);
        if on > today {
            return Err(Error::field("on", "must not be to come"));
        }
        let terms = now.record.entries("terms");
        if !terms.iter().any(|term| EntryId::from(term.id) == new.term) {
            return Err(Error::field("term", "is no term of the record"));
        }
        let whole =
            terms.iter().find(|term| EntryId::from(term.id) == new.term).and_then(|term| term.int("amount_fen"));
        // Somebody else has said so already: a second time would be a second payment, with a receipt.
        if is_performed(&done, new.term, whole) {
            let last = done.iter().rfind(|one| one.term_id == new.term).map(|one| one.id);
            return Err(Error::conflict("the term is performed already").with("performance", json!(last)));
        }
        if new.amount_fen.is_some() && whole.is_none() {
            return Err(Error::field("amount_fen", "is a part of a sum, and the term names none"));
        }
        proof::of_call(tx.conn(), &row, "evidence_id", new.evidence_id, None)?;
        room(done.len())?;
        let performed = PerformanceRow {
            mediation_id: id,
            id: act,
            n: i32::try_from(done.len()).map_err(Error::internal)? + 1,
            term_id: new.term,
            outcome: new.outcome,
            on_day: on.to_string(),
            amount_fen: new.amount_fen,
            evidence_id: new.evidence_id,
            note: note.clone(),
            by_person: actor.person,
            received_at: tx.now,
            payee_words: payee_words.clone(),
        };
        acts::performance_insert_new(tx.conn(), &performed)?;
        let mut papers = Vec::new();
        if documents::after::paid(&done, &performed, whole).is_some() {
            papers.push((PaperName::Receipt, Some(act)));
        }
        done.push(performed);
        let is_done = |term: EntryId, whole: Option<i64>| is_performed(&done, term, whole);
        if terms.iter().any(|term| EntryId::from(term.id) == new.term && is_done(new.term, term.int("amount_fen"))) {
            acts::reminders_end(tx.conn(), &id, &new.term)?;
        }
        row.version += 1;
        row.updated_at = tx.now;
        if terms.iter().all(|term| is_done(term.id.into(), term.int("amount_fen"))) {
            lifecycle::step_to(tx, &mut row, Step::Perform, Some(actor.person), None)?;
            // The file is complete: its list once more, with the receipts.
            papers.push((PaperName::Volume, None));
        } else if new.outcome == Outcome::Defaulted && row.state == State::Performing {
            lifecycle::step_to(tx, &mut row, Step::Default, Some(actor.person), note.clone())?;
            // The police case goes on from this day (程序规定 article 185); of the people's the parties go to court.
            if now.law()?.kind(row.kind)?.offence {
                lifecycle::step_to(tx, &mut row, Step::Reopen, Some(actor.person), note.clone())?;
            }
        }
        documents::ask(tx, id, &papers, (actor.person, actor.device))?;
        store::mediation_save(tx.conn(), &row)?;
        messages::tell(tx, &row, messages::MOVED)?;
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

/// Whether a term is performed: said so as a whole after any default, or in parts that make its sum.
pub fn is_performed(done: &[PerformanceRow], term: EntryId, whole: Option<i64>) -> bool {
    let of_term: Vec<&PerformanceRow> = done.iter().filter(|one| one.term_id == term).collect();
    let performed = || of_term.iter().filter(|one| one.outcome == Outcome::Performed);
    let said_whole = of_term.last().is_some_and(|last| last.outcome == Outcome::Performed && last.amount_fen.is_none());
    let parts: i64 = performed().filter_map(|one| one.amount_fen).fold(0, i64::saturating_add);
    said_whole || whole.is_some_and(|whole| parts >= whole)
}

fn noted(field: &str, note: Option<&str>, needed: bool) -> Result<Option<String>> {
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    match note {
        None if needed => Err(Error::field(field, "is needed: why")),
        None => Ok(None),
        Some(note) => body::text(field, note, 1, NOTE_MAX).map(|()| Some(note.to_owned())),
    }
}
