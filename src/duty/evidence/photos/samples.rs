//! Pictures for the tests, good and bad, made from nothing.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageFormat, Rgb, RgbImage, RgbaImage};
use turbojpeg::{Colorspace, Compressor, Image, PixelFormat, Subsamp};

/// Top left, top right, bottom left, bottom right of [`scene`].
pub const CORNERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 200, 40], [30, 40, 220], [235, 235, 235]];

/// Four quarters of four colours, with a little grain, so that no two corners can be taken for each other.
pub fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let quarter = usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2);
        let grain = ((x * 7 + y * 13) % 8) as u8;
        Rgb(CORNERS[quarter].map(|value| value - grain))
    })
}

/// Waves of every width and direction: what a bad reduction would spoil.
pub fn waves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let value = |a: f32, b: f32| (127.0 + 60.0 * (x * a).sin() + 60.0 * (y * b).cos()) as u8;
        Rgb([value(0.05, 0.09), value(0.21, 0.03), value(0.02, 0.13)])
    })
}

/// What a street looks like to an encoder: surfaces of every size that fade into each other, edges, grain.
pub fn street(width: u32, height: u32) -> RgbImage {
    // A number of a place, the same every time.
    let dice = |x: u32, y: u32, octave: u32| {
        let mut value = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ octave.wrapping_mul(0xC2B2_AE3D);
        value = (value ^ (value >> 15)).wrapping_mul(0x2C1B_3C6D);
        (value >> 16) as f32 / 65_536.0
    };
    let surface = |x: u32, y: u32, cell: u32| {
        let (left, top) = (x / cell, y / cell);
        let (right, down) = ((x % cell) as f32 / cell as f32, (y % cell) as f32 / cell as f32);
        let row = |y| dice(left, y, cell) * (1.0 - right) + dice(left + 1, y, cell) * right;
        row(top) * (1.0 - down) + row(top + 1) * down
    };
    RgbImage::from_fn(width, height, |x, y| {
        let sum = [256, 64, 16, 8].iter().map(|cell| surface(x, y, *cell)).sum::<f32>() / 4.0;
        let edge = if (x / 90 + y / 70).is_multiple_of(5) { 0.25 } else { 0.0 };
        let grain = (dice(x, y, 1) - 0.5) * 0.06;
        let tone = |share: f32| ((sum * share + edge + grain).clamp(0.0, 1.0) * 255.0) as u8;
        Rgb([tone(1.0), tone(0.9), tone(0.7)])
    })
}

pub fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(image).unwrap();
    bytes
}

