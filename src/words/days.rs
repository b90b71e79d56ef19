//! Days and hours as a wall clock in China shows them: what offices count and report by.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::time::Timestamp;

/// China is one zone, without summer time since 1991; nothing here is older.
const CHINA: Offset = Offset::constant(8);

/// The last microsecond of a day in China.
pub fn end_of(date: Date) -> Timestamp {
    Timestamp::from_micros(start_of(date).plus_secs(86_400).as_micros().saturating_sub(1))
}

/// The first instant of a day in China.
pub fn start_of(date: Date) -> Timestamp {
    at_hour(date, 0)
}

/// The beginning of an hour (0 to 23) of a day in China.
pub fn at_hour(date: Date, hour: i8) -> Timestamp {
    let begin = CHINA.to_timestamp(date.at(0, 0, 0, 0));
    // Days at the very ends of the calendar, years -9999 and 9999.
    let micros = begin.map_or(if date.year() < 0 { i64::MIN } else { i64::MAX }, jiff::Timestamp::as_microsecond);
    Timestamp::from_micros(micros).plus_secs(i64::from(hour) * 3_600)
}

/// The day in China on which an instant falls.
pub fn date_of(at: Timestamp) -> Date {
    // Instants past the calendar's end are shown as its last day everywhere.
    jiff::Timestamp::from_microsecond(at.as_micros()).map_or(Date::MAX, |at| CHINA.to_datetime(at).date())
}

/// What a clock in China shows at an instant.
pub fn clock_of(at: Timestamp) -> DateTime {
    jiff::Timestamp::from_microsecond(at.as_micros()).map_or(DateTime::MAX, |at| CHINA.to_datetime(at))
}
