//! What a file is by its first bytes: a picture that is shown, one that is only kept, or no picture at all.
//!
//! Builds on the table of media types in [`rules`]; names and declared types are never believed here.

use super::super::rules;
use crate::text_enum;

/// Bytes of the beginning that are looked at.
pub const HEAD_LEN: usize = 4096;

/// The tag that makes a TIFF file a raw picture of the DNG kind.
const DNG_VERSION: u16 = 0xC612;

text_enum! {
    /// Kinds of pictures.
    pub enum Format {
        Jpeg = "jpeg",
        Png = "png",
        Webp = "webp",
        /// HEIC and its family.
        Heif = "heif",
        Avif = "avif",
        Tiff = "tiff",
        /// Raw pictures of phones and cameras.
        Dng = "dng",
        Gif = "gif",
        Bmp = "bmp",
        /// Binary, and nothing we know; some cameras write what nobody else does.
        Unknown = "unknown",
    }
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniffed {
    Picture(Format),
    /// No picture: `empty`, `text`, `program`, `archive`, `document`, `video` or `audio`.
    Foreign(&'static str),
}

impl Sniffed {
    /// The picture's kind; [`Format::Unknown`] for what is none.
    pub const fn format(self) -> Format {
        match self {
            Self::Picture(format) => format,
            Self::Foreign(_) => Format::Unknown,
        }
    }

    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Picture(format) => format.as_str(),
            Self::Foreign(what) => what,
        }
    }
}

impl Format {
    /// Whether previews can be made.
    pub const fn is_shown(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }

    /// What the name of such a file may end in.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Png => &["png"],
            Self::Webp => &["webp"],
            Self::Heif => &["heic", "heif", "hif", "heics", "heifs"],
            Self::Avif => &["avif"],
            // Most raw formats are TIFF files inside.
            Self::Tiff | Self::Dng => &[
                "tif", "tiff", "dng", "nef", "nrw", "arw", "srf", "sr2", "cr2", "pef", "orf", "rw2", "srw", "iiq",
                "3fr",
            ],
            Self::Gif => &["gif"],
            Self::Bmp => &["bmp", "dib"],
            Self::Unknown => &[],
        }
    }

    /// Its media types, the usual one first.
    pub const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["image/jpeg", "image/jpg", "image/pjpeg"],
            Self::Png => &["image/png", "image/x-png"],
            Self::Webp => &["image/webp"],
            Self::Heif => &["image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"],
            Self::Avif => &["image/avif"],
            Self::Tiff | Self::Dng => &["image/tiff", "image/x-adobe-dng", "image/dng"],
            Self::Gif => &["image/gif"],
            Self::Bmp => &["image/bmp", "image/x-ms-bmp"],
            Self::Unknown => &[],
        }
    }

    /// The kind that a name's ending claims.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let lower = extension.to_ascii_lowercase();
        Self::ALL.iter().copied().find(|format| format.extensions().contains(&lower.as_str()))
    }
}

/// Looks at the first bytes of a file.
pub fn sniff(head: &[u8]) -> Sniffed {
    use Sniffed::{Foreign, Picture};
    if head.is_empty() {
        return Foreign("empty");
    }
    let media_type = rules::media_type(head);
    // A JPEG cut off after its first bytes is still no text.
    if media_type == "image/jpeg" {
        return Picture(Format::Jpeg);
    }
    if is_text(head) {
        return Foreign("text");
    }
    if PROGRAMS.iter().any(|magic| head.starts_with(magic)) {
        return Foreign("program");
    }
    if ARCHIVES.iter().any(|magic| head.starts_with(magic)) {
        return Foreign("archive");
    }
    // Canon's raw files are of the family of MP4 without being a video.
    if head.get(4..12) == Some(b"ftypcrx ".as_slice()) {
        return Picture(Format::Unknown);
    }
    match media_type {
        "image/png" => Picture(Format::Png),
        "image/webp" => Picture(Format::Webp),
        "image/heic" | "image/heif" => Picture(Format::Heif),
        "image/avif" => Picture(Format::Avif),
        "image/tiff" if has_tag(head, DNG_VERSION) => Picture(Format::Dng),
        "image/tiff" => Picture(Format::Tiff),
        "image/gif" => Picture(Format::Gif),
        "image/bmp" => Picture(Format::Bmp),
        "application/pdf" => Foreign("document"),
        other if other.starts_with("video/") => Foreign("video"),
        other if other.starts_with("audio/") => Foreign("audio"),
        _ => Picture(Format::Unknown),
    }
}

