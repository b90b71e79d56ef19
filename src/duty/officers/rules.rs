//! Bounds and forms of what people type: names, usernames, passwords, numbers. Pure.

use crate::words::error::{Error, Result};

/// Longest display name, badge or serial number in characters.
const NAME_MAX: usize = 64;
/// Shortest and longest username in characters.
const USERNAME: std::ops::RangeInclusive<usize> = 1..=64;
/// Shortest password in characters, and longest in bytes (bounds the hashing work).
const PASSWORD_MIN: usize = 8;
const PASSWORD_MAX: usize = 256;

/// A display text of at most `max` characters, trimmed; control characters are refused.
pub fn text(field: &str, value: &str, max: usize) -> Result<String> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Err(Error::field(field, "must not be empty"));
    }
    if trimmed.chars().count() > max {
        return Err(Error::field(field, format!("must have at most {max} characters")));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Error::field(field, "must not contain control characters"));
    }
    Ok(trimmed.to_owned())
}

/// A name of at most 64 characters.
pub fn name(field: &str, value: &str) -> Result<String> {
    text(field, value, NAME_MAX)
}

/// An optional name; an empty string counts as absent.
pub fn name_opt(field: &str, value: Option<&str>) -> Result<Option<String>> {
    value.filter(|v| !v.trim().is_empty()).map(|v| name(field, v)).transpose()
}

/// The stored form of a username: trimmed, lower-case, no spaces.
pub fn username(value: &str) -> Result<String> {
    let name = value.trim().to_lowercase();
    if !USERNAME.contains(&name.chars().count()) {
        return Err(Error::field("username", "must have 1 to 64 characters"));
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::field("username", "must not contain spaces or control characters"));
    }
    Ok(name)
}

/// Refuses passwords that are too short or absurdly long.
pub fn password(value: &str) -> Result<()> {
    if value.chars().count() < PASSWORD_MIN {
        return Err(Error::field("password", format!("must have at least {PASSWORD_MIN} characters")));
    }
    if value.len() > PASSWORD_MAX {
        return Err(Error::field("password", format!("must have at most {PASSWORD_MAX} bytes")));
    }
    Ok(())
}

/// Whether a typed password can be one of ours at all; anything else is simply wrong.
pub fn password_plausible(value: &str) -> bool {
    !value.is_empty() && value.len() <= PASSWORD_MAX
}

/// A unit kind: 1 to 32 of `a-z` and `_`.
pub fn unit_kind(value: &str) -> Result<()> {
    let fits = (1..=32).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if fits { Ok(()) } else { Err(Error::field("kind", "must be 1 to 32 of a-z and _")) }
}

/// A calendar day `YYYY-MM-DD`.
pub fn day(field: &str, value: &str) -> Result<String> {
    let day: jiff::civil::Date = value.parse().map_err(|_bad| Error::field(field, "must be a day, e.g. 2027-12-31"))?;
    Ok(day.to_string())
}

/// A telephone number reduced to its digits, without a mainland prefix; what is sealed and indexed.
pub fn phone(value: &str) -> Result<String> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let allowed = value.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')'));
    let digits = match digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86")) {
        Some(rest) if rest.len() == 11 => rest.to_owned(),
        _ => digits,
    };
    if allowed && (3..=20).contains(&digits.len()) {
        Ok(digits)
    } else {
        Err(Error::field("phone", "must be a telephone number of 3 to 20 digits"))
    }
}

/// An identity document number: 4 to 32 letters and digits, upper-case.
pub fn identity_no(value: &str) -> Result<String> {
    let no: String = value.trim().to_uppercase();
    if (4..=32).contains(&no.len()) && no.bytes().all(|b| b.is_ascii_alphanumeric()) {
        Ok(no)
    } else {
        Err(Error::field("identity_no", "must be 4 to 32 letters and digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_of_one_person_have_one_form() {
        for written in ["138 0013 8000", "+86 13800138000", "0086-138-0013-8000", "13800138000"] {
            assert_eq!(phone(written).unwrap(), "13800138000", "{written}");
        }
        assert_eq!(phone("110").unwrap(), "110");
        for bad in ["", "12", "call me", "1380013800013800138000", "138\u{0}00"] {
            assert!(phone(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_bounded_and_clean() {
        assert_eq!(name("name", "  王 小明 ").unwrap(), "王 小明");
        assert!(name("name", " ").is_err());
        assert!(name("name", "a\nb").is_err());
        assert!(name("name", &"王".repeat(65)).is_err());
        assert_eq!(username(" Li.Lei ").unwrap(), "li.lei");
        assert!(username("li lei").is_err());
    }

    #[test]
    fn days_and_identity_numbers() {
        assert_eq!(day("d", "2027-02-28").unwrap(), "2027-02-28");
        assert!(day("d", "2027-02-30").is_err());
        assert_eq!(identity_no("11010119900307123x").unwrap(), "11010119900307123X");
        assert!(identity_no("1; drop").is_err());
    }
}
