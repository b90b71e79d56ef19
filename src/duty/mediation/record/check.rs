//! One value of one field, brought into its one form or refused with the rule it breaks.
//!
//! One form, so that two terminals that mean the same do not disagree: times in UTC, lists sorted, texts trimmed with
//! plain line ends. Characters are otherwise kept as they were typed. In particular nothing is normalised after Unicode
//! (NFC): it replaces the compatibility ideographs (U+F900…, U+2F800…) by other characters, and a name is written as the
//! household register writes it. Variation selectors, joiners and the private use area, in which older registers keep
//! rare characters, stay for the same reason. Markup is only text.

use std::borrow::Cow;

use serde_json::Value;
use uuid::Uuid;

use super::fields::{Field, Shape, field_of};
use crate::words::error::{Error, Result};
use crate::words::time::{MICROS, Timestamp};

/// 2200-01-01: a year mistyped, not a date meant.
const TIME_MAX: Timestamp = Timestamp::from_micros(7_258_118_400 * MICROS);
/// Days from 1900, before anybody alive was born, to 2199.
const YEARS: std::ops::Range<i16> = 1900..2200;
/// Characters of a path that errors repeat; names of ours are shorter.
const SHOWN_MAX: usize = 100;

/// The rule that was broken.
type Rule = Cow<'static, str>;

/// The value in the form that is kept; Null for what is empty (null, an empty text, an empty list, a flag not set).
///
/// Errors: `invalid_field` with the path, for an unknown path, a wrong type, a value out of bounds, characters that
/// cannot be printed or turn the text about, and for a masked value (`*`) in a personal field.
pub fn check(path: &str, value: &Value) -> Result<Value> {
    let field = field_of(path).ok_or_else(|| unknown(path))?;
    if is_masked(field, value) {
        return Err(Error::field(path, "is masked: send it whole, or leave it out"));
    }
    form(field.shape, value).map_err(|rule| Error::field(path, rule))
}

/// There is no field of this name.
pub(super) fn unknown(path: &str) -> Error {
    let shown: String = path.chars().take(SHOWN_MAX).collect();
    Error::field(&shown, "there is no such field")
}

/// Whether this is what is shown in place of a personal value to those who may not see it.
pub(super) fn is_masked(field: &Field, value: &Value) -> bool {
    field.personal && value.as_str().is_some_and(|text| text.contains('*'))
}

fn form(shape: Shape, value: &Value) -> Result<Value, Rule> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    match shape {
        Shape::Text { max } => text(value, max, true),
        Shape::Line { max } => text(value, max, false),
        Shape::Number { max } => {
            let plain: String = said(value)?.chars().filter(|c| !c.is_whitespace()).collect();
            text(&Value::from(plain.to_ascii_uppercase()), max, false)
        }
        Shape::Code(words) => one_of(words, said(value)?).map(Value::from),
        Shape::Codes(words) => list(value, words.len(), |word| one_of(words, word)),
        Shape::Bool => truth(value).map(Value::from),
        Shape::Flag => truth(value).map(|set| if set { Value::from(true) } else { Value::Null }),
        Shape::Time => time(said(value)?),
        Shape::Date => date(said(value)?),
        Shape::Integer { min, max } => value
            .as_i64()
            .filter(|number| (min..=max).contains(number))
            .map(Value::from)
            .ok_or_else(|| format!("must be a whole number from {min} to {max}").into()),
        Shape::Uuid | Shape::Party => uuid(said(value)?).map(Value::from),
        Shape::Uuids { max } => list(value, max, uuid),
    }
}

fn said(value: &Value) -> Result<&str, Rule> {
    value.as_str().ok_or(Rule::Borrowed("must be a text"))
}

fn truth(value: &Value) -> Result<bool, Rule> {
    value.as_bool().ok_or(Rule::Borrowed("must be true or false"))
}

fn one_of(words: &[&str], word: &str) -> Result<String, Rule> {
    if words.contains(&word) { Ok(word.to_owned()) } else { Err(format!("must be one of {}", words.join(", ")).into()) }
}

fn uuid(text: &str) -> Result<String, Rule> {
    // One of its spellings alone is a UUID on the wire; the length tells it from the others.
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == 36 => Ok(id.to_string()),
        _ => Err("must be a UUID".into()),
    }
}

/// A set: each once, sorted, so that two terminals that add the same do not disagree about the order.
fn list(value: &Value, max: usize, one: impl Fn(&str) -> Result<String, Rule>) -> Result<Value, Rule> {
    let items = value.as_array().ok_or(Rule::Borrowed("must be a list"))?;
    if items.len() > max {
        return Err(format!("must have at most {max} members").into());
    }
    let mut set = items.iter().map(|item| one(said(item)?)).collect::<Result<Vec<_>, _>>()?;
    set.sort_unstable();
    set.dedup();
    Ok(if set.is_empty() { Value::Null } else { Value::from(set) })
}

fn time(text: &str) -> Result<Value, Rule> {
    match Timestamp::parse(text) {
        Ok(at) if at < TIME_MAX => Ok(at.to_string().into()),
        _ => Err("must be a time from 1970 to 2199 in RFC 3339, e.g. 2026-01-02T03:04:05Z".into()),
    }
}

fn date(text: &str) -> Result<Value, Rule> {
    // Compared with its own print, because the parser reads other spellings and cuts off a time.
    match text.parse::<jiff::civil::Date>() {
        Ok(day) if YEARS.contains(&day.year()) && day.to_string() == text => Ok(text.into()),
        _ => Err("must be a day from 1900 to 2199 as YYYY-MM-DD".into()),
    }
}

/// The characters as typed, but for what copying leaves behind: outer white space, foreign line ends, spaces without
/// width.
fn text(value: &Value, max: usize, lines: bool) -> Result<Value, Rule> {
    let raw = said(value)?;
    let mut kept = String::with_capacity(raw.len());
    let mut before = ' ';
    for c in raw.chars() {
        match c {
            '\n' if before == '\r' => {}
            '\r' | '\u{2028}' | '\u{2029}' => kept.push('\n'),
            '\u{200B}' | '\u{FEFF}' => {}
            c => kept.push(c),
        }
        before = c;
    }
    let kept = kept.trim();
    if let Some(wrong) = kept.chars().find(|&c| !matches!(c, '\n' | '\t') && is_unprintable(c)) {
        return Err(format!(
            "must not hold the character U+{:04X}, which cannot be printed as it stands",
            u32::from(wrong)
        )
        .into());
    }
    if !lines && kept.contains(['\n', '\t']) {
        return Err("must be one line".into());
    }
    if kept.chars().count() > max {
        return Err(format!("must have at most {max} characters").into());
    }
    Ok(if kept.is_empty() { Value::Null } else { kept.into() })
}

/// Control characters, those that turn the direction of what stands around them so that paper and screen read
/// differently, and those that no text holds.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{FDD0}'..='\u{FDEF}' | '\u{E0000}'..='\u{E007F}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