/// Windows, Unix, Apple, Java, WebAssembly and Android programs; scripts are text.
const PROGRAMS: &[&[u8]] = &[
    b"MZ",
    b"\x7FELF",
    b"\xFE\xED\xFA\xCE",
    b"\xFE\xED\xFA\xCF",
    b"\xCE\xFA\xED\xFE",
    b"\xCF\xFA\xED\xFE",
    b"\xCA\xFE\xBA\xBE",
    b"\0asm",
    b"dex\n",
];

/// Archives, and the documents that are archives.
const ARCHIVES: &[&[u8]] = &[
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1F\x8B",
    b"BZh",
    b"\xFD7zXZ\0",
    b"\x28\xB5\x2F\xFD",
    b"7z\xBC\xAF\x27\x1C",
    b"Rar!\x1A\x07",
    b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
];

/// Text of any encoding that has no bytes for control characters: UTF-8, GBK, Latin; UTF-16 by its mark.
fn is_text(head: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | 0x1B | 0x20..=0x7E | 0x80..);
    head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") || head.iter().all(printable)
}

/// Whether the first directory of a TIFF file has this tag, as far as the head reaches.
fn has_tag(head: &[u8], tag: u16) -> bool {
    let big = head.starts_with(b"MM");
    let short = |at: usize| -> Option<u16> {
        let bytes: [u8; 2] = head.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let offset = || -> Option<usize> {
        let bytes: [u8; 4] = head.get(4..8)?.try_into().ok()?;
        usize::try_from(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }).ok()
    };
    let Some(directory) = offset() else { return false };
    let entries = usize::from(short(directory).unwrap_or(0));
    (0..entries).map_while(|n| short(directory.checked_add(2 + n * 12)?)).any(|found| found == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_bytes() {
        let files: [(&[u8], Format); 9] = [
            (b"\xFF\xD8\xFF\xE0", Format::Jpeg),
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", Format::Png),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::Webp),
            (b"\0\0\0\x18ftypheic\0\0\0\0", Format::Heif),
            (b"\0\0\0\x18ftypavif\0\0\0\0", Format::Avif),
            (b"II*\0\x08\0\0\0\0\0", Format::Tiff),
            (b"GIF89a\x01\0\x01\0", Format::Gif),
            (b"BM\x36\0\0\0\0\0\0\0", Format::Bmp),
            (b"\0\0\0\x0CJXL \r\n\x87\n", Format::Unknown),
        ];
        for (bytes, format) in files {
            assert_eq!(sniff(bytes), Sniffed::Picture(format), "{bytes:?}");
        }
    }

    #[test]
    fn a_raw_picture_is_a_tiff_with_a_certain_tag() {
        let mut dng = b"MM\0*\0\0\0\x08\0\x02".to_vec();
        for tag in [0x0100_u16, DNG_VERSION] {
            dng.extend(tag.to_be_bytes());
            dng.extend([0, 1, 0, 0, 0, 4, 1, 4, 0, 0]);
        }
        assert_eq!(sniff(&dng), Sniffed::Picture(Format::Dng));
        // A directory that lies beyond the head, or beyond everything, is no reason to fail.
        for offset in [4096_u32, u32::MAX] {
            dng[4..8].copy_from_slice(&offset.to_be_bytes());
            assert_eq!(sniff(&dng), Sniffed::Picture(Format::Tiff));
        }
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let files: [(&[u8], &str); 13] = [
            (b"", "empty"),
            (b"<!DOCTYPE html><script>alert(1)</script>", "text"),
            ("现场照片".as_bytes(), "text"),
            (b"\xCF\xD6\xB3\xA1\xD5\xD5\xC6\xAC", "text"),
            (b"\xFF\xFEa\0b\0", "text"),
            (b"GIF89a/*<script>*/=1;", "text"),
            (b"#!/bin/sh\nrm -rf /\n", "text"),
            (b"MZ\x90\0\x03\0\0\0", "program"),
            (b"\x7FELF\x02\x01\x01\0", "program"),
            (b"PK\x03\x04\x14\0\0\0", "archive"),
            (b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n\0", "document"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
            (b"OggS\0\x02\0\0", "audio"),
        ];
        for (bytes, what) in files {
            assert_eq!(sniff(bytes), Sniffed::Foreign(what), "{bytes:?}");
        }
    }
}
