//! Previews made plane by plane look like those made of every pixel, whichever way up and however colours are sampled.

use std::io::Cursor;
use std::time::{Duration, Instant};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use turbojpeg::Subsamp;

use super::decode::{self, Refusal, previews};
use super::planes::Planes;
use super::samples::{self, ssim};
use super::sniff::Format;
use super::turbo::{self, Reduced};
use super::turn::Turn;
use super::{LARGE_PX, SMALL_PX};

fn planes(bytes: &[u8]) -> Planes {
    match turbo::reduced(bytes).unwrap() {
        Some(Reduced::Planes(planes)) => planes,
        other => panic!("{other:?}"),
    }
}

/// As the larger preview, written almost without loss.
fn short(bytes: &[u8]) -> RgbImage {
    let (large, _) = planes(bytes).reduced(&mut Resizer::new(), LARGE_PX, Turn::of(1), Vec::new()).unwrap();
    image::load_from_memory(&turbo::encode_planes(&large, 98).unwrap()).unwrap().into_rgb8()
}

fn long(bytes: &[u8]) -> RgbImage {
    let whole = decode::full(&mut Cursor::new(bytes), ImageFormat::Jpeg).unwrap();
    whole.within(&mut Resizer::new(), LARGE_PX).unwrap()
}

/// Decoding at a part of the size is only allowed because nobody can tell.
#[test]
fn the_short_way_looks_like_the_long_way() {
    let parts = [((3400, 900), (1700, 450)), ((6600, 400), (1650, 100)), ((13_000, 240), (1625, 30))];
    for ((width, height), (part_width, part_height)) in parts {
        for (name, image) in [("waves", samples::waves(width, height)), ("street", samples::street(width, height))] {
            let bytes = samples::jpeg(&image);
            let part = planes(&bytes);
            assert_eq!((part.width, part.height), (part_width, part_height), "not less than the preview");
            let (short, long) = (short(&bytes), long(&bytes));
            let alike = ssim(&short, &long);
            assert!(alike > 0.98, "{name} of {width}: {alike}");
            // The measure does tell: the same picture two pixels further is another.
            let moved =
                RgbImage::from_fn(long.width(), long.height(), |x, y| *long.get_pixel((x + 2) % long.width(), y));
            assert!(ssim(&moved, &long) < 0.9, "{name} of {width}");
        }
    }
}

#[test]
fn a_progressive_picture_is_measured_by_what_it_holds() {
    let progressive = samples::jpeg_progressive(&samples::waves(3400, 200));
    let alike = ssim(&short(&progressive), &long(&progressive));
    assert!(alike > 0.97, "{alike}");
    // 90 million pixels: fine in one pass, too much for one that keeps all of them until its last scan.
    let size = (10_000, 9_000);
    let refused = turbo::reduced(&samples::claiming(progressive, size.0, size.1)).map(drop);
    assert_eq!(refused, Err(Refusal::TooLarge(Some((size.0.into(), size.1.into())))));
}

/// The strongest colours there are, side by side, in patches that make each corner another.
fn patches(width: u32, height: u32) -> RgbImage {
    const COLOURS: [[u8; 3]; 8] = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 0],
        [0, 255, 255],
        [255, 0, 255],
        [255, 255, 255],
        [20, 20, 20],
    ];
    RgbImage::from_fn(width, height, |x, y| Rgb(COLOURS[(x * 4 / width + 4 * (y * 2 / height)) as usize]))
}

/// What a preview of this size should be, from the pixels before any were written as JPEG.
fn ideal(image: &RgbImage, orientation: u8, (width, height): (u32, u32)) -> RgbImage {
    let (width, height) = if orientation < 5 { (width, height) } else { (height, width) };
    let source = ImageRef::new(image.width(), image.height(), image.as_raw(), PixelType::U8x3).unwrap();
    let mut ideal = Image::new(width, height, PixelType::U8x3);
    Resizer::new().resize(&source, &mut ideal, None).unwrap();
    let mut ideal = DynamicImage::from(RgbImage::from_raw(width, height, ideal.into_vec()).unwrap());
    ideal.apply_orientation(Orientation::from_exif(orientation).unwrap());
    ideal.into_rgb8()
}

