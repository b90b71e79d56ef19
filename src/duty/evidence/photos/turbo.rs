//! The part of libjpeg-turbo that is used: JPEGs decoded at a half, a quarter or an eighth of their size, where their
//! frequencies are added up, and previews written. The only place that knows the library.
//!
//! It is C behind a safe interface, by far the quickest there is and fuzzed for years. It is handed whole files that
//! were measured before, and asked for no more than scans of a bounded number; an error inside comes back as one. What
//! it only warns of counts as an error too: a file that is broken anywhere goes to the decoder that takes nothing on
//! trust.

use fast_image_resize::PixelType;
use image::RgbImage;
use turbojpeg::{Colorspace, Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

use super::LARGE_PX;
use super::decode::{Pixels, Refusal, Step, fits};

/// Scans of a progressive picture, each of which passes over all of it: encoders write about ten.
const SCANS_MAX: u32 = 64;
/// Bytes of a pixel while its picture comes in several scans, as a progressive one does: two for each of three channels.
const HELD_BYTES: u64 = 6;
/// Parts of the size that are decoded by vector instructions, the smallest picture first.
const PARTS: [usize; 3] = [8, 4, 2];

/// A large JPEG at a part of its size, never below the larger preview's; none when it is not large, or of a kind that
/// only the other decoder knows, or broken in a way the other may forgive.
pub fn reduced(jpeg: &[u8]) -> Step<Option<Pixels>> {
    let Ok(mut decoder) = Decompressor::new() else { return Ok(None) };
    let Ok(header) = decoder.read_header(jpeg) else { return Ok(None) };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    match fits(side(header.width), side(header.height), HELD_BYTES) {
        Ok(()) if !header.is_lossless => {}
        Err(refusal) if header.is_progressive => return Err(refusal),
        // Only its scans would say whether it needs as much; the other decoder has bounds of its own.
        _ => return Ok(None),
    }
    let (format, channels) = match header.colorspace {
        Colorspace::RGB | Colorspace::YCbCr => (PixelFormat::RGB, PixelType::U8x3),
        Colorspace::Gray => (PixelFormat::GRAY, PixelType::U8),
        // Four inks.
        _ => return Ok(None),
    };
    let Some(part) = part(header.width.max(header.height)) else { return Ok(None) };
    let scale = ScalingFactor::new(1, part);
    if decoder.set_scaling_factor(scale).is_err() || decoder.set_scan_limit(SCANS_MAX).is_err() {
        return Ok(None);
    }
    let scaled = header.scaled(scale);
    let pitch = scaled.width * format.size();
    let mut data = vec![0; pitch * scaled.height];
    let image = Image { pixels: data.as_mut_slice(), width: scaled.width, pitch, height: scaled.height, format };
    if decoder.decompress(jpeg, image).is_err() {
        return Ok(None);
    }
    Ok(Some(Pixels { width: side(scaled.width), height: side(scaled.height), channels, data }))
}

/// The smallest part of its longest side that still has enough for the larger preview.
fn part(longest: usize) -> Option<usize> {
    let enough = usize::try_from(LARGE_PX).unwrap_or(usize::MAX);
    PARTS.into_iter().find(|part| longest.div_ceil(*part) >= enough)
}

/// A picture as JPEG, colours at half the resolution of the brightness as cameras do it.
pub fn encode(image: &RgbImage, quality: u8) -> Step<Vec<u8>> {
    encoded(image, quality).map_err(|error| Refusal::Broken(error.to_string()))
}

fn encoded(image: &RgbImage, quality: u8) -> turbojpeg::Result<Vec<u8>> {
    let side = |side: u32| usize::try_from(side).unwrap_or(usize::MAX);
    let (width, height) = (side(image.width()), side(image.height()));
    let mut encoder = Compressor::new()?;
    encoder.set_quality(quality.into())?;
    encoder.set_subsamp(Subsamp::Sub2x2)?;
    let pixels = image.as_raw().as_slice();
    encoder.compress_to_vec(Image { pixels, width, pitch: width * 3, height, format: PixelFormat::RGB })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_is_as_small_as_it_may_be() {
        let parts = [(1, None), (3198, None), (3199, Some(2)), (6396, Some(2)), (6397, Some(4)), (12_793, Some(8))];
        for (longest, expected) in parts {
            assert_eq!(part(longest), expected, "{longest}");
        }
    }
}
