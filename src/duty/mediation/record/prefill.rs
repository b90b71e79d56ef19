//! What nobody has to type: values that the system knows from elsewhere, offered for fields that nobody filled.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Values;
use super::check::check;
use super::fields::entry_of;
use super::tree::{removed_entries, standing};
use crate::text_enum;

text_enum! {
    /// Where a value came from, the surest first: when two offer the same field, the earlier is taken.
    pub enum Origin {
        /// Read from, or told by, an identity document: sex and birth date of the number.
        Identity = "identity",
        /// The incident that is mediated.
        Incident = "incident",
        /// Who is on duty, with whom, where.
        Duty = "duty",
        /// Where the crew was and when.
        Track = "track",
        /// A recording of the session.
        Recording = "recording",
        /// An earlier record of the same person; may be out of date.
        EarlierRecord = "earlier_record",
    }
}

/// A value that is offered, or was filled in, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path of the field.
    pub field: String,
    pub value: Value,
    pub from: Origin,
    /// Which incident, record, document: its id or number.
    pub reference: String,
}

/// Those of `offered` that fill a field, one each, sorted by path, the values in the form of [`check`].
///
/// Never filled are fields that hold something, fields that somebody emptied (`emptied` of [`super::Merged`]: he meant
/// it) and those of removed entries. What is offered and is no proper value of its field is passed over: a mistake in an
/// incident or an old record must not stand in the way of a new one.
pub fn prefill(values: &Values, emptied: &BTreeSet<String>, offered: Vec<Source>) -> Vec<Source> {
    let gone = removed_entries(values);
    let is_free = |field: &str| {
        values.get(field).is_none_or(Value::is_null)
            && !emptied.contains(field)
            && entry_of(field).is_none_or(|entry| !gone.contains(entry))
    };
    let mut filled: Vec<Source> = offered
        .into_iter()
        .filter(|source| is_free(&source.field))
        .filter_map(|source| {
            let value = check(&source.field, &source.value).ok().filter(|value| !value.is_null())?;
            Some(Source { value, ..source })
        })
        .collect();
    // Stable: of one origin the first offered stays the first.
    filled.sort_by(|one, other| (&one.field, one.from).cmp(&(&other.field, other.from)));
    filled.dedup_by(|next, kept| next.field == kept.field);
    filled
}

/// How many of the fields that stand filled were filled in and left as they were, and how many stand filled in all:
/// (not typed, total). `filled` is the value last filled in for each field.
pub fn share_not_typed(values: &Values, filled: &Values) -> (usize, usize) {
    let total = standing(values).count();
    let left = standing(values).filter(|(path, value)| filled.get(*path) == Some(*value)).count();
    (left, total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::merge::{Edit, merge};
    use super::*;

    const PARTY: &str = "parties/01900000-0000-7000-8000-00000000000a";

    fn source(field: &str, value: &str, from: Origin) -> Source {
        Source { field: field.to_owned(), value: value.into(), from, reference: "J320413-1".to_owned() }
    }

    fn named(sources: &[Source]) -> Vec<(&str, &str)> {
        sources.iter().map(|one| (one.field.as_str(), one.value.as_str().unwrap())).collect()
    }

    #[test]
    fn only_what_nobody_filled_is_filled() {
        let values = Values::from([("place".to_owned(), json!("桥头"))]);
        let offered = vec![
            source("place", "incident's place", Origin::Incident),
            source("case_place", "  菜场 ", Origin::Incident),
            source("cause", "停车", Origin::Incident),
        ];
        let emptied = BTreeSet::from(["cause".to_owned()]);
        assert_eq!(named(&prefill(&values, &emptied, offered)), [("case_place", "菜场")]);
    }

    #[test]
    fn what_was_emptied_is_not_filled_again() {
        let edit = |id: u128, value: Value, base: i64| Edit {
            id: uuid::Uuid::from_u128(id),
            path: "cause".to_owned(),
            value,
            base,
            version: base + 1,
            device: uuid::Uuid::nil(),
            counter: base + 1,
            by: uuid::Uuid::nil(),
            at: base,
        };
        let edits = [edit(1, "停车".into(), 0), edit(2, Value::Null, 1)];
        let merged = merge(&edits);
        let offered = vec![source("cause", "停车", Origin::Incident)];
        assert_eq!(prefill(&merged.values, &merged.emptied, offered), []);
    }

    #[test]
    fn the_surest_source_wins_and_of_one_kind_the_first() {
        let name = format!("{PARTY}/name");
        let offered = vec![
            source(&name, "旧名", Origin::EarlierRecord),
            source(&name, "甲", Origin::Incident),
            source(&name, "乙", Origin::Incident),
            source("place", "一", Origin::Track),
            source("place", "二", Origin::Incident),
        ];
        let filled = prefill(&Values::new(), &BTreeSet::new(), offered);
        assert_eq!(named(&filled), [(name.as_str(), "甲"), ("place", "二")]);
        assert_eq!(filled[0].from, Origin::Incident);
    }

    #[test]
    fn rubbish_and_removed_entries_are_passed_over() {
        let values = Values::from([(format!("{PARTY}/removed"), json!(true))]);
        let offered = vec![
            source(&format!("{PARTY}/name"), "甲", Origin::Incident),
            source("began_at", "yesterday", Origin::Track),
            source("no_such_field", "x", Origin::Duty),
            source("cause", "  ", Origin::Incident),
            source("others/01900000-0000-7000-8000-00000000000b/phone", "138****8000", Origin::Incident),
        ];
        assert_eq!(prefill(&values, &BTreeSet::new(), offered), []);
    }

    #[test]
    fn the_share_counts_what_was_left_as_it_was_filled() {
        let filled = Values::from([
            ("place".to_owned(), json!("桥头")),
            ("cause".to_owned(), json!("停车")),
            ("facts".to_owned(), json!("gone again")),
        ]);
        let values = Values::from([
            ("place".to_owned(), json!("桥头")),
            ("cause".to_owned(), json!("抢车位")),
            ("result".to_owned(), json!("无伤")),
            (format!("{PARTY}/name"), json!("甲")),
            (format!("{PARTY}/removed"), json!(true)),
        ]);
        assert_eq!(share_not_typed(&values, &filled), (1, 3));
        assert_eq!(share_not_typed(&Values::new(), &filled), (0, 0));
    }
}
