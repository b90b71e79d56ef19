//! The calendar against the announcements it is made of, and what holds for any date.

use proptest::prelude::*;

use super::*;
use crate::words::time::Timestamp;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn ours() -> Calendar {
    Calendar::builtin().unwrap()
}

#[test]
fn the_built_in_years_name_their_announcements() {
    let ours = ours();
    assert_eq!(ours.document(2025), Some("国办发明电〔2024〕12号"));
    assert_eq!(ours.document(2026), Some("国办发明电〔2025〕7号"));
    assert!(!ours.knows(2024) && ours.document(2024).is_none());
    assert!(ours.knows_all(day("2025-12-30"), day("2026-01-03")));
    assert!(!ours.knows_all(day("2026-12-30"), day("2027-01-03")));
}

#[test]
fn each_year_has_as_many_days_off_and_as_many_worked_weekends_as_announced() {
    // Days off by the announcements: 1+8+3+5+3+8 and 3+9+3+5+3+3+7.
    for (year, off, worked) in [(2025, 28, 5), (2026, 33, 6)] {
        let year = ours().years.remove(&year).unwrap();
        assert_eq!((year.off.len(), year.work.len()), (off, worked));
    }
    // 365 days less 104 of weekends less the 13 statutory holidays, since 2025 (全国年节及纪念日放假办法): of those that
    // fall on a weekend another day is free, and every other day off is worked for.
    let working = |year: i16| {
        let first = Date::constant(year, 1, 1);
        first
            .series(jiff::Span::new().days(1))
            .take_while(|d| d.year() == year)
            .filter(|d| ours().is_working(*d))
            .count()
    };
    assert_eq!(working(2025), 248);
    assert_eq!(working(2026), 248);
}

#[test]
fn spring_festival_2026_is_nine_days_between_two_worked_saturdays() {
    let ours = ours();
    for off in ["2026-02-15", "2026-02-16", "2026-02-17", "2026-02-20", "2026-02-23"] {
        assert!(!ours.is_working(day(off)), "{off}");
    }
    for worked in ["2026-02-13", "2026-02-14", "2026-02-24", "2026-02-28"] {
        assert!(ours.is_working(day(worked)), "{worked}");
    }
    // Friday the 13th, three working days: Saturday 14th (worked), Tuesday 24th, Wednesday 25th.
    assert_eq!(ours.add_working_days(day("2026-02-13"), 3), day("2026-02-25"));
    assert_eq!(ours.add_working_days(day("2026-02-18"), 1), day("2026-02-24"));
}

#[test]
fn national_day_2026_is_a_week_and_its_saturday_is_worked() {
    let ours = ours();
    // Wednesday 30 September, seven working days: 8, 9, 10 (Saturday, worked), 12, 13, 14, 15 October.
    assert_eq!(ours.add_working_days(day("2026-09-30"), 7), day("2026-10-15"));
    assert!(ours.is_working(day("2026-09-20")) && ours.is_working(day("2026-10-10")));
    assert!(!ours.is_working(day("2026-10-07")) && !ours.is_working(day("2026-10-11")));
    assert_eq!(ours.rolled(day("2026-10-03")), day("2026-10-08"));
    assert_eq!(ours.rolled(day("2026-10-10")), day("2026-10-10"));
}

#[test]
fn a_year_that_nobody_announced_counts_weekends_alone_and_says_so() {
    let ours = ours();
    assert!(!ours.knows(2031));
    assert!(ours.is_working(day("2031-10-01")), "a Wednesday");
    assert!(!ours.is_working(day("2031-10-04")), "a Saturday");
    assert_eq!(ours.add_working_days(day("2031-10-03"), 1), day("2031-10-06"));
}

