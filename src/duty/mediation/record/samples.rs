//! Proper values of any field, for the tests of this folder.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Values;
use super::fields::{FIELDS, Shape};

/// Ids of entries.
pub const KEYS: [&str; 2] = ["01900000-0000-7000-8000-00000000000a", "01900000-0000-7000-8000-00000000000b"];

/// The `n`-th proper value of a shape, in its one form; differs from the next where there is more than one.
pub fn sample(shape: Shape, n: u8) -> Value {
    match shape {
        Shape::Text { .. } => json!(format!("第{n}行\n<b>𠀀𪜀</b>")),
        Shape::Line { .. } => json!(format!("葛\u{E0100}{n}")),
        Shape::Number { .. } => json!(format!("E{n}")),
        Shape::Code(words) => json!(words[usize::from(n) % words.len()]),
        Shape::Codes(words) => json!([words[usize::from(n) % words.len()]]),
        Shape::Bool => json!(n.is_multiple_of(2)),
        Shape::Flag => json!(true),
        Shape::Time => json!(format!("2026-01-02T03:04:0{n}.000000Z")),
        Shape::Date => json!(format!("2026-01-0{}", n + 1)),
        Shape::Integer { min, .. } => json!(min + i64::from(n)),
        Shape::Uuid | Shape::Party => json!(KEYS[usize::from(n) % 2]),
        Shape::Uuids { .. } => json!([KEYS[usize::from(n) % 2]]),
    }
}

/// Records of some fields, with entries that were removed among them.
pub fn values() -> impl Strategy<Value = Values> {
    prop::collection::btree_map((0..FIELDS.len(), 0..KEYS.len()), 0..3_u8, 0..60).prop_map(|picked| {
        let field = |((row, key), n): ((usize, usize), u8)| {
            (FIELDS[row].name.replace('*', KEYS[key]), sample(FIELDS[row].shape, n))
        };
        picked.into_iter().map(field).collect()
    })
}
