//! The commands of the binary; `suixing --help` explains them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use super::admin::{self, Admin};
use super::ws::schema;
use super::{app, demo, openapi, simulate, verify};
use crate::platform::config::{self, Config};
use crate::platform::db::migrate;
use crate::words::error::Result;

/// 随行 Suixing: assignments, live location and one-press backup for officers in the field.
#[derive(Parser)]
#[command(name = "suixing", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve REST and WebSocket until told to stop (SIGINT or SIGTERM).
    ///
    /// When ready, one JSON line goes to standard output:
    /// {"event":"ready","listening":"http://127.0.0.1:8420",…}; everything else goes to standard error.
    Serve(Common),
    /// Serve with an invented district at work in it: for a first look, for trying a client.
    Demo(demo::DemoArgs),
    /// Put terminals, watchers and a command room on a running server as load; prints figures as JSON.
    Simulate(simulate::SimulateArgs),
    /// Show offline that evidence is what it was: a bundle, a dossier, or a whole data folder against its log.
    ///
    /// One line and exit code 0 when everything fits; otherwise what does not fit, and another exit code.
    Verify(verify::VerifyArgs),
    /// Bring the database schema to this version, or show what is pending.
    Migrate(MigrateArgs),
    /// Print the generated interface descriptions, or write them into a folder.
    Spec(SpecArgs),
    /// Administration without a running server.
    #[command(subcommand)]
    Admin(Admin),
}

/// Where the data is and what is configured.
#[derive(Args, Clone)]
pub struct Common {
    /// Address and port; port 0 takes a free one.
    #[arg(long)]
    pub listen: Option<String>,
    /// Folder for the database file, keys and the process lock.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// sqlite:PATH or postgres://…; default: suixing.db in the data folder.
    #[arg(long)]
    pub database_url: Option<String>,
    /// Configuration file (TOML); see config.example.toml.
    #[arg(long)]
    pub config: Option<PathBuf>,
}

impl Common {
    /// Defaults < file < environment < flags.
    pub fn settings(&self) -> Result<Config> {
        let mut settings = config::load(self.config.as_deref())?;
        if let Some(listen) = &self.listen {
            settings.server.listen.clone_from(listen);
        }
        if let Some(folder) = &self.data_dir {
            settings.server.data_dir.clone_from(folder);
        }
        if let Some(url) = &self.database_url {
            settings.database.url.clone_from(url);
        }
        Ok(settings)
    }
}

#[derive(Args)]
struct MigrateArgs {
    #[command(flatten)]
    common: Common,
    /// Only print what would be applied.
    #[arg(long)]
    pending: bool,
    /// Take every migration back. Destroys all data.
    #[arg(long)]
    down_all: bool,
}

#[derive(Args)]
struct SpecArgs {
    /// Folder to write openapi.json and the socket's schemas into; standard output otherwise.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs the command line; the exit code tells success.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    init_logs();
    // Installed first: every user of rustls takes this one provider.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a crypto provider was installed before");
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "suixing ends");
            ExitCode::FAILURE
        }
    }
}

/// A socket that is cut off on purpose is not worth an error line of the HTTP layer.
const DEFAULT_LOG: &str = "info,actix_http::h1::dispatcher=off";

fn init_logs() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("SUIXING_LOG").unwrap_or_else(|_unset| EnvFilter::new(DEFAULT_LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(common) => async_main(serve(common.settings()?)),
        Command::Demo(args) => async_main(demo::run(args)),
        Command::Simulate(args) => async_main(simulate::run(args)),
        Command::Verify(args) => verify::run(&args),
        Command::Migrate(args) => migrate_command(&args),
        Command::Spec(args) => spec(&args),
        Command::Admin(command) => admin::run(&command),
    }
}

/// The runtime everything async runs on; actix brings its own workers.
pub fn async_main<F: Future<Output = Result<()>>>(main: F) -> Result<()> {
    actix_web::rt::System::with_tokio_rt(|| {
        #[expect(clippy::expect_used, reason = "without a runtime there is nothing to report to")]
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a tokio runtime")
    })
    .block_on(main)
}

async fn serve(settings: Config) -> Result<()> {
    let running = app::start(settings).await?;
    print_line(&ready_line(&running))?;
    tracing::info!(url = running.url, "serving");
    until_signal().await?;
    tracing::info!("stopping");
    running.stop().await
}

/// What tells a waiting parent process that the server answers.
pub fn ready_line(running: &app::Running) -> serde_json::Value {
    json!({
        "event": "ready",
        "listening": running.url,
        "database": format!("{:?}", running.core.db.backend()).to_lowercase(),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Waits for SIGINT or SIGTERM.
pub async fn until_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = term.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => Ok(pressed?),
    }
}

/// One JSON line on standard output.
pub fn print_line(value: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

fn migrate_command(args: &MigrateArgs) -> Result<()> {
    let settings = args.common.settings()?;
    let _lock = crate::platform::db::lock::folder_lock(&settings.server.data_dir)?;
    let target = app::target_of(&settings)?;
    if args.pending {
        return print_line(&json!({ "pending": migrate::pending(&target)? }));
    }
    let report = if args.down_all { migrate::revert_all(&target)? } else { migrate::run(&target)? };
    print_line(&json!({ "applied": report.applied }))
}

fn spec(args: &SpecArgs) -> Result<()> {
    for (name, text) in specs()? {
        match &args.out {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                std::fs::write(folder.join(name), text)?;
            }
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Every generated interface file: name and text, ending in a newline.
pub fn specs() -> Result<Vec<(&'static str, String)>> {
    let text =
        |value: &serde_json::Value| -> Result<String> { Ok(format!("{}\n", serde_json::to_string_pretty(value)?)) };
    Ok(vec![
        ("openapi.json", text(&serde_json::to_value(openapi::document())?)?),
        ("ws.schema.json", text(&schema::json_schema())?),
        ("asyncapi.json", text(&schema::asyncapi())?),
    ])
}
