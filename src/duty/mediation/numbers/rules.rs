//! Series, years, how a number reads, who may take it for which document. Pure.

use jiff::tz::Offset;

use super::super::Kind;
use crate::text_enum;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, MediationId, UnitId};
use crate::words::time::Timestamp;

/// Numbers of one block: more mediations than a terminal signs between two connections.
pub const COUNT_MAX: i64 = 50;
/// Numbers of a block unless told.
pub const COUNT_DEFAULT: i64 = 10;
/// Pre-printed forms registered at once: two booklets of a hundred.
pub const FORMS_MAX: i64 = 200;
/// Characters of the reason for a void number.
pub const REASON_MAX: usize = 200;
/// Characters of a pre-printed form's number.
const FORM_MAX: usize = 40;
/// Its digits; more are no running number.
const DIGITS_MAX: usize = 12;
/// Hours east of UTC of all of China: a year begins at midnight there.
const HOURS_EAST: i8 = 8;
/// Stands in a form's book for the running number.
const PLACE: char = '*';

text_enum! {
    /// Which form is numbered.
    pub enum Series {
        /// 现场治安调解协议书
        OnScene = "xczatj",
        /// 治安调解协议书
        Police = "zatj",
        /// 人民调解协议书
        People = "rmtj",
    }
}

text_enum! {
    /// How a number stands. Each is in exactly one of these.
    pub enum NumberState {
        /// A terminal holds it.
        Leased = "leased",
        /// The same after the time for which it was given; never stored.
        Overdue = "overdue",
        /// It stands on a document.
        Used = "used",
        /// It will never stand on one that counts.
        Void = "void",
        /// It was held and not needed; handed out again before new ones.
        Returned = "returned",
        /// A pre-printed form that lies ready.
        Reserved = "reserved",
    }
}

impl Series {
    /// The series of a kind of mediation.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::PoliceOnScene => Self::OnScene,
            Kind::Police => Self::Police,
            Kind::People => Self::People,
        }
    }

    /// The words between unit and year.
    const fn mark(self) -> &'static str {
        match self {
            Self::OnScene => "现调字",
            Self::Police => "治调字",
            Self::People => "人调字",
        }
    }
}

/// One sequence of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub unit: UnitId,
    pub series: Series,
    /// The year of ours, e.g. `2026`; of pre-printed forms how their numbers read, e.g. `P现调*`.
    pub book: String,
}

impl Run {
    /// The unit's own of a year.
    pub fn of_year(unit: UnitId, series: Series, year: i32) -> Self {
        Self { unit, series, book: year.to_string() }
    }

    /// The one in which a pre-printed form's number stands.
    pub fn of_form(unit: UnitId, series: Series, form: &Form) -> Self {
        Self { unit, series, book: form.book() }
    }
}

/// How the numbers of a book of pre-printed forms read, `*` for the running one; none of ours.
pub fn printed(book: &str) -> Option<&str> {
    book.strip_prefix('P')
}

/// How a number reads, e.g. `常公（城南）现调字〔2026〕第000123号`.
pub fn text(unit_abbreviation: &str, series: Series, year: i32, n: i64) -> String {
    format!("{unit_abbreviation}{}〔{year}〕第{n:06}号", series.mark())
}

/// The year in which an instant lies in China.
pub fn year_of(at: Timestamp) -> i32 {
    // Instants past the calendar's end are shown as its last year everywhere.
    jiff::Timestamp::from_microsecond(at.as_micros())
        .map_or(9999, |at| i32::from(Offset::constant(HOURS_EAST).to_datetime(at).year()))
}

/// The year of a block: this one unless told. The next one too, once a block would reach into it: a terminal may be
/// away at midnight.
///
/// Errors: `invalid_field`.
pub fn lease_year(asked: Option<i32>, now: Timestamp, lease_s: i64) -> Result<i32> {
    let (this, last) = (year_of(now), year_of(now.plus_secs(lease_s)));
    match asked {
        None => Ok(this),
        Some(year) if (this..=last).contains(&year) => Ok(year),
        Some(_) => Err(Error::field("year", "must be the present one, or the next when it is near")),
    }
}

/// How a number stands at an instant.
pub fn shown(state: NumberState, expires_at: Option<Timestamp>, now: Timestamp) -> NumberState {
    if state == NumberState::Leased && expires_at.is_some_and(|end| end <= now) { NumberState::Overdue } else { state }
}

/// Those of 1 to `last` that are not among `known` (ascending), the first `limit` of them.
pub fn missing(known: &[i64], last: i64, limit: usize) -> Vec<i64> {
    let mut known = known.iter().copied().peekable();
    let mut gaps = Vec::new();
    for n in 1..=last {
        while known.next_if(|have| *have < n).is_some() {}
        if known.next_if_eq(&n).is_none() {
            gaps.push(n);
            if gaps.len() >= limit {
                break;
            }
        }
    }
    gaps
}

/// The number of a pre-printed form: a running number among words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    before: String,
    after: String,
    /// Digits as they are printed, zeros before included.
    width: usize,
    pub n: i64,
}

