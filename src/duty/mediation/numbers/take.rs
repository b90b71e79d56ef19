//! A document takes its number, in the transaction that makes it final. Whether its author may do so is asked before;
//! the caller holds the lock of the record, and takes no other lock after these.

use super::rules::{self, Form, Held, NumberState, Run, Series, Verdict};
use super::service::settle;
use super::store::{self, NumberRow};
use crate::duty::officers::UnitRow;
use crate::platform::config::Numbers;
use crate::platform::db::{Conn, Tx};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, MediationId, PersonId, UnitId};

/// A number that stands on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    pub run: Run,
    pub year: i32,
    pub n: i64,
    /// As it stands there, e.g. `常公（城南）现调字〔2026〕第000123号`.
    pub text: String,
}

impl From<NumberRow> for Number {
    fn from(row: NumberRow) -> Self {
        Self { run: row.run(), year: row.year, n: row.n, text: row.text }
    }
}

/// On which document a number is used, by whom, on which device the document was numbered.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub mediation: MediationId,
    pub by: PersonId,
    pub device: DeviceId,
}

/// The number of a document in a series, if it has one that counts.
pub fn of_mediation(conn: &mut Conn, series: Series, id: &MediationId) -> Result<Option<Number>> {
    Ok(store::number_of_mediation(conn, series, id)?.map(Number::from))
}

/// The next free number of the unit; a document that has one keeps it.
pub fn take_next(
    tx: &mut Tx<'_>,
    settings: &Numbers,
    unit: &UnitRow,
    series: Series,
    year: i32,
    usage: &Use,
) -> Result<Number> {
    let run = Run::of_year(unit.id, series, year);
    let last = store::counter_lock(tx.conn(), &run)?;
    if let Some(row) = store::number_of_mediation(tx.conn(), series, &usage.mediation)? {
        return Ok(row.into());
    }
    let mold = NumberRow {
        unit_id: unit.id,
        series,
        book: run.book.clone(),
        n: 0,
        year,
        text: String::new(),
        state: NumberState::Used,
        at: tx.now,
        person_id: usage.by,
        device_id: Some(usage.device),
        block_id: None,
        expires_at: None,
        mediation_id: Some(usage.mediation),
        reason: None,
    };
    let taken = hand_out(tx, settings, unit, &run, last, 1, &mold)?.pop();
    taken.map(Number::from).ok_or_else(|| Error::internal("no number was handed out"))
}

/// A number that the device on which the document was made had been leased, also when the time of the lease is over.
///
/// Errors: `invalid_field` for one that was never handed out, `already_exists` (with `mediation_id`) when it stands on
/// another document or was given to somebody else since, `forbidden` when it is another device's, `conflict` when it is
/// void or the document has another number.
pub fn take_leased(tx: &mut Tx<'_>, unit: &UnitId, series: Series, year: i32, n: i64, usage: &Use) -> Result<Number> {
    let run = Run::of_year(*unit, series, year);
    let unknown = || Error::field("number", "has not been handed out");
    // Asked first: a number that nobody has begins no series.
    store::number_find(tx.conn(), &run, n)?.ok_or_else(unknown)?;
    store::counter_lock(tx.conn(), &run)?;
    let row = store::number_find(tx.conn(), &run, n)?.ok_or_else(unknown)?;
    let was_given = store::was_given(tx.conn(), &run, n, &usage.device)?;
    let held = Held { state: row.state, device: row.device_id, mediation: row.mediation_id, was_given };
    match rules::may_take(&held, &usage.device, &usage.mediation)? {
        Verdict::Same => Ok(row.into()),
        Verdict::Take => used(tx, row, usage),
    }
}

