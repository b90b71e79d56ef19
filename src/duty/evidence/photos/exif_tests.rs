//! What is read of EXIF, and that whatever is broken is left out.

use std::io::Cursor;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::exif::{Exif, Taken, read};
use super::samples::{self, Tags};
use crate::words::time::Timestamp;

fn of(tags: &Tags) -> Exif {
    read(&mut Cursor::new(samples::with_exif(&samples::jpeg(&samples::scene(16, 16)), &tags.tiff())))
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn time_place_camera_and_orientation_are_read() {
    let read = of(&Tags::default()
        .orientation(6)
        .camera("HUAWEI ", "ALN-AL00")
        .taken("2026:05:01 14:30:05", Some("+08:00"))
        .place(104.0665, 30.6595)
        .gps_time("2026:05:01", [6, 30, 4]));
    assert_eq!(read.orientation, Some(6));
    assert_eq!((read.make.as_deref(), read.model.as_deref()), (Some("HUAWEI"), Some("ALN-AL00")));
    assert_eq!(read.taken, Some(Taken { at: at("2026-05-01T06:30:05Z"), zone_stated: true }));
    assert_eq!(read.gps_at, Some(at("2026-05-01T06:30:04Z")));
    let place = read.position.unwrap();
    assert!((place.lon - 104.0665).abs() < 1e-6 && (place.lat - 30.6595).abs() < 1e-6, "{place:?}");
}

#[test]
fn without_a_zone_china_is_assumed_and_said() {
    let read = of(&Tags::default().taken("2026:05:01 14:30:05", None));
    assert_eq!(read.taken, Some(Taken { at: at("2026-05-01T06:30:05Z"), zone_stated: false }));
    let elsewhere = of(&Tags::default().taken("2026:05:01 14:30:05", Some("-03:30")));
    assert_eq!(elsewhere.taken, Some(Taken { at: at("2026-05-01T18:00:05Z"), zone_stated: true }));
}

#[test]
fn south_and_west_are_negative() {
    let place = of(&Tags::default().place(-70.25, -33.5)).position.unwrap();
    assert!((place.lon + 70.25).abs() < 1e-6 && (place.lat + 33.5).abs() < 1e-6, "{place:?}");
}

#[test]
fn what_is_impossible_is_left_out() {
    let blank = of(&Tags::default().taken("    :  :     :  :  ", None));
    assert_eq!(blank, Exif::default());
    for time in
        ["2026:13:01 00:00:00", "2026:02:30 00:00:00", "0000:00:00 00:00:00", "yesterday", "1969:12:31 00:00:00"]
    {
        assert_eq!(of(&Tags::default().taken(time, None)).taken, None, "{time}");
    }
    assert_eq!(of(&Tags::default().place(0.0, 0.0)).position, None, "no fix");
    assert_eq!(of(&Tags::default().place(200.0, 95.0)).position, None, "not on earth");
    assert_eq!(of(&Tags::default().orientation(9)).orientation, None);
    assert_eq!(of(&Tags::default().gps_time("2026:05:01", [99, 0, 0])).gps_at, None);
    // A position by numbers of another type, and a directory that ends nowhere.
    let odd = of(&Tags::default().orientation(3).raw(0x8825, 2, 4, b"abc\0").raw(0x010F, 2, 900, b"far away"));
    assert_eq!(odd.position, None);
}

#[test]
fn broken_blocks_never_fail() {
    let whole = whole();
    for cut in 0..whole.len().min(500) {
        read(&mut Cursor::new(&whole[..cut]));
    }
    for flip in 0..400 {
        for bits in [0x01_u8, 0x80, 0xFF] {
            let mut bad = whole.clone();
            bad[flip] ^= bits;
            read(&mut Cursor::new(bad));
        }
    }
}

fn whole() -> Vec<u8> {
    let tags = Tags::default()
        .orientation(6)
        .camera("Maker", "Model")
        .taken("2026:05:01 14:30:05", Some("+08:00"))
        .place(104.0, 30.0)
        .gps_time("2026:05:01", [6, 30, 4]);
    samples::with_exif(&samples::jpeg(&samples::scene(16, 16)), &tags.tiff())
}

/// Whatever was read is something that can be: no reader of it looks twice.
fn sane(read: &Exif) -> Result<(), TestCaseError> {
    prop_assert!(read.orientation.is_none_or(|number| (1..=8).contains(&number)));
    for name in [&read.make, &read.model].into_iter().flatten() {
        prop_assert!((1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control), "{name:?}");
    }
    if let Some(place) = read.position {
        prop_assert!(place.lon.abs() <= 180.0 && place.lat.abs() <= 90.0, "{place:?}");
    }
    for at in [read.taken.map(|taken| taken.at), read.gps_at].into_iter().flatten() {
        prop_assert!(at.as_micros() >= 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_change_is_read_or_left_out(
        changes in proptest::collection::vec((0..420_usize, any::<u8>()), 0..12),
        cut in proptest::option::of(0..500_usize)
    ) {
        let mut bytes = WHOLE.clone();
        for (at, value) in changes {
            bytes[at] = value;
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        sane(&read(&mut Cursor::new(bytes)))?;
    }

    /// The same of directories that point anywhere, into themselves among others: four bytes are an address.
    #[test]
    fn any_address_is_followed_or_left_out(
        at in 0..100_usize, address in any::<u32>(), near in 0..420_u32, far in any::<bool>()
    ) {
        let mut bytes = WHOLE.clone();
        // Behind the marks: begin, segment, length, `Exif`, then the block.
        let at = 12 + at * 4;
        let address = if far { address } else { near };
        bytes[at..at + 4].copy_from_slice(&address.to_be_bytes());
        sane(&read(&mut Cursor::new(bytes)))?;
    }

    #[test]
    fn any_bytes_are_read_or_left_out(bytes in proptest::collection::vec(any::<u8>(), 0..400), order in any::<bool>()) {
        let tiff = [if order { b"MM\0*\0\0\0\x08".as_slice() } else { b"II*\0\x08\0\0\0" }, &bytes].concat();
        sane(&read(&mut Cursor::new(&tiff)))?;
        sane(&read(&mut Cursor::new(samples::with_exif(b"\xFF\xD8\xFF\xD9", &tiff))))?;
        sane(&read(&mut Cursor::new(bytes)))?;
    }
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(whole);

/// Of so many pictures of real cameras at least; else the reading has become worse.
const REAL: [(&str, usize); 4] = [("taken", 48), ("camera", 48), ("orientation", 57), ("place", 2)];

#[test]
#[ignore = "needs pictures of real cameras: scripts/test --only corpus"]
fn real_pictures_say_when_where_and_with_what() {
    let folders = std::env::var("SUIXING_PICTURES").expect("SUIXING_PICTURES names folders with pictures");
    let mut counts = [0; REAL.len()];
    let mut all = 0;
    for folder in folders.split(':') {
        for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}")) {
            let path = entry.unwrap().path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let read = read(&mut Cursor::new(bytes));
            sane(&read).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let facts =
                [read.taken.is_some(), read.model.is_some(), read.orientation.is_some(), read.position.is_some()];
            for (count, fact) in counts.iter_mut().zip(facts) {
                *count += usize::from(fact);
            }
            all += 1;
        }
    }
    eprintln!("of {all} files: {:?}", REAL.iter().map(|(what, _)| what).zip(counts).collect::<Vec<_>>());
    for ((what, least), count) in REAL.iter().zip(counts) {
        assert!(count >= *least, "only {count} of {all} say their {what}");
    }
}
