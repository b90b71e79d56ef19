//! Many cameras that upload at once, together at a steady rate, until they are told to stop: what each costs in memory,
//! and what somebody else measures beside them.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use suixing::wiring::simulate::client::Session;

use crate::Result;
use crate::line::{Door, Line};
use crate::meter::{Cost, own_bytes, round};
use crate::world::{self, Server};

/// Bytes that a camera sends at once.
const PIECE: usize = 64 * 1024;
/// Pieces of a chunk.
const PIECES: usize = 128;
/// Uploads of one account; one person may have a bounded number of them open.
const EACH: usize = 100;
/// Seconds between what is counted: before and while all upload.
const SETTLE: Duration = Duration::from_secs(4);

/// `cameras`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Uploads at once.
    #[arg(long, default_value_t = 300)]
    uploads: usize,
    /// What they send together.
    #[arg(long, default_value_t = 40.0)]
    mib_per_s: f64,
    /// Size of each recording.
    #[arg(long, default_value_t = 64)]
    file_mib: u64,
    /// Made when all of them upload and memory was read.
    #[arg(long)]
    begun_file: PathBuf,
    /// They go on until this is there.
    #[arg(long)]
    stop_file: PathBuf,
}

/// What all cameras have done.
#[derive(Default)]
struct Sums {
    bytes: Cell<u64>,
    files: Cell<usize>,
    over: Cell<bool>,
}

/// One run.
pub async fn run(args: Args) -> Result<Value> {
    let pid = args.server.server_pid.ok_or("--server-pid is needed")?;
    let crew = world::people(&args.server, args.uploads.div_ceil(EACH), 0).await?;
    let sums = Rc::new(Sums::default());
    let gap = Duration::from_secs_f64(PIECE as f64 * args.uploads as f64 / (args.mib_per_s * 1_048_576.0));
    // A few first, which open what any number needs.
    let warm: Vec<_> =
        (0..8).map(|n| tokio::task::spawn_local(camera(&args, &crew.terminals[0], n, gap, &sums))).collect();
    tokio::time::sleep(SETTLE).await;
    sums.over.set(true);
    for task in warm {
        task.await??;
    }
    tokio::time::sleep(SETTLE).await;
    let before = own_bytes(pid);
    let sums = Rc::new(Sums::default());
    let (begun, cost) = (Instant::now(), Cost::begin(Some(pid)));
    let mut tasks = Vec::new();
    for n in 0..args.uploads {
        tasks.push(tokio::task::spawn_local(camera(&args, &crew.terminals[n / EACH], n, gap, &sums)));
    }
    tokio::time::sleep(SETTLE).await;
    let each = own_bytes(pid).saturating_sub(before) as f64 / 1024.0 / args.uploads as f64;
    std::fs::write(&args.begun_file, b"")?;
    while !args.stop_file.exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Some(ended) = tasks.iter().position(tokio::task::JoinHandle::is_finished) {
            tasks.swap_remove(ended).await??;
            return Err("a camera has ended by itself".into());
        }
    }
    let rate = sums.bytes.get() as f64 / begun.elapsed().as_secs_f64() / 1_048_576.0;
    let mut report = json!({
        "offered": {"uploads": args.uploads, "mib_per_s": args.mib_per_s},
        "mib_per_s": round(rate, 1), "files": sums.files.get(), "kib_per_upload": round(each, 1),
    });
    cost.tell(&mut report);
    sums.over.set(true);
    for task in tasks {
        task.await??;
    }
    // A camera that comes late is slower than a real one and would flatter.
    report["sound"] = json!(rate > 0.9 * args.mib_per_s);
    Ok(report)
}

/// One camera: a recording after the other, piece by piece when it is due.
fn camera(
    args: &Args,
    session: &Session,
    n: usize,
    gap: Duration,
    sums: &Rc<Sums>,
) -> impl Future<Output = Result<()>> + use<> {
    let (root, length, session, sums) =
        (args.server.url.clone(), args.file_mib << 20, session.clone(), Rc::clone(sums));
    // They do not all send at the same instant.
    let first = gap.mul_f64(n as f64 / args.uploads as f64);
    async move {
        let piece: Vec<u8> = (0..PIECE).map(|at| (at * 7 + n) as u8).collect();
        let mut due = tokio::time::Instant::now() + first;
        for recording in 0_u64.. {
            let door = Door { root: root.clone(), path: "/api/v1/uploads", bearer: Some(session.bearer().await?) };
            let mut line = Line::open(&door).await?;
            let upload = line.create(&door, length, &format!("CAM_{n:04}_{recording:04}.mp4")).await?;
            let mut at = 0;
            while at < length {
                let pieces = PIECES.min(usize::try_from(length - at)? / PIECE);
                line.chunk(&upload, at, pieces * PIECE).await?;
                for sent in 0..pieces {
                    tokio::time::sleep_until(due).await;
                    if sums.over.get() {
                        return Ok(());
                    }
                    due += gap;
                    // No two recordings are the same.
                    let mut piece = piece.clone();
                    piece[..8].copy_from_slice(&((recording << 32) | (at + sent as u64)).to_le_bytes());
                    line.send(&piece).await?;
                    sums.bytes.set(sums.bytes.get() + PIECE as u64);
                }
                at += (pieces * PIECE) as u64;
                line.answer().await?.expect(204)?;
            }
            sums.files.set(sums.files.get() + 1);
        }
        Ok(())
    }
}
