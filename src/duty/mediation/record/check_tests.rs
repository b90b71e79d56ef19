//! What may stand in a field, and what may not.

use serde_json::json;

use super::super::fields::FIELDS;
use super::super::samples::{KEYS, sample};
use super::*;

const NAME: &str = "parties/01900000-0000-7000-8000-00000000000a/name";
const NUMBER: &str = "parties/01900000-0000-7000-8000-00000000000a/id_number";
const BORN: &str = "parties/01900000-0000-7000-8000-00000000000a/birth_date";
const PHONE: &str = "parties/01900000-0000-7000-8000-00000000000a/phone";
const FEN: &str = "terms/01900000-0000-7000-8000-00000000000a/amount_fen";

fn kept(path: &str, value: Value) -> Value {
    check(path, &value).unwrap_or_else(|error| panic!("{path} {value}: {error}"))
}

/// The value is refused, and the answer names the field.
fn refused(path: &str, value: &Value) -> String {
    let error = check(path, value).expect_err(&format!("{path} took {value}"));
    assert_eq!(error.members()["field"], json!(path));
    error.detail_text().to_owned()
}

#[test]
fn names_are_kept_to_the_character() {
    for name in [
        "𠀀",               // CJK extension B
        "𪜀𫝀𫠠𬺰𮯰𰀀𱍐",   // extensions C to H
        "\u{F9D1}\u{FA0E}", // compatibility ideographs, which NFC would replace by others
        "\u{2F800}",        // and their supplement
        "葛\u{E0100}城",    // a variant of a character
        "\u{E000}",         // private use, as old registers have it
        "ئەركىن",           // Uyghur, written from the right
        "ᠪᠠᠶᠠᠷ\u{180E}ᠠ",   // Mongolian with its vowel separator
        "e\u{301}",         // not composed
        "阿卜杜拉·买买提",
        "<script>alert(1)</script>",
        "'; drop table mediation; --",
    ] {
        assert_eq!(kept(NAME, json!(name)), json!(name));
    }
}

#[test]
fn what_copying_leaves_behind_goes() {
    assert_eq!(kept(NAME, json!("\u{3000}张\u{200B}三\u{FEFF} \n")), json!("张三"));
    assert_eq!(kept("facts", json!("一\r\n二\r三\u{2028}四\n\t五\n")), json!("一\n二\n三\n四\n\t五"));
    assert_eq!(kept("facts", json!(" \u{200B}\r\n ")), Value::Null);
    assert_eq!(kept(NUMBER, json!(" 110105 19491231 002x ")), json!("11010519491231002X"));
}

#[test]
fn characters_that_deceive_are_refused() {
    for wrong in [
        "张\0三",
        "张\u{7}三",
        "张\u{1B}[2J三",
        "a\u{202E}b",
        "a\u{2066}b",
        "a\u{2069}b",
        "a\u{202A}b",
        "a\u{E0041}b",
        "a\u{FFFE}b",
        "a\u{1FFFF}b",
        "a\u{85}b",
    ] {
        for path in [NAME, "facts"] {
            refused(path, &json!(wrong));
        }
    }
    assert!(refused(NAME, &json!("a\u{202E}b")).contains("U+202E"));
    assert!(refused(NAME, &json!("a\nb")).contains("one line"));
    refused(NAME, &json!("a\tb"));
}

#[test]
fn lengths_count_characters_not_bytes() {
    assert_eq!(kept(NAME, json!("𠀀".repeat(100))), json!("𠀀".repeat(100)));
    assert!(refused(NAME, &json!("𠀀".repeat(101))).contains("100"));
    kept("facts", json!("字".repeat(4_000)));
    refused("facts", &json!("字".repeat(4_001)));
}

#[test]
fn impossible_days_and_times_are_refused() {
    assert_eq!(kept(BORN, json!("2024-02-29")), json!("2024-02-29"));
    for wrong in [
        "2026-02-29",
        "2026-02-30",
        "2026-13-01",
        "2026-00-10",
        "1899-12-31",
        "2200-01-01",
        "20260101",
        "2026-1-1",
        "2026-01-01T00:00:00",
        "+002026-01-01",
        "",
        "yesterday",
        "0000-00-00",
        "２０２６-01-01",
    ] {
        refused(BORN, &json!(wrong));
    }
    assert_eq!(kept("case_time", json!("2026-01-02T11:04:05+08:00")), json!("2026-01-02T03:04:05.000000Z"));
    for wrong in [
        "2026-02-30T00:00:00Z",
        "2026-01-02T25:00:00Z",
        "2026-01-02T03:04:05",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-01-02",
    ] {
        refused("case_time", &json!(wrong));
    }
}

#[test]
fn wrong_types_and_bounds_are_refused() {
    for field in FIELDS {
        let path = field.name.replace('*', KEYS[0]);
        for wrong in [json!({}), json!([[]]), json!({"a": 1}), json!(1.5), json!(-1), json!("\u{0}"), json!(u64::MAX)] {
            refused(&path, &wrong);
        }
    }
    assert_eq!(kept(FEN, json!(100_000_000_000_i64)), json!(100_000_000_000_i64));
    for wrong in [json!(0), json!(100_000_000_001_i64), json!(1.0), json!("100"), json!(true)] {
        refused(FEN, &wrong);
    }
    refused("nature", &json!("murder"));
    refused("leader_id", &json!("01900000000070008000000000000001"));
    refused("minor", &json!("true"));
    refused("assistants", &json!(vec![KEYS[0]; 13]));
}

#[test]
fn lists_are_sets() {
    assert_eq!(kept("assistants", json!([KEYS[1], KEYS[0].to_uppercase(), KEYS[1]])), json!([KEYS[0], KEYS[1]]));
    assert_eq!(kept("bars", json!(["repeated", "fled", "repeated"])), json!(["fled", "repeated"]));
    assert_eq!(kept("bars", json!([])), Value::Null);
}

#[test]
fn masks_are_no_values() {
    assert!(refused(NUMBER, &json!("110105********002X")).contains("masked"));
    refused(PHONE, &json!("138****8000"));
    refused(BORN, &json!("1949-**-**"));
    assert_eq!(kept("facts", json!("*号楼")), json!("*号楼"), "elsewhere a star is a star");
}

#[test]
fn every_proper_value_is_its_own_form_and_null_empties() {
    for field in FIELDS {
        let path = field.name.replace('*', KEYS[0]);
        for n in 0..3 {
            let value = sample(field.shape, n);
            assert_eq!(kept(&path, value.clone()), value);
        }
        assert_eq!(kept(&path, Value::Null), Value::Null);
    }
    assert_eq!(kept(&format!("parties/{}/removed", KEYS[0]), json!(false)), Value::Null);
    assert_eq!(kept("minor", json!(false)), json!(false), "no is an answer");
}

#[test]
fn unknown_paths_are_named_but_not_at_any_length() {
    for path in [
        "kind",
        "name",
        "parties",
        "parties/*/name",
        "parties/x/name",
        "parties/01900000-0000-7000-8000-00000000000A/name",
    ] {
        refused(path, &json!("a"));
    }
    let long = "x".repeat(100_000);
    assert!(check(&long, &json!(1)).unwrap_err().detail_text().len() < 200);
}

proptest::proptest! {
    #[test]
    fn one_form_is_enough(text in "\\PC{0,40}|[ \\r\\n\\t\u{200B}\u{3000}a字𠀀]{0,20}") {
        for path in ["facts", NAME, NUMBER, "cause"] {
            if let Ok(once) = check(path, &json!(text)) {
                proptest::prop_assert_eq!(check(path, &once).unwrap(), once);
            }
        }
    }
}
