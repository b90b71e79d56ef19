//! Documents that show who somebody is, by type: what their numbers look like and what can be read out of them.
//!
//! A number that passes is well formed; that it was issued, and to this person, only the issuer's register can say.

use jiff::civil::Date;
use serde::Serialize;

use crate::text_enum;
use crate::words::error::{Error, Result};

text_enum! {
    /// Documents by type; the wire forms are those of the record's `id_type`.
    pub enum IdentityKind {
        /// 居民身份证, GB 11643-1999.
        ResidentId = "resident_id",
        /// 护照, of China or another country.
        Passport = "passport",
        /// 港澳居民来往内地通行证
        HkMacaoPermit = "hk_macao_permit" | "hk_macau_permit",
        /// 台湾居民来往大陆通行证
        TaiwanPermit = "taiwan_permit",
        /// 港澳台居民居住证, numbered as GB 11643 with the regions 810000, 820000 and 830000.
        HmtResidencePermit = "hmt_residence_permit",
        /// 外国人永久居留身份证, of 15 characters (until November 2023) or 18 digits.
        ForeignPermanentResident = "foreign_permanent_resident" | "foreigner_permanent_residence",
        /// Any other document with a number.
        Other = "other",
        /// None at hand: the person says who he is (程序规定 article 166 for those who will not say it truly).
        None = "none",
    }
}

text_enum! {
    /// Sex as documents know it.
    pub enum Sex { Male = "male", Female = "female" }
}

/// What a document's number tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub kind: IdentityKind,
    /// In its one form: without blanks, in capitals.
    pub number: String,
    pub birth_date: Option<Date>,
    pub sex: Option<Sex>,
}

/// No document's number is longer; the record's field holds as many.
const NUMBER_MAX: usize = 32;
/// Provinces of GB/T 2260, the first two digits of a region. 81 and 82 number residence permits, not identity cards.
const PROVINCES: [&str; 32] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71",
];
/// Regions of residence permits for people from Hong Kong, Macao and Taiwan (国办发〔2018〕81号).
const PERMIT_REGIONS: [&str; 3] = ["810000", "820000", "830000"];
/// GB 11643-1999 (ISO 7064 MOD 11-2): weights of the first 17 digits and the check characters by remainder.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";
/// Nobody whose quarrel is mediated was born earlier; the oldest real numbers in use begin in the 19th century.
const BORN_FROM: Date = Date::constant(1850, 1, 1);

/// Checks a number and reads it. `today` is the day in China: nobody is born after it.
///
/// Full-width digits and letters, blanks, hyphens and brackets are taken as typed; letters become capitals. Of `none` the number
/// must be empty.
///
/// Errors: `invalid_field` naming `id_number` and the rule that is broken, never the number itself.
pub fn check(kind: IdentityKind, number: &str, today: Date) -> Result<Identity> {
    let number = normal(number)?;
    let plain = |number: String| Identity { kind, number, birth_date: None, sex: None };
    match kind {
        IdentityKind::None if number.is_empty() => Ok(plain(number)),
        IdentityKind::None => Err(refused("must be empty when no document was shown")),
        _ if number.is_empty() => Err(refused("is missing")),
        IdentityKind::ResidentId => resident(number, today),
        IdentityKind::HmtResidencePermit => permit(number, today),
        IdentityKind::ForeignPermanentResident => foreigner(number, today),
        IdentityKind::Passport if is_passport(&number) => Ok(plain(number)),
        IdentityKind::Passport => Err(refused("must be 5 to 20 letters and digits, with at least one digit")),
        IdentityKind::HkMacaoPermit if is_hk_macao(&number) => Ok(plain(number)),
        IdentityKind::HkMacaoPermit => Err(refused("must be H or M and 8 or 10 digits")),
        IdentityKind::TaiwanPermit if is_taiwan(&number) => Ok(plain(number)),
        IdentityKind::TaiwanPermit => Err(refused("must be 8 digits, or 10 digits and possibly a letter")),
        IdentityKind::Other if number.chars().any(char::is_alphanumeric) => Ok(plain(number)),
        IdentityKind::Other => Err(refused("must have a letter or a digit")),
    }
}

/// Completed years of age (周岁) on a day: one more from the day *after* the birthday on, as the courts count (法释〔2006〕1号
/// article 2; 民法典 articles 201 and 203 come to the same), of 29 February from 1 March. None before birth.
pub fn age_on(birth: Date, day: Date) -> Option<u16> {
    let had_birthday = (day.month(), day.day()) > (birth.month(), birth.day());
    let years = i32::from(day.year()) - i32::from(birth.year()) - i32::from(!had_birthday);
    if day < birth { None } else { u16::try_from(years.max(0)).ok() }
}

fn refused(rule: &'static str) -> Error {
    Error::field("id_number", rule)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{FF0D}' | '\u{200B}' | '\u{FEFF}')
}

