//! What reports have in common: their period in days of China, and how figures leave as a table for office programs.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::Span;
use jiff::civil::Date;

use crate::text_enum;
use crate::words::days::start_of;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// A year and the day it ends with: what offices report on, and at most some ten thousand records of a district.
const DAYS_MAX: i32 = 367;

text_enum! {
    /// How a report is written.
    pub enum Format { Json = "json", Csv = "csv" }
}

/// From the first instant of the first day to before the end of the last.
///
/// Errors: `invalid_field`.
pub fn period(from: Date, to: Date) -> Result<(Timestamp, Timestamp)> {
    let days = from.until(to).map_or(-1, |span| span.get_days());
    if !(0..DAYS_MAX).contains(&days) {
        return Err(Error::field("to", "must not lie before `from`, nor more than a year after it"));
    }
    Ok((start_of(from), after(to)))
}

/// Bounds of days of a list in China: from the first instant of the one to before the end of the other.
pub fn bounds(from: Option<Date>, to: Option<Date>) -> (Option<Timestamp>, Option<Timestamp>) {
    (from.map(start_of), to.map(after))
}

fn after(day: Date) -> Timestamp {
    start_of(day.saturating_add(Span::new().days(1)))
}

/// The beginning of a table: the mark by which office programs know UTF-8.
pub fn csv_begin() -> String {
    String::from("\u{FEFF}")
}

/// One line, quoted throughout (RFC 4180); what a spreadsheet would take for a formula begins with an apostrophe.
pub fn csv_line(text: &mut String, cells: &[String]) {
    for (at, cell) in cells.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
        // Writing into a text cannot fail.
        let _ = write!(text, "{comma}\"{guard}{}\"", cell.replace('"', "\"\""));
    }
    text.push_str("\r\n");
}

/// A table as a file.
pub fn csv_answer(name: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(text)
}

/// A part of a whole to a tenth of a per cent; none of nothing.
pub fn share(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| (f64::from(part) / f64::from(whole) * 1_000.0).round() / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_quotes_stay() {
        let mut text = String::new();
        csv_line(&mut text, &["=1+1".to_owned(), "a\"b".to_owned()]);
        assert_eq!(text, "\"'=1+1\",\"a\"\"b\"\r\n");
    }
}
