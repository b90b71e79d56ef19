//! Numbers of documents as they are read out, mistyped and scanned.

use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn today() -> Date {
    day("2026-11-23")
}

fn rule(kind: IdentityKind, number: &str) -> String {
    let error = check(kind, number, today()).unwrap_err();
    assert_eq!(error.members().get("field").and_then(|field| field.as_str()), Some("id_number"));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    assert!(digits.len() < 6 || !error.detail_text().contains(&digits), "the number is told");
    error.detail_text().to_owned()
}

/// The number with its right check character.
fn with_check(body: &str) -> String {
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, weight)| c.to_digit(10).unwrap() * weight).sum();
    format!("{body}{}", char::from(CHECKS[(sum % 11) as usize]))
}

#[test]
fn resident_numbers_of_the_standard_and_of_the_field() {
    for (number, born, sex) in [
        // The two examples of GB 11643-1999 itself.
        ("11010519491231002X", "1949-12-31", Sex::Female),
        ("440524188001010014", "1880-01-01", Sex::Male),
        ("34052419800101001X", "1980-01-01", Sex::Male),
    ] {
        let identity = check(IdentityKind::ResidentId, number, today()).unwrap();
        assert_eq!((identity.number.as_str(), identity.birth_date, identity.sex), (number, Some(day(born)), Some(sex)));
    }
}

#[test]
fn a_number_is_taken_as_people_type_it() {
    for typed in
        ["11010519491231002x", " 110105 19491231 002X ", "110105-19491231-002x", "１１０１０５１９４９１２３１００２ｘ"]
    {
        assert_eq!(check(IdentityKind::ResidentId, typed, today()).unwrap().number, "11010519491231002X", "{typed}");
    }
    assert_eq!(check(IdentityKind::TaiwanPermit, "1234567890（A）", today()).unwrap().number, "1234567890A");
}

#[test]
fn wrong_resident_numbers_say_what_is_wrong() {
    let wrong = |number: &str| rule(IdentityKind::ResidentId, number);
    assert!(wrong("110101190001011008").contains("check character"), "a digit is wrong");
    assert!(wrong("110105194912310020").contains("check character"));
    assert!(wrong("").contains("missing"));
    assert!(wrong("11010519491231002").contains("18 characters"));
    assert!(wrong("11010519491231002XX").contains("18 characters"));
    assert!(wrong("110105490101002").contains("18 characters"), "the first generation has run out");
    assert!(wrong("1101051949123X0021").contains("17 digits"));
    assert!(wrong("11010519491231002Y").contains("17 digits"));
    assert!(wrong("一一零一零五").contains("17 digits"), "eighteen bytes are no number");
    assert!(wrong("1101051949\u{0}231002X").contains("letters, digits"));
    assert!(wrong("11010519491231002X\u{202E}").contains("letters, digits"), "nothing that turns the text about");
    assert!(wrong(&"1".repeat(33)).contains("32 characters"));
    for no_date in ["11010519490231002", "11010519491301002", "11010519490001002", "11010519230229001"] {
        assert!(wrong(&with_check(no_date)).contains("no date"), "{no_date}");
    }
    assert!(wrong(&with_check("11010520261124001")).contains("future"));
    assert!(check(IdentityKind::ResidentId, &with_check("11010520261123001"), today()).is_ok(), "born today");
    assert!(wrong(&with_check("11010518491231001")).contains("1850"));
    for no_province in ["00", "10", "16", "24", "38", "47", "55", "66", "72", "99"] {
        let rule = wrong(&with_check(&format!("{no_province}010119800101001")));
        assert!(rule.contains("province") || rule.contains("foreigner"), "{no_province}: {rule}");
    }
    assert!(wrong("810000199408230021").contains("residence permit"));
    assert!(wrong(&with_check("91110019800101001")).contains("permanent residence"));
}

#[test]
fn residence_permits_have_their_three_regions() {
    for (number, born, sex) in
        [("810000199408230021", "1994-08-23", Sex::Female), ("830000199201300022", "1992-01-30", Sex::Female)]
    {
        let identity = check(IdentityKind::HmtResidencePermit, number, today()).unwrap();
        assert_eq!((identity.birth_date, identity.sex), (Some(day(born)), Some(sex)));
    }
    assert!(check(IdentityKind::HmtResidencePermit, &with_check("82000019900101001"), today()).is_ok());
    assert!(rule(IdentityKind::HmtResidencePermit, "11010519491231002X").contains("810000"));
    assert!(rule(IdentityKind::HmtResidencePermit, "810000199408230022").contains("check character"));
}