impl Form {
    /// Reads what was scanned or typed. The last digits in it run; spaces at the ends and between do not count, nor does
    /// whether digits are wide.
    ///
    /// Errors: `invalid_field`.
    pub fn read(field: &str, text: &str) -> Result<Self> {
        let wrong = |rule: String| Err(Error::field(field, rule));
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).map(narrow).collect();
        if plain.chars().count() > FORM_MAX || plain.chars().any(|c| c.is_control() || c == PLACE) {
            return wrong(format!("must have at most {FORM_MAX} characters, without `{PLACE}` and control characters"));
        }
        let Some(end) = plain.rfind(|c: char| c.is_ascii_digit()).map(|at| at + 1) else {
            return wrong("must hold a running number".to_owned());
        };
        let (head, after) = plain.split_at(end);
        let start = head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (before, digits) = head.split_at(start);
        if digits.len() > DIGITS_MAX {
            return wrong(format!("must end in a running number of at most {DIGITS_MAX} digits"));
        }
        let n: i64 = digits.parse().map_err(Error::internal)?;
        if n < 1 {
            return wrong("must run from 1 on".to_owned());
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned(), width: digits.len(), n })
    }

    /// As it is printed.
    pub fn text(&self) -> String {
        format!("{}{:0width$}{}", self.before, self.n, self.after, width = self.width)
    }

    /// The form with another running number of the same booklet.
    #[must_use]
    pub fn with(&self, n: i64) -> Self {
        Self { n, ..self.clone() }
    }

    fn book(&self) -> String {
        format!("P{}{PLACE}{}", self.before, self.after)
    }

    /// From this form to the last of the same booklet, both included.
    ///
    /// Errors: `invalid_field` when they are of two booklets, in the wrong order or too many.
    pub fn count_to(&self, last: &Self) -> Result<i64> {
        if self.book() != last.book() || last.n < self.n {
            return Err(Error::field("last", "must be a later number of the same booklet"));
        }
        let count = last.n - self.n + 1;
        if count > FORMS_MAX {
            return Err(Error::field("last", format!("must be at most {FORMS_MAX} forms on")));
        }
        Ok(count)
    }

    /// A form that reads like a number of this unit's own series could be taken for one.
    ///
    /// Errors: `invalid_field`.
    pub fn check_foreign(&self, field: &str, unit_abbreviation: &str, series: Series) -> Result<()> {
        if self.before.starts_with(&format!("{}{}〔", unspaced(unit_abbreviation), series.mark())) {
            return Err(Error::field(field, "reads like a number of the unit's own, which is leased, not scanned"));
        }
        Ok(())
    }
}

/// Wide digits as plain ones.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        _ => c,
    }
}

fn unspaced(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(narrow).collect()
}

/// A number as it stands, to whom asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub state: NumberState,
    /// Who holds or last held it.
    pub device: Option<DeviceId>,
    /// On which document it stands.
    pub mediation: Option<MediationId>,
    /// The device that asks was given it at some time.
    pub was_given: bool,
}

/// What is to be done for a document that brings its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Take,
    /// The document has it already.
    Same,
}

/// Whether a document that was numbered on this device keeps its number.
///
/// The time of the lease is not asked: it tells the terminal when to stop and the room when to look, but paper that
/// people have signed counts as long as nobody else was given its number.
///
/// Errors: `already_exists` when it stands on another document or was given to somebody else since, `forbidden` when it
/// is another device's, `conflict` when it is void.
pub fn may_take(held: &Held, device: &DeviceId, mediation: &MediationId) -> Result<Verdict> {
    let mine = held.device == Some(*device);
    match held.state {
        NumberState::Used if held.mediation == Some(*mediation) => Ok(Verdict::Same),
        NumberState::Used => Err(used_by(held.mediation)),
        NumberState::Leased | NumberState::Overdue | NumberState::Returned if mine => Ok(Verdict::Take),
        NumberState::Void if mine || held.was_given => Err(is_void()),
        NumberState::Leased | NumberState::Overdue | NumberState::Returned if held.was_given => {
            Err(Error::new(Code::AlreadyExists).detail("the number was given to another device since"))
        }
        _ => Err(Error::forbidden("the number was not leased to this device")),
    }
}

/// Whether a document keeps the number of the pre-printed form on which it stands.
///
/// Errors: `already_exists` when it stands on another document, `conflict` when it is void.
pub fn may_take_form(held: &Held, mediation: &MediationId) -> Result<Verdict> {
    match held.state {
        NumberState::Used if held.mediation == Some(*mediation) => Ok(Verdict::Same),
        NumberState::Used => Err(used_by(held.mediation)),
        NumberState::Void => Err(is_void()),
        _ => Ok(Verdict::Take),
    }
}

/// The error that names the document on which a number stands.
pub fn used_by(mediation: Option<MediationId>) -> Error {
    let error = Error::new(Code::AlreadyExists).detail("the number stands on another document");
    match mediation {
        Some(id) => error.with("mediation_id", id.to_string().into()),
        None => error,
    }
}

fn is_void() -> Error {
    Error::conflict("the number is void; take a new one").with("state", NumberState::Void.as_str().into())
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
