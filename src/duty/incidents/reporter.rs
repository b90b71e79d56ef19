//! Who called: reading the forms intake systems send, sealing, masking.

use serde::{Deserialize, Serialize};

use crate::platform::http::body;
use crate::platform::keys::Keys;
use crate::words::error::Result;

/// Fewest digits that make a telephone number rather than a house number.
const PHONE_DIGITS_MIN: usize = 5;

/// The caller, as one string ("张三 13800138000") or in parts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Reporter {
    Line(String),
    Parts(#[serde(deserialize_with = "body::object")] Parts),
}

/// The caller in parts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    pub name: Option<String>,
    pub phone: Option<String>,
    /// The caller asked for secrecy (举报): only a relay note is ever shown.
    #[serde(default)]
    pub secret: bool,
}

/// A caller ready to be stored.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    pub name: Option<Vec<u8>>,
    pub phone: Option<Vec<u8>>,
    pub phone_index: Option<String>,
    pub secret: bool,
}

impl Reporter {
    /// Checks lengths. Errors: `invalid_field`.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Line(line) => body::text("reporter", line, 0, 200),
            Self::Parts(parts) => {
                body::text_opt("reporter.name", parts.name.as_deref(), 100)?;
                body::text_opt("reporter.phone", parts.phone.as_deref(), 40)
            }
        }
    }

    /// Name, number and the wish for secrecy.
    pub fn parts(&self) -> Parts {
        match self {
            Self::Parts(parts) => parts.clone(),
            Self::Line(line) => {
                let is_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-');
                let phone = line
                    .split(|c: char| !is_number(c))
                    .filter(|run| run.chars().filter(char::is_ascii_digit).count() >= PHONE_DIGITS_MIN)
                    .max_by_key(|run| run.len())
                    .map(str::to_owned);
                let rest = match &phone {
                    Some(phone) => line.replacen(phone.as_str(), "", 1),
                    None => line.clone(),
                };
                let name = rest.trim_matches(|c: char| c.is_whitespace() || ",，:：;；()（）".contains(c)).to_owned();
                Parts { name: (!name.is_empty()).then_some(name), phone, secret: false }
            }
        }
    }

    /// Encrypts name and number; the index finds other calls from the same number.
    pub fn seal(&self, keys: &Keys) -> Result<Sealed> {
        let parts = self.parts();
        let seal = |text: &Option<String>| -> Result<Option<Vec<u8>>> {
            text.as_deref().filter(|t| !t.is_empty()).map(|t| keys.seal(t.as_bytes())).transpose()
        };
        Ok(Sealed {
            name: seal(&parts.name)?,
            phone: seal(&parts.phone)?,
            phone_index: parts.phone.as_deref().map(|phone| keys.blind_index("phone", &normalise(phone))),
            secret: parts.secret,
        })
    }
}

/// Digits only, without the country's prefix.
pub fn normalise(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("86") {
        Some(rest) if rest.len() == 11 => rest.to_owned(),
        _ => digits,
    }
}

/// `138****8000`; short numbers show nothing but stars.
pub fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = normalise(phone).chars().collect();
    match (digits.get(..3), digits.len().checked_sub(4).and_then(|from| digits.get(from..))) {
        (Some(head), Some(tail)) if digits.len() >= 8 => {
            format!("{}****{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
        }
        _ => "****".to_owned(),
    }
}

/// The family name and a star.
pub fn mask_name(name: &str) -> String {
    name.chars().next().map_or_else(String::new, |first| format!("{first}*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Parts {
        Reporter::Line(text.to_owned()).parts()
    }

    #[test]
    fn a_line_is_taken_apart() {
        let parts = line("张三 13800138000");
        assert_eq!(parts.name.as_deref(), Some("张三"));
        assert_eq!(parts.phone.as_deref(), Some("13800138000"));
        assert_eq!(line("13800138000").name, None);
        assert_eq!(line("王女士").phone, None);
        assert_eq!(line("3号楼保安").phone, None);
    }

    #[test]
    fn the_same_number_has_one_normal_form() {
        assert_eq!(normalise("+86 138-0013-8000"), "13800138000");
        assert_eq!(normalise("138 0013 8000"), "13800138000");
    }

    #[test]
    fn masks_hide_the_middle() {
        assert_eq!(mask_phone("13800138000"), "138****8000");
        assert_eq!(mask_phone("110"), "****");
        assert_eq!(mask_name("张三"), "张*");
    }
}
