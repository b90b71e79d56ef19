//! Fills a server with history through `POST /positions`: before a cold start it must have something to come back to.

use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::{Value, json};
use suixing::words::dice::Dice;

use crate::Result;
use crate::http::Conn;
use crate::meter::{Cost, round};
use crate::world::{self, Server, now_us, stamp};

/// Most fixes of one call.
const CALL: usize = 10_000;
/// Seconds in one direction.
const THERE_S: i64 = 5_000;
/// Connections at once.
const AT_ONCE: usize = 4;
/// How long ago the last fix was taken: whoever is elsewhere afterwards must have had the time to go there, or the server
/// rightly believes neither place.
const AGO_S: i64 = 86_400;

/// `history`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Fixes altogether.
    #[arg(long, default_value_t = 10_000_000)]
    fixes: usize,
    /// Terminals they are spread over.
    #[arg(long, default_value_t = 1_000)]
    terminals: usize,
}

/// A body of `count` fixes one second apart, walking north and south again, with the jitter of a receiver.
pub fn body(place: usize, begin_us: i64, count: usize) -> String {
    let mut body = String::with_capacity(count * 110);
    let mut dice = Dice::new(place as u64 ^ begin_us as u64);
    for n in 0..count {
        let at = stamp(begin_us + n as i64 * 1_000_000);
        let mut jitter = || dice.between(-5e-6, 5e-6);
        let lon = 119.0 + (place % 4_000) as f64 * 1e-4 + jitter();
        // By the time itself, so that the next call goes on where this one ended.
        let walked = (begin_us / 1_000_000 + n as i64).rem_euclid(2 * THERE_S);
        let lat = 31.0 + walked.min(2 * THERE_S - walked) as f64 * 2e-5 + jitter();
        let (accuracy, speed) = (dice.below(12) + 3, dice.below(30));
        let comma = if n == 0 { "" } else { "," };
        write!(
            body,
            r#"{comma}{{"at":"{at}","lon":{lon:.6},"lat":{lat:.6},"accuracy_m":{accuracy},"speed_mps":2.{speed}}}"#
        )
        .unwrap();
    }
    body
}

/// Time and rate of filling.
pub async fn run(args: Args) -> Result<Value> {
    let crew = world::people(&args.server, args.terminals, 0).await?;
    let each = args.fixes.div_ceil(args.terminals);
    let (cost, stored, next) = (Cost::begin(args.server.server_pid), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let begin = now_us() - (each as i64 + AGO_S) * 1_000_000;
    let sessions = Rc::new(crew.terminals);
    let mut tasks = Vec::new();
    for _ in 0..AT_ONCE {
        let (url, sessions, stored, next) =
            (args.server.url.clone(), Rc::clone(&sessions), Rc::clone(&stored), Rc::clone(&next));
        tasks.push(tokio::task::spawn_local(async move {
            let mut conn = Conn::open(&url).await.unwrap();
            loop {
                let n = next.replace(next.get() + 1);
                let Some(session) = sessions.get(n) else { break };
                for from in (0..each).step_by(CALL) {
                    let count = CALL.min(each - from);
                    let fixes = body(n, begin + from as i64 * 1_000_000, count);
                    let bearer = session.bearer().await.unwrap();
                    let body = format!(r#"{{"fixes":[{fixes}]}}"#);
                    let answer = conn.call("POST", "/positions", &bearer, body.as_bytes()).await.unwrap();
                    let answer: Value = serde_json::from_slice(answer).unwrap();
                    stored.set(stored.get() + answer["stored"].as_u64().unwrap());
                }
            }
        }));
    }
    for task in tasks {
        task.await?;
    }
    let mut report = json!({
        "offered": {"fixes": each * args.terminals, "terminals": args.terminals},
        "stored": stored.get(), "fixes_per_s": round(stored.get() as f64 / cost.seconds(), 0),
        "sound": stored.get() == (each * args.terminals) as u64,
    });
    cost.tell(&mut report);
    Ok(report)
}
