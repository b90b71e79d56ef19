//! Everything that is learnt of a photo without decoding it. Blocking: runs behind the [`super::Gate`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::exif::{self, Exif};
use super::shape::{self, Shape};
use super::sniff::{self, Sniffed};

/// Bytes of a file whose EXIF is read: of a TIFF the reader holds all.
const EXIF_FILE_MAX: u64 = 128 * 1024 * 1024;

/// What was learnt.
#[derive(Clone, Debug)]
pub struct Examined {
    pub is: Sniffed,
    pub shape: Shape,
    /// What the bytes behind the picture's end begin with.
    pub tail: &'static str,
    pub exif: Exif,
    pub length: u64,
}

/// Reads a file from its beginning. Errors: those of the disk only.
pub fn examine(mut file: File) -> io::Result<Examined> {
    let length = file.metadata()?.len();
    let head = read_at(&mut file, 0, sniff::HEAD_LEN)?;
    let is = sniff::sniff(&head);
    let shape = shape::shape(&mut file, is.format(), length)?;
    let tail = match shape.end {
        Some(end) if end < length => sniff::sniff(&read_at(&mut file, end, sniff::HEAD_LEN)?).as_str(),
        _ => "",
    };
    let exif = if length <= EXIF_FILE_MAX && matches!(is, Sniffed::Picture(_)) {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        // What the camera wrote is worth less than the rest of what is known of the photo.
        catch_unwind(AssertUnwindSafe(|| exif::read(&mut reader))).unwrap_or_default()
    } else {
        Exif::default()
    };
    Ok(Examined { is, shape, tail, exif, length })
}

fn read_at(file: &mut File, from: u64, most: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, Tags};
    use super::super::sniff::Format;
    use super::*;

    fn of(name: &str, bytes: &[u8]) -> Examined {
        let path = std::env::temp_dir().join(format!("suixing-examine-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let examined = examine(File::open(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        examined
    }

    #[test]
    fn a_photo_with_something_behind_it() {
        let mut bytes = samples::with_exif(
            &samples::jpeg(&samples::scene(64, 48)),
            &Tags::default().orientation(8).place(104.0, 30.0).tiff(),
        );
        let whole = of("whole", &bytes);
        assert_eq!((whole.is, whole.tail), (Sniffed::Picture(Format::Jpeg), ""));
        assert_eq!((whole.exif.orientation, whole.exif.position.is_some()), (Some(8), true));
        bytes.extend(b"PK\x03\x04\x14\0\0\0 an archive");
        let polyglot = of("polyglot", &bytes);
        assert_eq!((polyglot.tail, polyglot.shape.trailing(polyglot.length)), ("archive", 19));
        assert!(of("cut", &bytes[..200]).shape.truncated);
    }

    #[test]
    fn what_is_no_picture_is_examined_too() {
        for bytes in [b"".as_slice(), b"text only\n", b"\x7FELF\x02\x01\x01\0\0\0"] {
            let examined = of("foreign", bytes);
            assert!(matches!(examined.is, Sniffed::Foreign(_)));
            assert_eq!(examined.exif, Exif::default());
        }
    }
}
