//! The fixes of a twelve-hour shift on the wire. The shift is cut into as many parts as there are connections, which run
//! side by side, each some times as fast as it was; the server's beat must be as many times as fast. Somebody else
//! counts the packets: this tells only when everybody was connected, and when the shift began and ended.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use suixing::duty::location::fix::FixIn;
use suixing::duty::location::uplink::{decode_ack, encode};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::Result;
use crate::meter::Cost;
use crate::shift::{self, SHIFT_S};
use crate::socket::{self, Link, number_after};
use crate::world::{self, Server, now_us};

/// Quiet on the wire before the shift begins and after it ends; shorter than the beat.
const PAUSE: Duration = Duration::from_millis(600);
/// How long is waited for the last acknowledgement.
const DRAIN: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// `fixes` messages of `suixing.v1.json`.
    Json,
    /// Frames of `suixing.v1.bin`.
    Binary,
}

/// `uplink`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Where sockets are dialled: the proxy.
    #[arg(long)]
    socket_url: String,
    /// Recorded traces, in the order of the shift: lines of seconds,lat,lon.
    #[arg(long, required = true)]
    trace: Vec<PathBuf>,
    /// How fixes are written.
    #[arg(long)]
    form: Form,
    /// Parts of the shift, side by side.
    #[arg(long, default_value_t = 48)]
    connections: usize,
    /// How many times as fast.
    #[arg(long, default_value_t = 15)]
    speed: u32,
    /// Seconds of the shift between two messages; a fix waits no longer. Without news a sign of life is sent.
    #[arg(long, default_value_t = 15)]
    batch_s: usize,
    /// Send every fix at once, as on an assignment.
    #[arg(long)]
    at_once: bool,
}

/// What one connection did.
#[derive(Default)]
struct Done {
    fixes: usize,
    messages: u64,
    beats: u64,
    acked: u64,
    refused: u64,
    asked: u64,
}

/// One run.
pub async fn run(args: Args) -> Result<Value> {
    let crew = world::people(&args.server, args.connections, 0).await?;
    let (fixes, moved_s) = shift::fixes(&args.trace, now_us() - (SHIFT_S as i64 + 600) * 1_000_000)?;
    let (all, part_s) = (fixes.len(), SHIFT_S / args.connections);
    let protocol = if args.form == Form::Binary { "suixing.v1.bin" } else { "suixing.v1.json" };
    tokio::time::sleep(PAUSE).await;
    let dialled_us = now_us();
    let mut links = Vec::new();
    for session in &crew.terminals {
        links.push(socket::dial_ours(&args.socket_url, &session.bearer().await?, protocol, socket::QUIET).await?);
    }
    tokio::time::sleep(PAUSE).await;
    let (begun_us, begun, cost) = (now_us(), Instant::now(), Cost::begin(args.server.server_pid));
    let mut tasks = Vec::new();
    for (n, link) in links.into_iter().enumerate() {
        let mine: VecDeque<(usize, FixIn)> = fixes.iter().filter(|(at, _)| at / part_s == n).cloned().collect();
        let pace = Pace {
            begun,
            from_s: n * part_s,
            until_s: (n + 1) * part_s,
            speed: args.speed,
            every_s: args.batch_s,
            at_once: args.at_once,
            form: args.form,
        };
        tasks.push(tokio::task::spawn_local(pace.send(link, mine)));
    }
    let (mut sum, mut links) = (Done::default(), Vec::new());
    for task in tasks {
        let (done, link) = task.await??;
        links.push(link);
        sum.fixes += done.fixes;
        sum.messages += done.messages;
        sum.beats += done.beats;
        sum.acked += done.acked;
        sum.refused += done.refused;
        sum.asked += done.asked;
    }
    let ended_us = now_us();
    let mut report = json!({
        "offered": {
            "form": protocol, "connections": args.connections, "speed": args.speed, "batch_s": args.batch_s,
            "at_once": args.at_once, "shift_s": part_s * args.connections, "moving_s": moved_s,
        },
        "fixes": sum.fixes, "messages": sum.messages, "signs_of_life": sum.beats, "pings_of_server": sum.asked,
        "dialled_us": dialled_us, "begun_us": begun_us, "ended_us": ended_us,
        "sound": sum.acked == sum.messages && sum.refused == 0 && sum.fixes == all,
    });
    cost.tell(&mut report);
    tokio::time::sleep(PAUSE).await;
    Ok(report)
}

/// When one connection sends what.
struct Pace {
    begun: Instant,
    from_s: usize,
    until_s: usize,
    speed: u32,
    every_s: usize,
    at_once: bool,
    form: Form,
}

impl Pace {
    fn due(&self, second: usize) -> Instant {
        self.begun + Duration::from_secs((second - self.from_s) as u64) / self.speed
    }

    async fn send(self, mut link: Link, mut fixes: VecDeque<(usize, FixIn)>) -> Result<(Done, Link)> {
        let (mut done, mut spoken_s) = (Done::default(), self.from_s);
        loop {
            let beat_s = spoken_s + self.every_s;
            let next_s = fixes.front().map(|(at, _)| *at).filter(|_| self.at_once).unwrap_or(beat_s).min(beat_s);
            if next_s >= self.until_s && fixes.is_empty() {
                break;
            }
            self.listen(&mut link, &mut done, self.due(next_s)).await?;
            let ready = fixes.partition_point(|(at, _)| *at <= next_s);
            let batch: Vec<FixIn> = fixes.drain(..ready).map(|(_, fix)| fix).collect();
            spoken_s = next_s;
            if batch.is_empty() {
                done.beats += 1;
                link.send(Message::Ping(Bytes::new())).await?;
                continue;
            }
            done.fixes += batch.len();
            done.messages += 1;
            link.send(match self.form {
                Form::Binary => Message::binary(encode(done.messages, &batch)),
                Form::Json => Message::text(json!({"type": "fixes", "n": done.messages, "fixes": batch}).to_string()),
            })
            .await?;
        }
        self.listen(&mut link, &mut done, self.due(self.until_s) + DRAIN).await?;
        Ok((done, link))
    }

    /// Reads what comes until then.
    async fn listen(&self, link: &mut Link, done: &mut Done, until: Instant) -> Result<()> {
        loop {
            let Ok(heard) = tokio::time::timeout_at(until.into(), link.next()).await else { return Ok(()) };
            match heard {
                Some(Ok(Message::Text(text))) if text.contains("\"type\":\"fixes_ack\"") => {
                    done.acked = number_after(&text, "\"up_to\":").unwrap_or_default();
                    done.refused += text.matches("\"index\":").count() as u64;
                }
                Some(Ok(Message::Text(text))) if text.contains("\"type\":\"error\"") => done.refused += 1,
                Some(Ok(Message::Binary(bytes))) => done.acked = decode_ack(&bytes).map_err(|bad| bad.to_string())?,
                Some(Ok(Message::Ping(_))) => done.asked += 1,
                Some(Ok(Message::Close(frame))) => return Err(format!("closed: {frame:?}").into()),
                Some(Ok(_)) => {}
                other => return Err(format!("the server ended the connection: {other:?}").into()),
            }
        }
    }
}