/// Without blanks and hyphens, full-width forms made plain, in capitals. Letters of other scripts stay: an officer's card
/// reads 军字第1234567号.
fn normal(number: &str) -> Result<String> {
    let mut plain = String::new();
    let mut length = 0;
    for c in number.chars().filter(|c| !is_blank(*c)) {
        // Full-width forms lie in the order of ASCII, from U+FF01.
        let c = match u32::from(c).checked_sub(0xFF01).and_then(|at| u8::try_from(at).ok()) {
            Some(at) if at < 0x5E => char::from(at + 0x21),
            _ => c,
        };
        length += 1;
        match c {
            // Of permits printed as 1234567890(A).
            '(' | ')' => {}
            _ if length > NUMBER_MAX => return Err(refused("must have at most 32 characters")),
            c if c.is_ascii_graphic() || c.is_alphanumeric() => plain.push(c.to_ascii_uppercase()),
            _ => return Err(refused("may hold letters, digits and marks alone")),
        }
    }
    Ok(plain)
}

fn is_passport(number: &str) -> bool {
    (5..=20).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && number.bytes().any(|byte| byte.is_ascii_digit())
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hk_macao(number: &str) -> bool {
    // The card of 2013 has 8 digits; the book before had two more for how often it was renewed.
    number.strip_prefix(['H', 'M']).is_some_and(|rest| are_digits(rest) && matches!(rest.len(), 8 | 10))
}

fn is_taiwan(number: &str) -> bool {
    // The card of 2015 has 8 digits; the book before 10 and a letter in brackets.
    let digits = number.strip_suffix(|c: char| c.is_ascii_uppercase());
    match digits {
        None => are_digits(number) && matches!(number.len(), 8 | 10),
        Some(digits) => are_digits(digits) && digits.len() == 10,
    }
}

fn resident(number: String, today: Date) -> Result<Identity> {
    let (birth_date, sex) = eighteen(&number, today)?;
    if PERMIT_REGIONS.iter().any(|region| number.starts_with(region)) {
        return Err(refused("is of a residence permit for people from Hong Kong, Macao or Taiwan: say that type"));
    }
    if number.starts_with('9') {
        return Err(refused("is of a foreigner's permanent residence card: say that type"));
    }
    if !PROVINCES.iter().any(|province| number.starts_with(province)) {
        return Err(refused("begins with no province's number"));
    }
    Ok(Identity { kind: IdentityKind::ResidentId, number, birth_date: Some(birth_date), sex: Some(sex) })
}

fn permit(number: String, today: Date) -> Result<Identity> {
    let (birth_date, sex) = eighteen(&number, today)?;
    if !PERMIT_REGIONS.iter().any(|region| number.starts_with(region)) {
        return Err(refused("must begin with 810000, 820000 or 830000"));
    }
    Ok(Identity { kind: IdentityKind::HmtResidencePermit, number, birth_date: Some(birth_date), sex: Some(sex) })
}

/// Of 2023: 9, province, country, birth, sequence, check as in GB 11643. Before: three letters and 12 digits.
fn foreigner(number: String, today: Date) -> Result<Identity> {
    let kind = IdentityKind::ForeignPermanentResident;
    if number.len() == 15 {
        let (letters, digits) = number.split_at_checked(3).unwrap_or_default();
        if letters.bytes().all(|byte| byte.is_ascii_uppercase()) && are_digits(digits) {
            return Ok(Identity { kind, number, birth_date: None, sex: None });
        }
        return Err(refused("must be 3 letters and 12 digits"));
    }
    if number.len() != 18 {
        return Err(refused("must have 15 or 18 characters"));
    }
    // Its sequence is not said to tell the sex.
    let (birth_date, _) = eighteen(&number, today)?;
    if !number.starts_with('9') {
        return Err(refused("must begin with 9"));
    }
    Ok(Identity { kind, number, birth_date: Some(birth_date), sex: None })
}

/// Form, check character, date of birth and sex of a number as GB 11643-1999 makes it: region (6), date (8), sequence
/// (3, odd for men), check (1).
fn eighteen(number: &str, today: Date) -> Result<(Date, Sex)> {
    let bytes = number.as_bytes();
    let (Some((last, body)), 18) = (bytes.split_last(), bytes.len()) else {
        return Err(refused("must have 18 characters"));
    };
    if !body.iter().all(u8::is_ascii_digit) || !(last.is_ascii_digit() || *last == b'X') {
        return Err(refused("must be 17 digits and a digit or X"));
    }
    let sum: u32 = body.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let wanted = CHECKS.iter().zip(0_u32..).find(|(_, at)| *at == sum % 11).map(|(check, _)| check);
    if wanted != Some(last) {
        return Err(refused("has a wrong check character: a digit is mistyped"));
    }
    let digits = |range: std::ops::Range<usize>| number.get(range).and_then(|part| part.parse::<i16>().ok());
    let (year, month, day) = (digits(6..10), digits(10..12), digits(12..14));
    let birth = match (year, month, day) {
        (Some(year), Some(month), Some(day)) => {
            let (month, day) = (i8::try_from(month).unwrap_or(0), i8::try_from(day).unwrap_or(0));
            Date::new(year, month, day).ok()
        }
        _ => None,
    };
    match birth {
        None => Err(refused("holds no date that exists")),
        Some(birth) if birth > today => Err(refused("holds a date of birth in the future")),
        Some(birth) if birth < BORN_FROM => Err(refused("holds a date of birth before 1850")),
        Some(birth) => {
            let is_male = digits(14..17).is_some_and(|sequence| sequence % 2 == 1);
            Ok((birth, if is_male { Sex::Male } else { Sex::Female }))
        }
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