#[test]
fn foreigners_cards_of_both_kinds() {
    let kind = IdentityKind::ForeignPermanentResident;
    let old = check(kind, "deu110077121801", today()).unwrap();
    assert_eq!((old.number.as_str(), old.birth_date), ("DEU110077121801", None));
    let new = check(kind, &with_check("91115619810802001"), today()).unwrap();
    assert_eq!((new.birth_date, new.sex), (Some(day("1981-08-02")), None));
    assert!(rule(kind, "11010519491231002X").contains("begin with 9"));
    assert!(rule(kind, "DE1110077121801").contains("3 letters"));
    assert!(rule(kind, "12345").contains("15 or 18"));
    assert!(rule(kind, &with_check("91115619811302001")).contains("no date"));
}

#[test]
fn travel_documents_by_their_forms() {
    for (kind, good, bad) in [
        (
            IdentityKind::Passport,
            vec!["E12345678", "ea1234567", "123456789", "AB12345"],
            vec!["ABCDEFG", "E123", "E1234_678"],
        ),
        (
            IdentityKind::HkMacaoPermit,
            vec!["H12345678", "m1234567801"],
            vec!["A12345678", "H1234567", "H123456789", "12345678"],
        ),
        (
            IdentityKind::TaiwanPermit,
            vec!["12345678", "1234567890", "1234567890(A)"],
            vec!["1234567", "123456789", "12345678A"],
        ),
        (IdentityKind::Other, vec!["军字第1234567号", "AB/123"], vec!["///", "军字第1号\u{7}"]),
    ] {
        for number in good {
            let identity = check(kind, number, today()).unwrap();
            assert_eq!((identity.kind, identity.birth_date, identity.sex), (kind, None, None), "{number}");
        }
        for number in bad {
            rule(kind, number);
        }
    }
}

#[test]
fn somebody_without_a_document_has_no_number() {
    assert_eq!(check(IdentityKind::None, " ", today()).unwrap().number, "");
    assert!(rule(IdentityKind::None, "1").contains("empty"));
    for kind in IdentityKind::ALL.iter().filter(|kind| **kind != IdentityKind::None) {
        assert!(rule(*kind, "").contains("missing"));
    }
}

#[test]
fn a_year_of_age_is_complete_on_the_day_after_the_birthday() {
    let born = day("2008-05-01");
    assert_eq!(age_on(born, day("2026-04-30")), Some(17));
    assert_eq!(age_on(born, day("2026-05-01")), Some(17), "the birthday itself does not count yet");
    assert_eq!(age_on(born, day("2026-05-02")), Some(18));
    assert_eq!(age_on(born, born), Some(0));
    assert_eq!(age_on(born, day("2008-04-30")), None);
    let leap = day("2008-02-29");
    assert_eq!((age_on(leap, day("2026-02-28")), age_on(leap, day("2026-03-01"))), (Some(17), Some(18)));
}

proptest! {
    /// One mistyped digit and two swapped neighbours are what the check character is for.
    #[test]
    fn a_slip_of_the_finger_is_found(days in 0_i32..40_000, sequence in 0_u16..1000, at in 0_usize..17, other in 0_u8..10) {
        let born = Date::constant(1900, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let number = with_check(&format!("320413{}{sequence:03}", born.strftime("%Y%m%d")));
        let read = check(IdentityKind::ResidentId, &number, today()).unwrap();
        prop_assert_eq!(read.birth_date, Some(born));
        let mut typed = number.clone().into_bytes();
        typed[at] = b'0' + other;
        if typed != number.as_bytes() {
            prop_assert!(check(IdentityKind::ResidentId, std::str::from_utf8(&typed).unwrap(), today()).is_err());
        }
        let mut swapped = number.clone().into_bytes();
        swapped.swap(at, at + 1);
        if swapped != number.as_bytes() {
            prop_assert!(check(IdentityKind::ResidentId, std::str::from_utf8(&swapped).unwrap(), today()).is_err());
        }
    }

    #[test]
    fn no_text_breaks_it(kind in 0_usize..8, text in "\\PC{0,40}") {
        let kind = IdentityKind::ALL[kind];
        if let Ok(identity) = check(kind, &text, today()) {
            let again = check(kind, &identity.number, today());
            prop_assert_eq!(again.unwrap(), identity, "what was taken is taken again");
        }
    }
}
