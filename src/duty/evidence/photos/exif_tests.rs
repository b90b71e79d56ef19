//! What is read of EXIF, and that whatever is broken is left out.

use std::io::Cursor;

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
    let whole = samples::with_exif(
        &samples::jpeg(&samples::scene(16, 16)),
        &Tags::default()
            .orientation(6)
            .camera("Maker", "Model")
            .taken("2026:05:01 14:30:05", Some("+08:00"))
            .place(104.0, 30.0)
            .gps_time("2026:05:01", [6, 30, 4])
            .tiff(),
    );
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