/// The number of the pre-printed form on which the document stands; a form that was not registered before is now.
///
/// Errors: `invalid_field` when it is no number of a form, `already_exists` (with `mediation_id`) when it stands on
/// another document, `conflict` when it is void or the document has another number.
pub fn take_printed(
    tx: &mut Tx<'_>,
    settings: &Numbers,
    unit: &UnitRow,
    series: Series,
    text: &str,
    usage: &Use,
) -> Result<Number> {
    let form = Form::read("number", text)?;
    form.check_foreign("number", settings.abbreviation(&unit.id.to_string(), &unit.name), series)?;
    let run = Run::of_form(unit.id, series, &form);
    let last = store::counter_lock(tx.conn(), &run)?;
    if let Some(row) = store::number_find(tx.conn(), &run, form.n)? {
        let held = Held { state: row.state, device: row.device_id, mediation: row.mediation_id, was_given: false };
        return match rules::may_take_form(&held, &usage.mediation)? {
            Verdict::Same => Ok(row.into()),
            Verdict::Take => used(tx, row, usage),
        };
    }
    no_other(tx, series, usage)?;
    let row = NumberRow {
        unit_id: unit.id,
        series,
        book: run.book.clone(),
        n: form.n,
        year: rules::year_of(tx.now),
        text: form.text(),
        state: NumberState::Used,
        at: tx.now,
        person_id: usage.by,
        device_id: Some(usage.device),
        block_id: None,
        expires_at: None,
        mediation_id: Some(usage.mediation),
        reason: None,
    };
    store::numbers_insert(tx.conn(), std::slice::from_ref(&row))?;
    store::counter_set(tx.conn(), &run, last.max(form.n))?;
    Ok(row.into())
}

/// A document is withdrawn: its number stays void, and stays its own. One that is void already remains as it is.
///
/// Errors: `conflict` when the number stands on no document.
pub fn void_used(tx: &mut Tx<'_>, number: &Number, by: &PersonId, reason: &str) -> Result<()> {
    let now = tx.now;
    store::counter_lock(tx.conn(), &number.run)?;
    let row = store::number_find(tx.conn(), &number.run, number.n)?;
    let row = row.ok_or_else(|| Error::not_found("number"))?;
    match row.state {
        NumberState::Void => Ok(()),
        NumberState::Used => {
            let reason = Some(reason.to_owned());
            let row = NumberRow { state: NumberState::Void, at: now, person_id: *by, reason, ..row };
            store::number_save(tx.conn(), &row)
        }
        _ => Err(Error::conflict("the number stands on no document")),
    }
}

/// Numbers of the unit for somebody, in ascending order: what came back first, then new ones after `last`. How each then
/// stands is as `mold` says. The caller holds the counter.
pub(super) fn hand_out(
    tx: &mut Tx<'_>,
    settings: &Numbers,
    unit: &UnitRow,
    run: &Run,
    last: i64,
    count: i64,
    mold: &NumberRow,
) -> Result<Vec<NumberRow>> {
    let unit_id = unit.id.to_string();
    let abbreviation = settings.abbreviation(&unit_id, &unit.name);
    let made = |n: i64| NumberRow { n, text: rules::text(abbreviation, run.series, mold.year, n), ..mold.clone() };
    let mut rows: Vec<NumberRow> =
        store::numbers_returned(tx.conn(), run, count)?.iter().map(|back| made(back.n)).collect();
    for row in &rows {
        store::number_save(tx.conn(), row)?;
    }
    let rest = count - i64::try_from(rows.len()).map_err(Error::internal)?;
    if rest > 0 {
        let fresh: Vec<NumberRow> = (last + 1..=last + rest).map(made).collect();
        store::numbers_insert(tx.conn(), &fresh)?;
        store::counter_set(tx.conn(), run, last + rest)?;
        rows.extend(fresh);
    }
    Ok(rows)
}

/// A number that was there comes to stand on a document.
fn used(tx: &mut Tx<'_>, row: NumberRow, usage: &Use) -> Result<Number> {
    no_other(tx, row.series, usage)?;
    let row = NumberRow {
        state: NumberState::Used,
        at: tx.now,
        person_id: usage.by,
        device_id: Some(usage.device),
        expires_at: None,
        mediation_id: Some(usage.mediation),
        ..row
    };
    store::number_save(tx.conn(), &row)?;
    if let Some(block) = &row.block_id {
        settle(tx, block, &usage.by)?;
    }
    Ok(row.into())
}

/// A document has one number of a series.
fn no_other(tx: &mut Tx<'_>, series: Series, usage: &Use) -> Result<()> {
    match store::number_of_mediation(tx.conn(), series, &usage.mediation)? {
        None => Ok(()),
        Some(other) => Err(Error::conflict("the document has another number").with("number", other.text.into())),
    }
}
