//! The table of fields: where each stands in the tree, what may stand in it, whether the signed agreement shows it and
//! whether it tells who somebody is. Everything else in this folder reads this table.
//!
//! Signed is what stands in the printed agreement (程序规定 article 184, 人民调解法 article 29): the parties and the others
//! present, the case, the terms, the session, and that it was read aloud. Not signed, and so not printed above signatures,
//! are statements (they stand in 调解笔录, which is signed by hand), words about evidence, and what decides whether there may
//! be a mediation at all.

use uuid::Uuid;

/// What may stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text of several lines, at most `max` characters.
    Text {
        max: usize,
    },
    /// Text of one line, at most `max` characters.
    Line {
        max: usize,
    },
    /// The number of a document: one line without spaces, ASCII letters in capitals.
    Number {
        max: usize,
    },
    /// One of these words.
    Code(&'static [&'static str]),
    /// Some of these words, each once, sorted.
    Codes(&'static [&'static str]),
    Bool,
    /// True, or nothing at all: false is the same as empty.
    Flag,
    /// An instant, RFC 3339; kept in UTC to the microsecond.
    Time,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A whole number within these bounds.
    Integer {
        min: i64,
        max: i64,
    },
    Uuid,
    /// The id of an entry of `parties`.
    Party,
    /// Ids, each once, sorted, at most `max`.
    Uuids {
        max: usize,
    },
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The path, with `*` for the id of an entry: `parties/*/name`.
    pub name: &'static str,
    pub shape: Shape,
    /// It stands in the printed agreement: changing it makes signatures fall.
    pub signed: bool,
    /// It tells who somebody is: kept encrypted, masked unless asked for with a purpose.
    pub personal: bool,
}

/// Maps of entries, and how many entries of each may stand in a record.
///
/// The printed forms have room for two parties a side and quarrels settled at the scene rarely have more than a handful;
/// a dozen is a brawl between two families. Each of them may bring a guardian or delegate and an interpreter or helper,
/// so twice as many others. Terms: a few a party. Evidence: the recordings and photos of one scene.
pub const GROUPS: [(&str, usize); 4] = [("parties", 12), ("others", 24), ("terms", 40), ("evidence", 60)];

/// What kinds of mediation there are; said when a record is made, no field.
pub const KINDS: &[&str] = &["police_on_scene", "police", "people"];
/// Acts that may be mediated (程序规定 article 178), in its order, and quarrels that are no offence.
pub const NATURES: &[&str] = &[
    "fight",
    "injury",
    "insult",
    "defamation",
    "false_accusation",
    "damage",
    "harassment",
    "privacy",
    "intrusion",
    "civil",
];
/// Why it suits mediation (article 178, paragraph 1, items 1 to 3).
pub const GROUNDS: &[&str] = &["kin_neighbours", "victim_fault", "otherwise_easier"];
/// What forbids it (article 179), in its order.
pub const BARS: &[&str] = &["hired", "gang", "repeated", "refused", "new_violation", "fled", "other"];
pub const PARTY_ROLES: &[&str] = &["suspect", "victim", "both", "party"];
pub const OTHER_ROLES: &[&str] =
    &["guardian", "delegate", "interpreter", "witness", "scribe", "reader", "helper", "present"];
pub const SEXES: &[&str] = &["male", "female"];
/// Documents that show who somebody is; with `none` he says so himself.
pub const ID_TYPES: &[&str] = &[
    "resident_id",
    "passport",
    "hk_macao_permit",
    "taiwan_permit",
    "hmt_residence_permit",
    "foreign_permanent_resident",
    "other",
    "none",
];

/// 1,000 million yuan: no quarrel settled at a table is about more, and every client's numbers hold it exactly.
const AMOUNT_MAX_FEN: i64 = 100_000_000_000;
/// Two days: longer than any camera records on one charge.
const CLIP_MAX_MS: i64 = 2 * 86_400_000;
/// The longest names of people on Chinese documents have some fifty letters.
const NAME: Shape = Shape::Line { max: 100 };
/// Document numbers have at most 18 characters, foreign ones and cadres' cards a few more.
const DOCUMENT: Shape = Shape::Number { max: 32 };
/// A number with its country and an extension, or two of them.
const PHONE: Shape = Shape::Line { max: 40 };
const PLACE: Shape = Shape::Line { max: 200 };
/// A page of a form in the usual print; `facts` and statements may fill four.
const PAGE: Shape = Shape::Text { max: 1_000 };
const PAGES: Shape = Shape::Text { max: 4_000 };

