//! The peer of durable ingest: rows committed by `COPY`, a few clients, each a transaction of many rows.

use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::meter::{Cost, Latencies, round};
use crate::pg::Conn;
use crate::world::{now_us, stamp};

/// `copy`.
#[derive(clap::Args)]
pub struct Args {
    /// HOST:PORT of PostgreSQL.
    #[arg(long)]
    address: String,
    /// Clients at once.
    #[arg(long, default_value_t = 2)]
    clients: usize,
    /// Rows of one transaction.
    #[arg(long, default_value_t = 10_000)]
    rows: usize,
    /// Seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Give the table the primary key (device, at), without which nothing would be known twice.
    #[arg(long)]
    keyed: bool,
}

/// Rows per second, committed.
pub async fn run(args: Args) -> Result<Value> {
    let mut conn = Conn::open(&args.address, "postgres").await?;
    let key = if args.keyed { ", PRIMARY KEY (device, at)" } else { "" };
    conn.execute(&format!(
        "DROP TABLE IF EXISTS fixes; CREATE TABLE fixes (device uuid, at timestamptz, lon float8, lat float8, \
         accuracy_m real, speed_mps real{key})"
    ))
    .await?;
    let (cost, committed) = (Cost::begin(None), Rc::new(Cell::new(0_usize)));
    let until = Instant::now() + Duration::from_secs_f64(args.seconds);
    let mut clients = Vec::new();
    for client in 0..args.clients {
        let (address, rows, committed) = (args.address.clone(), args.rows, Rc::clone(&committed));
        clients.push(tokio::task::spawn_local(async move {
            let mut conn = Conn::open(&address, "postgres").await.unwrap();
            let (mut latencies, mut batch) = (Latencies::default(), 0_usize);
            let begin = now_us() - 86_400_000_000;
            while Instant::now() < until {
                let mut lines = String::with_capacity(rows * 96);
                for row in 0..rows {
                    let at = stamp(begin + (batch * rows + row) as i64 * 1_000_000);
                    let device = (client as u128) << 64 | (row % 1_000) as u128;
                    let device = uuid::Uuid::from_u128(device);
                    writeln!(lines, "{device}\t{at}\t119.{:06}\t31.{:06}\t6\t3", row, batch).unwrap();
                }
                let asked = Instant::now();
                conn.copy("fixes", lines.as_bytes()).await.unwrap();
                latencies.since(asked);
                committed.set(committed.get() + rows);
                batch += 1;
            }
            latencies
        }));
    }
    let mut all = Vec::new();
    for client in clients {
        all.push(client.await?.report());
    }
    let per_second = committed.get() as f64 / cost.seconds();
    let count = format!("SELECT 1 FROM (SELECT count(*) AS n FROM fixes) AS all_fixes WHERE n = {}", committed.get());
    let sound = conn.execute(&count).await? == 1;
    let mut report = json!({
        "offered": {"clients": args.clients, "rows": args.rows, "keyed": args.keyed},
        "fixes_per_s": round(per_second, 0), "commit_ms": all.first(),
        "sound": sound,
    });
    cost.tell(&mut report);
    Ok(report)
}
