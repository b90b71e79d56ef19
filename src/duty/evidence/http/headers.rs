//! What a download is asked with and answered with: `Range`, `If-Range`, `Content-Disposition`. Pure.

use std::fmt::Write as _;

/// What of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    /// From the first to the last byte, both included.
    Part {
        first: u64,
        last: u64,
    },
    /// A part that the file does not have.
    Beyond,
}

/// Reads a `Range` header for a file of `size` bytes (RFC 9110, section 14).
///
/// Several ranges at once, other units and what is malformed are answered with the whole file, as the standard allows.
pub fn range(header: Option<&str>, size: u64) -> Wanted {
    let Some((unit, set)) = header.and_then(|text| text.split_once('=')) else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    let end = size.saturating_sub(1);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if last < first => Wanted::Whole,
        (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => Wanted::Beyond,
        (Some(first), Some(last)) => Wanted::Part { first, last: last.min(end) },
        (Some(first), None) if last.is_empty() => Wanted::Part { first, last: end },
        (None, Some(count)) if first.is_empty() => {
            if count == 0 || size == 0 {
                Wanted::Beyond
            } else {
                Wanted::Part { first: size.saturating_sub(count), last: end }
            }
        }
        _ => Wanted::Whole,
    }
}

/// Digits only; more of them than fit mean "very far".
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether a part may be sent: what the client has of the file is of the same content. A date never says so.
pub fn is_same(if_range: Option<&str>, etag: &str) -> bool {
    if_range.is_none_or(|text| text.trim() == etag)
}

/// `Content-Disposition` for saving under this name (RFC 6266): a plain form for old clients, and the true one.
pub fn disposition(filename: &str) -> String {
    let plain: String = filename
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | '/') || c == ' ' { c } else { '_' })
        .collect();
    let mut out = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in filename.bytes() {
        // The attr-char of RFC 8187; everything else is spelt out.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part { first, last }
    }

    #[test]
    fn ranges_as_players_send_them() {
        for (text, expected) in [
            ("bytes=0-499", part(0, 499)),
            ("bytes=500-", part(500, 999)),
            ("bytes=-200", part(800, 999)),
            ("bytes=-5000", part(0, 999)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=999-999", part(999, 999)),
            ("bytes=990-5000", part(990, 999)),
            ("Bytes = 1-2", part(1, 2)),
            ("bytes=0-99999999999999999999999", part(0, 999)),
            ("bytes=1000-", Wanted::Beyond),
            ("bytes=1000-2000", Wanted::Beyond),
            ("bytes=99999999999999999999999-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=1-b", Wanted::Whole),
            ("bytes=2000-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=--1", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(range(Some(text), 1000), expected, "{text}");
        }
        assert_eq!(range(None, 1000), Wanted::Whole);
        assert_eq!((range(Some("bytes=0-"), 0), range(Some("bytes=-1"), 0)), (Wanted::Beyond, Wanted::Beyond));
    }

    #[test]
    fn only_the_same_content_is_continued() {
        assert!(is_same(None, "\"a\"") && is_same(Some("\"a\""), "\"a\""));
        for other in ["\"b\"", "W/\"a\"", "Wed, 21 Oct 2026 07:28:00 GMT", ""] {
            assert!(!is_same(Some(other), "\"a\""), "{other}");
        }
    }

    #[test]
    fn names_are_spelt_safely() {
        assert_eq!(
            disposition("现场 1.jpg"),
            "attachment; filename=\"__ 1.jpg\"; filename*=UTF-8''%E7%8E%B0%E5%9C%BA%201.jpg"
        );
        assert_eq!(
            disposition("a\"b\\c;d%.mp4"),
            "attachment; filename=\"a_b_c;d_.mp4\"; filename*=UTF-8''a%22b%5Cc%3Bd%25.mp4"
        );
        assert!(disposition("x'y*z").ends_with("''x%27y%2Az"));
    }

    proptest! {
        #[test]
        fn a_part_always_lies_within_the_file(text in "\\PC{0,24}|bytes=[0-9]{0,20}-[0-9]{0,20}", size in 0_u64..5000) {
            if let Wanted::Part { first, last } = range(Some(&text), size) {
                prop_assert!(first <= last && last < size);
            }
        }

        #[test]
        fn any_name_makes_a_header(name in "\\PC{0,60}|[\\x00-\\x7f]{0,20}") {
            let text = disposition(&name);
            prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(text.matches('"').count(), 2);
        }
    }
}
