//! What the camera wrote into the picture: when, where, with what, and which way is up.
//!
//! Whatever is broken is left out; nothing here fails a photo. Nothing of it is believed either: it is set beside what
//! the server knows in [`super::findings`].

use std::io::{BufRead, Seek};

use ::exif::{DateTime, Exif as Fields, In, Reader, Tag, Value};

use crate::words::geo::Position;
use crate::words::time::Timestamp;

/// Characters of a maker's or model's name that are kept.
const NAME_MAX: usize = 64;
/// Minutes east of Greenwich where a photo does not say: all of China keeps one time.
pub const ASSUMED_OFFSET_MIN: i16 = 480;

/// When the shutter opened, by the camera's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub at: Timestamp,
    /// The photo says which time zone; otherwise +08:00 was assumed.
    pub zone_stated: bool,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exif {
    pub taken: Option<Taken>,
    /// WGS-84.
    pub position: Option<Position>,
    /// The satellites' clock at the last fix before the shutter opened.
    pub gps_at: Option<Timestamp>,
    pub make: Option<String>,
    pub model: Option<String>,
    /// 1 to 8; 1 is upright.
    pub orientation: Option<u8>,
}

/// Reads JPEG, PNG, WebP, HEIF and TIFF files.
pub fn read<R: BufRead + Seek>(source: &mut R) -> Exif {
    let mut reader = Reader::new();
    // One bad directory, a half-written thumbnail's as a rule, does not spoil the others.
    reader.continue_on_error(true);
    let fields = reader.read_from_container(source).or_else(|error| error.distill_partial_result(|_errors| {}));
    fields.map_or_else(|_none| Exif::default(), |fields| gather(&fields))
}

fn gather(fields: &Fields) -> Exif {
    Exif {
        taken: taken(fields),
        position: position(fields),
        gps_at: gps_at(fields),
        make: name(fields, Tag::Make),
        model: name(fields, Tag::Model),
        orientation: orientation(fields),
    }
}

fn value(fields: &Fields, tag: Tag) -> Option<&Value> {
    fields.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

fn ascii(fields: &Fields, tag: Tag) -> Option<&[u8]> {
    match value(fields, tag)? {
        Value::Ascii(texts) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

fn name(fields: &Fields, tag: Tag) -> Option<String> {
    let text = String::from_utf8_lossy(ascii(fields, tag)?).into_owned();
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let short: String = clean.trim().chars().take(NAME_MAX).collect();
    (!short.is_empty()).then_some(short)
}

fn orientation(fields: &Fields) -> Option<u8> {
    let number = value(fields, Tag::Orientation)?.get_uint(0)?;
    u8::try_from(number).ok().filter(|number| (1..=8).contains(number))
}

fn taken(fields: &Fields) -> Option<Taken> {
    let mut time = DateTime::from_ascii(ascii(fields, Tag::DateTimeOriginal)?).ok()?;
    if let Some(text) = ascii(fields, Tag::SubSecTimeOriginal) {
        time.parse_subsec(text).ok();
    }
    if let Some(text) = ascii(fields, Tag::OffsetTimeOriginal).or_else(|| ascii(fields, Tag::OffsetTime)) {
        time.parse_offset(text).ok();
    }
    let at = instant(&time, time.offset.unwrap_or(ASSUMED_OFFSET_MIN))?;
    Some(Taken { at, zone_stated: time.offset.is_some() })
}

/// The instant of a time on the wall, so many minutes east of Greenwich.
fn instant(time: &DateTime, offset_min: i16) -> Option<Timestamp> {
    let small = |value: u8| i8::try_from(value).ok();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(time.year).ok()?,
        small(time.month)?,
        small(time.day)?,
        small(time.hour)?,
        small(time.minute)?,
        // A leap second.
        small(time.second.min(59))?,
        i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
    )
    .ok()?;
    let offset = jiff::tz::Offset::from_seconds(i32::from(offset_min) * 60).ok()?;
    let micros = offset.to_timestamp(civil).ok()?.as_microsecond();
    (micros >= 0).then(|| Timestamp::from_micros(micros))
}

/// Finite numbers only: a division by zero is how cameras write "not known".
fn numbers(fields: &Fields, tag: Tag) -> Option<Vec<f64>> {
    match value(fields, tag)? {
        Value::Rational(list) => {
            Some(list.iter().map(|number| number.to_f64()).take_while(|number| number.is_finite()).collect())
        }
        _ => None,
    }
}

fn position(fields: &Fields) -> Option<Position> {
    let lat = degrees(fields, Tag::GPSLatitude, Tag::GPSLatitudeRef, [b'N', b'S'])?;
    let lon = degrees(fields, Tag::GPSLongitude, Tag::GPSLongitudeRef, [b'E', b'W'])?;
    Position::check(lon, lat).ok().filter(|place| !place.is_null_island())
}

/// Degrees, minutes and seconds; the sign is a letter of its own, without which half the earth would be guessed.
fn degrees(fields: &Fields, tag: Tag, side: Tag, [plus, minus]: [u8; 2]) -> Option<f64> {
    let parts = numbers(fields, tag)?;
    let degrees = *parts.first()?;
    let minutes = parts.get(1).copied().unwrap_or(0.0);
    let seconds = parts.get(2).copied().unwrap_or(0.0);
    let size = degrees + minutes / 60.0 + seconds / 3600.0;
    match ascii(fields, side)?.first()?.to_ascii_uppercase() {
        letter if letter == plus => Some(size),
        letter if letter == minus => Some(-size),
        _ => None,
    }
}

fn gps_at(fields: &Fields) -> Option<Timestamp> {
    let date = std::str::from_utf8(ascii(fields, Tag::GPSDateStamp)?).ok()?;
    let mut parts = date.trim().split(':');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let clock = numbers(fields, Tag::GPSTimeStamp)?;
    let [hour, minute, second] = <[f64; 3]>::try_from(clock).ok()?;
    let day = DateTime {
        year: year.parse().ok()?,
        month: month.parse().ok()?,
        day: day.parse().ok()?,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: None,
        offset: None,
    };
    let seconds = hour * 3600.0 + minute * 60.0 + second;
    let millis = (0.0..=86_400.0).contains(&seconds).then_some((seconds * 1000.0).round() as i64)?;
    Some(instant(&day, 0)?.plus_millis(millis))
}
