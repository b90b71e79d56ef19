//! The limit of the disk: records of 64 bytes appended and synced, 1, 100 or 1,000 at a time.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::meter::round;

/// Bytes of a record: about what a fix takes in a log.
const RECORD: usize = 64;

/// `append`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder on the disk that is measured.
    #[arg(long)]
    folder: std::path::PathBuf,
    /// Seconds for each size.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
}

/// Records per second, by records per sync.
pub fn run(args: &Args) -> Result<Value> {
    let path = args.folder.join("append");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut report = json!({});
    for at_once in [1_usize, 100, 1_000] {
        let bytes = vec![b'x'; RECORD * at_once];
        let (begun, limit, mut syncs) = (Instant::now(), Duration::from_secs_f64(args.seconds), 0_usize);
        while begun.elapsed() < limit {
            file.write_all(&bytes)?;
            file.sync_data()?;
            syncs += 1;
        }
        let per_second = (syncs * at_once) as f64 / begun.elapsed().as_secs_f64();
        report[format!("records_per_s_by_{at_once}")] = json!(round(per_second, 0));
    }
    std::fs::remove_file(path)?;
    Ok(report)
}
