//! Cases of the merge by name, and what holds for any edits whatever they claim.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NAME: &str = "parties/01900000-0000-7000-8000-00000000000a/name";
const FLAG: &str = "parties/01900000-0000-7000-8000-00000000000a/removed";
const ENTRY: &str = "parties/01900000-0000-7000-8000-00000000000a";

/// An edit of `path` by device `device`, its `counter`-th, on `base`, taken in as `version`.
fn edit(path: &str, value: Value, device: u128, counter: i64, base: i64, version: i64) -> Edit {
    Edit {
        id: Uuid::from_u128(device << 32 | u128::from(counter.unsigned_abs())),
        path: path.to_owned(),
        value,
        base,
        version,
        device: Uuid::from_u128(device),
        counter,
        by: Uuid::from_u128(device),
        at: version,
    }
}

fn place(value: &str, device: u128, counter: i64, base: i64, version: i64) -> Edit {
    edit("place", value.into(), device, counter, base, version)
}

fn shown(edits: &[Edit]) -> Option<Value> {
    merge(edits).values.get("place").cloned()
}

fn in_conflict(edits: &[Edit]) -> Vec<String> {
    let merged = merge(edits);
    let heads = merged.conflicts.get("place").cloned().unwrap_or_default();
    heads.iter().map(|head| head.value.as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn nothing_makes_nothing() {
    assert_eq!(merge(&[]), Merged::default());
    assert!(merge(&[]).is_settled());
    assert!(heads(&[]).is_empty());
}

#[test]
fn who_saw_it_supersedes_it() {
    let edits = [place("甲", 1, 1, 0, 1), place("乙", 2, 1, 1, 2)];
    assert_eq!(shown(&edits), Some(json!("乙")));
    assert!(merge(&edits).is_settled());
}

#[test]
fn who_did_not_see_it_conflicts_and_the_latest_is_shown() {
    let mut edits = [place("甲", 1, 1, 0, 1), place("乙", 2, 1, 0, 2)];
    assert_eq!(in_conflict(&edits), ["乙", "甲"]);
    edits[0].at = 9;
    assert_eq!(in_conflict(&edits), ["甲", "乙"], "the time of writing, not that of arrival");
    assert_eq!(shown(&edits), Some(json!("甲")));
}

#[test]
fn emptied_against_written_is_a_conflict_too() {
    let edits = [edit("place", Value::Null, 1, 1, 0, 2), place("乙", 2, 1, 0, 1)];
    assert_eq!(in_conflict(&edits), ["-", "乙"]);
    assert_eq!(shown(&edits), None);
    assert!(merge(&edits).emptied.contains("place"));
}

#[test]
fn two_who_say_the_same_agree() {
    let edits = [place("甲", 1, 1, 0, 1), place("甲", 2, 1, 0, 2)];
    assert!(merge(&edits).is_settled());
    assert_eq!(heads(&edits)["place"].len(), 2);
    // A third says otherwise: all three are told.
    let edits = [edits[0].clone(), edits[1].clone(), place("丙", 3, 1, 0, 3)];
    assert_eq!(in_conflict(&edits), ["丙", "甲", "甲"]);
}

#[test]
fn whoever_saw_the_conflict_resolves_it_also_with_the_value_shown() {
    let mut edits = vec![place("甲", 1, 1, 0, 1), place("乙", 2, 1, 0, 2), place("乙", 3, 1, 2, 3)];
    assert_eq!(in_conflict(&edits), Vec::<String>::new());
    assert_eq!(shown(&edits), Some(json!("乙")));
    edits[2].base = 1;
    assert_eq!(in_conflict(&edits), Vec::<String>::new(), "he saw one of two, and says what the other said");
    edits[2].value = json!("丙");
    assert_eq!(in_conflict(&edits), ["丙", "乙"], "he saw one of two");
}

#[test]
fn a_late_arrival_of_the_same_device_is_no_ghost() {
    // Written first, arrived last; meanwhile another device superseded the later one.
    let edits = [place("second", 1, 2, 0, 1), place("other", 2, 1, 1, 2), place("first", 1, 1, 0, 3)];
    assert_eq!(shown(&edits), Some(json!("other")));
    assert!(merge(&edits).is_settled());
}

#[test]
fn a_clock_set_back_changes_nothing_for_who_counts_or_has_read_since() {
    let mut edits = [place("old", 1, 1, 0, 1), place("new", 1, 2, 0, 2)];
    edits[0].id = Uuid::max();
    assert_eq!(shown(&edits), Some(json!("new")), "the counter decides");
    edits[1].base = 1;
    edits.iter_mut().for_each(|edit| edit.counter = 0);
    assert_eq!(shown(&edits), Some(json!("new")), "what it has read since decides");
}

#[test]
fn an_edit_taken_in_twice_counts_where_it_came_first() {
    let once = place("甲", 1, 1, 0, 1);
    let edits = [Edit { version: 3, ..once.clone() }, place("乙", 2, 1, 1, 2), once];
    assert_eq!(shown(&edits), Some(json!("乙")));
    assert!(merge(&edits).is_settled());
}

#[test]
fn the_record_at_a_version_is_what_its_readers_saw() {
    let edits = [place("second", 1, 2, 0, 2), place("first", 1, 1, 0, 5), edit("cause", json!("x"), 2, 1, 0, 3)];
    assert_eq!(values_at(&edits, 0), Values::new());
    assert_eq!(values_at(&edits, 2), Values::from([("place".into(), json!("second"))]));
    assert_eq!(values_at(&edits, 5).len(), 2);
    assert_eq!(values_at(&edits, i64::MAX), merge(&edits).values);
}

#[test]
fn a_whole_record_is_compared_with_what_its_author_had() {
    let edits = [
        place("甲", 1, 1, 0, 1),
        place("乙", 1, 2, 1, 2),
        edit("cause", json!("unseen"), 2, 1, 0, 3),
        place("later", 1, 9, 1, 4),
    ];
    // He saw version 1, wrote "乙" on it, and sets it back: against version 1 alone he would say nothing.
    let back = place("甲", 1, 3, 1, 0);
    assert_eq!(values_at(&edits, 1)["place"], json!("甲"));
    assert_eq!(values_before(&edits, &back), Values::from([("place".into(), json!("乙"))]));
    let other = place("甲", 2, 3, 1, 0);
    assert_eq!(values_before(&edits, &other)["place"], json!("甲"));
    assert_eq!(values_before(&edits, &Edit { base: 0, ..other }).get("place"), None);
}

#[test]
fn who_removes_what_another_fills_in_is_asked() {
    let flag = edit(FLAG, json!(true), 1, 2, 1, 2);
    let mut edits = vec![edit(NAME, "甲".into(), 1, 1, 0, 1), flag];
    assert_eq!(merge(&edits).values[FLAG], json!(true));
    // Another had the party before him, not the removal, and wrote a longer name.
    edits.push(edit(NAME, "甲乙".into(), 2, 1, 1, 3));
    let merged = merge(&edits);
    assert_eq!(merged.removals[ENTRY], [&edits[2]]);
    assert!(!merged.values.contains_key(FLAG), "it stands meanwhile");
    assert!(!merged.is_settled());
    // Somebody who saw both removes it again, or lets it stand.
    let mut removed = edits.clone();
    removed.push(edit(FLAG, json!(true), 3, 1, 3, 4));
    assert!(merge(&removed).is_settled());
    assert_eq!(merge(&removed).values[FLAG], json!(true));
    edits.push(edit(FLAG, Value::Null, 3, 1, 3, 4));
    assert!(merge(&edits).is_settled());
    assert_eq!(merge(&edits).values[NAME], json!("甲乙"));
}

#[test]
fn who_corrects_a_removed_entry_knows_that_it_is_removed() {
    let edits = [
        edit(NAME, "甲".into(), 1, 1, 0, 1),
        edit(FLAG, json!(true), 1, 2, 1, 2),
        edit(NAME, "甲乙".into(), 2, 1, 2, 3),
    ];
    let merged = merge(&edits);
    assert!(merged.is_settled());
    assert_eq!((merged.values.get(FLAG), merged.values.get(NAME)), (Some(&json!(true)), Some(&json!("甲乙"))));
}

#[test]
fn the_edits_of_one_request_may_share_their_id() {
    let one = edit(NAME, "甲".into(), 1, 1, 0, 1);
    let edits = [Edit { path: FLAG.into(), value: json!(true), ..one.clone() }, one];
    let merged = merge(&edits);
    assert_eq!(merged.values.len(), 2);
    assert!(merged.is_settled(), "who fills in and removes at once has seen both");
}

#[test]
fn a_base_that_cannot_be_hides_nothing() {
    // It claims to have seen what came after it.
    let edits = [place("甲", 1, 1, 99, 1), place("乙", 2, 1, 99, 2)];
    assert_eq!(shown(&edits), Some(json!("乙")));
    assert_eq!(heads(&edits)["place"].len(), 1);
    let edits = [place("甲", 1, 1, i64::MAX, 1), place("乙", 2, 1, i64::MIN, i64::MAX)];
    assert_eq!(heads(&edits)["place"].len(), 2);
}

/// Any edits of two fields of three devices, with whatever versions, bases and counters; each (id, path) once.
fn any_edits() -> impl Strategy<Value = Vec<Edit>> {
    let one = (0..3_u128, 0..4_i64, 0..8_i64, 1..8_i64, 0..3_u8, 0..3_i64, any::<bool>());
    prop::collection::vec(one, 1..14).prop_map(|list| {
        let made = list.into_iter().enumerate().map(|(n, (device, counter, base, version, value, at, which))| Edit {
            id: Uuid::from_u128(u128::from(n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 97),
            at,
            ..edit(if which { "place" } else { NAME }, value.into(), device, counter, base, version)
        });
        once_each(made.collect::<Vec<_>>().iter()).into_iter().cloned().collect()
    })
}

/// The definition, word by word.
fn supersedes(later: &Edit, edit: &Edit) -> bool {
    let had_it_before = edit.version <= later.seen();
    let same_device = edit.device == later.device && edit.place() < later.place();
    later != edit && later.path == edit.path && (had_it_before || same_device)
}

proptest! {
    #[test]
    fn the_heads_are_those_of_the_definition_and_never_none(edits in any_edits()) {
        let found = heads(&edits);
        for edit in &edits {
            let is_head = found[edit.path.as_str()].contains(&edit);
            prop_assert_eq!(is_head, !edits.iter().any(|other| supersedes(other, edit)), "{:?}", edit);
        }
        prop_assert!(found.values().all(|heads| !heads.is_empty()));
    }

    #[test]
    fn order_and_repetition_change_nothing((edits, turned) in any_edits().prop_flat_map(|edits| {
        let twice: Vec<Edit> = edits.iter().chain(edits.iter().step_by(2)).cloned().collect();
        (Just(edits), Just(twice).prop_shuffle())
    })) {
        prop_assert_eq!(merge(&edits), merge(&turned));
    }

    #[test]
    fn even_one_id_with_two_contents_is_read_alike_by_all((edits, turned) in any_edits().prop_flat_map(|mut edits| {
        edits.iter_mut().for_each(|edit| edit.id = Uuid::from_u128(edit.id.as_u128() % 3));
        (Just(edits.clone()), Just(edits).prop_shuffle())
    })) {
        prop_assert_eq!(merge(&edits), merge(&turned));
    }

    #[test]
    fn what_was_superseded_stays_so(edits in any_edits(), cut in 0..14_usize) {
        let some = &edits[..cut.min(edits.len())];
        let (before, after) = (heads(some), heads(&edits));
        for edit in some {
            let was = before[edit.path.as_str()].contains(&edit);
            prop_assert!(was || !after[edit.path.as_str()].contains(&edit), "{:?} came back", edit);
        }
    }
}
