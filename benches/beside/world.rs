//! The people of a run on our server: made by REST with the administrator's account, as `suixing simulate` does.

use std::sync::OnceLock;

use serde_json::Value;
use suixing::wiring::simulate::client::{Api, Session};
use suixing::wiring::simulate::crew::{self, Crew};
use suixing::wiring::simulate::stats::Stats;
use suixing::words::time::{Clock, Timestamp};

use crate::Result;

/// Which server. For ours the administrator's password comes on standard input.
#[derive(clap::Args, Clone)]
pub struct Server {
    /// Address, such as http://127.0.0.1:8080.
    #[arg(long)]
    pub url: String,
    /// Administrator of our server.
    #[arg(long, default_value = "admin")]
    pub username: String,
    /// Process whose processor time and memory are reported.
    #[arg(long)]
    pub server_pid: Option<u32>,
}

/// Makes and logs in everybody.
pub async fn people(server: &Server, officers: usize, watchers: usize) -> Result<Crew> {
    let api = Api::new(&server.url)?;
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    let admin = api.login(&server.username, password.trim_end(), Value::Null).await?;
    Ok(crew::make(&api, &admin, officers, watchers, None, &Stats::new()).await?)
}

/// Access tokens of sessions.
pub async fn bearers(sessions: &[Session]) -> Result<Vec<String>> {
    let mut tokens = Vec::with_capacity(sessions.len());
    for session in sessions {
        tokens.push(session.bearer().await?);
    }
    Ok(tokens)
}

/// Now, µs since the epoch.
pub fn now_us() -> i64 {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::system).now().as_micros()
}

/// A moment as terminals write it.
pub fn stamp(at_us: i64) -> Timestamp {
    Timestamp::from_micros(at_us)
}
