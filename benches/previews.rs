//! Previews of 12-megapixel JPEGs, in process and on one core: what a server does for each photo, from the bytes on the
//! disk to both previews as JPEG. `make` writes the pictures that every peer gets, as telephones write them: 4:2:0, a
//! few megabytes, half of them to be turned upright.
//!
//! ```text
//! cargo bench --bench previews -- make --folder DIR [--count N]
//! cargo bench --bench previews -- run --folder DIR [--seconds S]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that meets what it does not expect must fail loudly"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser as _;
use serde_json::{Value, json};
use suixing::duty::evidence::photos::decode::previews;
use suixing::duty::evidence::photos::examine::examine;
use suixing::wiring::cli::print_line;
use suixing::wiring::simulate::process::peak_kib;
use suixing::wiring::simulate::stats::{cpu_seconds, round};
use suixing::words::dice::Dice;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// Of every picture.
const SIZE: (usize, usize) = (4000, 3000);
/// Of the pictures, as telephones choose it.
const QUALITY: i32 = 92;
/// A picture that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(clap::Parser)]
enum Task {
    /// Write the pictures.
    Make {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long, default_value_t = 8)]
        count: usize,
    },
    /// Make their previews, again and again.
    Run {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
}

fn main() {
    let report = match Task::parse_from(std::env::args().filter(|argument| argument != "--bench")) {
        Task::Make { folder, count } => make(&folder, count),
        Task::Run { folder, seconds } => run(&folder, seconds),
    };
    print_line(&report).unwrap();
}

fn make(folder: &Path, count: usize) -> Value {
    std::fs::create_dir_all(folder).unwrap();
    let mut bytes = 0;
    for n in 0..count {
        let jpeg = turned(&picture(n as u64), if n % 2 == 0 { 1 } else { 6 });
        bytes += jpeg.len();
        std::fs::write(folder.join(format!("{n:02}.jpg")), jpeg).unwrap();
    }
    json!({"pictures": count, "width": SIZE.0, "height": SIZE.1, "mean_kib": bytes / count.max(1) / 1024})
}

/// Surfaces of every size that fade into each other, edges, and the grain of a small sensor.
fn picture(seed: u64) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut dice = Dice::new(seed);
    let octaves: Vec<Field> = [640, 160, 40, 10].into_iter().map(|cell| Field::new(&mut dice, cell)).collect();
    let mut grain = seed | 1;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let sum: f32 =
                octaves.iter().zip([0.45, 0.3, 0.15, 0.1]).map(|(field, share)| field.at(x, y) * share).sum();
            let edge = if (x / 210 + y / 170).is_multiple_of(4) { 0.18 } else { 0.0 };
            for tint in [1.0_f32, 0.93, 0.8] {
                grain ^= grain << 13;
                grain ^= grain >> 7;
                grain ^= grain << 17;
                let noise = ((grain >> 40) as f32 / 16_777_216.0 - 0.5) * 0.1;
                pixels.push((((sum + edge) * tint + noise).clamp(0.0, 1.0) * 255.0) as u8);
            }
        }
    }
    let mut encoder = Compressor::new().unwrap();
    encoder.set_quality(QUALITY).unwrap();
    encoder.set_subsamp(Subsamp::Sub2x2).unwrap();
    let image = Image { pixels: pixels.as_slice(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    encoder.compress_to_vec(image).unwrap()
}

/// Chance values on a grid, smooth between.
struct Field {
    cell: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Field {
    fn new(dice: &mut Dice, cell: usize) -> Self {
        let (columns, rows) = (SIZE.0 / cell + 2, SIZE.1 / cell + 2);
        Self { cell, columns, values: (0..columns * rows).map(|_| dice.unit() as f32).collect() }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        let (column, row) = (x / self.cell, y / self.cell);
        let right = (x % self.cell) as f32 / self.cell as f32;
        let down = (y % self.cell) as f32 / self.cell as f32;
        let line = |row: usize| {
            let from = row * self.columns + column;
            self.values[from] * (1.0 - right) + self.values[from + 1] * right
        };
        line(row) * (1.0 - down) + line(row + 1) * down
    }
}

/// With a block of EXIF that says which way is up.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff =
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation], b"\0\0\0\0\0\0"].concat();
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xFF\xE1", &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

fn run(folder: &Path, seconds: f64) -> Value {
    let mut pictures: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pictures.sort();
    assert!(!pictures.is_empty(), "no pictures; `make` writes them");
    let mut sound = true;
    // Once each beforehand: the disk's own time is nobody's figure.
    for picture in &pictures {
        sound &= shown(picture);
    }
    let (begun, cpu, mut done) = (Instant::now(), cpu_seconds("self"), 0_usize);
    while begun.elapsed().as_secs_f64() < seconds {
        sound &= shown(&pictures[done % pictures.len()]);
        done += 1;
    }
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds("self") - cpu);
    json!({
        "images": done, "images_per_s": round(done as f64 / elapsed, 2),
        "cpu_ms_per_image": round(cpu * 1e3 / done as f64, 1),
        "peak_mib": round(peak_kib("self") as f64 / 1024.0, 1), "sound": sound,
    })
}

/// All that is done to a photo, and whether both previews have their size and stand upright.
fn shown(picture: &Path) -> bool {
    let examined = examine(File::open(picture).unwrap()).unwrap();
    let orientation = examined.exif.orientation.unwrap_or(1);
    let made =
        previews(File::open(picture).unwrap(), examined.is.format(), orientation, Instant::now() + PATIENCE).unwrap();
    let sizes: Vec<(u32, u32)> = made.iter().map(|one| (one.width, one.height)).collect();
    let upright = if orientation == 6 { [(240, 320), (1200, 1600)] } else { [(320, 240), (1600, 1200)] };
    !examined.shape.truncated && sizes == upright
}
