//! What does not fit: the camera against the server's clock, its place against the officer's own track, the name
//! against the bytes. Pure: facts in, a code with details out, and the words for them.
//!
//! A finding is no verdict. It says what differs and by how much; a camera clock is wrong more often than a photo.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::decode::Refusal;
use super::exif::{Exif, Taken};
use super::sniff::{Format, Sniffed};
use crate::duty::evidence::store::previews::FindingRow;
use crate::duty::location::fix::Fix;
use crate::text_enum;
use crate::words::geo::Position;
use crate::words::ids::{DeviceId, EvidenceId};
use crate::words::time::{MICROS, Timestamp};

/// Seconds by which two clocks may differ.
pub const CLOCK_TOLERANCE_S: i64 = 60;
/// Metres from the officer's track that are still his place: the error of two receivers among houses.
pub const TRACK_TOLERANCE_M: f64 = 100.0;
/// Longest gap of a track, seconds, across which he is taken to have gone straight.
pub const TRACK_GAP_S: i64 = 600;
/// A single fix says where he was for so many seconds before and after.
const FIX_HOLDS_S: i64 = 120;

text_enum! {
    /// Kinds of findings; stored and sent, never renamed.
    pub enum FindingCode {
        CameraClock = "camera_clock",
        OffTrack = "off_track",
        NoTrack = "no_track",
        DeviceDiffers = "device_differs",
        WrongExtension = "wrong_extension",
        TrailingBytes = "trailing_bytes",
        NotDecodable = "not_decodable",
        TooLargeToDecode = "too_large_to_decode",
        Truncated = "truncated",
        TookTooLong = "took_too_long",
    }
}

/// One finding about one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub code: FindingCode,
    pub detail: Value,
}

impl Finding {
    fn new(code: FindingCode, detail: Value) -> Self {
        Self { code, detail }
    }

    /// As it is stored.
    pub fn row(&self, evidence: EvidenceId, at: Timestamp) -> FindingRow {
        FindingRow { evidence_id: evidence, code: self.code.as_str().to_owned(), detail: self.detail.to_string(), at }
    }
}

/// The camera's clock against the one the photo came with; against the server's, when it was taken after it arrived.
pub fn camera_clock(exif: &Exif, captured_at: Timestamp, received_at: Timestamp) -> Option<Finding> {
    let Taken { at, zone_stated } = exif.taken?;
    let ahead = |of: Timestamp| (at.as_micros() - of.as_micros()) / MICROS;
    let (compared_to, reference) = if ahead(received_at) > CLOCK_TOLERANCE_S {
        ("received_at", received_at)
    } else {
        ("captured_at", captured_at)
    };
    let difference_s = ahead(reference);
    (difference_s.abs() > CLOCK_TOLERANCE_S).then(|| {
        let detail = json!({
            "difference_s": difference_s,
            "camera_at": at,
            "compared_to": compared_to,
            "compared_at": reference,
            "zone": if zone_stated { "stated" } else { "assumed +08:00" },
            // The satellites' clock is right whoever set the camera's.
            "gps_at": exif.gps_at,
        });
        Finding::new(FindingCode::CameraClock, detail)
    })
}

/// The place in the photo against where the officer's devices were then; `track` is his, by time.
pub fn place(photo: Position, track: &[(DeviceId, Fix)], at: Timestamp) -> Option<Finding> {
    let mut devices: BTreeMap<DeviceId, Vec<&Fix>> = BTreeMap::new();
    for (device, fix) in track.iter().filter(|(_, fix)| !fix.flags.is_wrong()) {
        devices.entry(*device).or_default().push(fix);
    }
    // He carried one of them; the other may lie in the car.
    let near = devices
        .values()
        .filter_map(|fixes| where_was(fixes, at))
        .map(|place| (photo.distance_m(place), place))
        .min_by(|(one, _), (other, _)| one.total_cmp(other));
    match near {
        None => Some(Finding::new(FindingCode::NoTrack, json!({ "at": at, "position": photo }))),
        Some((distance_m, place)) if distance_m > TRACK_TOLERANCE_M => {
            let detail = json!({ "distance_m": distance_m.round(), "at": at, "position": photo, "track": place });
            Some(Finding::new(FindingCode::OffTrack, detail))
        }
        Some(_) => None,
    }
}

