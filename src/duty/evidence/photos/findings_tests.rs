//! The differences that are told, those that are not, and the words.

use serde_json::{Value, json};

use super::decode::Refusal;
use super::exif::{Exif, Taken};
use super::findings::{self, Finding, FindingCode, camera_clock, device_differs, place, text, wrong_extension};
use super::sniff::{Format, Sniffed};
use crate::duty::location::fix::{Fix, FixIn, Flags};
use crate::words::geo::Position;
use crate::words::ids::DeviceId;
use crate::words::time::Timestamp;

const HERE: Position = Position { lon: 104.0665, lat: 30.6595 };

fn noon() -> Timestamp {
    Timestamp::parse("2026-05-01T04:00:00Z").unwrap()
}

fn exif(taken: Timestamp, zone_stated: bool) -> Exif {
    Exif { taken: Some(Taken { at: taken, zone_stated }), ..Exif::default() }
}

fn english(finding: &Finding) -> String {
    text(finding.code.as_str(), &finding.detail, true)
}

fn chinese(finding: &Finding) -> String {
    text(finding.code.as_str(), &finding.detail, false)
}

fn difference(finding: &Finding) -> i64 {
    finding.detail["difference_s"].as_i64().unwrap()
}

#[test]
fn a_minute_is_nothing_and_nine_are_said() {
    let arrived = noon().plus_secs(5);
    for apart in [0, 59, 60, -60] {
        assert_eq!(camera_clock(&exif(noon().plus_secs(apart), true), noon(), noon().plus_secs(600)), None, "{apart}");
    }
    let slow = camera_clock(&exif(noon().plus_secs(-540), true), noon(), arrived).unwrap();
    assert_eq!((slow.code, difference(&slow)), (FindingCode::CameraClock, -540));
    assert_eq!(english(&slow), "camera clock 9 min slow");
    assert_eq!(chinese(&slow), "相机时钟慢 9 分钟");
    let fast = camera_clock(&exif(noon().plus_secs(61), true), noon(), noon().plus_secs(600)).unwrap();
    assert_eq!(english(&fast), "camera clock 61 s fast");
    assert_eq!(camera_clock(&Exif::default(), noon(), arrived), None);
}

#[test]
fn an_assumed_zone_is_said() {
    let hours = camera_clock(&exif(noon().plus_secs(-3 * 3600 - 1200), false), noon(), noon()).unwrap();
    assert_eq!(english(&hours), "camera clock 3 h 20 min slow (the photo names no time zone; +08:00 assumed)");
    assert_eq!(chinese(&hours), "相机时钟慢 3 小时 20 分钟（照片未注明时区，按 +08:00 计）");
    let days = camera_clock(&exif(noon().plus_secs(-12 * 86_400), true), noon(), noon()).unwrap();
    assert_eq!(english(&days), "camera clock 12 days slow");
}

#[test]
fn nothing_is_taken_after_it_arrived() {
    // The terminal's own clock is as wrong as the camera's: only the server's tells.
    let (claimed, arrived) = (noon().plus_secs(3600), noon());
    let fast = camera_clock(&exif(claimed, true), claimed, arrived).unwrap();
    assert_eq!(fast.detail["compared_to"], "received_at");
    assert_eq!(english(&fast), "camera clock 60 min fast");
    // Delivered hours later is no difference.
    assert_eq!(camera_clock(&exif(noon(), true), noon(), noon().plus_secs(7200)), None);
}

fn fix(east_m: f64, seconds: i64) -> Fix {
    let at = HERE.moved(east_m, 0.0);
    let input: FixIn =
        serde_json::from_value(json!({ "at": noon().plus_secs(seconds), "lon": at.lon, "lat": at.lat })).unwrap();
    Fix::take(&input, noon()).unwrap()
}

fn track(fixes: &[Fix]) -> Vec<(DeviceId, Fix)> {
    let device = DeviceId::new();
    fixes.iter().map(|fix| (device, *fix)).collect()
}

#[test]
fn the_track_is_read_between_its_fixes() {
    // He walked a kilometre east in ten minutes; at noon he was half way.
    let walk = track(&[fix(0.0, -300), fix(1000.0, 300)]);
    assert_eq!(place(HERE.moved(500.0, 0.0), &walk, noon()), None);
    assert_eq!(place(HERE.moved(590.0, 0.0), &walk, noon()), None);
    let off = place(HERE.moved(500.0, 420.0), &walk, noon()).unwrap();
    assert_eq!(off.code, FindingCode::OffTrack);
    assert!((off.detail["distance_m"].as_f64().unwrap() - 420.0).abs() <= 1.0, "{off:?}");
    assert_eq!(english(&off), "420 m from the officer's track");
    assert_eq!(chinese(&off), "距民警轨迹 420 米");
    let far = place(HERE.moved(500.0, 4200.0), &walk, noon()).unwrap();
    assert_eq!(english(&far), "4.2 km from the officer's track");
}

