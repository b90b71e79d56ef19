//! The archive of a bundle: plain POSIX tar (ustar), so that any tool opens it, written in one way only.
//!
//! Because there is one way, a reader can demand every byte: a header is what the writer makes of the same name, length
//! and time, padding and end are zeros, and nothing follows. A general tar reader looks past such bytes.

use std::io::{Read, Write};

use crate::words::error::{Error, Result};

/// Everything in a tar stands in blocks of this size.
const BLOCK: usize = 512;
/// Bytes of a name; longer ones would need an extension.
pub const NAME_MAX: usize = 100;
/// Lengths from here on do not fit eleven octal digits and are written as GNU tar does.
const OCTAL_MAX: u64 = 1 << 33;
/// No file is longer; a header that says so is none.
const SIZE_MAX: u64 = 1 << 60;

/// What goes before a file of this name, length and time (seconds).
fn header(name: &str, size: u64, time: u64) -> Vec<u8> {
    let build = |sum: &[u8]| {
        let mut out = Vec::with_capacity(BLOCK);
        field(&mut out, name.as_bytes(), NAME_MAX);
        field(&mut out, b"0000644", 8);
        field(&mut out, b"0000000", 8);
        field(&mut out, b"0000000", 8);
        if size < OCTAL_MAX {
            field(&mut out, format!("{size:011o}").as_bytes(), 12);
        } else {
            out.extend_from_slice(&[0x80, 0, 0, 0]);
            out.extend_from_slice(&size.to_be_bytes());
        }
        field(&mut out, format!("{time:011o}").as_bytes(), 12);
        field(&mut out, sum, 8);
        field(&mut out, b"0", 1);
        field(&mut out, b"", 100);
        field(&mut out, b"ustar", 6);
        field(&mut out, b"00", 2);
        field(&mut out, b"", 64);
        field(&mut out, b"0000000", 8);
        field(&mut out, b"0000000", 8);
        field(&mut out, b"", 167);
        out
    };
    // The sum is over the header with eight spaces in the place of the sum.
    let sum: u64 = build(b"        ").iter().map(|byte| u64::from(*byte)).sum();
    build(format!("{sum:06o}\0 ").as_bytes())
}

/// Appends a field of fixed width, filled up with zeros.
fn field(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let end = out.len() + width;
    out.extend_from_slice(text.get(..width).unwrap_or(text));
    out.resize(end, 0);
}

/// Zeros after a file of this length.
fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

/// Writes an archive; [`Writer::end`] makes it whole.
pub struct Writer<W> {
    out: W,
    /// Seconds since the epoch, of all files.
    time: u64,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W, time: u64) -> Self {
        Self { out, time }
    }

    /// Adds a file of exactly `size` bytes.
    pub fn add(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<()> {
        self.header(name, size)?;
        let copied = std::io::copy(&mut content.take(size), &mut self.out)?;
        if copied != size {
            return Err(Error::internal(format!("{name} ends after {copied} of {size} bytes")));
        }
        self.fill(size)
    }

    /// What goes before a file whose bytes come from elsewhere.
    pub fn header(&mut self, name: &str, size: u64) -> Result<()> {
        if name.is_empty() || name.len() > NAME_MAX || size > SIZE_MAX {
            return Err(Error::internal(format!("no file for an archive: {name:?} of {size} bytes")));
        }
        Ok(self.out.write_all(&header(name, size, self.time))?)
    }

    /// What goes behind it.
    pub fn fill(&mut self, size: u64) -> Result<()> {
        let zeros = usize::try_from(padding(size)).map_err(Error::internal)?;
        Ok(self.out.write_all(&vec![0; zeros])?)
    }

    /// Ends the archive.
    pub fn end(mut self) -> Result<()> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out.flush()?)
    }
}

