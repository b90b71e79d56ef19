//! A pretended photo of a scene: sky, houses, street, people, the grain of a small sensor. Drawn, so that the demo
//! carries no pictures of anybody; no two are alike. Called by the hand behind a pretended terminal.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, Rgb, RgbImage};

use crate::words::dice::Dice;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 960;
const QUALITY: u8 = 82;
/// Most levels of brightness the grain moves a pixel.
const GRAIN: f64 = 14.0;

/// One picture, as a JPEG.
pub fn jpeg(mut dice: Dice) -> Vec<u8> {
    let picture = scene(&mut dice);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    if let Err(error) = encoder.encode(picture.as_raw(), WIDTH, HEIGHT, ExtendedColorType::Rgb8) {
        // Into memory, from a picture of the right size: only a fault of the encoder is left.
        tracing::error!(%error, "demo: a picture could not be encoded");
    }
    bytes
}

fn scene(dice: &mut Dice) -> RgbImage {
    let light = dice.between(0.35, 1.0);
    let horizon = dice.between(0.45, 0.6);
    let mut picture = RgbImage::new(WIDTH, HEIGHT);
    let sky = [96.0 * light, 150.0 * light, 205.0 * light];
    let street = [92.0 * light, 90.0 * light, 88.0 * light];
    fill(&mut picture, [0.0, 0.0, 1.0, horizon], sky);
    fill(&mut picture, [0.0, horizon, 1.0, 1.0], street);
    let mut left = 0.0;
    while left < 1.0 {
        let right = left + dice.between(0.1, 0.28);
        let top = dice.between(0.08, horizon - 0.1);
        let wall = colour(dice, light, 90.0, 200.0);
        fill(&mut picture, [left, top, right, horizon], wall);
        windows(&mut picture, dice, [left, top, right, horizon], light);
        left = right + dice.between(0.0, 0.02);
    }
    for _ in 0..3 + dice.below(3) {
        let at = dice.unit();
        fill(&mut picture, [at, horizon + 0.2, at + 0.08, horizon + 0.22], [200.0 * light; 3]);
    }
    for _ in 0..1 + dice.below(3) {
        let at = dice.between(0.05, 0.85);
        let body = colour(dice, light, 20.0, 230.0);
        fill(&mut picture, [at, horizon + 0.04, at + 0.22, horizon + 0.16], body);
        fill(&mut picture, [at + 0.04, horizon - 0.03, at + 0.17, horizon + 0.05], [40.0 * light; 3]);
    }
    for _ in 0..1 + dice.below(5) {
        let (at, foot) = (dice.between(0.05, 0.93), dice.between(0.72, 0.95));
        let tall = (foot - horizon) * dice.between(0.8, 1.1);
        let coat = colour(dice, light, 20.0, 200.0);
        fill(&mut picture, [at, foot - tall, at + tall * 0.24, foot], coat);
        fill(&mut picture, [at + tall * 0.06, foot - tall * 1.22, at + tall * 0.18, foot - tall], [196.0 * light; 3]);
    }
    for pixel in picture.pixels_mut() {
        let grain = (dice.unit() - 0.5) * GRAIN;
        *pixel = Rgb(pixel.0.map(|channel| level(f64::from(channel) + grain)));
    }
    picture
}

fn windows(picture: &mut RgbImage, dice: &mut Dice, [left, top, right, bottom]: [f64; 4], light: f64) {
    let mut y = top + 0.02;
    while y + 0.03 < bottom {
        let mut x = left + 0.01;
        while x + 0.02 < right {
            let glass =
                if dice.chance(0.3) { [250.0, 214.0, 130.0] } else { [52.0 * light, 66.0 * light, 84.0 * light] };
            fill(picture, [x, y, x + 0.018, y + 0.03], glass);
            x += 0.032;
        }
        y += 0.055;
    }
}

/// Paints a box given in shares of the picture: left, top, right, bottom.
fn fill(picture: &mut RgbImage, [left, top, right, bottom]: [f64; 4], colour: [f64; 3]) {
    let pixel = Rgb(colour.map(level));
    for y in place(top, HEIGHT)..place(bottom, HEIGHT) {
        for x in place(left, WIDTH)..place(right, WIDTH) {
            picture.put_pixel(x, y, pixel);
        }
    }
}

fn colour(dice: &mut Dice, light: f64, low: f64, high: f64) -> [f64; 3] {
    [(); 3].map(|()| dice.between(low, high) * light)
}

fn level(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

fn place(share: f64, size: u32) -> u32 {
    (share.clamp(0.0, 1.0) * f64::from(size)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_another_and_can_be_decoded() {
        let (one, two) = (jpeg(Dice::new(1)), jpeg(Dice::new(2)));
        assert_ne!(one, two);
        let decoded = image::load_from_memory(&one).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (WIDTH, HEIGHT));
    }
}
