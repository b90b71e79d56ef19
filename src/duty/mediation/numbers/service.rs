//! Recipes: numbers are leased and come back, forms are registered, numbers are voided; of what is overdue the room is
//! told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::rules::{self, COUNT_DEFAULT, COUNT_MAX, Form, NumberState, REASON_MAX, Run, Series};
use super::store::{self, BlockRow, NumberRow};
use super::take::hand_out;
use crate::duty::officers::{UnitRow, store as officers};
use crate::platform::audit;
use crate::platform::cards::{self, Draw};
use crate::platform::config::Numbers;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{self, Action, Actor, Facts};
use crate::platform::push::outbox::Subject;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{NumberBlockId, PersonId, UnitId};

/// Blocks told of in one turn; the rest wait for the next.
const BATCH: i64 = 200;
/// The card that says that numbers are held longer than they were given for.
const OVERDUE: &str = "numbers.overdue";

/// The body of `POST /units/{id}/number-blocks`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNumberBlock {
    pub series: Series,
    /// 1 to 50; 10 unless told.
    #[serde(default)]
    pub count: Option<i64>,
    /// The present one unless told; the next one too when it begins before the block's time is over.
    #[serde(default)]
    pub year: Option<i32>,
}

/// A number that will not be used.
#[derive(Clone, Debug, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Voided {
    pub number: i64,
    /// 1 to 200 characters.
    pub reason: String,
}

/// The body of `POST /number-blocks/{id}/return`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlockReturn {
    /// Numbers of the block that are spoilt; all others that are not used come back.
    pub void: Vec<Voided>,
}

/// The body of `POST /units/{id}/numbers/preprinted`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preprinted {
    pub series: Series,
    /// As it is printed on the form, or on the first of a booklet; 1 to 40 characters with a running number in it.
    pub number: String,
    /// On the last of the booklet; at most 200 forms.
    #[serde(default)]
    pub last: Option<String>,
}

/// The body of `POST /units/{id}/numbers/void`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidNumber {
    pub series: Series,
    /// Of `number`; the present one unless told.
    #[serde(default)]
    pub year: Option<i32>,
    /// One of the unit's own.
    #[serde(default)]
    pub number: Option<i64>,
    /// Or what is printed on a form.
    #[serde(default)]
    pub printed: Option<String>,
    /// 1 to 200 characters.
    pub reason: String,
}

impl NewNumberBlock {
    /// Errors: `invalid_field`.
    fn count(&self) -> Result<i64> {
        match self.count.unwrap_or(COUNT_DEFAULT) {
            count if (1..=COUNT_MAX).contains(&count) => Ok(count),
            _ => Err(Error::field("count", format!("must be between 1 and {COUNT_MAX}"))),
        }
    }
}

impl Preprinted {
    /// The first form and how many there are.
    ///
    /// Errors: `invalid_field`.
    pub fn forms(&self) -> Result<(Form, i64)> {
        let first = Form::read("number", &self.number)?;
        let count = match &self.last {
            None => 1,
            Some(last) => first.count_to(&Form::read("last", last)?)?,
        };
        Ok((first, count))
    }
}

/// A unit whose numbers the actor may see or change.
///
/// Errors: `not_found`, `forbidden`.
pub fn unit_for(conn: &mut Conn, actor: &Actor, id: &UnitId, action: Action) -> Result<UnitRow> {
    let unit = officers::unit_fetch(conn, id)?;
    let facts = Facts { unit_path: Some(&unit.path), own: actor.unit == unit.id, ..Facts::default() };
    policy::may(actor, action, &facts).check("unit")?;
    Ok(unit)
}