pub fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// With the right half see-through.
pub fn png_see_through(width: u32, height: u32) -> Vec<u8> {
    let image = RgbaImage::from_fn(width, height, |x, _| image::Rgba([200, 0, 0, if x < width / 2 { 255 } else { 0 }]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

pub fn webp(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .encode(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// A PNG that claims a size and holds almost nothing.
pub fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    // An empty stream of zlib.
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", b"\x78\x9C\x03\0\0\0\0\x01"), (b"IEND", b"")] {
        bytes.extend((data.len() as u32).to_be_bytes());
        let from = bytes.len();
        bytes.extend(kind);
        bytes.extend(data);
        let sum = crc32(&bytes[from..]);
        bytes.extend(sum.to_be_bytes());
    }
    bytes
}

/// A JPEG whose frame header claims another size than it has.
pub fn jpeg_claiming(width: u16, height: u16) -> Vec<u8> {
    claiming(jpeg(&scene(16, 16)), width, height)
}

/// The same of any JPEG.
pub fn claiming(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let frame = bytes.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0 | 0xC2])).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// In several scans, each finer than the one before.
pub fn jpeg_progressive(image: &RgbImage) -> Vec<u8> {
    let mut encoder = Compressor::new().unwrap();
    encoder.set_progressive(true).unwrap();
    written(encoder, image.as_raw(), image.width(), image.height(), PixelFormat::RGB)
}

/// With colours sampled as told.
pub fn jpeg_sampled(image: &RgbImage, subsamp: Subsamp) -> Vec<u8> {
    let mut encoder = Compressor::new().unwrap();
    encoder.set_subsamp(subsamp).unwrap();
    written(encoder, image.as_raw(), image.width(), image.height(), PixelFormat::RGB)
}

/// Red, green and blue as they are.
pub fn jpeg_of_rgb(image: &RgbImage) -> Vec<u8> {
    let mut encoder = Compressor::new().unwrap();
    encoder.set_colorspace(Colorspace::RGB).unwrap();
    written(encoder, image.as_raw(), image.width(), image.height(), PixelFormat::RGB)
}

/// Cyan, magenta, yellow and black.
pub fn jpeg_of_inks(width: u32, height: u32) -> Vec<u8> {
    let inks: Vec<u8> = (0..width * height).flat_map(|n| [200, (n % width / 16) as u8, 120, 255]).collect();
    written(Compressor::new().unwrap(), &inks, width, height, PixelFormat::CMYK)
}

fn written(mut encoder: Compressor, pixels: &[u8], width: u32, height: u32, format: PixelFormat) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    encoder.set_quality(95).unwrap();
    encoder.compress_to_vec(Image { pixels, width, pitch: width * format.size(), height, format }).unwrap()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

/// Puts a block of EXIF right behind the beginning of a JPEG.
pub fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend((tiff.len() as u16 + 8).to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(tiff);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// One field of a directory: tag, type, count, value in big-endian bytes.
type Field = (u16, u16, u32, Vec<u8>);

/// The fields of a block of EXIF.
#[derive(Clone, Default)]
pub struct Tags {
    main: Vec<Field>,
    exif: Vec<Field>,
    gps: Vec<Field>,
}

impl Tags {
    pub fn orientation(mut self, value: u16) -> Self {
        self.main.push((0x0112, 3, 1, value.to_be_bytes().to_vec()));
        self
    }

    pub fn camera(mut self, make: &str, model: &str) -> Self {
        self.main.push(text(0x010F, make));
        self.main.push(text(0x0110, model));
        self
    }

    /// `2026:05:01 14:30:00`, and `+08:00`.
    pub fn taken(mut self, at: &str, offset: Option<&str>) -> Self {
        self.exif.push(text(0x9003, at));
        self.exif.extend(offset.map(|offset| text(0x9011, offset)));
        self
    }

    /// Degrees; south and west are negative.
    pub fn place(mut self, lon: f64, lat: f64) -> Self {
        self.gps.push(text(1, if lat < 0.0 { "S" } else { "N" }));
        self.gps.push(rationals(2, &sexagesimal(lat)));
        self.gps.push(text(3, if lon < 0.0 { "W" } else { "E" }));
        self.gps.push(rationals(4, &sexagesimal(lon)));
        self
    }

    /// `2026:05:01` and hours, minutes, seconds, of the satellites' clock.
    pub fn gps_time(mut self, date: &str, time: [u32; 3]) -> Self {
        self.gps.push(rationals(7, &time.map(|value| (value, 1))));
        self.gps.push(text(0x1D, date));
        self
    }

    /// Any field of the main directory.
    pub fn raw(mut self, tag: u16, kind: u16, count: u32, value: &[u8]) -> Self {
        self.main.push((tag, kind, count, value.to_vec()));
        self
    }

    /// The block: three directories, big-endian.
    pub fn tiff(&self) -> Vec<u8> {
        let pointer = |tag: u16, to: u32| (tag, 4, 1, to.to_be_bytes().to_vec());
        let main = |exif_at: u32, gps_at: u32| {
            let mut fields = self.main.clone();
            fields.push(pointer(0x8769, exif_at));
            fields.push(pointer(0x8825, gps_at));
            directory(fields, 8)
        };
        let exif_at = 8 + main(0, 0).len() as u32;
        let exif = directory(self.exif.clone(), exif_at);
        let gps_at = exif_at + exif.len() as u32;
        let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
        bytes.extend(main(exif_at, gps_at));
        bytes.extend(exif);
        bytes.extend(directory(self.gps.clone(), gps_at));
        bytes
    }
}

fn text(tag: u16, value: &str) -> Field {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    (tag, 2, bytes.len() as u32, bytes)
}

fn rationals(tag: u16, values: &[(u32, u32)]) -> Field {
    let bytes = values.iter().flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()]).flatten().collect();
    (tag, 5, values.len() as u32, bytes)
}

fn sexagesimal(degrees: f64) -> [(u32, u32); 3] {
    let degrees = degrees.abs();
    let minutes = degrees.fract() * 60.0;
    let seconds = minutes.fract() * 60.0;
    [(degrees as u32, 1), (minutes as u32, 1), ((seconds * 10_000.0).round() as u32, 10_000)]
}

fn directory(mut fields: Vec<Field>, at: u32) -> Vec<u8> {
    fields.sort_by_key(|field| field.0);
    let data_at = at + 2 + 12 * fields.len() as u32 + 4;
    let mut bytes = (fields.len() as u16).to_be_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    for (tag, kind, count, value) in &fields {
        bytes.extend(tag.to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        if value.len() <= 4 {
            let mut inline = value.clone();
            inline.resize(4, 0);
            bytes.extend(inline);
        } else {
            bytes.extend((data_at + data.len() as u32).to_be_bytes());
            data.extend(value);
            data.resize(data.len().next_multiple_of(2), 0);
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(data);
    bytes
}

/// Mean structural similarity of the brightness over windows of 8 × 8.
pub fn ssim(one: &RgbImage, other: &RgbImage) -> f64 {
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
