//! Previews: one decoding for both sizes, within bounds of pixels, memory and time, upright, without what the camera
//! wrote into the original.
//!
//! JPEGs that are far larger than the larger preview are decoded at half, a quarter or an eighth of their size already by
//! [`super::turbo`], which also writes the previews, and as a rule reduced by [`super::planes`]. Everything else, and
//! what those do not know, goes through `image`.
//! Blocking: runs behind the [`super::Gate`].

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::time::Instant;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::planes::{self, Planes};
use super::sniff::Format;
use super::turbo::{self, Reduced};
use super::{LARGE_PX, SMALL_PX};

/// Pixels of the largest original that is decoded; the largest cameras of phones have 200 million but give 50.
pub const PIXELS_MAX: u64 = 100_000_000;
/// Bytes one decoding may hold: the most pixels in four channels.
pub const MEMORY_MAX: u64 = 4 * PIXELS_MAX;
/// Bytes of the largest file that is decoded.
pub const FILE_MAX: u64 = 2 * super::PHOTO_MAX;
/// Of the previews, on the usual scale up to 100.
const QUALITY: u8 = 82;

/// One preview, ready to be stored.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The longest side at most.
    pub px: u32,
    pub width: u32,
    pub height: u32,
    pub jpeg: Vec<u8>,
}

/// Why there are no previews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// With its size, where it is known.
    TooLarge(Option<(u32, u32)>),
    /// What the decoder said.
    Broken(String),
    TookTooLong,
}

/// A step on the way.
pub(super) type Step<T> = std::result::Result<T, Refusal>;

/// The previews of a picture, the smaller first. `orientation` is EXIF's number, 1 to 8.
pub fn previews<R: Read + Seek>(source: R, format: Format, orientation: u8, deadline: Instant) -> Step<Vec<Preview>> {
    in_time(source, deadline, |source| {
        let decoded = decoded(source, format)?;
        source.check()?;
        match decoded {
            Decoded::Planes(planes, spare) => planes::shrink(planes, spare, orientation),
            Decoded::Pixels(pixels) => shrink(pixels, orientation),
        }
    })
}

/// Tells a decoder whose time was over from one that met something broken.
fn in_time<R, T>(source: R, deadline: Instant, make: impl FnOnce(&mut Timed<R>) -> Step<T>) -> Step<T> {
    let mut source = Timed { source, deadline };
    match make(&mut source) {
        // Decoders put what the reader said into words of their own.
        Err(Refusal::Broken(_)) if source.check().is_err() => Err(Refusal::TookTooLong),
        other => other,
    }
}

/// Lets a decoder that goes on reading notice that its time is over.
struct Timed<R> {
    source: R,
    deadline: Instant,
}

impl<R> Timed<R> {
    fn check(&self) -> Step<()> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(Refusal::TookTooLong) }
    }
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.check().is_err() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        self.source.read(buffer)
    }
}

impl<R: Seek> Seek for Timed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// Decoded pixels, one of the four kinds of eight bits a channel.
#[derive(Debug)]
pub(super) struct Pixels {
    pub width: u32,
    pub height: u32,
    pub channels: PixelType,
    pub data: Vec<u8>,
}

enum Decoded {
    /// And the memory that the file was in.
    Planes(Planes, Vec<u8>),
    Pixels(Pixels),
}

/// The name the library has for a format that is decoded.
fn known(format: Format) -> Step<ImageFormat> {
    match format {
        Format::Jpeg => Ok(ImageFormat::Jpeg),
        Format::Png => Ok(ImageFormat::Png),
        Format::Webp => Ok(ImageFormat::WebP),
        other => Err(Refusal::Broken(format!("{other} is not decoded"))),
    }
}

fn decoded<R: Read + Seek>(source: &mut Timed<R>, format: Format) -> Step<Decoded> {
    let known = known(format)?;
    if format == Format::Jpeg
        && let Some(decoded) = reduced(source)?
    {
        return Ok(decoded);
    }
    full(source, known).map(Decoded::Pixels)
}

/// Within the bounds: the pixels, and what the decoder holds of each.
pub(super) fn fits(width: u32, height: u32, bytes_per_pixel: u64) -> Step<()> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS_MAX || pixels.saturating_mul(bytes_per_pixel) > MEMORY_MAX {
        return Err(Refusal::TooLarge(Some((width, height))));
    }
    Ok(())
}

fn rewind(source: &mut impl Seek) -> Step<()> {
    source.seek(SeekFrom::Start(0)).map(drop).map_err(|error| Refusal::Broken(error.to_string()))
}

/// A JPEG the short way, see [`turbo::reduced`].
fn reduced<R: Read + Seek>(source: &mut R) -> Step<Option<Decoded>> {
    let length = source.seek(SeekFrom::End(0)).unwrap_or(0).min(FILE_MAX);
    rewind(source)?;
    let mut jpeg = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    source.take(FILE_MAX + 1).read_to_end(&mut jpeg).map_err(|error| Refusal::Broken(error.to_string()))?;
    if jpeg.len() as u64 > FILE_MAX {
        return Err(Refusal::TooLarge(None));
    }
    Ok(turbo::reduced(&jpeg)?.map(|reduced| match reduced {
        Reduced::Planes(planes) => Decoded::Planes(planes, jpeg),
        Reduced::Pixels(pixels) => Decoded::Pixels(pixels),
    }))
}