/// Gives the device that asks some numbers of a unit for a time, for use away from the server.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `conflict` when it holds too many unspent ones.
pub async fn lease(ctx: &Ctx, meta: &RequestMeta, unit: UnitId, ask: NewNumberBlock) -> Result<Done> {
    ask.count()?;
    let (actor, core) = (Arc::clone(&ctx.actor), Arc::clone(&ctx.core));
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let unit = unit_for(tx.conn(), &actor, &unit, Action::NumberLease)?;
        let id = lease_in(tx, &core.config.numbers, &actor, &unit, &ask)?;
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

pub(super) fn lease_in(
    tx: &mut Tx<'_>,
    settings: &Numbers,
    actor: &Actor,
    unit: &UnitRow,
    ask: &NewNumberBlock,
) -> Result<NumberBlockId> {
    let (now, count) = (tx.now, ask.count()?);
    let year = rules::lease_year(ask.year, now, settings.lease_s)?;
    let run = Run::of_year(unit.id, ask.series, year);
    let last = store::counter_lock(tx.conn(), &run)?;
    // A device that asks for two series in the same instant may come to hold one block more; that harms nobody.
    let held = store::held_of_device(tx.conn(), &actor.device)?;
    if held + count > settings.held_max {
        let detail = format!("this device holds {held} unspent numbers, of at most {}: return some", settings.held_max);
        return Err(Error::conflict(detail).with("held", held.into()).with("limit", settings.held_max.into()));
    }
    let id = NumberBlockId::new();
    let expires_at = now.plus_secs(settings.lease_s);
    let mold = NumberRow {
        unit_id: unit.id,
        series: ask.series,
        book: run.book.clone(),
        n: 0,
        year,
        text: String::new(),
        state: NumberState::Leased,
        at: now,
        person_id: actor.person,
        device_id: Some(actor.device),
        block_id: Some(id),
        expires_at: Some(expires_at),
        mediation_id: None,
        reason: None,
    };
    let rows = hand_out(tx, settings, unit, &run, last, count, &mold)?;
    let numbers: Vec<i64> = rows.iter().map(|row| row.n).collect();
    let block = BlockRow {
        id,
        unit_id: unit.id,
        series: ask.series,
        year,
        device_id: actor.device,
        person_id: actor.person,
        numbers: serde_json::to_string(&numbers)?,
        leased_at: now,
        expires_at,
        told_at: None,
        closed_at: None,
    };
    store::block_insert(tx.conn(), &block)?;
    let detail = json!({ "unit_id": unit.id, "series": ask.series, "year": year, "numbers": numbers });
    audit::record(tx, Some(actor), "number.lease", "number_block", &id.to_string(), &detail)?;
    Ok(id)
}

/// Takes a block back: what was not used is free again, or void with a reason. The same again changes nothing.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `already_exists` for a number that stands on a document.
pub async fn give_back(ctx: &Ctx, meta: &RequestMeta, id: NumberBlockId, ask: BlockReturn) -> Result<Done> {
    if ask.void.len() > usize::try_from(COUNT_MAX).map_err(Error::internal)? {
        return Err(Error::field("void", format!("must be at most {COUNT_MAX}")));
    }
    for voided in &ask.void {
        body::text("void.reason", &voided.reason, 1, REASON_MAX)?;
    }
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let block = store::block_fetch(tx.conn(), &id)?;
        // Who was given them answers for them; else who answers for the unit's.
        if block.device_id != actor.device && block.person_id != actor.person {
            let unit = officers::unit_fetch(tx.conn(), &block.unit_id)?;
            let facts = Facts { unit_path: Some(&unit.path), own: actor.unit == unit.id, ..Facts::default() };
            policy::may(&actor, Action::NumberVoid, &facts).check("number block")?;
        }
        return_in(tx, &actor, &block, &ask)?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

pub(super) fn return_in(tx: &mut Tx<'_>, actor: &Actor, block: &BlockRow, ask: &BlockReturn) -> Result<()> {
    let now = tx.now;
    store::counter_lock(tx.conn(), &block.run())?;
    let rows = store::numbers_of_block(tx.conn(), &block.id)?;
    let mut spoilt: BTreeMap<i64, &str> = BTreeMap::new();
    for voided in &ask.void {
        match rows.iter().find(|row| row.n == voided.number) {
            None => return Err(Error::field("void.number", format!("{} is not of this block", voided.number))),
            Some(row) if row.state == NumberState::Used => return Err(rules::used_by(row.mediation_id)),
            Some(_) => spoilt.insert(voided.number, voided.reason.as_str()),
        };
    }
    let (mut returned, mut void) = (Vec::new(), Vec::new());
    for row in rows {
        let reason = spoilt.get(&row.n).map(|reason| (*reason).to_owned());
        let state = match (row.state, &reason) {
            (NumberState::Leased | NumberState::Returned, Some(_)) => NumberState::Void,
            (NumberState::Leased, None) => NumberState::Returned,
            _ => continue,
        };
        if state == NumberState::Void {
            void.push(row.n)
        } else {
            returned.push(row.n)
        }
        let row = NumberRow { state, at: now, person_id: actor.person, expires_at: None, reason, ..row };
        store::number_save(tx.conn(), &row)?;
    }
    if !(returned.is_empty() && void.is_empty()) {
        let detail = json!({ "returned": returned, "void": void });
        audit::record(tx, Some(actor), "number.return", "number_block", &block.id.to_string(), &detail)?;
    }
    settle(tx, &block.id, &actor.person)
}

/// Registers pre-printed forms as lying ready.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `already_exists` with the first that is known.
pub async fn preprinted(ctx: &Ctx, meta: &RequestMeta, unit: UnitId, ask: Preprinted) -> Result<Done> {
    let (first, count) = ask.forms()?;
    let (actor, core) = (Arc::clone(&ctx.actor), Arc::clone(&ctx.core));
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let unit = unit_for(tx.conn(), &actor, &unit, Action::NumberLease)?;
        let written = core.config.numbers.abbreviation(&unit.id.to_string(), &unit.name).to_owned();
        first.check_foreign("number", &written, ask.series)?;
        let run = Run::of_form(unit.id, ask.series, &first);
        let last = store::counter_lock(tx.conn(), &run)?;
        let end = first.n + count - 1;
        if let Some(known) = store::numbers_between(tx.conn(), &run, first.n, end)?.into_iter().next() {
            let error = match known.state {
                NumberState::Used => rules::used_by(known.mediation_id),
                _ => Error::new(Code::AlreadyExists).detail("the form is registered"),
            };
            return Err(error.with("number", known.text.into()).with("state", known.state.as_str().into()));
        }
        let now = tx.now;
        let form = |n: i64| NumberRow {
            unit_id: unit.id,
            series: ask.series,
            book: run.book.clone(),
            n,
            year: rules::year_of(now),
            text: first.with(n).text(),
            state: NumberState::Reserved,
            at: now,
            person_id: actor.person,
            device_id: None,
            block_id: None,
            expires_at: None,
            mediation_id: None,
            reason: None,
        };
        let rows: Vec<NumberRow> = (first.n..=end).map(form).collect();
        store::numbers_insert(tx.conn(), &rows)?;
        store::counter_set(tx.conn(), &run, last.max(end))?;
        let detail = json!({ "series": ask.series, "first": first.text(), "count": count });
        audit::record(tx, Some(&actor), "number.preprinted", "unit", &unit.id.to_string(), &detail)?;
        Ok(Done::new(201, json!({ "count": count })))
    })
    .await
}