#[test]
fn an_operators_file_adds_years_and_replaces_ours() {
    let more = r#"{"years":[{"year":2031,"document":"国办发明电〔2030〕1号","issued":"2030-11-01",
        "off":[{"name":"元旦","from":"2030-12-31","to":"2031-01-02"}],"work":["2031-01-04"]},
        {"year":2026,"document":"改","issued":"2026-01-05","off":[],"work":[]}]}"#;
    let calendar = ours().with(more).unwrap();
    assert!(calendar.knows(2031) && calendar.knows(2025));
    assert!(!calendar.is_working(day("2030-12-31")), "announced with the year after");
    assert!(calendar.is_working(day("2031-01-04")), "a Saturday");
    assert!(calendar.is_working(day("2026-10-01")), "replaced as a whole");
    assert_eq!(ours().document(2026), Some("国办发明电〔2025〕7号"), "ours stays as it was");
}

#[test]
fn a_file_with_a_slip_is_refused_as_a_whole() {
    let year = |off: &str, work: &str| {
        format!(r#"{{"years":[{{"year":2031,"document":"x","issued":"2030-11-01","off":[{off}],"work":[{work}]}}]}}"#)
    };
    assert!(ours().with(&year("", "")).is_ok());
    for wrong in [
        "{}".to_owned(),
        "not json".to_owned(),
        year(r#"{"name":"x","from":"2031-02-02","to":"2031-02-01"}"#, ""),
        year(r#"{"name":"x","from":"2031-02-01","to":"2031-04-01"}"#, ""),
        year(r#"{"name":"x","from":"2030-02-01","to":"2030-02-02"}"#, ""),
        year(r#"{"name":"x","from":"2031-02-01","to":"2031-02-02"}"#, r#""2031-02-01""#),
        year("", r#""2031-10-01""#),
        year("", r#""2031-02-30""#),
        year("", "").replace(r#""x""#, r#"" ""#),
        year("", "").replace("2030-11-01", "2028-11-01"),
        year("", "").replace("\"off\"", "\"of\""),
    ] {
        let error = ours().with(&wrong).unwrap_err();
        assert_eq!(error.members().get("field").and_then(|field| field.as_str()), Some("calendar"), "{wrong}");
    }
}

#[test]
fn days_are_those_of_china() {
    assert_eq!(start_of(day("2026-01-01")), Timestamp::parse("2025-12-31T16:00:00Z").unwrap());
    assert_eq!(end_of(day("2026-01-01")), Timestamp::parse("2026-01-01T15:59:59.999999Z").unwrap());
    assert_eq!(at_hour(day("2026-01-01"), 9), Timestamp::parse("2026-01-01T09:00:00+08:00").unwrap());
    assert_eq!(date_of(Timestamp::parse("2026-01-01T15:59:59.999999Z").unwrap()), day("2026-01-01"));
    assert_eq!(date_of(Timestamp::parse("2026-01-01T16:00:00Z").unwrap()), day("2026-01-02"));
    assert_eq!(date_of(Timestamp::from_micros(i64::MAX)), Date::MAX);
    assert!(end_of(Date::MAX) > start_of(day("9999-01-01")));
    assert_eq!(ours().add_working_days(Date::MAX, 5), Date::MAX);
}

proptest! {
    #[test]
    fn adding_working_days_lands_on_one_and_counts_them(offset in 0_i32..730, n in 0_u16..60) {
        let ours = ours();
        let from = Date::constant(2025, 1, 1).checked_add(jiff::Span::new().days(offset)).unwrap();
        let to = ours.add_working_days(from, n);
        let days = from.tomorrow().unwrap().series(jiff::Span::new().days(1)).take_while(|day| *day <= to);
        prop_assert_eq!(days.filter(|day| ours.is_working(*day)).count(), usize::from(n));
        prop_assert!(n == 0 || ours.is_working(to));
        prop_assert!(ours.is_working(ours.rolled(from)) && ours.rolled(from) >= from);
    }

    #[test]
    fn every_instant_lies_in_its_day(micros in 0_i64..4_000_000_000_000_000) {
        let at = Timestamp::from_micros(micros);
        let day = date_of(at);
        prop_assert!(start_of(day) <= at && at <= end_of(day));
    }
}
