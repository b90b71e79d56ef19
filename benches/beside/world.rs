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
    /// Keep sessions in this file and go on with those in it, as `suixing simulate` does.
    #[arg(long)]
    pub state: Option<std::path::PathBuf>,
}

/// Logs the administrator in; the password comes on standard input, once.
pub async fn administrator(server: &Server) -> Result<Session> {
    static PASSWORD: OnceLock<String> = OnceLock::new();
    let password = PASSWORD.get_or_init(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    });
    Ok(Api::new(&server.url)?.login(&server.username, password, Value::Null).await?)
}

/// Makes and logs in everybody.
pub async fn people(server: &Server, officers: usize, watchers: usize) -> Result<Crew> {
    let admin = administrator(server).await?;
    let api = admin.api().clone();
    Ok(crew::make(&api, &admin, officers, watchers, server.state.as_deref(), &Stats::new()).await?)
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
