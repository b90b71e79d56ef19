//! What the machine itself allows an upload: SHA-256 on one core by the libraries there are, and the disk, written
//! through with one sync at the end (as `dd conv=fdatasync` does), and with a sync after every chunk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::Digest as _;

use crate::Result;
use crate::meter::round;

/// Bytes hashed or written at once.
const CHUNK: usize = 8 << 20;

/// `limits`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder on the disk that is measured.
    #[arg(long)]
    folder: std::path::PathBuf,
    /// What is written to it.
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Seconds of hashing for each library.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// MB/s.
pub fn run(args: &Args) -> Result<Value> {
    let chunk: Vec<u8> = (0..CHUNK).map(|n| (n * 31 / 8) as u8).collect();
    let mut sha2 = sha2::Sha256::new();
    let by_sha2 = hashed(args.seconds, || sha2.update(&chunk));
    let mut aws_lc = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let by_aws_lc = hashed(args.seconds, || aws_lc.update(&chunk));
    std::hint::black_box((sha2.finalize(), aws_lc.finish()));
    let chunks = (args.mib << 20).div_ceil(CHUNK);
    Ok(json!({
        "sha256_mb_per_s": {"sha2": by_sha2, "aws_lc_rs": by_aws_lc},
        "disk_mb_per_s": written(&args.folder, &chunk, chunks, false)?,
        "disk_mb_per_s_each_synced": written(&args.folder, &chunk, chunks, true)?,
        "offered": {"mib": args.mib}, "sound": true,
    }))
}

fn hashed(seconds: f64, mut update: impl FnMut()) -> f64 {
    let (begun, until, mut bytes) = (Instant::now(), Duration::from_secs_f64(seconds), 0);
    while begun.elapsed() < until {
        update();
        bytes += CHUNK;
    }
    round(bytes as f64 / begun.elapsed().as_secs_f64() / 1e6, 1)
}

fn written(folder: &Path, chunk: &[u8], chunks: usize, each_synced: bool) -> Result<f64> {
    let path = folder.join("limits");
    let begun = Instant::now();
    let mut file = File::create(&path)?;
    for _ in 0..chunks {
        file.write_all(chunk)?;
        if each_synced {
            file.sync_data()?;
        }
    }
    file.sync_data()?;
    let rate = (chunks * chunk.len()) as f64 / begun.elapsed().as_secs_f64() / 1e6;
    std::fs::remove_file(path)?;
    Ok(round(rate, 1))
}