const fn signed(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, signed: true, personal: false }
}

const fn plain(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, signed: false, personal: false }
}

/// In the agreement, and telling who somebody is.
const fn personal(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, signed: true, personal: true }
}

/// Every field.
pub static FIELDS: &[Field] = &[
    signed("place", PLACE),
    signed("began_at", Shape::Time),
    signed("ended_at", Shape::Time),
    signed("leader_id", Shape::Uuid),
    // Officers and mediators beside the leader: a crew or two.
    signed("assistants", Shape::Uuids { max: 12 }),
    signed("application", PAGE),
    signed("nature", Shape::Code(NATURES)),
    plain("penalty_path", Shape::Bool),
    plain("minor", Shape::Bool),
    plain("ground", Shape::Code(GROUNDS)),
    plain("bars", Shape::Codes(BARS)),
    signed("case_time", Shape::Time),
    signed("case_place", PLACE),
    signed("cause", PAGE),
    signed("facts", PAGES),
    signed("result", Shape::Text { max: 2_000 }),
    signed("disputed_points", Shape::Text { max: 2_000 }),
    signed("responsibility", Shape::Text { max: 2_000 }),
    plain("no_loss_dispute", Shape::Bool),
    signed("performed_on_the_spot", Shape::Bool),
    signed("open", Shape::Bool),
    plain("outcome_words", Shape::Text { max: 2_000 }),
    // The paper says that it was read to the parties and that they understood: they sign that too.
    signed("read_aloud/by", Shape::Uuid),
    signed("read_aloud/at", Shape::Time),
    signed("parties/*/role", Shape::Code(PARTY_ROLES)),
    signed("parties/*/name", NAME),
    signed("parties/*/sex", Shape::Code(SEXES)),
    // Personal, because it is the part of an identity number that the mask hides.
    personal("parties/*/birth_date", Shape::Date),
    signed("parties/*/ethnic", Shape::Line { max: 20 }),
    signed("parties/*/id_type", Shape::Code(ID_TYPES)),
    personal("parties/*/id_number", DOCUMENT),
    personal("parties/*/phone", PHONE),
    personal("parties/*/address", PLACE),
    signed("parties/*/occupation", Shape::Line { max: 50 }),
    signed("parties/*/employer", Shape::Line { max: 100 }),
    plain("parties/*/statement", PAGES),
    plain("parties/*/can_write", Shape::Bool),
    plain("parties/*/consent_words", Shape::Text { max: 500 }),
    signed("parties/*/removed", Shape::Flag),
    signed("others/*/role", Shape::Code(OTHER_ROLES)),
    signed("others/*/for", Shape::Party),
    signed("others/*/name", NAME),
    signed("others/*/relation", Shape::Line { max: 50 }),
    signed("others/*/scope", PAGE),
    signed("others/*/id_type", Shape::Code(ID_TYPES)),
    personal("others/*/id_number", DOCUMENT),
    personal("others/*/phone", PHONE),
    signed("others/*/removed", Shape::Flag),
    signed("terms/*/what", PAGE),
    signed("terms/*/debtor", Shape::Party),
    signed("terms/*/creditor", Shape::Party),
    // A term without money has no amount, rather than none of it.
    signed("terms/*/amount_fen", Shape::Integer { min: 1, max: AMOUNT_MAX_FEN }),
    signed("terms/*/due_on", Shape::Date),
    signed("terms/*/how", Shape::Text { max: 500 }),
    signed("terms/*/removed", Shape::Flag),
    plain("evidence/*/note", PAGE),
    plain("evidence/*/from_ms", Shape::Integer { min: 0, max: CLIP_MAX_MS }),
    plain("evidence/*/to_ms", Shape::Integer { min: 0, max: CLIP_MAX_MS }),
    plain("evidence/*/covers", Shape::Text { max: 500 }),
    plain("evidence/*/removed", Shape::Flag),
];

