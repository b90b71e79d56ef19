//! `suixing demo`: a server with a whole district in it, at work.
//!
//! Serves like `suixing serve`, seeds a district of the real size through the public interface and
//! lets it play: crews drive recorded GPS traces, calls come in, terminals answer after human delays,
//! links break and heal. For a first look, for trying a client, for showing; never for real work.

pub mod answers;
pub mod calls;
pub mod desk;
pub mod district;
pub mod guide;
pub mod handset;
pub mod linked;
pub mod play;
pub mod quarrels;
pub mod seed;
pub mod shift;
pub mod snapshot;
pub mod tracks;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::duty::officers;
use crate::wiring::simulate::client::{Api, Session};
use crate::wiring::{app, cli, page};
use crate::words::error::{Code, Error, Result};

/// `suixing demo`: everything `serve` takes, and how the play goes.
#[derive(clap::Args, Clone)]
pub struct DemoArgs {
    #[command(flatten)]
    common: cli::Common,
    /// Password of every demo account. Anyone who reaches the address can use it.
    #[arg(long, default_value = "suixing-demo")]
    password: String,
    /// The same seed gives the same district and the same play.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mean seconds between two calls to 110.
    #[arg(long, default_value_t = 15.0, value_parser = positive)]
    call_every: f64,
    /// Only serve and seed: nobody logs in and nothing happens by itself.
    #[arg(long)]
    still: bool,
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("a number of seconds above 0".to_owned()),
    }
}

/// Serve, seed, play, until told to stop.
pub async fn run(args: DemoArgs) -> Result<()> {
    let mut settings = args.common.settings()?;
    settings.auth.require_enrolled_devices = false;
    // Pretended terminals take pictures and no films.
    settings.evidence.scene_rules.iter_mut().for_each(|rule| rule.recording = 0.0);
    if settings.documents.public_url.is_empty() && !settings.server.listen.ends_with(":0") {
        settings.documents.public_url = format!("http://{}", settings.server.listen);
    }
    guide::offices(&district::District::draft(args.seed), &mut settings);
    let loopback = settings.server.listen.starts_with("127.") || settings.server.listen.starts_with("[::1]");
    if !loopback {
        tracing::warn!(
            listen = settings.server.listen,
            "the demo's passwords are known: show it on a closed network only"
        );
    }
    let data_dir = settings.server.data_dir.clone();
    page::offer_demo_accounts(guide::accounts(&args.password));
    let running = app::start(settings).await?;
    first_administrator(&running, &args.password).await?;
    tracing::info!(url = running.url, "seeding the district");
    let district = district::District::draft(args.seed);
    let api = Api::new(&running.url)?;
    let admin = api.login("admin", &args.password, serde_json::Value::Null).await?;
    let ids = seeded(&api, &admin, &district, &args.password, &data_dir).await?;
    cli::print_line(&cli::ready_line(&running))?;
    say(&guide::words(&running.url, &args.password))?;
    if !args.still {
        let crew = shift::Shift { api, district, ids, password: args.password, seed: args.seed, data_dir };
        play_apart(crew, args.call_every);
    }
    cli::until_signal().await?;
    running.stop().await
}

/// As `suixing admin create` does; one that exists is kept.
async fn first_administrator(running: &app::Running, password: &str) -> Result<()> {
    let (core, password) = (Arc::clone(&running.core), password.to_owned());
    let made = tokio::task::spawn_blocking(move || officers::service::admin_create(&core, "admin", &password));
    match made.await.map_err(Error::internal)? {
        Err(error) if !error.is(Code::AlreadyExists) => Err(error),
        _ => Ok(()),
    }
}

/// The ids of the district: read from the data folder, or made and kept there.
async fn seeded(
    api: &Api,
    admin: &Session,
    district: &district::District,
    password: &str,
    data_dir: &Path,
) -> Result<seed::Ids> {
    let file = data_dir.join("demo-ids.json");
    if let Ok(kept) = std::fs::read(&file) {
        return Ok(serde_json::from_slice(&kept)?);
    }
    let ids = seed::seed(admin, district, password).await?;
    quarrels::make(api, admin, &ids, password).await?;
    linked::make(api, admin, &ids, password).await?;
    std::fs::write(&file, serde_json::to_vec_pretty(&ids)?)?;
    Ok(ids)
}

/// The play runs on its own thread, so that its work is never mistaken for the server's.
fn play_apart(shift: shift::Shift, call_every: f64) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(shift.play(call_every)),
            Err(error) => tracing::error!(%error, "the play has no runtime"),
        }
    });
}

fn say(words: &str) -> Result<()> {
    let mut out = std::io::stderr().lock();
    out.write_all(words.as_bytes())?;
    Ok(out.flush()?)
}
