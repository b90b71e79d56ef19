//! Working days (工作日): Monday to Friday without the days off, and with the weekends worked instead, that the State
//! Council's General Office announces each year in 部分节假日安排的通知.
//!
//! The announcements are data: `calendar.json` beside this file, and a file of the operator in the same form for the years
//! after it was built. Each year names the document it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use serde::Deserialize;

pub use crate::words::days::{at_hour, clock_of, date_of, end_of, start_of};
use crate::words::error::{Error, Result};

const BUILTIN: &str = include_str!("calendar.json");
/// The longest holidays have nine days; a typing error of a month or a year is longer.
const OFF_MAX: usize = 31;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    years: Vec<YearFile>,
}

/// One year as announced; every day in it belongs to the year, or to the last week of the one before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YearFile {
    year: i16,
    /// Number of the announcement, e.g. `国办发明电〔2025〕7号`.
    document: String,
    /// The day it was issued.
    issued: Date,
    off: Vec<OffFile>,
    /// Weekends that are worked.
    work: Vec<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OffFile {
    name: String,
    /// First and last day off, both included.
    from: Date,
    to: Date,
}

#[derive(Clone, Debug, Default)]
struct Year {
    document: String,
    off: BTreeSet<Date>,
    work: BTreeSet<Date>,
}

/// The holidays of the years that are known.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    years: BTreeMap<i16, Year>,
}

impl Calendar {
    /// The years that came with this build. Errors: `internal` when the file beside is broken, which a test excludes.
    pub fn builtin() -> Result<Self> {
        Self::default().with(BUILTIN).map_err(Error::internal)
    }

    /// That of this build, read once. Errors: as of [`Calendar::builtin`].
    pub fn ours() -> Result<&'static Self> {
        static OURS: LazyLock<Result<Calendar, String>> =
            LazyLock::new(|| Calendar::builtin().map_err(|error| error.to_string()));
        OURS.as_ref().map_err(|error| Error::internal(error.clone()))
    }

    /// This calendar and the years of an operator's file of the same form, which replace ours of the same number.
    ///
    /// Errors: `invalid_field` naming `calendar` and what is wrong: not JSON of that form, a day that is far from its
    /// year, a day off that is also worked, a worked day that is no weekend.
    pub fn with(&self, more: &str) -> Result<Self> {
        let file: File = serde_json::from_str(more).map_err(|error| Error::field("calendar", error))?;
        let mut years = self.years.clone();
        for year in file.years {
            let number = year.year;
            years.insert(number, taken(year)?);
        }
        Ok(Self { years })
    }

    /// Whether the announcement of this year is known. Of any other year weekends alone count as free, so its days are
    /// an estimate and must be shown as one.
    pub fn knows(&self, year: i16) -> bool {
        self.years.contains_key(&year)
    }

    /// The number of the announcement for a year.
    pub fn document(&self, year: i16) -> Option<&str> {
        self.years.get(&year).map(|year| year.document.as_str())
    }

    pub fn is_working(&self, date: Date) -> bool {
        // New Year's days off may begin in the last week of the year before, and are announced with the new year.
        let about = [date.year(), date.year().saturating_add(1)];
        let mut announced = about.iter().filter_map(|year| self.years.get(year));
        if announced.clone().any(|year| year.off.contains(&date)) {
            return false;
        }
        announced.any(|year| year.work.contains(&date)) || !is_weekend(date)
    }

    /// The last of `n` working days after `from`, which itself is not counted (程序规定 article 35; 民法典 article 201):
    /// whatever has to be done "within" them is in time until the end of the day returned (程序规定 article 265).
    /// `n` = 0 gives `from`.
    pub fn add_working_days(&self, from: Date, n: u16) -> Date {
        let mut day = from;
        for _ in 0..n {
            day = self.next_working(day);
        }
        day
    }

    /// The first working day from `date` on, itself included: a period that ends on a day off ends on the first working
    /// day thereafter (程序规定 article 35; 民法典 article 203; 民事诉讼法 article 85).
    pub fn rolled(&self, date: Date) -> Date {
        if self.is_working(date) { date } else { self.next_working(date) }
    }

    /// Whether every year from the one of `from` to the one of `to` is known.
    pub fn knows_all(&self, from: Date, to: Date) -> bool {
        (from.year()..=to.year()).all(|year| self.knows(year))
    }

    fn next_working(&self, after: Date) -> Date {
        let mut day = after;
        loop {
            match day.tomorrow() {
                Ok(next) if self.is_working(next) => return next,
                Ok(next) => day = next,
                // The end of the calendar, the year 9999.
                Err(_end) => return day,
            }
        }
    }
}

fn taken(year: YearFile) -> Result<Year> {
    let number = year.year;
    let wrong = |what: String| Error::field("calendar", format!("{number}: {what}"));
    if year.document.trim().is_empty() {
        return Err(wrong("`document` must name the announcement".to_owned()));
    }
    if year.issued.year() < number - 1 || year.issued.year() > number {
        return Err(wrong(format!("`issued` ({}) is not of this year or the one before", year.issued)));
    }
    let mut off = BTreeSet::new();
    for row in year.off {
        let days: Vec<Date> =
            row.from.series(jiff::Span::new().days(1)).take_while(|day| *day <= row.to).take(OFF_MAX + 1).collect();
        if days.is_empty() || days.len() > OFF_MAX {
            return Err(wrong(format!("{}: `from` must be on or before `to`, and at most a month", row.name)));
        }
        off.extend(days);
    }
    let work: BTreeSet<Date> = year.work.into_iter().collect();
    if let Some(day) = off.iter().chain(&work).find(|day| !belongs(**day, number)) {
        return Err(wrong(format!("{day} is not of this year")));
    }
    if let Some(day) = off.intersection(&work).next() {
        return Err(wrong(format!("{day} is both off and worked")));
    }
    if let Some(day) = work.iter().find(|day| !is_weekend(**day)) {
        return Err(wrong(format!("{day} is worked anyway")));
    }
    Ok(Year { document: year.document, off, work })
}

/// A day of the year, or of the last week of the one before.
fn belongs(day: Date, year: i16) -> bool {
    day.year() == year || (day.year() == year - 1 && day.month() == 12 && day.day() >= 25)
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
