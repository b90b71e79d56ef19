//! The generator of `scripts/bench` for figures taken beside other servers: one tool for ours and for every peer, so
//! that its own share is alike. One thread, public protocols only, one JSON object per run on standard output.
//!
//! ```text
//! fanout   officers report, watchers receive            ours (binary, JSON) · ws batched by hand · socket.io
//! nearby   who is near, on keep-alive connections       ours (REST) · Redis GEOSEARCH · PostGIS <->
//! ingest   fixes acknowledged after commit              ours (socket, POST)
//! copy     rows committed by COPY                       PostgreSQL
//! append   records appended and synced                  the limit of the disk
//! idle     memory of connections that have nothing to say   ours · ws
//! history  fills a server with old fixes                ours, before a cold start or a run on a full database
//! revoke   people signed out while they are connected     ours
//! uplink   the fixes of a twelve-hour shift               ours, behind a proxy, while packets are counted
//! tus      large files in chunks                          ours · @tus/server
//! limits   hashing on one core, writing to the disk       the limits of the machine
//! cameras  many uploads at once, at a steady rate         ours, while somebody else measures
//! manifests  a shift of cameras is docked at once        ours
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a generator that meets what it does not expect must fail loudly: there is no figure then"
)]

mod append;
mod cameras;
mod copy;
mod fanout;
mod history;
mod http;
mod idle;
mod ingest;
mod limits;
mod line;
mod manifests;
mod meter;
mod nearby;
mod pg;
mod pipe;
mod records;
mod redis;
mod revoke;
mod shift;
mod socket;
mod tus;
mod uplink;
mod world;

use clap::Parser as _;

/// Whatever goes wrong ends the run.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(clap::Parser)]
#[command(name = "beside", about = "Load for servers that are measured side by side; prints one JSON object")]
enum Task {
    /// Officers report positions, watchers receive them.
    Fanout(fanout::Args),
    /// Who is nearest.
    Nearby(nearby::Args),
    /// Fixes acknowledged after commit.
    Ingest(ingest::Args),
    /// PostgreSQL COPY.
    Copy(copy::Args),
    /// Append and fdatasync.
    Append(append::Args),
    /// Memory per idle connection.
    Idle(idle::Args),
    /// Fill a server with old fixes.
    History(history::Args),
    /// From revoked to dead.
    Revoke(revoke::Args),
    /// A recorded shift, some times as fast as it was.
    Uplink(uplink::Args),
    /// Large files by tus.
    Tus(tus::Args),
    /// Hashing and writing, as fast as the machine does them.
    Limits(limits::Args),
    /// Many uploads at once.
    Cameras(cameras::Args),
    /// A shift of cameras is docked.
    Manifests(manifests::Args),
}

fn main() -> std::process::ExitCode {
    // `cargo bench` adds this flag.
    let task = Task::parse_from(std::env::args().filter(|argument| argument != "--bench"));
    // The provider may have been installed already; then it is the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = tokio::task::LocalSet::new().block_on(&runtime, async {
        match task {
            Task::Fanout(args) => fanout::run(args).await,
            Task::Nearby(args) => nearby::run(args).await,
            Task::Ingest(args) => ingest::run(args).await,
            Task::Copy(args) => copy::run(args).await,
            Task::Append(args) => append::run(&args),
            Task::Idle(args) => idle::run(args).await,
            Task::History(args) => history::run(args).await,
            Task::Revoke(args) => revoke::run(args).await,
            Task::Uplink(args) => uplink::run(args).await,
            Task::Tus(args) => tus::run(args).await,
            Task::Limits(args) => limits::run(&args),
            Task::Cameras(args) => cameras::run(args).await,
            Task::Manifests(args) => manifests::run(args).await,
        }
    });
    match report.and_then(|report| Ok(suixing::wiring::cli::print_line(&report)?)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one message of a failed run")]
            {
                eprintln!("error: {error}");
            }
            std::process::ExitCode::FAILURE
        }
    }
}
