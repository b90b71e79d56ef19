//! What a whole record changes.

use proptest::prelude::*;
use serde_json::json;

use super::super::samples::{KEYS, values};
use super::super::tree::{flatten, standing, tree};
use super::*;

fn base() -> Values {
    flatten(&json!({
        "place": "桥头",
        "cause": "停车",
        "parties": {
            KEYS[0]: { "name": "甲", "id_number": "11010519491231002X", "phone": "+86 138-0013-8000", "birth_date": "1949-12-31" },
            KEYS[1]: { "name": "乙" },
        },
    }))
    .unwrap()
}

fn said(tree: &Value) -> Vec<(String, Value)> {
    diff(&base(), &flatten(tree).unwrap()).unwrap()
}

fn party(n: usize, name: &str) -> String {
    format!("parties/{}/{name}", KEYS[n])
}

#[test]
fn changed_new_gone_and_nothing_else() {
    let mut wanted = tree(&base());
    wanted["place"] = json!("桥尾");
    wanted["result"] = json!("无伤");
    wanted["cause"] = Value::Null;
    assert_eq!(
        said(&wanted),
        [("cause".into(), Value::Null), ("place".into(), json!("桥尾")), ("result".into(), json!("无伤"))]
    );
    wanted.as_object_mut().unwrap().remove("cause");
    assert_eq!(said(&wanted)[0], ("cause".into(), Value::Null), "not said is emptied");
    wanted["cause"] = json!("  ");
    assert_eq!(said(&wanted)[0], ("cause".into(), Value::Null));
    assert_eq!(said(&tree(&base())), []);
}

#[test]
fn a_first_record_says_everything() {
    let edits = diff(&Values::new(), &base()).unwrap();
    assert_eq!(edits, base().into_iter().collect::<Vec<_>>());
}

#[test]
fn an_entry_that_is_gone_is_removed_and_keeps_its_fields() {
    let mut wanted = tree(&base());
    wanted["parties"].as_object_mut().unwrap().remove(KEYS[0]);
    assert_eq!(said(&wanted), [(party(0, "removed"), json!(true))]);
    wanted["parties"][KEYS[0]] = json!({ "removed": true });
    assert_eq!(said(&wanted), [(party(0, "removed"), json!(true))]);
    wanted.as_object_mut().unwrap().remove("parties");
    assert_eq!(said(&wanted), [(party(0, "removed"), json!(true)), (party(1, "removed"), json!(true))]);
}

#[test]
fn a_removed_entry_is_let_be_until_somebody_brings_it_back() {
    let mut base = base();
    base.insert(party(1, "removed"), json!(true));
    let mut wanted = tree(&base);
    assert_eq!(diff(&base, &flatten(&wanted).unwrap()).unwrap(), []);
    wanted["parties"][KEYS[1]] = json!({ "name": "乙" });
    assert_eq!(diff(&base, &flatten(&wanted).unwrap()).unwrap(), [(party(1, "removed"), Value::Null)]);
}

#[test]
fn masks_change_nothing_and_cannot_be_stored() {
    let mut wanted = tree(&base());
    let masked =
        json!({ "name": "甲", "id_number": "110105********002X", "phone": "138****8000", "birth_date": "1949-**-**" });
    wanted["parties"][KEYS[0]] = masked;
    assert_eq!(said(&wanted), []);
    wanted["parties"][KEYS[0]]["phone"] = json!("****");
    assert_eq!(said(&wanted), []);
    for (name, wrong) in [("phone", "139****8000"), ("id_number", "11010519*"), ("id_number", "110106********002X")] {
        let mut wanted = wanted.clone();
        wanted["parties"][KEYS[0]][name] = json!(wrong);
        let found = diff(&base(), &flatten(&wanted).unwrap());
        assert_eq!(found.is_err(), wrong != "11010519*", "{wrong}");
    }
    let first = diff(&Values::new(), &flatten(&wanted).unwrap()).unwrap_err();
    assert_eq!(first.members()["field"], json!(party(0, "birth_date")));
}

proptest! {
    #[test]
    fn a_record_sent_back_as_it_was_shown_says_nothing(values in values()) {
        prop_assert_eq!(diff(&values, &flatten(&tree(&values)).unwrap()).unwrap(), []);
    }

    #[test]
    fn after_its_edits_the_record_is_what_was_wanted(base in values(), wanted in values()) {
        let mut after = base.clone();
        for (path, value) in diff(&base, &wanted).unwrap() {
            prop_assert!(after.get(&path) != Some(&value), "an edit that changes nothing: {}", path);
            after.insert(path, value);
        }
        prop_assert_eq!(tree(&after), tree(&wanted));
        for (path, value) in standing(&base) {
            let hidden = entry_of(path).is_some_and(|entry| after.get(&flag_of(entry)) == Some(&Value::Bool(true)));
            let kept = after.get(path) == Some(value) || wanted.contains_key(path) || !hidden;
            prop_assert!(kept, "removing an entry lost {}", path);
        }
    }
}
