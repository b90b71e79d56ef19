//! The segment codec gives back exactly what it was given, and refuses anything else.

use super::*;
use proptest::prelude::*;

fn any_fix() -> impl Strategy<Value = Fix> {
    let place = (-1_800_000_000..=1_800_000_000i32, -900_000_000..=900_000_000i32);
    let numbers = (
        proptest::option::of(0..=100_000_000u32),
        proptest::option::of(0..=1_000_000u32),
        proptest::option::of(0..3600u16),
        proptest::option::of(-120_000..=1_000_000i32),
        proptest::option::of(0..=100u8),
        proptest::option::of(1..=43_200u32),
    );
    let raw = proptest::option::of((0..2, place.clone()));
    let times = (0..4_102_444_800_000_000i64, 0..4_102_444_800_000i64);
    (times, place, numbers, raw, 0..16u8, proptest::option::of(0..4i64)).prop_map(
        |(
            (at, received_ms),
            (lon_e7, lat_e7),
            (accuracy_dm, speed_cms, heading_ddeg, altitude_dm, battery_pct, next_within_s),
            raw,
            flags,
            source,
        )| Fix {
            at,
            received_ms,
            lon_e7,
            lat_e7,
            accuracy_dm,
            speed_cms,
            heading_ddeg,
            altitude_dm,
            battery_pct,
            next_within_s,
            source: source.map(|code| source_of(code).unwrap()),
            raw: raw.map(|(gcj, (lon_e7, lat_e7))| RawPlace {
                datum: if gcj == 0 { Datum::Gcj02 } else { Datum::Bd09 },
                lon_e7,
                lat_e7,
            }),
            flags: Flags(flags),
        },
    )
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(fixes in proptest::collection::vec(any_fix(), 0..80)) {
        let bytes = encode(&fixes);
        prop_assert_eq!(decode(&bytes).unwrap(), fixes.clone());
        let mut writer = SegmentWriter::default();
        for fix in &fixes {
            writer.push(fix);
        }
        prop_assert_eq!(writer.read(), fixes);
    }

    #[test]
    fn one_altered_bit_is_noticed(fixes in proptest::collection::vec(any_fix(), 1..20), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = encode(&fixes);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn a_cut_is_noticed(fixes in proptest::collection::vec(any_fix(), 1..20), at in any::<prop::sample::Index>()) {
        let bytes = encode(&fixes);
        prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn noise_with_a_right_checksum_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&with_checksum(noise));
    }
}

#[test]
fn a_standing_terminal_costs_less_than_ten_bytes_a_fix() {
    let mut writer = SegmentWriter::default();
    for i in 0..512i64 {
        let jitter = i * 7919 % 40_000;
        writer.push(&Fix {
            at: 1_700_000_000_000_000 + i * 10_000_000,
            received_ms: 1_700_000_000_000 + i * 10_000 + 80 + jitter / 1000,
            lon_e7: 1_195_762_000 + (i % 5) as i32,
            lat_e7: 317_472_000 - (i % 3) as i32,
            accuracy_dm: Some(50),
            speed_cms: Some(0),
            heading_ddeg: None,
            altitude_dm: Some(120),
            battery_pct: Some((100 - i / 20) as u8),
            next_within_s: Some(60),
            source: Some(FixSource::Gnss),
            raw: None,
            flags: Flags::default(),
        });
    }
    assert_eq!(writer.count(), 512);
    assert!(writer.to_bytes().len() < 512 * 10, "{}", writer.to_bytes().len());
}

#[test]
fn the_checksum_is_the_common_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}
