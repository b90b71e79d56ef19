//! Where a picture ends in its file: what is missing, and what somebody has put behind it.
//!
//! Walks the segments, chunks or boxes without decoding any; reads each byte at most once, through one buffer.

use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};

use super::sniff::Format;

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Bytes up to and with the picture's own end; none where its kind has no such mark or it was not reached.
    pub end: Option<u64>,
    /// The file stops before the picture does.
    pub truncated: bool,
}

impl Shape {
    /// Bytes behind the picture's end.
    pub fn trailing(&self, length: u64) -> u64 {
        self.end.map_or(0, |end| length.saturating_sub(end))
    }
}

/// Walks a file of `length` bytes from its beginning.
pub fn shape<R: Read + Seek>(source: &mut R, format: Format, length: u64) -> io::Result<Shape> {
    source.seek(SeekFrom::Start(0))?;
    let mut walk = Walk { source: BufReader::with_capacity(BUFFER, source), at: 0 };
    let end = match format {
        Format::Jpeg => jpeg(&mut walk)?,
        Format::Png => png(&mut walk)?,
        Format::Webp => riff(&mut walk)?,
        Format::Heif | Format::Avif => boxes(&mut walk, length)?,
        Format::Tiff | Format::Dng | Format::Gif | Format::Bmp | Format::Unknown => return Ok(Shape::default()),
    };
    // A skip may go past the end without a word.
    Ok(match end {
        Some(end) if end <= length => Shape { end: Some(end), truncated: false },
        _ => Shape { end: None, truncated: true },
    })
}

/// A reader that knows where it is.
struct Walk<R> {
    source: BufReader<R>,
    at: u64,
}

impl<R: Read + Seek> Walk<R> {
    /// The next byte; none at the end of the file.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        Ok(self.bytes::<1>()?.map(|[byte]| byte))
    }

    /// The next `N` bytes; none when there are fewer.
    fn bytes<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        match self.source.read_exact(&mut bytes) {
            Ok(()) => {
                self.at = self.at.saturating_add(N as u64);
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Goes on by so many bytes, also beyond the end.
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        self.at = self.at.saturating_add(bytes);
        match i64::try_from(bytes) {
            Ok(bytes) => self.source.seek_relative(bytes),
            Err(_beyond) => self.source.seek(SeekFrom::Start(self.at)).map(drop),
        }
    }

    /// Goes on behind the next byte of this value, or to the end.
    fn skip_past(&mut self, byte: u8) -> io::Result<()> {
        let skipped = self.source.skip_until(byte)?;
        self.at = self.at.saturating_add(skipped as u64);
        Ok(())
    }
}

/// Segments until the end-of-image mark. What lies between two of them, the coded picture among it, is passed over.
fn jpeg<R: Read + Seek>(walk: &mut Walk<R>) -> io::Result<Option<u64>> {
    loop {
        match walk.byte()? {
            None => return Ok(None),
            Some(0xFF) => {}
            Some(_) => walk.skip_past(0xFF)?,
        }
        let mut mark = walk.byte()?;
        // Any number of fill bytes may stand before a mark.
        while mark == Some(0xFF) {
            mark = walk.byte()?;
        }
        match mark {
            None => return Ok(None),
            Some(0xD9) => return Ok(Some(walk.at)),
            // A stuffed zero, a restart, the beginning: marks without a length.
            Some(0x00 | 0x01 | 0xD0..=0xD8) => {}
            Some(_) => match walk.bytes::<2>()?.map(u16::from_be_bytes) {
                Some(length @ 2..) => walk.skip(u64::from(length) - 2)?,
                _ => return Ok(None),
            },
        }
    }
}

fn png<R: Read + Seek>(walk: &mut Walk<R>) -> io::Result<Option<u64>> {
    walk.skip(8)?;
    while let Some([a, b, c, d, kind @ ..]) = walk.bytes::<8>()? {
        // The checksum follows the data.
        walk.skip(u64::from(u32::from_be_bytes([a, b, c, d])) + 4)?;
        if &kind == b"IEND" {
            return Ok(Some(walk.at));
        }
    }
    Ok(None)
}