#[test]
fn one_fix_holds_for_two_minutes_and_a_gap_is_no_track() {
    assert_eq!(place(HERE, &track(&[fix(0.0, -120)]), noon()), None);
    for silent in [vec![], vec![fix(0.0, -121)], vec![fix(0.0, -400), fix(0.0, 400)]] {
        let none = place(HERE, &track(&silent), noon()).unwrap();
        assert_eq!(none.code, FindingCode::NoTrack, "{silent:?}");
        assert!(!english(&none).is_empty() && !chinese(&none).is_empty());
    }
    // Far apart in time, but one of the two is near.
    assert_eq!(place(HERE, &track(&[fix(0.0, -30), fix(9000.0, 4000)]), noon()), None);
}

#[test]
fn wrong_fixes_do_not_count_and_one_of_two_devices_is_enough() {
    let mut zero = fix(9000.0, 0);
    zero.flags = Flags::IMPOSSIBLE;
    assert_eq!(place(HERE, &track(&[fix(0.0, -20), zero, fix(0.0, 20)]), noon()), None);
    let mut two = track(&[fix(0.0, 0)]);
    two.extend(track(&[fix(5000.0, 0)]));
    assert_eq!(place(HERE, &two, noon()), None, "the car stands elsewhere");
}

#[test]
fn another_maker_is_told_and_a_number_is_not() {
    let camera = |make: &str, model: &str| Exif {
        make: Some(make.to_owned()),
        model: Some(model.to_owned()),
        ..Exif::default()
    };
    let differs = device_differs(&camera("Apple", "iPhone 15"), "HUAWEI 警务通 0173").unwrap();
    assert_eq!(english(&differs), "taken with Apple iPhone 15, delivered by HUAWEI 警务通 0173");
    for (make, model, device) in [
        ("HUAWEI", "ALN-AL00", "Huawei Mate 60"),
        ("HONOR", "X50", "华为 HUAWEI 0173"),
        ("Apple", "iPhone 15", "handheld 0173"),
        ("", "", "HUAWEI 0173"),
    ] {
        assert_eq!(device_differs(&camera(make, model), device), None, "{make} {device}");
    }
}

#[test]
fn names_are_held_against_the_bytes() {
    let jpeg = Sniffed::Picture(Format::Jpeg);
    for (name, declared) in [
        ("IMG_1.JPG", Some("image/jpeg")),
        ("IMG_1.jpeg", Some("image/jpg; charset=binary")),
        ("IMG_1", Some("application/octet-stream")),
        ("现场.第2张", None),
        ("2026.05.01", None),
        (".jpg", None),
    ] {
        assert_eq!(wrong_extension(name, declared, jpeg), None, "{name}");
    }
    let named = wrong_extension("现场.png", None, jpeg).unwrap();
    assert_eq!(named.detail, json!({ "is": "jpeg", "name_says": "png", "type_says": null }));
    assert_eq!(english(&named), "named png, but the bytes are jpeg");
    assert_eq!(chinese(&named), "名称或类型为 png，实际内容为 jpeg");
    let declared = wrong_extension("a.jpg", Some("image/png"), jpeg).unwrap();
    assert_eq!(english(&declared), "named image/png, but the bytes are jpeg");
    assert!(wrong_extension("a.exe", None, jpeg).is_some());
    // A raw file is a TIFF inside; what nobody knows may be called anything that nobody knows.
    assert_eq!(wrong_extension("a.nef", None, Sniffed::Picture(Format::Tiff)), None);
    let unknown = Sniffed::Picture(Format::Unknown);
    assert_eq!(wrong_extension("a.raf", Some("image/x-fuji-raf"), unknown), None);
    assert!(wrong_extension("a.jpg", None, unknown).is_some());
    // By the resumable way anything may call itself a photo.
    assert!(wrong_extension("a.jpg", None, Sniffed::Foreign("text")).is_some());
    assert_eq!(wrong_extension("a.txt", Some("text/plain"), Sniffed::Foreign("text")), None);
}

#[test]
fn every_code_has_words_in_both_languages() {
    let picture = Sniffed::Picture(Format::Heif);
    let all = [
        findings::trailing_bytes(31, "archive").unwrap(),
        findings::truncated(1000),
        findings::not_decodable(picture, "heif is not decoded"),
        findings::refused(picture, &Refusal::TooLarge(Some((60_000, 60_000)))),
        findings::refused(picture, &Refusal::TooLarge(None)),
        findings::refused(picture, &Refusal::TookTooLong),
        findings::refused(picture, &Refusal::Broken("x".repeat(5000))),
    ];
    assert_eq!(english(&all[0]), "31 bytes behind the end of the picture (archive)");
    assert_eq!(english(&all[3]), "no preview: too large to decode 60000 × 60000");
    assert!(all[6].detail.to_string().len() < 400, "a decoder's words are bounded");
    for code in FindingCode::ALL {
        for english in [true, false] {
            // Also with details that an older version wrote.
            assert!(!text(code.as_str(), &Value::Null, english).is_empty(), "{code}");
        }
    }
    assert_eq!(text("sharp", &Value::Null, true), "sharp");
    assert_eq!(findings::trailing_bytes(0, ""), None);
}
