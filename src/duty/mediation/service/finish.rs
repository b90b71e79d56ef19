//! A record becomes final: it takes its number, its papers are made, and it takes effect when nothing is on its way any
//! more. Then what was promised is followed up.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::super::lifecycle::{self, Now};
use super::super::numbers::rules::year_of;
use super::super::numbers::{Series, Use, take_leased, take_next, take_printed};
use super::super::rules::states::Step;
use super::super::rules::{State, clocks};
use super::super::store::acts::{self, ReminderRow};
use super::super::store::{self, MediationRow};
use super::super::{Form, PaperName, Reminder, documents, messages};
use super::sign::open;
use crate::duty::incidents::trail;
use crate::duty::officers::store as officers;
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::Actor;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{EntryId, MediationId, PersonId};

/// Records read at once, and reminders told in one turn.
const BATCH: i64 = 100;

/// Which number the agreement bears; the next of the unit unless told.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Finalize {
    /// A number this device was leased, of its year.
    pub leased: Option<LeasedNumber>,
    /// The number of the pre-printed form, as it stands there.
    pub printed: Option<String>,
    /// `written` unless told.
    #[schema(inline)]
    pub form: Option<Form>,
}

/// A leased number.
#[derive(Clone, Copy, Debug, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeasedNumber {
    pub year: i32,
    pub number: i64,
}

