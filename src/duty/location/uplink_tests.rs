//! The binary frame gives back what was sent, to the units it states, and refuses everything else in words.

use super::*;
use crate::duty::location::fix::{Fix, FixSource};
use crate::words::geo::Datum;
use proptest::prelude::*;
use serde::Deserialize;

/// Written by an encoder in another language from the documented layout.
#[derive(Deserialize)]
struct Golden {
    what: String,
    n: u64,
    fixes: Vec<FixIn>,
    hex: String,
}

fn golden() -> Vec<Golden> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/binary/client.fixes.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// As stored, which is what must not depend on the form.
fn kept(fixes: &[FixIn]) -> Vec<Fix> {
    fixes.iter().map(|fix| Fix::take(fix, Timestamp::from_micros(0)).unwrap()).collect()
}

#[test]
fn golden_frames_are_read_and_written() {
    let all = golden();
    assert!(all.len() >= 5);
    for example in all {
        let frame = decode(&bytes(&example.hex)).unwrap();
        assert_eq!(frame.n, example.n, "{}", example.what);
        assert_eq!(kept(&frame.fixes), kept(&example.fixes), "{}", example.what);
        let written = encode(example.n, &example.fixes);
        assert_eq!(written, bytes(&example.hex), "{}", example.what);
    }
}

#[test]
fn an_acknowledgement_comes_back() {
    for up_to in [1, 127, 128, u64::MAX] {
        assert_eq!(decode_ack(&encode_ack(up_to)), Ok(up_to));
    }
    assert_eq!(encode_ack(300), [0x03, 0xac, 0x02]);
    assert!(decode_ack(&[]).is_err() && decode_ack(&[0x03]).is_err());
    assert!(decode_ack(&[0x03, 1, 0]).is_err() && decode_ack(&[0x02, 1]).is_err());
}

#[test]
fn what_is_wrong_is_said_and_under_which_counter() {
    let whole = encode(9, &golden().remove(1).fixes);
    let why = |bytes: &[u8]| decode(bytes).map(|frame| frame.fixes.len()).unwrap_err();
    assert_eq!(why(&[]), Unreadable { n: None, why: "cut short" });
    assert_eq!(why(&[0x12, 1, 0]), Unreadable { n: None, why: "unknown kind of frame" });
    assert_eq!(why(&[FIXES, 0x80]), Unreadable { n: None, why: "cut short" });
    assert_eq!(why(&[FIXES, 9, 200, 1, 0, 0, 0, 0]), Unreadable { n: Some(9), why: "fewer bytes than fixes" });
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(why(&longer), Unreadable { n: Some(9), why: "bytes left over" });
    for end in 2..whole.len() {
        assert_eq!(why(&whole[..end]).n, Some(9), "{end}");
    }
    let one = |fix: &[u8]| [&[FIXES, 9, 1], fix].concat();
    assert_eq!(why(&one(&[0x80, 2, 0, 0, 0])).why, "mask");
    assert_eq!(why(&one(&[64, 0, 0, 0, 1 + 2 * 9])).why, "unknown source");
    assert_eq!(why(&one(&[0x80, 1, 0, 0, 0, 1 + 2 * 9])).why, "unknown datum");
    let beyond = one(&[&[0][..], &encode(0, &[])[..0], &[0xff; 9], &[1], &[0, 0]].concat());
    assert_eq!(why(&beyond).why, "time out of range");
}

#[test]
fn what_the_rules_refuse_is_refused_fix_by_fix_as_in_json() {
    let mut fixes = golden().remove(1).fixes;
    fixes[1].lat = 91.0;
    fixes[2].at = Timestamp::from_micros(-5_000_000);
    let frame = decode(&encode(1, &fixes)).unwrap();
    let taken: Vec<Option<&str>> =
        frame.fixes.iter().map(|fix| Fix::take(fix, Timestamp::EPOCH).err().map(|bad| bad.field)).collect();
    assert_eq!(taken, [None, Some("lat"), Some("at")]);
}

fn any_fix() -> impl Strategy<Value = FixIn> {
    let numbers = (
        proptest::option::of(0..=100_000_000i64),
        proptest::option::of(0..=1_000_000i64),
        proptest::option::of(0..=3_600i64),
        proptest::option::of(-120_000..=1_000_000i64),
        proptest::option::of(0..=100i64),
        proptest::option::of(1..=43_200i64),
    );
    let place = (-180_000_000..=180_000_000i64, -90_000_000..=90_000_000i64);
    let sources = prop::sample::select(vec![FixSource::Gnss, FixSource::Network, FixSource::Fused, FixSource::Manual]);
    let datums = prop::sample::select(vec![Datum::Wgs84, Datum::Gcj02, Datum::Bd09]);
    (0..=LAST_MS, place, numbers, proptest::option::of(sources), proptest::option::of(datums)).prop_map(
        |(ms, (lon, lat), (accuracy, speed, heading, altitude, battery, next), source, datum)| FixIn {
            at: Timestamp::from_micros(ms * 1_000),
            lon: lon as f64 / 1e6,
            lat: lat as f64 / 1e6,
            accuracy_m: accuracy.map(|v| v as f64 / 10.0),
            speed_mps: speed.map(|v| v as f64 / 100.0),
            heading_deg: heading.map(|v| v as f64 / 10.0),
            altitude_m: altitude.map(|v| v as f64 / 10.0),
            battery_pct: battery.map(|v| v as f64),
            datum,
            next_within_s: next.map(|v| v as f64),
            source,
            author: None,
        },
    )
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(n in any::<u64>(), fixes in prop::collection::vec(any_fix(), 0..60)) {
        let frame = decode(&encode(n, &fixes)).unwrap();
        prop_assert_eq!(frame.n, n);
        prop_assert_eq!(kept(&frame.fixes), kept(&fixes));
    }

    #[test]
    fn anything_else_is_an_error_and_nothing_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        fixes in prop::collection::vec(any_fix(), 1..20),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        drop(decode(&bytes));
        drop(decode(&[&[FIXES][..], &bytes].concat()));
        let mut spoiled = encode(3, &fixes);
        let end = at.index(spoiled.len());
        prop_assert!(decode(&spoiled[..end]).is_err(), "cut off at {}", end);
        spoiled[end] ^= flip;
        if let Ok(frame) = decode(&spoiled) {
            prop_assert!(frame.fixes.len() <= spoiled.len() / MIN_FIX_BYTES);
        }
    }
}