/// Between the fix before and the one after; on one of them, if it is near in time and the other is not.
fn where_was(fixes: &[&Fix], at: Timestamp) -> Option<Position> {
    let at = at.as_micros();
    let after = fixes.iter().find(|fix| fix.at >= at);
    let before = fixes.iter().rfind(|fix| fix.at <= at);
    if let (Some(before), Some(after)) = (before, after)
        && after.at - before.at <= TRACK_GAP_S * MICROS
    {
        let (from, to) = (before.position(), after.position());
        let share = if after.at == before.at { 0.0 } else { (at - before.at) as f64 / (after.at - before.at) as f64 };
        let between = |from: f64, to: f64| from + (to - from) * share;
        return Position::check(between(from.lon, to.lon), between(from.lat, to.lat)).ok();
    }
    let apart = |fix: &&&Fix| (fix.at - at).abs();
    let nearest = before.into_iter().chain(after).min_by_key(apart)?;
    (apart(&nearest) <= FIX_HOLDS_S * MICROS).then(|| nearest.position())
}

/// Makers of cameras and phones, with the names they also sell under.
const MAKERS: &[&[&str]] = &[
    &["huawei", "honor"],
    &["xiaomi", "redmi"],
    &["oppo", "oneplus", "realme"],
    &["vivo", "iqoo"],
    &["samsung"],
    &["apple", "iphone", "ipad"],
    &["zte", "nubia"],
    &["lenovo", "motorola"],
    &["hytera", "海能达"],
    &["hikvision", "海康"],
    &["dahua", "大华"],
    &["kedacom", "科达"],
    &["canon", "佳能"],
    &["nikon", "尼康"],
    &["sony", "索尼"],
    &["fujifilm", "富士"],
    &["panasonic", "松下"],
    &["dji", "大疆"],
    &["gopro"],
];