/// Makes a record final.
///
/// Errors: `not_found`, `forbidden` for everybody but its leader, `not_ready` while something is missing, `conflict` when
/// it is final already (with `serial_no`), those of the number.
pub async fn finalize(ctx: &Ctx, meta: &RequestMeta, id: MediationId, asked: Finalize) -> Result<Done> {
    if asked.leased.is_some() && asked.printed.is_some() {
        return Err(Error::field("printed", "a leased number or a printed one, not both"));
    }
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (mut row, now) = open(tx, &core, &actor, &id)?;
        if let Some(serial) = &row.serial_no {
            return Err(Error::conflict(format!("it is final as {serial}")).with("serial_no", json!(serial)));
        }
        if row.leader_id != Some(actor.person) {
            return Err(Error::new(Code::Forbidden).detail("whoever leads the mediation makes it final"));
        }
        let form = asked.form.unwrap_or(Form::Written);
        row.form = Some(form);
        // The form decides what must be there: where a recording takes the place of paper, the recording.
        let instant = tx.now;
        let now = if form == Form::OnFilm { Now::stored(tx.conn(), &core.keys, &row, instant)? } else { now };
        ready(&row, &now, form)?;
        let serial = number(tx, &core, &row, &actor, &asked)?;
        row.serial_no = Some(serial.clone());
        row.finalized_at = Some(tx.now);
        row.finalized_by = Some(actor.person);
        row.version += 1;
        row.updated_at = tx.now;
        documents::ask(tx, id, &PaperName::FINAL.map(|kind| (kind, None)), (actor.person, actor.device))?;
        onwards(tx, &mut row, &now, Some(actor.person))?;
        store::mediation_save(tx.conn(), &row)?;
        if !row.drill {
            let (fields, not_typed) = (u64::try_from(row.fields), u64::try_from(row.not_typed));
            let (fields, not_typed) = (fields.map_err(Error::internal)?, not_typed.map_err(Error::internal)?);
            tx.on_commit(move || {
                metrics::counter!("suixing_mediation_fields_total").increment(fields);
                metrics::counter!("suixing_mediation_fields_not_typed_total").increment(not_typed);
            });
        }
        let detail = json!({ "serial_no": serial, "content_hash": row.content_hash, "form": form });
        audit::record(tx, Some(&actor), "mediation.finalize", "mediation", &id.to_string(), &detail)?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Whether an agreement of this form may be made final.
fn ready(row: &MediationRow, now: &Now, form: Form) -> Result<()> {
    let law = now.law()?.kind(row.kind)?;
    match form {
        // What is no part of what was signed may have changed since: a bar, a question that nobody has answered.
        Form::Written if row.state == State::Signed && now.is_signable() => Ok(()),
        Form::Written if row.state == State::Signed => Err(now.not_ready("something has come up since it was signed")),
        Form::Written => Err(now.not_ready("not everybody who must has signed")),
        Form::Oral if !law.oral_allowed => Err(Error::field("form", "the law of this kind knows no oral agreement")),
        Form::OnFilm if !law.video_only => {
            Err(Error::field("form", "of this kind a recording does not take the place of paper"))
        }
        Form::Oral | Form::OnFilm if row.state == State::Agreed && now.is_signable() => Ok(()),
        Form::Oral | Form::OnFilm => Err(now.not_ready("there is nothing agreed yet")),
    }
}

fn number(tx: &mut Tx<'_>, core: &Core, row: &MediationRow, actor: &Actor, asked: &Finalize) -> Result<String> {
    if row.drill {
        return drill_number(row, asked);
    }
    let series = Series::of(row.kind);
    let unit = officers::unit_fetch(tx.conn(), &row.unit_id)?;
    let usage = Use { mediation: row.id, by: actor.person, device: actor.device };
    let settings = &core.config.numbers;
    let taken = match (&asked.leased, &asked.printed) {
        (Some(leased), _) => take_leased(tx, &unit.id, series, leased.year, leased.number, &usage)?,
        (None, Some(text)) => take_printed(tx, settings, &unit, series, text, &usage)?,
        (None, None) => {
            let year = year_of(tx.now);
            take_next(tx, settings, &unit, series, year, &usage)?
        }
    };
    Ok(taken.text)
}

/// A drill takes none of the year's numbers, every one of which has to be accounted for.
fn drill_number(row: &MediationRow, asked: &Finalize) -> Result<String> {
    if asked.leased.is_some() || asked.printed.is_some() {
        let field = if asked.leased.is_some() { "leased" } else { "printed" };
        return Err(Error::field(field, "a drill takes no number of the unit"));
    }
    let id = Uuid::from(row.id).simple().to_string();
    // The random end of the id; its beginning is the time, which drills of one morning share.
    let end = id.get(20..).unwrap_or(&id);
    Ok(format!("演练-{end}"))
}

/// Moves a final record on as far as it may go by now.
pub(super) fn onwards(tx: &mut Tx<'_>, row: &mut MediationRow, now: &Now, by: Option<PersonId>) -> Result<()> {
    match (row.state, row.form) {
        (State::Agreed, Some(Form::Oral)) if now.may_take_effect() => {
            lifecycle::step_to(tx, row, Step::Oral, by, None)?
        }
        (State::Agreed, Some(Form::OnFilm)) if now.may_take_effect() => {
            lifecycle::step_to(tx, row, Step::OnFilm, by, None)?;
        }
        (State::Signed, _) if now.may_take_effect() => {
            let law = now.law()?.kind(row.kind)?;
            let step = if law.needs_seal { Step::AwaitSeal } else { Step::TakeEffect };
            lifecycle::step_to(tx, row, step, None, None)?;
        }
        _ => return Ok(()),
    }
    in_effect(tx, row, now)
}

/// What follows from taking effect: reminders of what is still due, or nothing is.
pub(super) fn in_effect(tx: &mut Tx<'_>, row: &mut MediationRow, now: &Now) -> Result<()> {
    if row.state != State::Effective {
        return messages::tell(tx, row, messages::MOVED);
    }
    row.effective_at = Some(tx.now);
    if let Some(amended) = row.amends {
        let mut amended = store::mediation_lock(tx.conn(), &amended)?;
        if amended.state.is_in_effect() {
            let data = json!({ "mediation_id": amended.id, "amended_by": row.id, "serial_no": row.serial_no });
            trail::entry(tx, &amended.incident_id, "mediation.amended", None, data)?;
            amended.version += 1;
            lifecycle::step_to(tx, &mut amended, Step::Amend, None, row.serial_no.clone())?;
            // Of what is owed now the new document reminds.
            acts::reminders_end_all(tx.conn(), &amended.id)?;
            store::mediation_save(tx.conn(), &amended)?;
        }
    }
    let on_the_spot = now.record.flag("performed_on_the_spot") == Some(true);
    let terms = now.record.entries("terms");
    if on_the_spot || terms.is_empty() {
        lifecycle::step_to(tx, row, Step::Perform, None, None)?;
        return messages::tell(tx, row, messages::MOVED);
    }
    let law = now.law()?;
    let mut reminders = Vec::new();
    for term in &terms {
        let Some(due_on) = term.date("due_on") else { continue };
        let plan = clocks::performance(law, due_on);
        let mut add = |at, kind| {
            reminders.push(ReminderRow {
                mediation_id: row.id,
                term_id: EntryId::from(term.id),
                at,
                kind,
                // What is past already was known when it was promised.
                done: at < tx.now,
            });
        };
        plan.reminders.into_iter().for_each(|at| add(at, Reminder::Due));
        plan.overdue.into_iter().for_each(|at| add(at, Reminder::Overdue));
    }
    acts::reminders_insert(tx.conn(), &reminders)?;
    lifecycle::step_to(tx, row, Step::AwaitPerformance, None, None)?;
    messages::tell(tx, row, messages::MOVED)
}

/// Records that wait for something on its way: each few seconds, all of them, since one may wait for ever.
pub async fn pending(core: Arc<Core>) -> Result<()> {
    let mut after = None;
    loop {
        let waiting = core.db.read(move |conn| store::mediations_pending(conn, after, BATCH)).await?;
        let Some(last) = waiting.last() else { return Ok(()) };
        after = Some(last.id);
        for row in waiting {
            let id = row.id;
            // One that cannot be read keeps no other from taking effect.
            if let Err(error) = arrive(&core, row).await {
                tracing::error!(mediation = %id, %error, "whether a record takes effect cannot be told");
            }
        }
    }
}

/// Moves a record on if what it waited for is there.
async fn arrive(core: &Arc<Core>, row: MediationRow) -> Result<()> {
    let (inner, instant, id) = (Arc::clone(core), core.clock.now(), row.id);
    // Asked beside the writers, whose turn is short: most of these wait for hours.
    let there = core.db.read(move |conn| Ok(Now::stored(conn, &inner.keys, &row, instant)?.may_take_effect())).await?;
    if !there {
        return Ok(());
    }
    let inner = Arc::clone(core);
    core.db
        .write(Priority::Background, move |tx| {
            let mut row = store::mediation_lock(tx.conn(), &id)?;
            let instant = tx.now;
            let now = Now::stored(tx.conn(), &inner.keys, &row, instant)?;
            // Told meanwhile by another node, or withdrawn.
            if row.finalized_at.is_none() || !matches!(row.state, State::Agreed | State::Signed) {
                return Ok(());
            }
            row.version += 1;
            onwards(tx, &mut row, &now, None)?;
            store::mediation_save(tx.conn(), &row)
        })
        .await
}

/// Who is responsible hears of terms that are due or overdue: each few seconds. The instants stand in the rows, so a
/// restart forgets none, and a conditional write lets one node tell.
pub async fn remind(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    let due = core.db.read(move |conn| acts::reminders_due(conn, now, BATCH)).await?;
    for reminder in due {
        core.db
            .write(Priority::Normal, move |tx| {
                if !acts::reminder_tick(tx.conn(), &reminder)? {
                    return Ok(());
                }
                let row = store::mediation_fetch(tx.conn(), &reminder.mediation_id)?;
                if row.state != State::Performing {
                    return Ok(());
                }
                messages::remind(tx, &row, &reminder)
            })
            .await?;
    }
    Ok(())
}
