//! What numbers look like to those who may see them.

use serde::Serialize;

use super::rules::{self, NumberState, Run, Series};
use super::store::{self, BlockRow, CounterRow, NumberRow};
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, MediationId, NumberBlockId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Numbers named as missing from a series; more of them are not looked through one by one.
const MISSING_SHOWN: usize = 100;

/// Numbers that a device was given.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NumberBlock {
    pub id: NumberBlockId,
    pub unit_id: UnitId,
    pub series: Series,
    pub year: i32,
    /// The lowest.
    pub from: i64,
    /// The highest; what lies between need not all be of the block.
    pub to: i64,
    /// In ascending order; the terminal uses them in this order.
    pub numbers: Vec<i64>,
    /// How each is written on a document, in the same order.
    pub texts: Vec<String>,
    /// Those that are neither used nor void nor returned.
    pub unspent: Vec<i64>,
    pub device_id: DeviceId,
    pub person_id: PersonId,
    pub leased_at: Timestamp,
    /// From then on the terminal uses none of them any more.
    pub expires_at: Timestamp,
    /// When the last of them was accounted for.
    pub closed_at: Option<Timestamp>,
}

/// One number of the register.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NumberView {
    pub series: Series,
    /// Of a pre-printed form: when it was registered.
    pub year: i32,
    pub number: i64,
    /// It stood on the form before anybody wrote on it.
    pub printed: bool,
    pub text: String,
    pub state: NumberState,
    /// Since when.
    pub at: Timestamp,
    /// By whom it came to stand so.
    pub person_id: PersonId,
    /// Which device holds or last held it.
    pub device_id: Option<DeviceId>,
    pub block_id: Option<NumberBlockId>,
    /// Until when it is leased.
    pub expires_at: Option<Timestamp>,
    /// The document on which it stands or, when it is void, stood.
    pub mediation_id: Option<MediationId>,
    /// Why it is void.
    pub reason: Option<String>,
}

/// How the numbers of one series stand.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NumberRun {
    pub series: Series,
    /// Null for pre-printed forms.
    pub year: Option<i32>,
    /// How the numbers of pre-printed forms read, `*` for the running one.
    pub printed: Option<String>,
    /// The highest number handed out or registered.
    pub highest: i64,
    pub leased: i64,
    pub overdue: i64,
    pub used: i64,
    pub void: i64,
    pub returned: i64,
    pub reserved: i64,
    /// Of 1 to `highest`, those that are nowhere, at most 100; of pre-printed forms it is not known which there are.
    pub missing: Vec<i64>,
    /// Every number from 1 to `highest` is in exactly one of the states above; null for pre-printed forms.
    pub complete: Option<bool>,
}

/// Pre-printed forms that were registered.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PrintedForms {
    pub unit_id: UnitId,
    pub series: Series,
    /// As it is printed.
    pub first: String,
    pub last: String,
    pub count: i64,
}

impl NumberBlock {
    /// A block with how its numbers stand now.
    pub fn fetch(conn: &mut Conn, id: &NumberBlockId) -> Result<Self> {
        let block: BlockRow = store::block_fetch(conn, id)?;
        let numbers: Vec<i64> = serde_json::from_str(&block.numbers)?;
        let rows = store::numbers_named(conn, &block.run(), &numbers)?;
        let is_held = |row: &&NumberRow| row.state == NumberState::Leased && row.block_id == Some(*id);
        Ok(Self {
            id: block.id,
            unit_id: block.unit_id,
            series: block.series,
            year: block.year,
            from: numbers.first().copied().unwrap_or_default(),
            to: numbers.last().copied().unwrap_or_default(),
            texts: rows.iter().map(|row| row.text.clone()).collect(),
            unspent: rows.iter().filter(is_held).map(|row| row.n).collect(),
            numbers,
            device_id: block.device_id,
            person_id: block.person_id,
            leased_at: block.leased_at,
            expires_at: block.expires_at,
            closed_at: block.closed_at,
        })
    }
}

impl NumberView {
    pub fn of(row: NumberRow, now: Timestamp) -> Self {
        Self {
            series: row.series,
            year: row.year,
            number: row.n,
            printed: rules::printed(&row.book).is_some(),
            text: row.text,
            state: rules::shown(row.state, row.expires_at, now),
            at: row.at,
            person_id: row.person_id,
            device_id: row.device_id,
            block_id: row.block_id,
            expires_at: row.expires_at,
            mediation_id: row.mediation_id,
            reason: row.reason,
        }
    }
}

impl NumberRun {
    /// Counts a run up to how far it was when `counter` was read: what is handed out meanwhile is not half counted.
    pub fn count(conn: &mut Conn, counter: &CounterRow, now: Timestamp) -> Result<Self> {
        let last = counter.last;
        let run = Run { unit: counter.unit_id, series: counter.series, book: counter.book.clone() };
        let printed = rules::printed(&counter.book).map(str::to_owned);
        let states = store::states_of_run(conn, &run, last)?;
        let of = |state: NumberState| states.iter().filter(|(known, _)| *known == state).map(|(_, n)| n).sum::<i64>();
        let overdue = store::overdue_of_run(conn, &run, last, now)?;
        let all: i64 = states.iter().map(|(_, n)| n).sum();
        // Each lies between 1 and `last` and no two are the same, so that many are all of them.
        let complete = printed.is_none().then_some(all == last);
        let missing = match complete {
            Some(false) => rules::missing(&store::ns_of_run(conn, &run, last)?, last, MISSING_SHOWN),
            _ => Vec::new(),
        };
        Ok(Self {
            series: counter.series,
            year: counter.book.parse().ok(),
            printed,
            highest: last,
            // It may end between the two questions.
            leased: (of(NumberState::Leased) - overdue).max(0),
            overdue,
            used: of(NumberState::Used),
            void: of(NumberState::Void),
            returned: of(NumberState::Returned),
            reserved: of(NumberState::Reserved),
            missing,
            complete,
        })
    }
}