/// The camera in the photo against the device that delivered it. Told only where the device's name says whose it is:
/// most are called after their number, and silence is better than a finding on every photo.
pub fn device_differs(exif: &Exif, device_name: &str) -> Option<Finding> {
    let camera = [exif.make.as_deref(), exif.model.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let maker = |text: &str| {
        let lower = text.to_lowercase();
        MAKERS.iter().position(|names| names.iter().any(|name| lower.contains(name)))
    };
    let (of_camera, of_device) = (maker(&camera)?, maker(device_name)?);
    (of_camera != of_device)
        .then(|| Finding::new(FindingCode::DeviceDiffers, json!({ "camera": camera, "device": device_name })))
}

/// The name's ending, and the type it was declared with, against the bytes.
pub fn wrong_extension(filename: &str, declared_type: Option<&str>, is: Sniffed) -> Option<Finding> {
    let name_says = extension(filename).filter(|extension| !fits_name(is, extension));
    let declared = declared_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let type_says = declared.filter(|media_type| !fits_type(is, media_type));
    if name_says.is_none() && type_says.is_none() {
        return None;
    }
    let detail = json!({ "is": is.as_str(), "name_says": name_says, "type_says": type_says });
    Some(Finding::new(FindingCode::WrongExtension, detail))
}

/// What stands behind the last dot, if it looks like a kind of file at all.
fn extension(filename: &str) -> Option<String> {
    let (stem, last) = filename.rsplit_once('.')?;
    let plausible = (1..=5).contains(&last.len())
        && last.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && last.bytes().any(|byte| byte.is_ascii_alphabetic());
    (!stem.is_empty() && plausible).then(|| last.to_ascii_lowercase())
}

fn fits_name(is: Sniffed, extension: &str) -> bool {
    match is {
        // Of what we do not know we can only say that it is none of what we know.
        Sniffed::Picture(Format::Unknown) => Format::of_extension(extension).is_none_or(|named| named == Format::Tiff),
        Sniffed::Picture(format) => format.extensions().contains(&extension),
        Sniffed::Foreign(_) => Format::of_extension(extension).is_none(),
    }
}

fn fits_type(is: Sniffed, media_type: &str) -> bool {
    let says_nothing =
        matches!(media_type, "" | "application/octet-stream" | "binary/octet-stream" | "image/*" | "*/*");
    let known = |format: &Format| format.media_types().contains(&media_type);
    says_nothing
        || match is {
            Sniffed::Picture(Format::Unknown) => !Format::ALL.iter().any(known),
            Sniffed::Picture(format) => known(&format),
            Sniffed::Foreign(_) => !media_type.starts_with("image/"),
        }
}

/// Bytes behind the picture's end; `looks_like` is what they begin with.
pub fn trailing_bytes(bytes: u64, looks_like: &str) -> Option<Finding> {
    (bytes > 0).then(|| Finding::new(FindingCode::TrailingBytes, json!({ "bytes": bytes, "looks_like": looks_like })))
}

/// The file stops before the picture does.
pub fn truncated(size: u64) -> Finding {
    Finding::new(FindingCode::Truncated, json!({ "size": size }))
}

/// No preview, because the kind of file is only kept, or for want of sense in it.
pub fn not_decodable(is: Sniffed, reason: &str) -> Finding {
    let reason: String = reason.chars().take(200).collect();
    Finding::new(FindingCode::NotDecodable, json!({ "is": is.as_str(), "reason": reason }))
}

/// No preview, for this reason.
pub fn refused(is: Sniffed, refusal: &Refusal) -> Finding {
    match refusal {
        Refusal::TooLarge(size) => {
            let (width, height) = (size.map(|(width, _)| width), size.map(|(_, height)| height));
            Finding::new(FindingCode::TooLargeToDecode, json!({ "width": width, "height": height }))
        }
        Refusal::Broken(reason) => not_decodable(is, reason),
        Refusal::TookTooLong => Finding::new(FindingCode::TookTooLong, json!({})),
    }
}

/// A finding in words; the code itself for one that is not ours.
pub fn text(code: &str, detail: &Value, english: bool) -> String {
    let Ok(code) = code.parse::<FindingCode>() else { return code.to_owned() };
    let number = |key: &str| detail.get(key).and_then(Value::as_f64).unwrap_or_default();
    let word = |key: &str| detail.get(key).and_then(Value::as_str).unwrap_or_default();
    let say = |en: String, zh: String| if english { en } else { zh };
    match code {
        FindingCode::CameraClock => {
            let seconds = number("difference_s") as i64;
            let span = span(seconds.unsigned_abs(), english);
            let (en, zh) = if seconds < 0 { ("slow", "慢") } else { ("fast", "快") };
            let assumed = word("zone").starts_with("assumed");
            let (en_zone, zh_zone) = if assumed {
                (" (the photo names no time zone; +08:00 assumed)", "（照片未注明时区，按 +08:00 计）")
            } else {
                ("", "")
            };
            say(format!("camera clock {span} {en}{en_zone}"), format!("相机时钟{zh} {span}{zh_zone}"))
        }
        FindingCode::OffTrack => {
            let (en, zh) = distance(number("distance_m"));
            say(format!("{en} from the officer's track"), format!("距民警轨迹 {zh}"))
        }
        FindingCode::NoTrack => say("no track of the officer at that time".into(), "当时没有该民警的轨迹".into()),
        FindingCode::DeviceDiffers => {
            let (camera, device) = (word("camera"), word("device"));
            say(
                format!("taken with {camera}, delivered by {device}"),
                format!("拍摄设备为 {camera}，上传设备为 {device}"),
            )
        }
        FindingCode::WrongExtension => {
            let claimed = if word("name_says").is_empty() { word("type_says") } else { word("name_says") };
            let is = word("is");
            say(format!("named {claimed}, but the bytes are {is}"), format!("名称或类型为 {claimed}，实际内容为 {is}"))
        }
        FindingCode::TrailingBytes => {
            let (bytes, like) = (number("bytes"), word("looks_like"));
            say(
                format!("{bytes} bytes behind the end of the picture ({like})"),
                format!("图像结尾之后另有 {bytes} 字节（{like}）"),
            )
        }
        FindingCode::NotDecodable => {
            let is = word("is");
            say(format!("no preview: {is} is kept as it is"), format!("无法生成预览（{is}），原件按原样保存"))
        }
        FindingCode::TooLargeToDecode => {
            let size = match (number("width"), number("height")) {
                (width, height) if width > 0.0 => format!(" {width} × {height}"),
                _ => String::new(),
            };
            say(format!("no preview: too large to decode{size}"), format!("图像过大，未生成预览{size}"))
        }
        FindingCode::Truncated => say("the file is incomplete".into(), "文件不完整".into()),
        FindingCode::TookTooLong => say("no preview: decoding took too long".into(), "解码超时，未生成预览".into()),
    }
}

/// `75 s`, `9 min`, `3 h 20 min`, `12 days`.
fn span(seconds: u64, english: bool) -> String {
    let (s, min, h, days) = if english { ("s", "min", "h", "days") } else { ("秒", "分钟", "小时", "天") };
    let minutes = (seconds + 30) / 60;
    match seconds {
        0..120 => format!("{seconds} {s}"),
        120..7_200 => format!("{minutes} {min}"),
        7_200..172_800 if minutes.is_multiple_of(60) => format!("{} {h}", minutes / 60),
        7_200..172_800 => format!("{} {h} {} {min}", minutes / 60, minutes % 60),
        _ => format!("{} {days}", (seconds + 43_200) / 86_400),
    }
}

/// In English and Chinese.
fn distance(metres: f64) -> (String, String) {
    if metres < 2_000.0 {
        return (format!("{metres:.0} m"), format!("{metres:.0} 米"));
    }
    let kilometres = metres / 1_000.0;
    (format!("{kilometres:.1} km"), format!("{kilometres:.1} 公里"))
}
