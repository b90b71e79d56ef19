//! The part of libjpeg-turbo that is used: JPEGs decoded at a half, a quarter or an eighth of their size, where their
//! frequencies are added up, and previews written. The only place that knows the library.
//!
//! It is C behind a safe interface, by far the quickest there is and fuzzed for years. It is handed whole files that
//! were measured before, and asked for no more than scans of a bounded number; an error inside comes back as one. What
//! it only warns of counts as an error too: a file that is broken anywhere goes to the decoder that takes nothing on
//! trust.

use fast_image_resize::PixelType;
use image::RgbImage;
use turbojpeg::{
    Colorspace, Compressor, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage,
    yuv_pixels_len,
};

use super::LARGE_PX;
use super::decode::{Pixels, Refusal, Step, fits};
use super::planes::{Planes, index};

/// Scans of a progressive picture, each of which passes over all of it: encoders write about ten.
const SCANS_MAX: u32 = 64;
/// Bytes of a pixel while its picture comes in several scans, as a progressive one does: two for each of three channels.
const HELD_BYTES: u64 = 6;
/// Parts of the size that are decoded by vector instructions, the smallest picture first.
const PARTS: [usize; 3] = [8, 4, 2];

/// A picture at a part of its size.
#[derive(Debug)]
pub enum Reduced {
    Planes(Planes),
    /// Of a file with the colours red, green and blue, or with an unusual ratio of its planes.
    Pixels(Pixels),
}

/// A large JPEG at a part of its size, never below the larger preview's; none when it is not large, or of a kind that
/// only the other decoder knows, or broken in a way the other may forgive.
pub fn reduced(jpeg: &[u8]) -> Step<Option<Reduced>> {
    let Ok(mut decoder) = Decompressor::new() else { return Ok(None) };
    let Ok(header) = decoder.read_header(jpeg) else { return Ok(None) };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    match fits(side(header.width), side(header.height), HELD_BYTES) {
        Ok(()) if !header.is_lossless => {}
        Err(refusal) if header.is_progressive => return Err(refusal),
        // Only its scans would say whether it needs as much; the other decoder has bounds of its own.
        _ => return Ok(None),
    }
    let Some(part) = part(header.width.max(header.height)) else { return Ok(None) };
    let scale = ScalingFactor::new(1, part);
    if decoder.set_scaling_factor(scale).is_err() || decoder.set_scan_limit(SCANS_MAX).is_err() {
        return Ok(None);
    }
    let scaled = header.scaled(scale);
    Ok(match header.colorspace {
        Colorspace::YCbCr | Colorspace::Gray if header.subsamp != Subsamp::Unknown => {
            planes(&mut decoder, jpeg, &scaled).map(Reduced::Planes)
        }
        Colorspace::YCbCr | Colorspace::RGB => pixels(&mut decoder, jpeg, &scaled).map(Reduced::Pixels),
        // Four inks.
        _ => None,
    })
}

fn planes(decoder: &mut Decompressor, jpeg: &[u8], scaled: &DecompressHeader) -> Option<Planes> {
    let &DecompressHeader { width, height, subsamp, .. } = scaled;
    let mut data = vec![0; yuv_pixels_len(width, 1, height, subsamp).ok()?];
    let image = YuvImage { pixels: data.as_mut_slice(), width, align: 1, height, subsamp };
    decoder.decompress_to_yuv(jpeg, image).ok()?;
    let side = |side: usize| u32::try_from(side).ok();
    let shared = (side(subsamp.width())?, side(subsamp.height())?);
    let shared = (subsamp != Subsamp::Gray).then_some(shared);
    Some(Planes { width: side(width)?, height: side(height)?, shared, data })
}

fn pixels(decoder: &mut Decompressor, jpeg: &[u8], scaled: &DecompressHeader) -> Option<Pixels> {
    let &DecompressHeader { width, height, .. } = scaled;
    let mut data = vec![0; width * height * 3];
    let image = Image { pixels: data.as_mut_slice(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    decoder.decompress(jpeg, image).ok()?;
    Some(Pixels { width: width.try_into().ok()?, height: height.try_into().ok()?, channels: PixelType::U8x3, data })
}

/// The smallest part of its longest side that still has enough for the larger preview.
fn part(longest: usize) -> Option<usize> {
    let enough = usize::try_from(LARGE_PX).unwrap_or(usize::MAX);
    PARTS.into_iter().find(|part| longest.div_ceil(*part) >= enough)
}

/// A picture as JPEG, colours at half the resolution of the brightness as cameras do it.
pub fn encode(image: &RgbImage, quality: u8) -> Step<Vec<u8>> {
    let (width, height) = (index(image.width()), index(image.height()));
    let pixels = image.as_raw().as_slice();
    encoded(quality, |encoder| {
        encoder.set_subsamp(Subsamp::Sub2x2)?;
        encoder.compress_to_vec(Image { pixels, width, pitch: width * 3, height, format: PixelFormat::RGB })
    })
}

/// Planes as JPEG, their colours at half the resolution already.
pub fn encode_planes(planes: &Planes, quality: u8) -> Step<Vec<u8>> {
    let (width, height) = (index(planes.width), index(planes.height));
    let pixels = planes.data.as_slice();
    let subsamp = if planes.shared.is_some() { Subsamp::Sub2x2 } else { Subsamp::Gray };
    encoded(quality, |encoder| encoder.compress_yuv_to_vec(YuvImage { pixels, width, align: 1, height, subsamp }))
}

fn encoded(quality: u8, write: impl FnOnce(&mut Compressor) -> turbojpeg::Result<Vec<u8>>) -> Step<Vec<u8>> {
    let made = Compressor::new().and_then(|mut encoder| {
        encoder.set_quality(quality.into())?;
        write(&mut encoder)
    });
    made.map_err(|error| Refusal::Broken(error.to_string()))
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
