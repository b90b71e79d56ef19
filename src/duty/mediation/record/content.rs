//! What signatures bind: the exact text of what stands in the agreement.
//!
//! The text is canonical JSON of the signed fields of the entries that stand, with the format's number; a signature
//! names its SHA-256. Who wants to check a signature later makes the text of the record again, at the version that was
//! signed, and compares.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Values;
use super::fields::{entry_of, field_of, flag_of};
use super::tree::{nest, standing};
use crate::duty::evidence::custody::entry::canonical;
use crate::platform::keys::sha256_hex;

/// The rule by which the text is made. It changes with the table of signed fields, or every signature would fall with
/// the next release; a signature keeps the number beside its hash.
pub const CONTENT_FORMAT: u32 = 1;

/// `{"fields":{…tree…},"format":1,"kind":"police"}` in canonical JSON.
pub fn content_text(kind: &str, values: &Values) -> String {
    let fields = nest(standing(values).filter(|(path, _)| touches_content(path)));
    canonical(&json!({ "fields": fields, "format": CONTENT_FORMAT, "kind": kind }))
}

/// SHA-256 of [`content_text`] in lower-case hex. It covers personal values, so whoever may not see those may not see
/// it either: digits that a mask hides can be tried out against it.
pub fn content_hash(kind: &str, values: &Values) -> String {
    sha256_hex(content_text(kind, values).as_bytes())
}

/// Whether an edit of this field can make signatures fall. Whether it does, [`content_changes`] says.
pub fn touches_content(path: &str) -> bool {
    field_of(path).is_some_and(|field| field.signed)
}

/// The signed fields in which two records differ, sorted; for an entry that stands in one alone its `removed`. Empty
/// exactly when both have the same text.
pub fn content_changes(before: &Values, after: &Values) -> Vec<String> {
    let (was, is) = (signed(before), signed(after));
    let entries = |fields: &BTreeMap<&str, &Value>| -> BTreeSet<String> {
        fields.keys().filter_map(|path| entry_of(path)).map(str::to_owned).collect()
    };
    let (had, has) = (entries(&was), entries(&is));
    let changed = was.keys().chain(is.keys()).filter(|path| was.get(*path) != is.get(*path));
    let named: BTreeSet<String> = changed
        .map(|path| match entry_of(path) {
            Some(entry) if had.contains(entry) != has.contains(entry) => flag_of(entry),
            _ => (*path).to_owned(),
        })
        .collect();
    named.into_iter().collect()
}

fn signed(values: &Values) -> BTreeMap<&str, &Value> {
    standing(values).map(|(path, value)| (path.as_str(), value)).filter(|(path, _)| touches_content(path)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fields::FIELDS;
    use super::super::tree::flatten;
    use super::*;

    const PARTY: &str = "01900000-0000-7000-8000-00000000000a";

    fn sample() -> Values {
        flatten(&json!({
            "kind": "police",
            "place": "城南派出所",
            "facts": "甲推了乙一把。",
            "outcome_words": "告知诉权",
            "parties": { PARTY: { "name": "𠀀𪜀", "role": "victim", "statement": "他先骂人" } },
        }))
        .unwrap()
    }

    #[test]
    fn the_text_is_known_to_the_byte() {
        let text = content_text("police", &sample());
        assert_eq!(
            text,
            format!(
                concat!(
                    r#"{{"fields":{{"facts":"甲推了乙一把。","parties":{{"{}":{{"name":"𠀀𪜀","role":"victim"}}}},"#,
                    r#""place":"城南派出所"}},"format":1,"kind":"police"}}"#
                ),
                PARTY
            )
        );
        assert_eq!(content_hash("police", &sample()), sha256_hex(text.as_bytes()));
        assert_ne!(content_hash("people", &sample()), content_hash("police", &sample()), "another kind, another paper");
    }

    /// Changing the table of signed fields without the format's number would void every signature in silence.
    #[test]
    fn the_signed_fields_are_those_of_this_format() {
        let signed: Vec<&str> = FIELDS.iter().filter(|field| field.signed).map(|field| field.name).collect();
        let of_format_1 = concat!(
            "place began_at ended_at leader_id assistants application nature case_time case_place cause facts result ",
            "disputed_points responsibility performed_on_the_spot open read_aloud/by read_aloud/at ",
            "parties/*/role parties/*/name parties/*/sex parties/*/birth_date parties/*/ethnic parties/*/id_type ",
            "parties/*/id_number parties/*/phone parties/*/address parties/*/occupation parties/*/employer ",
            "parties/*/removed ",
            "others/*/role others/*/for others/*/name others/*/relation others/*/scope others/*/id_type ",
            "others/*/id_number others/*/phone others/*/removed ",
            "terms/*/what terms/*/debtor terms/*/creditor terms/*/amount_fen terms/*/due_on terms/*/how terms/*/removed"
        );
        assert_eq!((CONTENT_FORMAT, signed.join(" ").as_str()), (1, of_format_1));
    }

    #[test]
    fn a_comma_changes_it_and_a_statement_does_not() {
        let before = sample();
        let mut after = before.clone();
        after.insert("facts".into(), "甲，推了乙一把。".into());
        assert_eq!(content_changes(&before, &after), ["facts"]);
        assert_ne!(content_hash("police", &before), content_hash("police", &after));
        let mut after = before.clone();
        after.insert(format!("parties/{PARTY}/statement"), "没有".into());
        after.insert("outcome_words".into(), "无".into());
        after.insert("evidence/01900000-0000-7000-8000-00000000000e/note".into(), "录像".into());
        assert_eq!(content_changes(&before, &after), Vec::<String>::new());
        assert_eq!(content_hash("police", &before), content_hash("police", &after));
    }

    #[test]
    fn a_removed_party_is_not_in_it_and_is_named_once() {
        let before = sample();
        let mut after = before.clone();
        let flag = format!("parties/{PARTY}/removed");
        after.insert(flag.clone(), true.into());
        assert!(!content_text("police", &after).contains(PARTY));
        assert_eq!(content_changes(&before, &after), std::slice::from_ref(&flag));
        assert_eq!(content_changes(&after, &before), [flag]);
        after.insert(format!("parties/{PARTY}/name"), "改".into());
        assert_eq!(content_changes(&after, &after.clone()), Vec::<String>::new());
    }

    #[test]
    fn every_signed_field_can_make_them_fall() {
        for field in FIELDS {
            let path = field.name.replace('*', PARTY);
            assert_eq!(touches_content(&path), field.signed);
        }
        assert!(!touches_content("kind") && !touches_content("nothing"));
    }

    proptest! {
        #[test]
        fn the_warning_is_given_exactly_when_the_text_differs(
            one in prop::collection::btree_map(0..FIELDS.len(), 0..3_u8, 0..12),
            two in prop::collection::btree_map(0..FIELDS.len(), 0..3_u8, 0..12),
        ) {
            let values = |of: &BTreeMap<usize, u8>| -> Values {
                let value = |n: u8| [Value::Null, true.into(), "a".into()][usize::from(n)].clone();
                of.iter().map(|(row, n)| (FIELDS[*row].name.replace('*', PARTY), value(*n))).collect()
            };
            let (one, two) = (values(&one), values(&two));
            let same = content_text("police", &one) == content_text("police", &two);
            prop_assert_eq!(content_changes(&one, &two).is_empty(), same);
        }
    }
}