/// Reads an archive and demands every byte; `each` gets name, length and content of each file and reads it to its end.
///
/// Errors, in words: what does not fit, or what `each` said.
pub fn read<R: Read>(
    input: R,
    mut each: impl FnMut(&str, u64, &mut dyn Read) -> std::result::Result<(), String>,
) -> std::result::Result<(), String> {
    let mut input = Counted { inner: input, at: 0 };
    loop {
        let at = input.at;
        let block = input.block()?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let (name, size, time) =
            parse(&block).ok_or_else(|| format!("the archive is damaged: the header at byte {at} is not one"))?;
        if header(&name, size, time) != block {
            return Err(format!("the archive is damaged: the header of {name} (at byte {at}) was changed"));
        }
        let end = input.at + size;
        each(&name, size, &mut input.by_ref().take(size))?;
        if input.at != end {
            return Err(format!("the archive is damaged: it ends within {name}"));
        }
        let mut zeros = Vec::new();
        let read = input.by_ref().take(padding(size)).read_to_end(&mut zeros).map_err(|error| error.to_string())?;
        if read as u64 != padding(size) || zeros.iter().any(|byte| *byte != 0) {
            return Err(format!("the archive is damaged: what fills up {name} (before byte {}) was changed", input.at));
        }
    }
    let at = input.at;
    let block = input.block()?;
    let mut rest = [0; 1];
    let more = input.read(&mut rest).map_err(|error| error.to_string())?;
    if block.iter().any(|byte| *byte != 0) || more > 0 {
        return Err(format!("the archive is damaged: something stands after its end (from byte {at})"));
    }
    Ok(())
}

/// Name, length and time of a header. Whether they are all that it says is seen by making it again.
fn parse(block: &[u8]) -> Option<(String, u64, u64)> {
    let name = block.get(..NAME_MAX)?.split(|byte| *byte == 0).next()?;
    let size = block.get(124..136)?;
    let size = match size {
        [0x80, 0, 0, 0, rest @ ..] => u64::from_be_bytes(rest.try_into().ok()?),
        octal => number(octal)?,
    };
    if size > SIZE_MAX {
        return None;
    }
    Some((String::from_utf8(name.to_vec()).ok()?, size, number(block.get(136..148)?)?))
}

/// Eleven octal digits and a zero byte.
fn number(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field.strip_suffix(&[0_u8])?).ok()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}

/// A reader that knows how far it is.
struct Counted<R> {
    inner: R,
    at: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<R: Read> Counted<R> {
    fn block(&mut self) -> std::result::Result<Vec<u8>, String> {
        let at = self.at;
        let mut block = vec![0; BLOCK];
        self.read_exact(&mut block).map_err(|error| format!("the archive ends at byte {at}, too early: {error}"))?;
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, 1_767_225_600);
        for (name, content) in files {
            writer.add(name, content.len() as u64, &mut &content[..]).unwrap();
        }
        writer.end().unwrap();
        out
    }

    fn unpacked(archive: &[u8]) -> std::result::Result<Vec<(String, Vec<u8>)>, String> {
        let mut files = Vec::new();
        read(archive, |name, _, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            files.push((name.to_owned(), bytes));
            Ok(())
        })?;
        Ok(files)
    }

    #[test]
    fn what_was_packed_comes_out() {
        let long = vec![7_u8; 1_300];
        let files: [(&str, &[u8]); 4] =
            [("README.txt", b"hello"), ("empty", b""), ("block", &[1; 512]), ("原件/现场.jpg", &long)];
        let archive = packed(&files);
        assert_eq!(archive.len(), (1 + 1) * 512 + 512 + (1 + 1) * 512 + (1 + 3) * 512 + 1_024);
        let out = unpacked(&archive).unwrap();
        assert_eq!(out.len(), 4);
        for ((name, content), (packed_name, packed_content)) in out.iter().zip(files) {
            assert_eq!((name.as_str(), content.as_slice()), (packed_name, packed_content));
        }
    }

    #[test]
    fn a_flipped_bit_outside_the_files_is_seen_wherever_it_is() {
        let archive = packed(&[("a", b"12345"), ("b", b"")]);
        assert_eq!(archive.len(), 512 + 512 + 512 + 1_024);
        let content = 512..517;
        for at in (0..archive.len()).filter(|at| !content.contains(at)) {
            for bit in 0..8 {
                let mut changed = archive.clone();
                changed[at] ^= 1 << bit;
                assert!(unpacked(&changed).is_err(), "bit {bit} of byte {at}");
            }
        }
        for length in 0..archive.len() {
            assert!(unpacked(&archive[..length]).is_err(), "cut after {length}");
        }
        assert!(unpacked(&[&archive[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_length_beyond_eleven_digits_is_written_as_gnu_does() {
        for size in [0, 1, OCTAL_MAX - 1, OCTAL_MAX, 1 << 40, SIZE_MAX] {
            let header = header("video.mp4", size, 12);
            assert_eq!(header.len(), BLOCK);
            assert_eq!(parse(&header), Some(("video.mp4".to_owned(), size, 12)));
        }
    }

    #[test]
    fn garbage_is_no_archive() {
        for garbage in [&b""[..], b"x", &[0; 512], &[b'x'; 4_096]] {
            assert!(unpacked(garbage).is_err());
        }
    }
}
