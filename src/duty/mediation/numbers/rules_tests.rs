//! What holds for series, years and numbers as they are read, written and taken.

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_number_reads_as_the_form_has_it() {
    assert_eq!(text("常公（城南）", Series::OnScene, 2026, 123), "常公（城南）现调字〔2026〕第000123号");
    assert_eq!(text("城南派出所", Series::Police, 2027, 1_234_567), "城南派出所治调字〔2027〕第1234567号");
    assert_eq!(text("南街调委会", Series::People, 2026, 1), "南街调委会人调字〔2026〕第000001号");
}

#[test]
fn a_year_begins_at_midnight_in_china() {
    assert_eq!(year_of(at("2026-12-31T15:59:59.999999Z")), 2026);
    assert_eq!(year_of(at("2026-12-31T16:00:00Z")), 2027);
    assert_eq!(year_of(Timestamp::EPOCH), 1970);
}

#[test]
fn the_next_year_is_leased_when_a_block_reaches_into_it() {
    let week = 7 * 86_400;
    let (early, late) = (at("2026-12-20T00:00:00Z"), at("2026-12-28T00:00:00Z"));
    assert_eq!(lease_year(None, late, week).unwrap(), 2026);
    assert_eq!(lease_year(Some(2027), late, week).unwrap(), 2027);
    for (asked, now) in [(2027, early), (2025, late), (2028, late)] {
        assert!(lease_year(Some(asked), now, week).unwrap_err().is(Code::InvalidField), "{asked}");
    }
}

#[test]
fn what_is_missing_is_found_wherever_it_is() {
    assert!(missing(&[], 0, 9).is_empty() && missing(&[1, 2, 3], 3, 9).is_empty());
    assert_eq!(missing(&[2, 3, 5], 6, 9), [1, 4, 6]);
    assert_eq!(missing(&[], 5, 2), [1, 2], "bounded");
    assert!(missing(&[0, 1, 2, 9], 2, 9).is_empty(), "what lies outside does not count");
}

#[test]
fn a_lease_is_overdue_from_its_end_and_nothing_else_ever_is() {
    let (end, before) = (at("2026-05-01T00:00:00Z"), at("2026-04-30T23:59:59Z"));
    assert_eq!(shown(NumberState::Leased, Some(end), before), NumberState::Leased);
    assert_eq!(shown(NumberState::Leased, Some(end), end), NumberState::Overdue);
    for state in [NumberState::Used, NumberState::Void, NumberState::Returned, NumberState::Reserved] {
        assert_eq!(shown(state, Some(end), end), state);
    }
}

#[test]
fn the_number_of_a_form_is_read_as_people_write_it() {
    let form = Form::read("number", " 常公现调２０２６－００１２３ 号").unwrap();
    assert_eq!((form.n, form.text()), (123, "常公现调2026－00123号".to_owned()));
    assert_eq!(form, Form::read("number", "常公现调2026－00123号").unwrap());
    assert_eq!(form.with(124).text(), "常公现调2026－00124号");
    let bare = Form::read("number", "0012345").unwrap();
    assert_eq!((bare.n, bare.text(), bare.book()), (12_345, "0012345".to_owned(), "P*".to_owned()));
    // However many zeros somebody typed, it is the same form.
    let typed = Form::read("number", "12345").unwrap();
    assert_eq!((typed.n, typed.book()), (bare.n, bare.book()));
    for wrong in ["", "号", "A*1", "1234567890123", "A\u{7}1", "A000", &"长".repeat(40)] {
        assert!(Form::read("number", wrong).unwrap_err().is(Code::InvalidField), "{wrong}");
    }
}

#[test]
fn forms_never_stand_in_a_book_of_ours() {
    let unit = UnitId::new();
    let form = Form::read("number", "2026").unwrap();
    let (ours, printed) = (Run::of_year(unit, Series::OnScene, 2026), Run::of_form(unit, Series::OnScene, &form));
    assert_ne!(ours, printed);
    assert_eq!((super::printed(&printed.book), super::printed(&ours.book)), (Some("*"), None));
    // Two ways of cutting one text are two books.
    let (one, other) = (Form::read("n", "a1b").unwrap(), Form::read("n", "ab1").unwrap());
    assert_ne!(one.book(), other.book());
    let like_ours = Form::read("number", &text("常公（城南）", Series::OnScene, 2026, 7)).unwrap();
    assert!(like_ours.check_foreign("number", "常公（城南）", Series::OnScene).is_err());
    assert!(like_ours.check_foreign("number", "常公（城北）", Series::OnScene).is_ok());
    assert!(like_ours.check_foreign("number", "常公（城南）", Series::Police).is_ok());
}

#[test]
fn a_booklet_runs_upwards_and_is_no_stack() {
    let first = Form::read("number", "N001").unwrap();
    assert_eq!(first.count_to(&first.with(50)).unwrap(), 50);
    assert_eq!(first.count_to(&first).unwrap(), 1);
    assert!(first.with(2).count_to(&first).is_err() && first.count_to(&first.with(FORMS_MAX + 1)).is_err());
    assert!(first.count_to(&Form::read("last", "M050").unwrap()).is_err());
}

#[test]
fn a_document_keeps_its_number_unless_somebody_else_has_it() {
    let (device, other) = (DeviceId::new(), DeviceId::new());
    let (document, another) = (MediationId::new(), MediationId::new());
    let ask = |state, holder, mediation, was_given| {
        let held = Held { state, device: holder, mediation, was_given };
        may_take(&held, &device, &document).map_err(|error| error.code())
    };
    for state in [NumberState::Leased, NumberState::Overdue, NumberState::Returned] {
        assert_eq!(ask(state, Some(device), None, true), Ok(Verdict::Take), "{state}");
    }
    assert_eq!(ask(NumberState::Used, Some(device), Some(document), true), Ok(Verdict::Same));
    assert_eq!(ask(NumberState::Used, Some(device), Some(another), true), Err(Code::AlreadyExists));
    assert_eq!(ask(NumberState::Used, Some(other), Some(another), true), Err(Code::AlreadyExists));
    assert_eq!(ask(NumberState::Leased, Some(other), None, true), Err(Code::AlreadyExists), "given again");
    assert_eq!(ask(NumberState::Returned, Some(other), None, true), Err(Code::AlreadyExists), "and returned");
    assert_eq!(ask(NumberState::Leased, Some(other), None, false), Err(Code::Forbidden));
    assert_eq!(ask(NumberState::Returned, Some(other), None, false), Err(Code::Forbidden));
    assert_eq!(ask(NumberState::Void, Some(device), None, true), Err(Code::Conflict));
    let error = used_by(Some(another));
    assert_eq!(error.members().get("mediation_id"), Some(&another.to_string().into()));
}

#[test]
fn a_form_is_taken_once() {
    let (document, another) = (MediationId::new(), MediationId::new());
    let ask = |state, mediation| {
        let held = Held { state, device: None, mediation, was_given: false };
        may_take_form(&held, &document).map_err(|error| error.code())
    };
    assert_eq!(ask(NumberState::Reserved, None), Ok(Verdict::Take));
    assert_eq!(ask(NumberState::Used, Some(document)), Ok(Verdict::Same));
    assert_eq!(ask(NumberState::Used, Some(another)), Err(Code::AlreadyExists));
    assert_eq!(ask(NumberState::Void, None), Err(Code::Conflict));
}
