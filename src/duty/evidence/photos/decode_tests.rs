//! Previews upright, in proportion, within bounds, and like the original; bad pictures get an answer.

use std::io::Cursor;
use std::time::{Duration, Instant};

use fast_image_resize::Resizer;
use image::{ImageFormat, RgbImage};

use super::decode::{self, Preview, Refusal, previews};
use super::exif;
use super::samples::{self, CORNERS, Tags};
use super::sniff::Format;
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

/// Decoding at half the size is only allowed because nobody can tell.
#[test]
fn the_short_way_looks_like_the_long_way() {
    let bytes = samples::jpeg(&samples::waves(3400, 900));
    let mut resizer = Resizer::new();
    let short = decode::reduced_jpeg(&mut Cursor::new(&bytes)).unwrap().unwrap();
    assert_eq!((short.width, short.height), (1700, 450), "half, and not less than the preview");
    let short = short.within(&mut resizer, LARGE_PX).unwrap();
    let long = decode::full(&mut Cursor::new(&bytes), ImageFormat::Jpeg).unwrap();
    let long = long.within(&mut resizer, LARGE_PX).unwrap();
    let alike = ssim(&short, &long);
    assert!(alike > 0.97, "{alike}");
    // The measure does tell: the same picture two pixels further is another.
    let moved = RgbImage::from_fn(long.width(), long.height(), |x, y| *long.get_pixel((x + 2) % long.width(), y));
    assert!(ssim(&moved, &long) < 0.9);
}

/// Mean structural similarity of the brightness over windows of 8 × 8.
fn ssim(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let luma = |image: &RgbImage, x, y| {
        let [r, g, b] = image.get_pixel(x, y).0.map(f64::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let (c1, c2) = ((0.01_f64 * 255.0).powi(2), (0.03_f64 * 255.0).powi(2));
    let (mut sum, mut windows) = (0.0, 0.0);
    for top in (0..one.height() - 7).step_by(8) {
        for left in (0..one.width() - 7).step_by(8) {
            let (mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (x, y) in (0..64).map(|n| (left + n % 8, top + n / 8)) {
                let (p, q) = (luma(one, x, y), luma(other, x, y));
                (a, b, aa, bb, ab) = (a + p, b + q, aa + p * p, bb + q * q, ab + p * q);
            }
            let (a, b) = (a / 64.0, b / 64.0);
            let (va, vb, cov) = (aa / 64.0 - a * a, bb / 64.0 - b * b, ab / 64.0 - a * b);
            sum += (2.0 * a * b + c1) * (2.0 * cov + c2) / ((a * a + b * b + c1) * (va + vb + c2));
            windows += 1.0;
        }
    }
    sum / windows
}