fn riff<R: Read + Seek>(walk: &mut Walk<R>) -> io::Result<Option<u64>> {
    let Some([_, _, _, _, a, b, c, d]) = walk.bytes::<8>()? else { return Ok(None) };
    Ok(Some(8 + u64::from(u32::from_le_bytes([a, b, c, d]))))
}

/// The boxes of the family of MP4, one after the other, until the end or something that is none.
fn boxes<R: Read + Seek>(walk: &mut Walk<R>, length: u64) -> io::Result<Option<u64>> {
    while walk.at < length {
        let begin = walk.at;
        // Too little for another box: what there was is cut off.
        let Some([a, b, c, d, kind @ ..]) = walk.bytes::<8>()? else { return Ok(None) };
        if !kind.iter().all(|byte| (0x20..0x7F).contains(byte)) {
            return Ok(Some(begin));
        }
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => return Ok(Some(length)),
            1 => match walk.bytes::<8>()?.map(u64::from_be_bytes) {
                Some(size) => size,
                None => return Ok(None),
            },
            size => u64::from(size),
        };
        let end = begin.saturating_add(size);
        if end < walk.at {
            return Ok(Some(begin));
        }
        walk.skip(end - walk.at)?;
    }
    Ok(Some(walk.at))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::samples;
    use super::*;

    fn of(bytes: &[u8], format: Format) -> Shape {
        shape(&mut Cursor::new(bytes), format, bytes.len() as u64).unwrap()
    }

    #[test]
    fn whole_files_end_where_they_end() {
        let image = samples::scene(120, 90);
        let with_exif = samples::with_exif(&samples::jpeg(&image), &samples::Tags::default().orientation(6).tiff());
        for (bytes, format) in [
            (samples::jpeg(&image), Format::Jpeg),
            (with_exif, Format::Jpeg),
            (samples::png(&image), Format::Png),
            (samples::webp(&image), Format::Webp),
        ] {
            let length = bytes.len() as u64;
            assert_eq!(of(&bytes, format), Shape { end: Some(length), truncated: false }, "{format}");
        }
    }

    #[test]
    fn every_cut_is_seen_and_none_fails() {
        let image = samples::scene(40, 30);
        for (bytes, format) in [
            (samples::jpeg(&image), Format::Jpeg),
            (samples::png(&image), Format::Png),
            (samples::webp(&image), Format::Webp),
        ] {
            for cut in 12..bytes.len() {
                let shape = of(&bytes[..cut], format);
                // A WebP's odd last byte is padding that its size does not count.
                let padding = format == Format::Webp && shape.end == Some(cut as u64);
                assert!(shape.truncated || padding, "{format} cut at {cut} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn what_is_put_behind_is_counted() {
        let image = samples::scene(40, 30);
        for (mut bytes, format) in [
            (samples::jpeg(&image), Format::Jpeg),
            (samples::png(&image), Format::Png),
            (samples::webp(&image), Format::Webp),
        ] {
            let tail = b"PK\x03\x04 and the rest of an archive";
            bytes.extend(tail);
            // A WebP's padding may count as well.
            let trailing = of(&bytes, format).trailing(bytes.len() as u64);
            assert!(trailing.wrapping_sub(tail.len() as u64) < 2, "{format}: {trailing}");
        }
    }

    #[test]
    fn boxes_are_walked_to_their_end() {
        let mut heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x0Cmdat\x01\x02\x03\x04".to_vec();
        assert_eq!(of(&heic, Format::Heif), Shape { end: Some(36), truncated: false });
        assert!(of(&heic[..30], Format::Heif).truncated);
        heic.extend([0; 20]);
        assert_eq!(of(&heic, Format::Heif).trailing(56), 20);
        // A size that says nothing, and one that goes backwards.
        let endless = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0mdat\x01";
        assert_eq!(of(endless, Format::Heif).trailing(33), 0);
        assert_eq!(of(b"\0\0\0\x04ftyp", Format::Heif).end, Some(0));
    }

    #[test]
    fn noise_never_fails() {
        let mut noise = 0x9E37_79B9_u32;
        for round in 0..200 {
            let bytes: Vec<u8> = (0..300)
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (noise >> 24) as u8
                })
                .collect();
            for format in Format::ALL {
                let found = shape(&mut Cursor::new(&bytes), *format, 300);
                assert!(found.is_ok(), "{format} in round {round}");
            }
        }
    }
}
