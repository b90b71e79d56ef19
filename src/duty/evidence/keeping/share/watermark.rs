//! A picture with a name over all of it: slanting lines, dark on light and light on dark, so that no corner of it is
//! without and it stays to be recognised what it shows. Pure but for the file; blocking.

use std::fs::File;
use std::time::Instant;

use ab_glyph::{Font, FontVec, PxScale, ScaleFont as _, point};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

use super::super::super::photos::decode::{self, Refusal};
use super::super::super::photos::examine::examine;
use crate::words::error::{Code, Error, Result};

/// Of the copy, on the usual scale up to 100.
const QUALITY: u8 = 88;
/// How steep the lines rise, in radians: 25 degrees.
const SLANT: f32 = 0.436;
/// How much of a letter's colour covers what is below it.
const STRENGTH: f32 = 0.45;
/// Height of letters: this part of the picture's shorter side, within bounds that can be read.
const SIDE_PART: f32 = 16.0;
const LETTERS_PX: (f32, f32) = (14.0, 120.0);
/// Letters of a long name on a narrow picture are not made smaller than this.
const SMALLEST_PX: f32 = 9.0;
/// Bytes of a JPEG's comment.
const COMMENT_MAX: usize = 65_533;

/// The copy of a picture: upright, at its full size, without what the camera wrote into it, with `text` drawn over it
/// and `comment` in its file.
///
/// Errors: `watermark_impossible` when it cannot be decoded, `busy` when it takes too long.
pub fn copy(file: &File, font: &FontVec, text: &str, comment: &str, deadline: Instant) -> Result<Vec<u8>> {
    let examined = examine(file.try_clone()?)?;
    let turned = examined.exif.orientation.unwrap_or(1);
    let mut picture =
        decode::whole(file.try_clone()?, examined.is.format(), turned, deadline).map_err(|why| refused(&why))?;
    mark(&mut picture, font, text);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&picture).map_err(Error::internal)?;
    Ok(commented(jpeg, comment))
}

fn refused(why: &Refusal) -> Error {
    match why {
        Refusal::TookTooLong => Error::busy(2).detail("the picture was not done in its time"),
        other => Error::new(Code::WatermarkImpossible).detail(format!("the picture cannot be drawn on: {other:?}")),
    }
}

/// Draws the text over the whole picture.
pub fn mark(picture: &mut RgbImage, font: &FontVec, text: &str) {
    let (width, height) = picture.dimensions();
    let (short, long) = (width.min(height) as f32, width.max(height) as f32);
    let (least, most) = LETTERS_PX;
    let mut px = (short / SIDE_PART).clamp(least, most);
    let wanted = length(font, text, px);
    if wanted > 0.9 * long {
        px = (px * 0.9 * long / wanted).max(SMALLEST_PX);
    }
    let line = Line::of(font, text, px);
    let (along, across) = (line.width as f32 + 2.0 * px, line.height as f32 * 2.5);
    let (sin, cos) = SLANT.sin_cos();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (x, y) = (x as f32, y as f32);
        let (u, v) = (x * cos - y * sin, x * sin + y * cos);
        let row = (v / across).floor();
        // Each line begins half a text beside the one above.
        let shift = if row.rem_euclid(2.0) >= 1.0 { along / 2.0 } else { 0.0 };
        let covered = line.at((u + shift).rem_euclid(along), v - row * across);
        if covered > 0.0 {
            blend(pixel, covered * STRENGTH);
        }
    }
}

/// Towards black where the picture is light, towards white where it is dark.
fn blend(pixel: &mut Rgb<u8>, strength: f32) {
    let Rgb([r, g, b]) = *pixel;
    let light = (u32::from(r) * 30 + u32::from(g) * 59 + u32::from(b) * 11) / 100;
    let target = if light > 127 { 0.0 } else { 255.0 };
    for value in &mut pixel.0 {
        let was = f32::from(*value);
        *value = (was + (target - was) * strength).round().clamp(0.0, 255.0) as u8;
    }
}

/// Pixels from the first letter to the end of the last.
fn length(font: &FontVec, text: &str, px: f32) -> f32 {
    let scaled = font.as_scaled(PxScale::from(px));
    text.chars().map(|c| scaled.h_advance(scaled.glyph_id(c))).sum()
}

/// How much of each pixel of one line of text is covered, 0 to 1.
struct Line {
    width: u32,
    height: u32,
    covered: Vec<f32>,
}