/// Voids a number that stands on no document; it keeps its place for ever. The same again changes nothing.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `already_exists` when it stands on a document: that is withdrawn.
pub async fn void(ctx: &Ctx, meta: &RequestMeta, unit: UnitId, ask: VoidNumber) -> Result<Done> {
    body::text("reason", &ask.reason, 1, REASON_MAX)?;
    let form = ask.printed.as_deref().map(|text| Form::read("printed", text)).transpose()?;
    if form.is_some() == ask.number.is_some() {
        return Err(Error::field("number", "must be given, or else `printed`"));
    }
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let now = tx.now;
        let unit = unit_for(tx.conn(), &actor, &unit, Action::NumberVoid)?;
        let year = ask.year.unwrap_or_else(|| rules::year_of(now));
        let (run, n) = match &form {
            Some(form) => (Run::of_form(unit.id, ask.series, form), form.n),
            None => (Run::of_year(unit.id, ask.series, year), ask.number.unwrap_or_default()),
        };
        let unknown = || Error::field("number", "names one that is not in the register");
        // Asked first: a number that nobody has begins no series.
        store::number_find(tx.conn(), &run, n)?.ok_or_else(unknown)?;
        store::counter_lock(tx.conn(), &run)?;
        let row = store::number_find(tx.conn(), &run, n)?.ok_or_else(unknown)?;
        match row.state {
            NumberState::Used => return Err(rules::used_by(row.mediation_id)),
            NumberState::Void => {}
            _ => {
                let reason = Some(ask.reason.clone());
                let state = NumberState::Void;
                let row = NumberRow { state, at: now, person_id: actor.person, expires_at: None, reason, ..row };
                store::number_save(tx.conn(), &row)?;
                let detail = json!({ "series": ask.series, "number": row.text });
                audit::record(tx, Some(&actor), "number.void", "unit", &unit.id.to_string(), &detail)?;
                if let Some(block) = &row.block_id {
                    settle(tx, block, &actor.person)?;
                }
            }
        }
        Ok(Done::new(200, json!({ "series": run.series, "book": run.book, "n": n })))
    })
    .await
}

