//! Bounds, names, media types and terms. Pure.

use super::Retention;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// Characters of a file name: what common file systems take.
pub const FILENAME_MAX: usize = 255;
/// Characters of a mark's text.
pub const MARK_TEXT_MAX: usize = 500;
/// Characters of a hold's reason.
pub const REASON_MAX: usize = 500;
/// Characters of the purpose of a look.
pub const PURPOSE_MAX: usize = 200;
/// The last millisecond a mark may name where the length is not known: a day of recording.
pub const MARK_MS_MAX: i64 = 86_400_000;
/// Days an ordinary item is kept at least: six months are never longer than from 1 July to 1 January.
pub const ORDINARY_DAYS: i64 = 184;
/// Bytes from the beginning of a file by which its type is told; three packets of a transport stream.
pub const HEAD_LEN: usize = 4 * 188;
/// The type of whatever is not known; browsers save it and never run or show it.
pub const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The name of a file without any way to another folder. Errors: `invalid_field`.
pub fn filename(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > FILENAME_MAX {
        return Err(Error::field("filename", format!("must have 1 to {FILENAME_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::field("filename", "must not hold control characters"));
    }
    if matches!(name, "." | "..") || name.contains(['/', '\\']) {
        return Err(Error::field("filename", "must be a name, not a path"));
    }
    Ok(name.to_owned())
}

/// A SHA-256 in hex, in either case; lower-case after it. Errors: `invalid_field`.
pub fn sha256(text: &str) -> Result<String> {
    let fine = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fine { Ok(text.to_ascii_lowercase()) } else { Err(Error::field("sha256", "must be 64 hex digits")) }
}

/// The stretch of a mark within a recording. Errors: `invalid_field`.
pub fn mark_times(from_ms: i64, to_ms: i64, duration_ms: Option<i64>) -> Result<()> {
    let end = duration_ms.unwrap_or(MARK_MS_MAX);
    if !(0..=end).contains(&from_ms) {
        return Err(Error::field("from_ms", format!("must be between 0 and {end}")));
    }
    if !(from_ms..=end).contains(&to_ms) {
        return Err(Error::field("to_ms", format!("must be between from_ms and {end}")));
    }
    Ok(())
}

/// Until when an item of this class must be kept; `None`: for ever.
pub fn keep_until(retention: Retention, received_at: Timestamp) -> Option<Timestamp> {
    match retention {
        Retention::Ordinary => Some(received_at.plus_secs(ORDINARY_DAYS * 86_400)),
        Retention::Case | Retention::Obstruction | Retention::Major | Retention::Complex => None,
    }
}

/// Whether a session's end for this reason casts doubt on what comes from it later.
pub fn is_revocation(end_reason: &str) -> bool {
    matches!(end_reason, "device_revoked" | "person_disabled" | "refresh_reused")
}

/// What a file is, by its first [`HEAD_LEN`] bytes.
///
/// A closed table and not a crate: everything that is served has to be on it, so that no page and no script ever leaves
/// under a type of its own; and cameras' transport streams and odd brands of MP4 are what the crates do not know.
pub fn media_type(head: &[u8]) -> &'static str {
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    if at(4, b"ftyp") {
        return brand(head.get(8..12).unwrap_or_default());
    }
    if at(0, b"RIFF") {
        return match head.get(8..12) {
            Some(b"WEBP") => "image/webp",
            Some(b"AVI ") => "video/x-msvideo",
            Some(b"WAVE") => "audio/wav",
            _ => UNKNOWN_TYPE,
        };
    }
    if at(0, b"\x1A\x45\xDF\xA3") {
        let web = head.windows(4).take(64).any(|four| four == b"webm");
        return if web { "video/webm" } else { "video/x-matroska" };
    }
    // Every packet of a transport stream begins with the same byte.
    if at(0, b"\x47") && at(188, b"\x47") && at(376, b"\x47") {
        return "video/mp2t";
    }
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map_or(UNKNOWN_TYPE, |(_, name)| *name)
}

/// Files that begin with the same bytes always.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"\x89PNG\r\n\x1A\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"\0\0\x01\xBA", "video/mpeg"),
    (b"FLV\x01", "video/x-flv"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xFF\xFB", "audio/mpeg"),
    (b"\xFF\xF3", "audio/mpeg"),
    (b"\xFF\xF1", "audio/aac"),
    (b"\xFF\xF9", "audio/aac"),
    (b"#!AMR", "audio/amr"),
    (b"PK\x03\x04", "application/zip"),
    (b"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"),
];

/// The members of the family of files that begin with a box `ftyp`, by the brand in it.
fn brand(brand: &[u8]) -> &'static str {
    match brand {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => "image/heic",
        b"mif1" | b"msf1" => "image/heif",
        b"avif" | b"avis" => "image/avif",
        b"qt  " => "video/quicktime",
        b"M4A " | b"M4B " => "audio/mp4",
        _ if brand.starts_with(b"3g") => "video/3gpp",
        _ => "video/mp4",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_and_no_way() {
        for good in ["IMG_0001.jpg", "现场照片 1.jpg", ".hidden", "a..b", &"名".repeat(255)] {
            assert_eq!(filename(good).unwrap(), good);
        }
        assert_eq!(filename("  x.jpg ").unwrap(), "x.jpg");
        for bad in ["", "  ", ".", "..", "../x", "a/b", "C:\\x.jpg", "a\0b", "a\nb", &"n".repeat(256)] {
            assert!(filename(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_hash_has_64_digits() {
        assert_eq!(sha256(&"AB".repeat(32)).unwrap(), "ab".repeat(32));
        for bad in [String::new(), "a".repeat(63), "g".repeat(64), "é".repeat(32)] {
            assert!(sha256(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn marks_lie_in_the_recording() {
        assert!(mark_times(0, 0, None).is_ok() && mark_times(5, 90, Some(90)).is_ok());
        for (from, to, length) in
            [(-1, 0, None), (5, 4, None), (0, 91, Some(90)), (91, 91, Some(90)), (0, i64::MAX, None)]
        {
            assert!(mark_times(from, to, length).is_err(), "{from} {to}");
        }
    }

    #[test]
    fn six_months_are_the_floor_and_the_classes_stay() {
        // From 1 July 2026 on, the longest six months there are.
        let received = Timestamp::parse("2026-07-01T00:00:00Z").unwrap();
        let until = keep_until(Retention::Ordinary, received).unwrap();
        assert!(until >= Timestamp::parse("2027-01-01T00:00:00Z").unwrap());
        for forever in Retention::ALL.iter().filter(|class| **class != Retention::Ordinary) {
            assert_eq!(keep_until(*forever, received), None);
        }
    }

    #[test]
    fn types_are_told_by_their_bytes() {
        let mut stream = vec![0_u8; 400];
        for at in [0, 188, 376] {
            stream[at] = 0x47;
        }
        let files: [(&[u8], &str); 14] = [
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "image/jpeg"),
            (b"\x89PNG\r\n\x1A\n\0\0", "image/png"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"RIFF\x10\0\0\0AVI LIST", "video/x-msvideo"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "image/heif"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
            (b"\0\0\0\x18ftypHIKV\0\0\0\0", "video/mp4"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
            (b"\x1A\x45\xDF\xA3\x9F\x42\x82\x84webm", "video/webm"),
            (b"MM\0*\0\0", "image/tiff"),
            (b"%PDF-1.7", "application/pdf"),
            (&stream, "video/mp2t"),
            (b"", UNKNOWN_TYPE),
        ];
        for (bytes, expected) in files {
            assert_eq!(media_type(bytes), expected);
        }
    }

    #[test]
    fn nothing_that_a_browser_would_run_has_a_type() {
        let pages: [&[u8]; 7] = [
            b"<!DOCTYPE html><script>alert(1)</script>",
            b"<html>",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>",
            b"<?xml version=\"1.0\"?><x/>",
            b"#!/bin/sh",
            b"GIF88a<script>",
            b"G only one sync byte of a stream",
        ];
        for page in pages {
            assert_eq!(media_type(page), UNKNOWN_TYPE);
        }
        for (_, name) in MAGIC {
            assert!(!name.starts_with("text/") && !name.contains("script") && !name.contains("xml"), "{name}");
        }
    }
}