/// Every pixel.
pub(super) fn full<R: Read + Seek>(source: &mut R, format: ImageFormat) -> Step<Pixels> {
    rewind(source)?;
    let mut reader = ImageReader::with_format(BufReader::new(source), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = ImageDecoder::dimensions(&decoder);
    fits(width, height, 1)?;
    // Sixteen bits a channel take twice the memory.
    if ImageDecoder::total_bytes(&decoder) > MEMORY_MAX {
        return Err(Refusal::TooLarge(Some((width, height))));
    }
    Ok(Pixels::of(DynamicImage::from_decoder(decoder).map_err(refusal)?))
}

fn refusal(error: ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::TooLarge(None),
        other => Refusal::Broken(other.to_string()),
    }
}

impl Pixels {
    fn of(image: DynamicImage) -> Self {
        let (width, height) = (image.width(), image.height());
        let (channels, data) = match image {
            DynamicImage::ImageLuma8(image) => (PixelType::U8, image.into_raw()),
            DynamicImage::ImageLumaA8(image) => (PixelType::U8x2, image.into_raw()),
            DynamicImage::ImageRgb8(image) => (PixelType::U8x3, image.into_raw()),
            DynamicImage::ImageRgba8(image) => (PixelType::U8x4, image.into_raw()),
            deep if deep.color().has_alpha() => (PixelType::U8x4, deep.into_rgba8().into_raw()),
            deep => (PixelType::U8x3, deep.into_rgb8().into_raw()),
        };
        Self { width, height, channels, data }
    }

    /// At most `px` on the longest side, never larger than it is; without channels for see-through.
    pub(super) fn within(&self, resizer: &mut Resizer, px: u32) -> Step<RgbImage> {
        let (width, height) = within(self.width, self.height, px);
        let broken = |what: &dyn std::fmt::Display| Refusal::Broken(what.to_string());
        let source =
            ImageRef::new(self.width, self.height, &self.data, self.channels).map_err(|error| broken(&error))?;
        let mut target = Image::new(width, height, self.channels);
        // By default: Lanczos, colours weighed by how solid they are.
        let options = ResizeOptions::new();
        resizer.resize(&source, &mut target, &options).map_err(|error| broken(&error))?;
        let data = solid(self.channels, target.into_vec());
        RgbImage::from_raw(width, height, data).ok_or_else(|| broken(&"pixels are missing"))
    }
}

/// The size within a square of `px`, in proportion.
pub(super) fn within(width: u32, height: u32, px: u32) -> (u32, u32) {
    let longest = u64::from(width.max(height));
    if longest <= u64::from(px) {
        return (width, height);
    }
    let scaled = |side: u32| {
        let side = (u64::from(side) * u64::from(px) + longest / 2) / longest;
        u32::try_from(side).unwrap_or(px).clamp(1, px)
    };
    (scaled(width), scaled(height))
}

/// Three channels; whatever is see-through shows white paper.
fn solid(channels: PixelType, data: Vec<u8>) -> Vec<u8> {
    let over = |value: u8, alpha: u8| {
        let sum = u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha);
        u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
    };
    match channels {
        PixelType::U8 => data.into_iter().flat_map(|value| [value; 3]).collect(),
        PixelType::U8x2 => {
            let (pixels, _) = data.as_chunks::<2>();
            pixels.iter().flat_map(|[value, alpha]| [over(*value, *alpha); 3]).collect()
        }
        PixelType::U8x4 => {
            let (pixels, _) = data.as_chunks::<4>();
            pixels.iter().flat_map(|[r, g, b, alpha]| [r, g, b].map(|value| over(*value, *alpha))).collect()
        }
        _ => data,
    }
}

/// Both sizes: the smaller is made of the larger, which is turned upright before.
fn shrink(pixels: Pixels, orientation: u8) -> Step<Vec<Preview>> {
    let mut resizer = Resizer::new();
    let mut large = DynamicImage::ImageRgb8(pixels.within(&mut resizer, LARGE_PX)?);
    drop(pixels);
    if let Some(turn) = Orientation::from_exif(orientation) {
        large.apply_orientation(turn);
    }
    let large = Pixels::of(large);
    let small = large.within(&mut resizer, SMALL_PX)?;
    let large = RgbImage::from_raw(large.width, large.height, large.data)
        .ok_or_else(|| Refusal::Broken("pixels are missing".to_owned()))?;
    Ok(vec![Preview::of(SMALL_PX, &small)?, Preview::of(LARGE_PX, &large)?])
}

impl Preview {
    fn of(px: u32, image: &RgbImage) -> Step<Self> {
        Ok(Self { px, width: image.width(), height: image.height(), jpeg: turbo::encode(image, QUALITY)? })
    }

    pub(super) fn of_planes(px: u32, planes: &Planes) -> Step<Self> {
        Ok(Self { px, width: planes.width, height: planes.height, jpeg: turbo::encode_planes(planes, QUALITY)? })
    }
}

/// Every pixel, upright, without channels for see-through: for a copy that leaves the house.
pub fn whole<R: Read + Seek>(source: R, format: Format, orientation: u8, deadline: Instant) -> Step<RgbImage> {
    let known = known(format)?;
    in_time(source, deadline, |source| {
        let Pixels { width, height, channels, data } = full(source, known)?;
        source.check()?;
        let image = RgbImage::from_raw(width, height, solid(channels, data))
            .ok_or_else(|| Refusal::Broken("pixels are missing".to_owned()))?;
        let mut image = DynamicImage::ImageRgb8(image);
        if let Some(turn) = Orientation::from_exif(orientation) {
            image.apply_orientation(turn);
        }
        Ok(image.into_rgb8())
    })
}