impl Line {
    fn of(font: &FontVec, text: &str, px: f32) -> Self {
        let scale = PxScale::from(px);
        let scaled = font.as_scaled(scale);
        let width = length(font, text, px).ceil().max(1.0) as u32;
        let height = scaled.height().ceil().max(1.0) as u32;
        let mut line = Self { width, height, covered: vec![0.0; width as usize * height as usize] };
        let mut at = 0.0;
        for c in text.chars() {
            let id = scaled.glyph_id(c);
            let glyph = id.with_scale_and_position(scale, point(at, scaled.ascent()));
            at += scaled.h_advance(id);
            let Some(outlined) = font.outline_glyph(glyph) else { continue };
            let bounds = outlined.px_bounds();
            outlined.draw(|x, y, covered| {
                line.put(bounds.min.x + x as f32, bounds.min.y + y as f32, covered);
            });
        }
        line
    }

    fn index(&self, x: f32, y: f32) -> Option<usize> {
        let within = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
        within.then(|| y as usize * self.width as usize + x as usize)
    }

    fn put(&mut self, x: f32, y: f32, covered: f32) {
        if let Some(place) = self.index(x, y).and_then(|index| self.covered.get_mut(index)) {
            *place = place.max(covered.clamp(0.0, 1.0));
        }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        self.index(x, y).and_then(|index| self.covered.get(index)).copied().unwrap_or(0.0)
    }
}

/// The JPEG with a comment behind its first two bytes, where every reader looks for one.
fn commented(jpeg: Vec<u8>, comment: &str) -> Vec<u8> {
    let text = comment.as_bytes();
    let text = text.get(..text.len().min(COMMENT_MAX)).unwrap_or_default();
    let (Some((begin, rest)), Ok(length)) = (jpeg.split_at_checked(2), u16::try_from(text.len() + 2)) else {
        return jpeg;
    };
    [begin, b"\xFF\xFE", &length.to_be_bytes(), text, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::super::Fonts;
    use super::*;

    /// Every square of this side has a pixel of the text in it.
    const SQUARE: u32 = 160;

    #[test]
    fn the_name_is_everywhere_and_the_picture_is_still_there() {
        let Ok(font) = Fonts::new("").unwrap().with("Lake Court 2026") else {
            // A machine without any font of those that are looked for.
            return;
        };
        for grey in [10_u8, 128, 245] {
            let plain = RgbImage::from_pixel(640, 480, Rgb([grey; 3]));
            let mut marked = plain.clone();
            mark(&mut marked, &font, "Lake Court 2026");
            let changed = |x: u32, y: u32| marked.get_pixel(x, y) != plain.get_pixel(x, y);
            let all = (0..480).flat_map(|y| (0..640).map(move |x| (x, y)));
            let count = all.clone().filter(|(x, y)| changed(*x, *y)).count();
            assert!(count > 640 * 480 / 50 && count < 640 * 480 / 3, "{count} pixels of grey {grey}");
            for (left, top) in (0..3).flat_map(|row| (0..4).map(move |column| (column * SQUARE, row * SQUARE))) {
                let inside = (top..top + SQUARE).flat_map(|y| (left..left + SQUARE).map(move |x| (x, y)));
                assert!(inside.clone().any(|(x, y)| changed(x, y)), "nothing at {left},{top} of grey {grey}");
            }
            let strongest = all.map(|(x, y)| marked.get_pixel(x, y).0[0].abs_diff(grey)).max().unwrap();
            assert!(strongest > 40, "it can be read on grey {grey}: {strongest}");
        }
    }

    #[test]
    fn another_name_makes_another_picture() {
        let Ok(font) = Fonts::new("").unwrap().with("AB") else { return };
        let of = |name: &str| {
            let mut picture = RgbImage::from_pixel(200, 100, Rgb([90; 3]));
            mark(&mut picture, &font, name);
            picture
        };
        assert_ne!(of("A"), of("B"));
        // Very small and very narrow ones, and a name longer than they are.
        for (width, height) in [(1, 1), (3, 900), (900, 3)] {
            mark(&mut RgbImage::new(width, height), &font, &"AB".repeat(40));
        }
    }

    #[test]
    fn a_comment_is_where_readers_look_for_it() {
        let jpeg = commented(b"\xFF\xD8\xFF\xDB".to_vec(), "x");
        assert_eq!(jpeg, b"\xFF\xD8\xFF\xFE\x00\x03x\xFF\xDB");
        assert_eq!(commented(b"\xFF\xD8".to_vec(), &"x".repeat(70_000)).len(), 2 + 4 + COMMENT_MAX);
    }
}
