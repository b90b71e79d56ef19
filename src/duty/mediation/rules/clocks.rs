//! The dates that follow from a date: until when a mediation is held, held again, confirmed by a court, performed.
//!
//! A period of days does not count the day it begins with, and its last day is in time until midnight in China
//! (程序规定 articles 35 and 265; 民法典 articles 201 and 203).

use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;

use super::Kind;
use super::calendar::{Calendar, at_hour, end_of};
use super::law::{Clock, Law};
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Due {
    /// The last day, in China.
    #[schema(value_type = String, format = Date)]
    pub on: Date,
    /// Its last microsecond.
    pub at: Timestamp,
    pub article: String,
    /// False while the holidays of a year on the way are not known: the day may move.
    pub certain: bool,
}

fn due(clock: &Clock, calendar: &Calendar, from: Date) -> Due {
    let on = if clock.working {
        calendar.add_working_days(from, clock.days)
    } else {
        let span = Span::new().months(i32::from(clock.months)).days(i32::from(clock.days));
        // A month later is the same day of the next month, or its last one (民法典 article 202); a last day off is
        // followed by the first working day.
        calendar.rolled(from.saturating_add(span))
    };
    Due { on, at: end_of(on), article: clock.article.clone(), certain: calendar.knows_all(from, on) }
}

/// Until when the first police mediation is to be held: within 3 working days of the acceptance of the case, or of the
/// report where injuries or damage are assessed (治安调解工作规范 article 9, paragraph 2).
pub fn first_due(law: &Law, calendar: &Calendar, accepted_or_report: Date) -> Due {
    due(&law.clocks.first, calendar, accepted_or_report)
}

/// Until when the second police mediation is to be over: within 7 working days of the first (程序规定 article 183).
pub fn second_due(law: &Law, calendar: &Calendar, first_session: Date) -> Due {
    due(&law.clocks.second, calendar, first_session)
}

/// Until when both parties may ask a court to confirm an agreement of people's mediation: within 30 days of its effect
/// (人民调解法 article 33).
pub fn judicial_confirmation_until(law: &Law, calendar: &Calendar, effective: Date) -> Due {
    due(&law.clocks.judicial_confirmation, calendar, effective)
}

/// Until when a mediation is to be over as a rule: of the people's one month (人民调解工作若干规定 article 33), which the
/// parties may agree to exceed; of the police none but those above.
///
/// Errors: `internal` when the law's data lack the kind, which its reading excludes.
pub fn finish_due(law: &Law, kind: Kind, calendar: &Calendar, accepted: Date) -> Result<Option<Due>> {
    let of_police = law.kind(kind)?.offence;
    Ok((!of_police).then(|| due(&law.clocks.people_finish, calendar, accepted)))
}

/// Whether there may be another session after so many: the police hold two (程序规定 article 183), on the spot one.
///
/// Errors: `internal` when the law's data lack the kind, which its reading excludes.
pub fn may_sit_again(law: &Law, kind: Kind, rounds_held: u32) -> Result<bool> {
    Ok(law.kind(kind)?.rounds.is_none_or(|most| rounds_held < u32::from(most)))
}

/// When whoever is responsible is reminded of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Before and on the due date, ascending.
    pub reminders: Vec<Timestamp>,
    /// The last microsecond in which it is performed in time.
    pub due: Timestamp,
    /// After it, while nobody has said whether it was performed, ascending. Default is said by a person, never by the
    /// clock.
    pub overdue: Vec<Timestamp>,
}

/// The instants of a term that is due on a day. The day is the parties' own, so days off do not move it.
pub fn performance(law: &Law, due_on: Date) -> Performance {
    let reminders = &law.clocks.reminders;
    let at = |days: i32| at_hour(due_on.saturating_add(Span::new().days(days)), reminders.hour);
    let mut before: Vec<Timestamp> = reminders.days_before.iter().map(|days| at(-i32::from(*days))).collect();
    let mut overdue: Vec<Timestamp> = reminders.days_after.iter().map(|days| at(i32::from(*days))).collect();
    before.sort_unstable();
    overdue.sort_unstable();
    Performance { reminders: before, due: end_of(due_on), overdue }
}

#[cfg(test)]
#[path = "clocks_tests.rs"]
mod tests;
