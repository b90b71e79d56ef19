//! Previews upright, in proportion, within bounds, and like the original; bad pictures get an answer.

use std::io::Cursor;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use fast_image_resize::Resizer;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use proptest::prelude::*;

use super::decode::{self, Pixels, Preview, Refusal, previews};
use super::exif;
use super::samples::{self, CORNERS, Tags, ssim};
use super::sniff::Format;
use super::turbo::{self, Reduced};
use super::{LARGE_PX, SMALL_PX};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn made(bytes: &[u8], format: Format, orientation: u8) -> Vec<Preview> {
    previews(Cursor::new(bytes), format, orientation, soon()).unwrap()
}

fn pixels_of(preview: &Preview) -> RgbImage {
    let image = image::load_from_memory_with_format(&preview.jpeg, ImageFormat::Jpeg).unwrap().into_rgb8();
    assert_eq!(image.dimensions(), (preview.width, preview.height));
    image
}

/// Which of [`CORNERS`] is seen in each corner.
fn corners(image: &RgbImage) -> [usize; 4] {
    let (right, bottom) = (image.width() - 3, image.height() - 3);
    [(2, 2), (right, 2), (2, bottom), (right, bottom)].map(|(x, y)| {
        let seen = image.get_pixel(x, y).0;
        let far = |colour: &[u8; 3]| -> i32 {
            colour.iter().zip(seen).map(|(a, b)| (i32::from(*a) - i32::from(b)).pow(2)).sum()
        };
        (0..4).min_by_key(|n| far(&CORNERS[*n])).unwrap()
    })
}

/// Corners as the standard draws them: where row 0 and column 0 of the stored picture belong.
const UPRIGHT: [(u8, [usize; 4]); 8] = [
    (1, [0, 1, 2, 3]),
    (2, [1, 0, 3, 2]),
    (3, [3, 2, 1, 0]),
    (4, [2, 3, 0, 1]),
    (5, [0, 2, 1, 3]),
    (6, [2, 0, 3, 1]),
    (7, [3, 1, 2, 0]),
    (8, [1, 3, 0, 2]),
];

#[test]
fn all_eight_orientations_come_out_upright() {
    let plain = samples::jpeg(&samples::scene(96, 64));
    for (number, expected) in UPRIGHT {
        let bytes = samples::with_exif(&plain, &Tags::default().orientation(number.into()).tiff());
        let read = exif::read(&mut Cursor::new(&bytes));
        assert_eq!(read.orientation, Some(number));
        for preview in made(&bytes, Format::Jpeg, number) {
            let size = (preview.width, preview.height);
            assert_eq!(size, if number < 5 { (96, 64) } else { (64, 96) }, "orientation {number}");
            assert_eq!(corners(&pixels_of(&preview)), expected, "orientation {number}");
            assert_eq!(exif::read(&mut Cursor::new(&preview.jpeg)), exif::Exif::default(), "nothing is carried over");
        }
    }
}

#[test]
fn both_sizes_keep_the_proportion_and_nothing_is_enlarged() {
    let cases =
        [((4000, 300), (1600, 120), (320, 24)), ((300, 900), (300, 900), (107, 320)), ((20, 10), (20, 10), (20, 10))];
    for ((width, height), large, small) in cases {
        let previews = made(&samples::jpeg(&samples::scene(width, height)), Format::Jpeg, 1);
        let sizes: Vec<_> = previews.iter().map(|made| (made.px, (made.width, made.height))).collect();
        assert_eq!(sizes, [(SMALL_PX, small), (LARGE_PX, large)], "{width}x{height}");
        for preview in &previews {
            assert_eq!(corners(&pixels_of(preview)), [0, 1, 2, 3], "{width}x{height} at {}", preview.px);
        }
    }
}

#[test]
fn a_needle_is_never_without_height() {
    let previews = made(&samples::png(&samples::scene(5000, 1)), Format::Png, 1);
    assert_eq!((previews[0].width, previews[0].height), (320, 1));
}

#[test]
fn other_formats_are_decoded_too() {
    let image = samples::scene(640, 480);
    for (bytes, format) in [(samples::png(&image), Format::Png), (samples::webp(&image), Format::Webp)] {
        let previews = made(&bytes, format, 6);
        assert_eq!((previews[0].width, previews[0].height), (240, 320));
        assert_eq!(corners(&pixels_of(&previews[1])), [2, 0, 3, 1], "{format}");
    }
}

#[test]
fn the_see_through_shows_white() {
    let previews = made(&samples::png_see_through(400, 100), Format::Png, 1);
    let image = pixels_of(&previews[1]);
    assert!(image.get_pixel(390, 50).0.iter().all(|value| *value > 245));
    let [red, green, _] = image.get_pixel(10, 50).0;
    assert!(red > 180 && green < 30);
}

