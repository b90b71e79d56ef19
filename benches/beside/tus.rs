//! Large files by tus over loopback, one after the other on one connection, each in chunks. The same client for ours and
//! for the reference server in Node, which hashes nothing; ours must know the SHA-256 of all of it in the end.

use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};
use suixing::wiring::simulate::client::Session;
use suixing::wiring::simulate::process::{peak_kib, rss_kib};

use crate::Result;
use crate::line::{Door, Line};
use crate::meter::{Cost, round};
use crate::world::{self, Server};

const MIB: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// Ours.
    Suixing,
    /// `benches/peers_evidence/tus_server.mjs`
    TusNode,
}

/// `tus`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Who is measured.
    #[arg(long)]
    target: Target,
    /// Size of each file.
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// Size of each chunk.
    #[arg(long, default_value_t = 8)]
    chunk_mib: u64,
    /// Files.
    #[arg(long, default_value_t = 1)]
    files: usize,
}

/// MB/s, processor seconds and memory of the server.
pub async fn run(args: Args) -> Result<Value> {
    let pid = args.server.server_pid.ok_or("--server-pid is needed")?;
    let session = match args.target {
        Target::Suixing => world::people(&args.server, 1, 0).await?.terminals.into_iter().next(),
        Target::TusNode => None,
    };
    let length = args.mib * MIB;
    let mut film = Film::new(args.chunk_mib * MIB, length)?;
    // A first one opens files, pools and code paths.
    upload(&args, session.as_ref(), &mut Film::new(MIB, 2 * MIB)?, usize::MAX).await?;
    let (before, begun, cost) = (rss_kib(&pid.to_string()), Instant::now(), Cost::begin(Some(pid)));
    let mut done = Vec::new();
    for n in 0..args.files {
        done.push(upload(&args, session.as_ref(), &mut film, n).await?);
    }
    let (elapsed, bytes) = (begun.elapsed().as_secs_f64(), length as f64 * args.files as f64);
    let mut report = json!({
        "offered": {"mib": args.mib, "chunk_mib": args.chunk_mib, "files": args.files},
        "mb_per_s": round(bytes / elapsed / 1e6, 1), "bytes": bytes,
    });
    cost.tell(&mut report);
    let cpu = report["server_cpu_s"].as_f64().unwrap_or_default();
    report["cpu_s_per_gib"] = json!(round(cpu / bytes * (1_u64 << 30) as f64, 2));
    report["before_mib"] = json!(before / 1024);
    report["peak_mib"] = json!(peak_kib(&pid.to_string()) / 1024);
    let mut sound = true;
    for (n, done) in done.iter().enumerate() {
        sound &= match &session {
            Some(session) => known(session, done).await? == film.sha256(n),
            None => Line::open(&door(&args, None)).await?.offset(done).await? == length,
        };
    }
    report["sound"] = json!(sound);
    Ok(report)
}

fn door(args: &Args, bearer: Option<String>) -> Door {
    let path = if args.target == Target::Suixing { "/api/v1/uploads" } else { "/files" };
    Door { root: args.server.url.clone(), path, bearer }
}

/// Uploads one file; the item it became, or the upload's path where nothing becomes of it.
async fn upload(args: &Args, session: Option<&Session>, film: &mut Film, n: usize) -> Result<String> {
    let bearer = match session {
        Some(session) => Some(session.bearer().await?),
        None => None,
    };
    let door = door(args, bearer);
    let mut line = Line::open(&door).await?;
    let path = line.create(&door, film.length, &format!("REC_{n:04}.mp4")).await?;
    let mut last = None;
    for chunk in 0..film.chunks() {
        let (at, bytes) = film.chunk(n, chunk);
        line.chunk(&path, at, bytes.len()).await?;
        line.send(bytes).await?;
        last = Some(line.answer().await?.expect(204)?);
    }
    match (session, last) {
        (Some(_), Some(answer)) => Ok(answer.header("suixing-evidence-id").ok_or("no evidence")?.to_owned()),
        _ => Ok(path),
    }
}

/// The hash that the server says an item has.
async fn known(session: &Session, id: &str) -> Result<String> {
    let item = session.get(&format!("/evidence/{id}")).await?;
    Ok(item["sha256"].as_str().unwrap_or_default().to_owned())
}

/// Bytes that nothing can press together, each chunk of each file marked as its own.
pub struct Film {
    chunk: Vec<u8>,
    pub length: u64,
}

impl Film {
    /// Errors: a length that is not a number of whole chunks.
    pub fn new(chunk: u64, length: u64) -> Result<Self> {
        if chunk == 0 || !length.is_multiple_of(chunk) {
            return Err("a file must have whole chunks".into());
        }
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut bytes = Vec::with_capacity(usize::try_from(chunk)?);
        while (bytes.len() as u64) < chunk {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        Ok(Self { chunk: bytes, length })
    }

    /// How many there are.
    pub fn chunks(&self) -> u64 {
        self.length / self.chunk.len() as u64
    }

    /// Where a chunk of a file begins, and its bytes.
    pub fn chunk(&mut self, file: usize, n: u64) -> (u64, &[u8]) {
        self.chunk[..8].copy_from_slice(&(file as u64).to_le_bytes());
        self.chunk[8..16].copy_from_slice(&n.to_le_bytes());
        (n * self.chunk.len() as u64, &self.chunk)
    }

    /// Of a file, in hex.
    fn sha256(&mut self, file: usize) -> String {
        let mut context = Context::new(&SHA256);
        for n in 0..self.chunks() {
            context.update(self.chunk(file, n).1);
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
