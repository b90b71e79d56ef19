//! `build`: opens every part once, starts the server and its periodic duties,
//! returns the bound address; stops them in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_server::{ServerBuilder, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinSet;

use super::{door, reactions, router, tasks, ws};
use crate::duty::officers::{self, Auth};
use crate::duty::{backup, evidence, location, mediation};
use crate::platform::blobs::Blobs;
use crate::platform::config::Config;
use crate::platform::ctx::Core;
use crate::platform::db::lock::{FolderLock, folder_lock};
use crate::platform::db::{Db, Target, migrate};
use crate::platform::disk::blocking;
use crate::platform::http::problem;
use crate::platform::keys::{FileKeySource, Keys};
use crate::platform::push::hub::{Ending, Hub};
use crate::platform::push::outbox;
use crate::words::error::{Code, Error, Result};
use crate::words::time::{Clock, Timestamp};

/// A clock this far behind what was written is believed all the same: then what was written was wrong.
const CLOCK_BEHIND_MAX_S: f64 = 86_400.0;

/// What handlers of the root need besides the core.
pub struct Server {
    pub core: Arc<Core>,
    pub metrics: PrometheusHandle,
    stopping: AtomicBool,
}

impl Server {
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// A running server.
pub struct Running {
    /// e.g. `http://127.0.0.1:8420`
    pub url: String,
    pub core: Arc<Core>,
    server: web::Data<Server>,
    handle: ServerHandle,
    joined: tokio::task::JoinHandle<std::io::Result<()>>,
    tasks: JoinSet<()>,
    _lock: FolderLock,
}

/// The database a configuration names.
pub fn target_of(config: &Config) -> Result<Target> {
    if config.database.url.is_empty() {
        return Ok(Target::Sqlite(config.server.data_dir.join("suixing.db")));
    }
    Target::parse(&config.database.url)
}

/// Opens the core for a server: takes the folder, brings the schema up to date.
pub fn open_core(config: Config) -> Result<(Arc<Core>, FolderLock)> {
    let lock = folder_lock(&config.server.data_dir)?;
    let report = migrate::run(&target_of(&config)?)?;
    if !report.applied.is_empty() {
        tracing::info!(applied = ?report.applied, "schema brought up to date");
    }
    let core = core_over(config)?;
    // The folder is ours and the door is not open yet: a photo that was arriving has broken off.
    let blobs = core.part::<Blobs>()?;
    let swept = evidence::photos::staged::sweep(blobs.staging())? + blobs.sweep()?;
    if swept > 0 {
        tracing::info!(swept, "photos and previews that broke off with the server before were removed");
    }
    Ok((core, lock))
}

/// Opens the core for a command, also beside a running server, which then has
/// the folder and has already brought the schema up to date.
pub fn open_core_for_command(config: Config) -> Result<(Arc<Core>, Option<FolderLock>)> {
    match folder_lock(&config.server.data_dir) {
        Ok(lock) => {
            migrate::run(&target_of(&config)?)?;
            Ok((core_over(config)?, Some(lock)))
        }
        Err(error) if error.is(Code::Conflict) => Ok((core_over(config)?, None)),
        Err(error) => Err(error),
    }
}

/// The time to start from: a machine that came up with a clock that is behind what it wrote before goes on from there.
/// Its deadlines would wait until the clock is there again, and nobody would be told.
fn not_before(now: Timestamp, written: Timestamp) -> Timestamp {
    let behind = written.secs_since(now);
    if behind > 0.0 && behind <= CLOCK_BEHIND_MAX_S {
        tracing::warn!(behind_s = behind, "the clock is behind what was written before; going on from there");
        return written;
    }
    if behind > 0.0 {
        tracing::error!(behind_s = behind, "what was written before lies far ahead of the clock; going by the clock");
    }
    now
}

/// Cores of this machine; one where it does not say.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// The core over a database whose schema is up to date.
fn core_over(config: Config) -> Result<Arc<Core>> {
    let target = target_of(&config)?;
    let keys = Keys::open(&FileKeySource { path: &config.server.data_dir.join("master.key") })?;
    let clock = Clock::system();
    let db = Db::open(target, config.database.readers, clock.clone())?;
    let now = db.read_blocking(migrate::database_now)?;
    clock.sync(not_before(now, db.read_blocking(migrate::newest_written)?));
    let hub = Arc::new(Hub::default());
    outbox::set_hub(Arc::clone(&hub));
    let auth = Auth::new(&config.auth, Arc::clone(&hub))?;
    let (live, ingest, looks) = location::service::open(&db, Arc::clone(&hub), clock.clone(), &config.location)?;
    let blobs = Blobs::configured(&config.server.data_dir, &config.evidence)?;
    let uploads = evidence::uploads::Uploads::open(&blobs)?;
    let terms = evidence::keeping::Terms::read(&config.evidence)?;
    let fonts = evidence::keeping::share::Fonts::new(&config.evidence.watermark_font)?;
    let core = Core::new(db, hub, keys, clock, config)
        .with_part(auth)
        .with_part(live)
        .with_part(ingest)
        .with_part(looks)
        .with_part(location::owed::Owed::default())
        .with_part(backup::service::Shares::default())
        .with_part(blobs)
        .with_part(evidence::access::Looks::default())
        .with_part(evidence::photos::Gate::new(cores()))
        .with_part(uploads)
        .with_part(terms)
        .with_part(fonts)
        .with_part(mediation::documents::Papers::load())
        .with_part(evidence::keeping::Bytes::default());
    let core = Arc::new(core);
    let weak = Arc::downgrade(&core);
    core.db.set_reactions(Arc::new(move |tx, event| match weak.upgrade() {
        Some(core) => reactions::react(&core, tx, event),
        None => Ok(()),
    }));
    Ok(core)
}

/// Starts serving; returns when the port is bound.
pub async fn start(config: Config) -> Result<Running> {
    let metrics = PrometheusBuilder::new().install_recorder().map_err(Error::internal)?;
    let (core, lock) = blocking(move || open_core(config)).await??;
    if !core.config.auth.require_enrolled_devices {
        tracing::warn!("auth.require_enrolled_devices is off: a handheld may sign in without being enrolled");
    }
    officers::jobs::prepare(&core).await?;
    mediation::documents::resume(&core).await?;
    let originals = core.part::<Blobs>()?.originals().clone();
    // Nobody waits for it: people are sent and called for also while it is away.
    tokio::spawn(async move {
        if let Err(error) = originals.probe().await {
            tracing::error!(store = originals.name(), %error, "serving without the evidence store");
        }
    });
    let settings = &core.config.server;
    let listener = door::listen(&settings.listen)
        .await
        .map_err(|error| Error::bad(format!("cannot listen on {}: {error}", settings.listen)))?;
    let address = listener.local_addr()?;
    let server = web::Data::new(Server { core: Arc::clone(&core), metrics, stopping: AtomicBool::new(false) });
    let core_data = web::Data::from(Arc::clone(&core));
    let shared = server.clone();
    let waiting = web::Data::new(ws::Waiting::default());
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .app_data(core_data.clone())
            .app_data(waiting.clone())
            .wrap(from_fn(problem::localise))
            .configure(router::configure)
    };
    let mut builder = ServerBuilder::new()
        .max_concurrent_connections(settings.max_connections)
        .shutdown_timeout(settings.stop_timeout_s)
        .disable_signals();
    if settings.workers > 0 {
        builder = builder.workers(settings.workers);
    }
    let running = door::serve(builder, listener, app)?.run();
    let handle = running.handle();
    let joined = tokio::spawn(running);
    let tasks = tasks::start(&core);
    Ok(Running { url: format!("http://{address}"), core, server, handle, joined, tasks, _lock: lock })
}

impl Running {
    /// Stops in order: not ready, sockets told, requests finished, duties ended.
    pub async fn stop(mut self) -> Result<()> {
        self.server.stopping.store(true, Ordering::Relaxed);
        self.core.hub.end_where(Ending::Stopping, |_| true);
        self.core.part::<evidence::uploads::Uploads>()?.stop();
        self.handle.stop(true).await;
        self.tasks.shutdown().await;
        self.joined.await.map_err(Error::internal)?.map_err(Error::from)
    }
}