/// The row of a concrete path such as `parties/01900000-0000-7000-8000-000000000001/name`; None when there is none.
pub fn field_of(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| names(field.name, path))
}

/// Whether a pattern names this path.
fn names(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut said) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), said.next()) {
            (None, None) => return true,
            (Some("*"), Some(key)) if is_key(key) => {}
            (Some(word), Some(other)) if word == other && word != "*" => {}
            _ => return false,
        }
    }
}

/// Whether this can be the id of an entry: a UUID in its one form, lower case with hyphens, or one entry would be two.
pub(super) fn is_key(key: &str) -> bool {
    key.len() == 36 && !key.bytes().any(|byte| byte.is_ascii_uppercase()) && Uuid::try_parse(key).is_ok()
}

/// Whether an object may stand at this path: a map of entries, an entry, or `read_aloud`.
pub(super) fn is_branch(path: &str) -> bool {
    path == "read_aloud"
        || GROUPS.iter().any(|(group, _)| match path.split_once('/') {
            None => path == *group,
            Some((head, key)) => head == *group && is_key(key),
        })
}

/// `parties/<uuid>` of `parties/<uuid>/name`; None for a field that is of no entry.
pub fn entry_of(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(entry, _)| entry).filter(|entry| entry.contains('/'))
}

/// The path of the flag that hides an entry.
pub(super) fn flag_of(entry: &str) -> String {
    format!("{entry}/removed")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KEY: &str = "01900000-0000-7000-8000-00000000000a";

    #[test]
    fn every_row_is_found_by_its_own_path_alone() {
        let names: BTreeSet<&str> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), FIELDS.len(), "a name twice");
        for field in FIELDS {
            let path = field.name.replace('*', KEY);
            assert_eq!(field_of(&path), Some(field));
            assert_eq!(field_of(&format!("{path}/x")), None);
            assert_eq!(field_of(&format!("/{path}")), None);
            assert_eq!(field_of(&path.to_uppercase()), None);
        }
        assert_eq!(field_of("parties/*/name"), None, "the pattern is no path");
        assert_eq!(field_of("kind"), None);
        assert_eq!(field_of(""), None);
    }

    #[test]
    fn an_entry_has_one_name() {
        assert!(is_key(KEY));
        for wrong in [
            KEY.to_uppercase(),
            KEY.replace('-', ""),
            format!("{{{KEY}}}"),
            format!("urn:uuid:{KEY}"),
            KEY.replace('1', "g"),
            "*".to_owned(),
            String::new(),
        ] {
            assert!(!is_key(&wrong), "{wrong}");
        }
    }

    #[test]
    fn branches_are_what_holds_fields() {
        for field in FIELDS {
            let path = field.name.replace('*', KEY);
            let mut above = path.as_str();
            while let Some((up, _)) = above.rsplit_once('/') {
                assert!(is_branch(up), "{up}");
                above = up;
            }
            assert!(!is_branch(&path));
        }
        assert_eq!(entry_of(&format!("terms/{KEY}/what")), Some(format!("terms/{KEY}").as_str()));
        assert_eq!(entry_of("read_aloud/at"), None);
        assert_eq!(entry_of("place"), None);
    }

    #[test]
    fn each_map_can_hide_its_entries() {
        for (group, most) in GROUPS {
            assert!(most > 1);
            let flag = field_of(&flag_of(&format!("{group}/{KEY}"))).unwrap();
            assert_eq!(flag.shape, Shape::Flag);
            let shown = FIELDS.iter().any(|field| field.signed && field.name.starts_with(group));
            assert_eq!(flag.signed, shown, "hiding an entry changes what is signed if anything of it is");
        }
    }

    #[test]
    fn the_agreement_shows_what_the_law_lists_and_no_more() {
        let is_signed = |name: &str| FIELDS.iter().find(|field| field.name == name).unwrap().signed;
        for name in [
            "facts",
            "parties/*/name",
            "parties/*/id_number",
            "others/*/role",
            "terms/*/amount_fen",
            "leader_id",
            "application",
            "open",
            "read_aloud/at",
        ] {
            assert!(is_signed(name), "{name}");
        }
        for name in ["parties/*/statement", "evidence/*/note", "outcome_words", "bars", "penalty_path"] {
            assert!(!is_signed(name), "{name}");
        }
    }
}