#[test]
fn grey_stays_grey() {
    let grey = image::GrayImage::from_fn(3400, 50, |x, _| image::Luma([(x / 20) as u8]));
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let mut bytes = Cursor::new(Vec::new());
        grey.write_to(&mut bytes, format).unwrap();
        let ours = if format == ImageFormat::Jpeg { Format::Jpeg } else { Format::Png };
        let large = pixels_of(&made(&bytes.into_inner(), ours, 1)[1]);
        let [r, g, b] = large.get_pixel(800, 10).0;
        assert!(r.abs_diff(g) < 3 && g.abs_diff(b) < 3 && r.abs_diff(85) < 6, "{r} {g} {b}");
    }
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let begun = Instant::now();
    let bombs = [
        (samples::png_claiming(60_000, 60_000), Format::Png, (60_000, 60_000)),
        (samples::png_claiming(1, u32::MAX >> 1), Format::Png, (1, u32::MAX >> 1)),
        (samples::jpeg_claiming(65_500, 65_500), Format::Jpeg, (65_500, 65_500)),
    ];
    for (bytes, format, size) in bombs {
        match previews(Cursor::new(&bytes), format, 1, soon()) {
            Err(Refusal::TooLarge(said)) => assert!(said.is_none_or(|said| said == size), "{said:?}"),
            // The decoder may refuse such a size by itself.
            Err(Refusal::Broken(_)) => assert_eq!(size.0, 1),
            other => panic!("{size:?}: {other:?}"),
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn every_cut_and_every_flipped_byte_is_an_answer() {
    let image = samples::scene(64, 48);
    for (whole, format) in [
        (samples::jpeg(&image), Format::Jpeg),
        (samples::png(&image), Format::Png),
        (samples::webp(&image), Format::Webp),
    ] {
        let step = (whole.len() / 40).max(1);
        for cut in (0..whole.len()).step_by(step) {
            drop(previews(Cursor::new(&whole[..cut]), format, 1, soon()));
        }
        for flip in (0..whole.len()).step_by(step) {
            let mut bad = whole.clone();
            bad[flip] ^= 0x55;
            // A decoder that panics on it is caught by the gate; here it may not take the test with it.
            drop(std::panic::catch_unwind(|| previews(Cursor::new(bad), format, 1, soon())));
        }
    }
}

#[test]
fn a_cut_large_jpeg_gives_what_is_there_or_says_so() {
    let whole = samples::jpeg(&samples::scene(3600, 400));
    match previews(Cursor::new(&whole[..whole.len() / 2]), Format::Jpeg, 1, soon()) {
        Ok(previews) => assert_eq!(previews.len(), 2),
        Err(refusal) => assert!(matches!(refusal, Refusal::Broken(_)), "{refusal:?}"),
    }
}

#[test]
fn time_that_is_over_is_over() {
    let bytes = samples::jpeg(&samples::scene(64, 48));
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let outcome = previews(Cursor::new(&bytes), format, 1, Instant::now());
        assert_eq!(outcome.map(drop), Err(Refusal::TookTooLong), "{format}");
    }
}

#[test]
fn what_nobody_decodes_is_said() {
    for format in [Format::Heif, Format::Avif, Format::Tiff, Format::Dng, Format::Gif, Format::Bmp, Format::Unknown] {
        let outcome = previews(Cursor::new(b"bytes"), format, 1, soon());
        assert!(matches!(outcome, Err(Refusal::Broken(_))), "{format}");
    }
}

fn short(bytes: &[u8]) -> Option<Reduced> {
    turbo::reduced(bytes).unwrap()
}

fn long(bytes: &[u8]) -> Pixels {
    decode::full(&mut Cursor::new(bytes), ImageFormat::Jpeg).unwrap()
}

/// Whole previews, as they are stored, against every pixel decoded, reduced once for each size and written by `image`.
#[test]
fn previews_look_like_those_made_with_care() {
    let mut resizer = Resizer::new();
    for (name, image) in [("waves", samples::waves(4000, 600)), ("street", samples::street(4000, 600))] {
        let bytes = samples::jpeg(&image);
        let whole = long(&bytes);
        for preview in made(&bytes, Format::Jpeg, 1) {
            let best = whole.within(&mut resizer, preview.px).unwrap();
            let mut written = Vec::new();
            JpegEncoder::new_with_quality(&mut written, 82).encode_image(&best).unwrap();
            let written = image::load_from_memory(&written).unwrap().into_rgb8();
            let (ours, theirs) = (ssim(&pixels_of(&preview), &best), ssim(&written, &best));
            assert!(ours > theirs - 0.005 && ours > 0.95, "{name} at {}: {ours}, with care {theirs}", preview.px);
        }
    }
}

#[test]
fn what_the_short_way_does_not_know_goes_the_long_way() {
    // Not large.
    let small = samples::jpeg(&samples::waves(3000, 40));
    assert!(short(&small).is_none());
    // Large, but cut off, or no JPEG at all.
    let large = samples::jpeg(&samples::waves(3400, 200));
    assert!(short(&large).is_some());
    assert!(short(&large[..large.len() / 2]).is_none());
    assert!(short(b"\xFF\xD8\xFF\xE0 and nothing").is_none());
    // Four inks, as printers have them: only its header says so.
    assert_eq!(made(&samples::jpeg_of_inks(3400, 40), Format::Jpeg, 1).len(), 2);
}

/// A change to a file, by shares of its length.
#[derive(Clone, Debug)]
enum Damage {
    Flip(f64, u8),
    Cut(f64),
    Drop(f64, usize),
    Insert(f64, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (0.0..1.0_f64, 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        // Headers are where the harm is.
        4 => (0.0..0.05_f64, 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => (0.0..1.0_f64).prop_map(Damage::Cut),
        1 => (0.0..1.0_f64, 1..40_usize).prop_map(|(at, bytes)| Damage::Drop(at, bytes)),
        1 => (0.0..1.0_f64, proptest::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn damaged(mut bytes: Vec<u8>, all: Vec<Damage>) -> Vec<u8> {
    for one in all {
        let place = |at: f64, bytes: &[u8]| (at * bytes.len() as f64) as usize;
        match one {
            Damage::Flip(at, bits) => {
                let at = place(at, &bytes);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Damage::Cut(at) => bytes.truncate(place(at, &bytes)),
            Damage::Drop(at, count) => {
                let at = place(at, &bytes);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Damage::Insert(at, new) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, new);
            }
        }
    }
    bytes
}

static WHOLE: LazyLock<Vec<(Vec<u8>, Format)>> = LazyLock::new(|| {
    let image = samples::street(70, 50);
    // Just large enough for the short way.
    let wide = samples::street(3208, 16);
    vec![
        (samples::jpeg(&image), Format::Jpeg),
        (samples::jpeg(&wide), Format::Jpeg),
        (samples::jpeg_progressive(&wide), Format::Jpeg),
        (samples::png(&image), Format::Png),
        (samples::png_see_through(70, 50), Format::Png),
        (samples::webp(&image), Format::Webp),
    ]
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Whatever arrives is an answer: previews within their bounds, or words. A decoder that panicked would take the
    /// test with it.
    #[test]
    fn any_damage_is_an_answer(
        which in 0..6_usize, all in proptest::collection::vec(damage(), 1..6), orientation in any::<u8>()
    ) {
        let (whole, format) = &WHOLE[which];
        let (bytes, format) = (damaged(whole.clone(), all), *format);
        match previews(Cursor::new(&bytes), format, orientation, soon()) {
            Ok(made) => {
                prop_assert_eq!(made.len(), 2);
                for one in made {
                    prop_assert!(one.width >= 1 && one.height >= 1 && one.width.max(one.height) <= one.px);
                    prop_assert!(pixels_of(&one).width() == one.width);
                }
            }
            Err(Refusal::Broken(words)) => prop_assert!(!words.is_empty()),
            Err(Refusal::TooLarge(size)) => {
                let small = |(width, height)| u64::from(width) * u64::from(height) * 8 < decode::MEMORY_MAX;
                let fits = size.is_some_and(small);
                prop_assert!(!fits, "{size:?} is not too large");
            }
            Err(Refusal::TookTooLong) => prop_assert!(false, "a small file took a minute"),
        }
    }

    /// What claims more pixels than are allowed is refused by its header.
    #[test]
    fn any_claim_beyond_the_bounds_is_refused(width in 1_u16..=65_500, height in 1_u16..=65_500) {
        let pixels = u64::from(width) * u64::from(height);
        prop_assume!(pixels > decode::PIXELS_MAX);
        let (begun, claimed) = (Instant::now(), (u32::from(width), u32::from(height)));
        for (bytes, format) in [
            (samples::jpeg_claiming(width, height), Format::Jpeg),
            (samples::png_claiming(claimed.0, claimed.1), Format::Png),
        ] {
            let outcome = previews(Cursor::new(&bytes), format, 1, soon()).map(drop);
            prop_assert!(matches!(outcome, Err(Refusal::TooLarge(_))), "{format}: {outcome:?}");
        }
        prop_assert!(begun.elapsed() < Duration::from_secs(2), "nothing was decoded");
    }

    #[test]
    fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0..3_usize) {
        let format = [Format::Jpeg, Format::Png, Format::Webp][which];
        prop_assert!(previews(Cursor::new(&bytes), format, 1, soon()).is_err());
    }
}