/// Of two pictures: how far they are apart at most within patches, and on average everywhere.
fn apart(one: &RgbImage, other: &RgbImage) -> (u8, f64) {
    assert_eq!(one.dimensions(), other.dimensions());
    let differ = |x, y| (0..3).map(|n| one.get_pixel(x, y).0[n].abs_diff(other.get_pixel(x, y).0[n])).max().unwrap();
    let (width, height) = one.dimensions();
    // Beyond the reach of what rings around an edge: a block, and the resampler's width at a quarter of the colours.
    let reach = if width.max(height) == LARGE_PX { 24 } else { 12 };
    let flat = |x: u32, y: u32| {
        let net = |from: u32, side: u32| (from.saturating_sub(reach)..(from + reach + 1).min(side)).step_by(6);
        net(x, width)
            .flat_map(|u| net(y, height).map(move |v| (u, v)))
            .all(|(u, v)| other.get_pixel(u, v).0.iter().zip(other.get_pixel(x, y).0).all(|(a, b)| a.abs_diff(b) < 3))
    };
    // Every edge, and a net over the rest.
    let looked_at =
        |(x, y): &(u32, u32)| *x == 0 || *y == 0 || *x + 1 == width || *y + 1 == height || (x + y) % 13 == 0;
    let places: Vec<_> = (0..width).flat_map(|x| (0..height).map(move |y| (x, y))).filter(looked_at).collect();
    let most = places.iter().filter(|(x, y)| flat(*x, *y)).map(|(x, y)| differ(*x, *y)).max().unwrap_or(0);
    let sum: f64 = places.iter().map(|(x, y)| f64::from(differ(*x, *y))).sum();
    (most, sum / places.len() as f64)
}

fn compared(bytes: &[u8], image: &RgbImage, orientation: u8, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let made = previews(Cursor::new(bytes), Format::Jpeg, orientation, deadline).unwrap();
    assert_eq!(made.iter().map(|one| one.px).collect::<Vec<_>>(), [SMALL_PX, LARGE_PX]);
    for one in made {
        let ours = image::load_from_memory(&one.jpeg).unwrap().into_rgb8();
        assert_eq!(ours.dimensions(), (one.width, one.height));
        let (most, mean) = apart(&ours, &ideal(image, orientation, (one.width, one.height)));
        // Edges of patches are blurred, and a small picture is made of little else.
        let (allowed, allowed_mean) = if one.px == LARGE_PX { (2, 5.0) } else { (9, 25.0) };
        assert!(
            most <= allowed && mean < allowed_mean,
            "{what}, orientation {orientation}, {}: {most} at most, {mean}",
            one.px
        );
    }
}

const SAMPLED: [Subsamp; 6] =
    [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Sub1x4];

#[test]
fn colours_stay_what_they_are_however_they_are_sampled() {
    // Odd at every part of the size, and so that planes end amid a sample.
    for (width, height) in [(4001, 403), (6601, 403)] {
        let image = patches(width, height);
        for subsamp in SAMPLED {
            let bytes = samples::jpeg_sampled(&image, subsamp);
            assert!(planes(&bytes).shared.is_some());
            compared(&bytes, &image, 1, &format!("{width}x{height}, {subsamp:?}"));
        }
    }
}

#[test]
fn every_orientation_has_its_colours_in_place() {
    let image = patches(4001, 701);
    let bytes = samples::jpeg_sampled(&image, Subsamp::Sub2x2);
    (1..=8).for_each(|orientation| compared(&bytes, &image, orientation, "odd"));
}

#[test]
fn grey_has_one_plane() {
    let image = DynamicImage::from(patches(4001, 701)).into_luma8();
    let image = DynamicImage::from(image).into_rgb8();
    let bytes = samples::jpeg_sampled(&image, Subsamp::Gray);
    assert!(planes(&bytes).shared.is_none());
    (1..=8).for_each(|orientation| compared(&bytes, &image, orientation, "grey"));
}

#[test]
fn red_green_and_blue_stay_pixels() {
    let image = patches(4001, 701);
    let bytes = samples::jpeg_of_rgb(&image);
    assert!(matches!(turbo::reduced(&bytes), Ok(Some(Reduced::Pixels(_)))));
    compared(&bytes, &image, 6, "red, green and blue");
}
