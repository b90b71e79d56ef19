//! Trees to values and back, and how much a record may hold.

use proptest::prelude::*;
use serde_json::json;

use super::super::samples::{KEYS, values};
use super::*;

fn key(n: usize) -> String {
    format!("01900000-0000-7000-8000-{n:012x}")
}

fn field_named(tree: &Value) -> String {
    let error = flatten(tree).expect_err(&format!("took {tree}"));
    error.members()["field"].as_str().unwrap().to_owned()
}

#[test]
fn a_record_is_its_fields() {
    let [one, two] = KEYS;
    let record = json!({
        "kind": "police_on_scene",
        "place": " 城南派出所 ",
        "minor": true,
        "outcome_words": null,
        "read_aloud": { "by": one, "at": "2026-01-02T11:04:05+08:00" },
        "parties": { one: { "name": "甲", "removed": false }, two: { "name": "乙", "removed": true } },
        "terms": null,
    });
    let values = flatten(&record).unwrap();
    let path = |entry: &str, name: &str| format!("parties/{entry}/{name}");
    assert_eq!(
        values,
        Values::from([
            ("place".into(), json!("城南派出所")),
            ("minor".into(), json!(true)),
            ("outcome_words".into(), Value::Null),
            ("read_aloud/by".into(), json!(one)),
            ("read_aloud/at".into(), json!("2026-01-02T03:04:05.000000Z")),
            (path(one, "name"), json!("甲")),
            (path(one, "removed"), Value::Null),
            (path(two, "name"), json!("乙")),
            (path(two, "removed"), json!(true)),
        ])
    );
    assert_eq!(
        tree(&values),
        json!({
            "place": "城南派出所",
            "minor": true,
            "read_aloud": { "by": one, "at": "2026-01-02T03:04:05.000000Z" },
            "parties": { one: { "name": "甲" } },
        })
    );
    assert_eq!(removed(&values), json!({ "parties": { two: { "name": "乙" } } }));
}

#[test]
fn what_is_wrong_is_named() {
    let one = KEYS[0];
    assert_eq!(field_named(&json!([])), "record");
    assert_eq!(field_named(&json!(null)), "record");
    assert_eq!(field_named(&json!({ "colour": 1 })), "colour");
    assert_eq!(field_named(&json!({ "parties": [] })), "parties");
    assert_eq!(field_named(&json!({ "parties": { "x": {} } })), "parties/x");
    assert_eq!(
        field_named(&json!({ "parties": { one.to_uppercase(): { "name": "甲" } } })),
        format!("parties/{}", one.to_uppercase())
    );
    assert_eq!(field_named(&json!({ "parties": { one: "甲" } })), format!("parties/{one}"));
    assert_eq!(field_named(&json!({ "parties": { one: { "nick": "甲" } } })), format!("parties/{one}/nick"));
    assert_eq!(field_named(&json!({ "parties": { one: { "name": { "zh": "甲" } } } })), format!("parties/{one}/name"));
    assert_eq!(field_named(&json!({ "parties": { one: { "kind": "x" } } })), format!("parties/{one}/kind"));
    assert_eq!(field_named(&json!({ "read_aloud": { "by": 7 } })), "read_aloud/by");
}

#[test]
fn there_is_one_way_to_say_a_field() {
    let path = format!("parties/{}/name", KEYS[0]);
    assert_eq!(field_named(&json!({ path.clone(): "甲" })), path);
    assert_eq!(field_named(&json!({ "read_aloud/by": KEYS[0] })), "read_aloud/by");
    assert_eq!(field_named(&json!({ "parties": { format!("{}/name", KEYS[0]): "甲" } })), path);
}

#[test]
fn deep_and_wide_rubbish_is_refused_early() {
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!({ KEYS[0]: deep });
    }
    assert_eq!(field_named(&json!({ "parties": deep })), format!("parties/{0}/{0}", KEYS[0]));
}

#[test]
fn maps_are_bounded_and_the_removed_make_room() {
    let party = |n: usize, removed: bool| (key(n), json!({ "name": "甲", "removed": removed }));
    let record = |stand: usize, gone: usize| {
        let parties: Map<String, Value> = (0..stand + gone).map(|n| party(n, n >= stand)).collect();
        json!({ "parties": parties })
    };
    for (stand, gone) in [(12, 0), (12, 36), (0, 48)] {
        flatten(&record(stand, gone)).unwrap();
    }
    for (stand, gone) in [(13, 0), (12, 37), (0, 49)] {
        assert_eq!(field_named(&record(stand, gone)), "parties");
    }
    for (group, most) in GROUPS {
        let name = if group == "parties" || group == "others" {
            "phone"
        } else if group == "terms" {
            "what"
        } else {
            "note"
        };
        let record = |n: usize| {
            let entries: Map<String, Value> = (0..n).map(|n| (key(n), json!({ name: "1" }))).collect();
            json!({ group: entries })
        };
        flatten(&record(most)).unwrap();
        assert_eq!(field_named(&record(most + 1)), group);
    }
}

#[test]
fn a_whole_record_is_bounded() {
    let statement = "字".repeat(4_000);
    let record = |n: usize| {
        let parties: Map<String, Value> = (0..n).map(|n| (key(n), json!({ "statement": statement }))).collect();
        json!({ "parties": parties })
    };
    // 12,000 bytes each.
    flatten(&record(5)).unwrap();
    assert_eq!(field_named(&record(6)), "record");
    // What is removed makes room, four times over.
    let gone = |n: usize| {
        let entry = json!({ "statement": statement, "removed": true });
        let parties: Map<String, Value> = (0..n).map(|n| (key(n), entry.clone())).collect();
        json!({ "parties": parties })
    };
    flatten(&gone(21)).unwrap();
    assert_eq!(field_named(&gone(22)), "record");
}

#[test]
fn a_debtor_who_was_removed_is_noticed() {
    let [one, two] = KEYS;
    let mut values = flatten(&json!({
        "parties": { one: { "name": "甲" }, two: { "name": "乙" } },
        "others": { one: { "for": two } },
        "terms": { one: { "debtor": one, "creditor": two } },
    }))
    .unwrap();
    assert_eq!(loose(&values), Vec::<String>::new());
    values.insert(format!("parties/{two}/removed"), json!(true));
    assert_eq!(loose(&values), [format!("others/{one}/for"), format!("terms/{one}/creditor")]);
    values.insert(format!("others/{one}/removed"), json!(true));
    assert_eq!(loose(&values), [format!("terms/{one}/creditor")]);
}

proptest! {
    #[test]
    fn there_and_back(values in values()) {
        let stands: Values = standing(&values).map(|(path, value)| (path.clone(), value.clone())).collect();
        prop_assert_eq!(flatten(&tree(&values)).unwrap(), stands.clone());
        let gone = flatten(&removed(&values)).unwrap();
        let flags = values.keys().filter(|path| is_flag(path)).count();
        prop_assert_eq!(stands.len() + gone.len() + flags, values.len(), "in one of the two, each");
    }
}