/// Closes a block of which nothing is held any more, and what the room was told of it. The caller holds the counter.
pub(super) fn settle(tx: &mut Tx<'_>, id: &NumberBlockId, by: &PersonId) -> Result<()> {
    if is_open(tx, id)? {
        return Ok(());
    }
    let now = tx.now;
    store::block_close(tx.conn(), id, now)?;
    cards::close(tx, &card_key(id), Some(*by))?;
    Ok(())
}

/// Whether a number of it is still held.
fn is_open(tx: &mut Tx<'_>, id: &NumberBlockId) -> Result<bool> {
    Ok(store::numbers_of_block(tx.conn(), id)?.iter().any(|row| row.state == NumberState::Leased))
}

fn card_key(id: &NumberBlockId) -> String {
    format!("{OVERDUE}:{id}")
}

/// The periodic duty: the room is told, once, of each block that is held longer than it was given for. Nothing comes back
/// by itself.
pub async fn overdue(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    for id in core.db.read(move |conn| store::blocks_overdue(conn, now, BATCH)).await? {
        core.db.write(Priority::Background, move |tx| tell_overdue(tx, &id)).await?;
    }
    Ok(())
}

pub(super) fn tell_overdue(tx: &mut Tx<'_>, id: &NumberBlockId) -> Result<()> {
    let now = tx.now;
    let run = store::block_fetch(tx.conn(), id)?.run();
    store::counter_lock(tx.conn(), &run)?;
    // It may have come back, or another node may have told of it, while this waited.
    let block = store::block_fetch(tx.conn(), id)?;
    if block.told_at.is_some() || block.closed_at.is_some() || block.expires_at > now {
        return Ok(());
    }
    let held = store::numbers_of_block(tx.conn(), id)?.iter().filter(|row| row.state == NumberState::Leased).count();
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &block.unit_id)?;
    let data = json!({
        "unit_id": block.unit_id, "series": block.series, "year": block.year, "count": held,
        "device_id": block.device_id, "person_id": block.person_id,
    });
    let draw = Draw {
        unit_id,
        recipients: &seats,
        kind: OVERDUE,
        subject: Subject::new("number_block", id),
        data,
        key: card_key(id),
        urgent: false,
    };
    cards::raise(tx, &draw)?;
    store::block_told(tx.conn(), id, now)
}
