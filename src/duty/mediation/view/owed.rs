//! Where each term stands at the moment of the answer: a reader need not add up payments or compare days himself.

use jiff::civil::Date;
use serde::Serialize;

use super::super::facts::Record;
use super::super::rules::{Law, State, clocks};
use super::super::service::is_performed;
use super::super::store::MediationRow;
use super::super::store::acts::PerformanceRow;
use super::super::{Outcome, TermState, documents};
use crate::words::ids::EntryId;
use crate::words::time::Timestamp;

/// One term of what was agreed, in the order of the agreement.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OwedView {
    /// Its entry in the record.
    pub term: EntryId,
    #[schema(inline)]
    pub state: TermState,
    /// Of a sum, in fen; none where no money is owed.
    pub amount_fen: Option<i64>,
    /// What was paid of it so far, in fen.
    pub paid_fen: i64,
    /// The day in China, the parties' own.
    #[schema(value_type = Option<String>, format = Date)]
    pub due_on: Option<Date>,
    /// The last instant in which it is performed in time.
    pub due: Option<Timestamp>,
}

impl OwedView {
    /// Of a record whose terms bind; of any other none, since nothing is owed by it.
    pub(super) fn all(
        row: &MediationRow,
        record: &Record,
        law: &Law,
        done: &[PerformanceRow],
        now: Timestamp,
    ) -> Vec<Self> {
        if row.effective_at.is_none() || matches!(row.state, State::Amended | State::Void) {
            return Vec::new();
        }
        let on_the_spot = record.flag("performed_on_the_spot") == Some(true);
        let one = |term: super::super::facts::Entry<'_>| {
            let id = EntryId::from(term.id);
            let (amount_fen, due_on) = (term.int("amount_fen"), term.date("due_on"));
            let due = due_on.map(|day| clocks::performance(law, day).due);
            let of_term: Vec<&PerformanceRow> = done.iter().filter(|act| act.term_id == id).collect();
            let paid = of_term.iter().filter_map(|act| documents::after::paid(done, act, amount_fen));
            let paid_fen = if on_the_spot { amount_fen.unwrap_or(0) } else { paid.fold(0, i64::saturating_add) };
            let state = if on_the_spot || is_performed(done, id, amount_fen) {
                TermState::Performed
            } else if of_term.last().is_some_and(|last| last.outcome == Outcome::Defaulted) {
                TermState::Defaulted
            } else if due.is_some_and(|due| due < now) {
                TermState::Overdue
            } else {
                TermState::Open
            };
            Self { term: id, state, amount_fen, paid_fen, due_on, due }
        };
        record.entries("terms").into_iter().map(one).collect()
    }
}
