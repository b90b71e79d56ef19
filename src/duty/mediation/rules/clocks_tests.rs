//! Each term against the calendar, article by article.

use super::super::law::Laws;
use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn calendar() -> Calendar {
    Calendar::builtin().unwrap()
}

fn law() -> &'static Law {
    Laws::builtin().unwrap().on(day("2026-11-23")).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn the_first_is_held_within_three_working_days() {
    let due = first_due(law(), &calendar(), day("2026-11-23"));
    assert_eq!((due.on, due.at, due.certain), (day("2026-11-26"), at("2026-11-26T23:59:59.999999+08:00"), true));
    assert!(due.article.contains("第九条"));
    // Accepted on the eve of National Day: 8, 9 and Saturday 10 October, which is worked.
    assert_eq!(first_due(law(), &calendar(), day("2026-09-30")).on, day("2026-10-10"));
    // And in the middle of Spring Festival.
    assert_eq!(first_due(law(), &calendar(), day("2026-02-17")).on, day("2026-02-26"));
}

#[test]
fn the_second_is_over_within_seven_working_days() {
    let due = second_due(law(), &calendar(), day("2026-02-12"));
    // 13, 14 (Saturday, worked), 24, 25, 26, 27, 28 (Saturday, worked).
    assert_eq!(due.on, day("2026-02-28"));
    assert!(due.article.contains("第一百八十三条"));
    assert_eq!(second_due(law(), &calendar(), day("2026-11-23")).on, day("2026-12-02"));
    let over_new_year = second_due(law(), &calendar(), day("2026-12-28"));
    assert!(!over_new_year.certain, "the holidays of 2027 are not announced yet");
    assert!(second_due(law(), &calendar(), day("2025-12-29")).certain);
}

#[test]
fn a_court_is_asked_within_thirty_days_and_not_on_a_holiday() {
    let until = judicial_confirmation_until(law(), &calendar(), day("2026-03-02"));
    assert_eq!(until.on, day("2026-04-01"));
    // 30 days after 3 September is Saturday 3 October: after the holidays, Thursday the 8th.
    let rolled = judicial_confirmation_until(law(), &calendar(), day("2026-09-03"));
    assert_eq!((rolled.on, rolled.at), (day("2026-10-08"), at("2026-10-08T23:59:59.999999+08:00")));
    assert!(rolled.article.contains("第三十三条"));
}

#[test]
fn peoples_mediation_takes_a_month_as_a_rule() {
    let finish = |kind: Kind, from: &str| finish_due(law(), kind, &calendar(), day(from)).unwrap().map(|due| due.on);
    assert_eq!(finish(Kind::People, "2026-03-16"), Some(day("2026-04-16")));
    assert_eq!(finish(Kind::People, "2025-12-31"), Some(day("2026-02-02")), "31 January is a Saturday");
    assert_eq!(finish(Kind::People, "2026-05-31"), Some(day("2026-06-30")), "June has no 31st");
    assert_eq!(finish(Kind::Police, "2026-03-16"), None);
    assert_eq!(finish(Kind::PoliceOnScene, "2026-03-16"), None);
}

#[test]
fn the_police_sit_twice_at_most() {
    let again = |kind: Kind, held: u32| may_sit_again(law(), kind, held).unwrap();
    assert!(again(Kind::Police, 0) && again(Kind::Police, 1) && !again(Kind::Police, 2));
    assert!(again(Kind::PoliceOnScene, 0) && !again(Kind::PoliceOnScene, 1));
    assert!(again(Kind::People, 9));
}

#[test]
fn people_are_reminded_before_on_and_after_the_day() {
    let term = performance(law(), day("2026-10-03"));
    assert_eq!(term.reminders, [at("2026-09-30T09:00:00+08:00"), at("2026-10-03T09:00:00+08:00")]);
    assert_eq!(term.due, at("2026-10-03T23:59:59.999999+08:00"), "the parties' own day stays");
    assert_eq!(term.overdue, [at("2026-10-04T09:00:00+08:00"), at("2026-10-10T09:00:00+08:00")]);
    let far = performance(law(), Date::MAX);
    assert!(far.reminders.iter().all(|when| *when <= far.due));
}
