//! The index of periodic duties: one line each. A duty takes no input, is
//! idempotent, and a failure is logged and tried again next time.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::app::cores;
use super::ws;
use crate::duty::{assignments, backup, evidence, incidents, location, mediation, officers, partners};
use crate::platform::blobs;
use crate::platform::ctx::Core;
use crate::platform::db::{Priority, Tx, migrate};
use crate::platform::http::idem;
use crate::platform::jobs::{self, JobRow, Kinds};
use crate::platform::push::outbox;
use crate::platform::webhook;
use crate::words::error::{Error, Result};

/// Most that one sample of the database's clock moves ours: 100 ms in 20 s.
const CLOCK_STEP_US: i64 = 100_000;
/// Seconds after which a job asks again whether the store of evidence is there: a room waits for previews.
const STORE_AWAY_S: i64 = 2;

/// Starts every duty; dropping the set stops them.
pub fn start(core: &Arc<Core>) -> JoinSet<()> {
    let mut set = JoinSet::new();
    every(&mut set, core, "hub.trim", Duration::from_secs(30), |core| async move {
        core.hub.trim(core.clock.now());
        Ok(())
    });
    every(&mut set, core, "idempotency.trim", Duration::from_secs(3600), |core| async move {
        core.db.write(Priority::Background, idem::trim).await.map(drop)
    });
    every(&mut set, core, "outbox.trim", Duration::from_secs(600), |core| async move {
        let step = |tx: &mut Tx<'_>| {
            let spared = evidence::keeping::frozen::subjects(tx.conn())?;
            outbox::trim_but(tx, &spared)
        };
        while core.db.write(Priority::Background, step).await? > 0 {}
        Ok(())
    });
    every(&mut set, core, "jobs", Duration::from_millis(100), run_jobs);
    // Photos as many as there are cores; what reads gigabytes one after the other.
    set.spawn(file_jobs(Arc::clone(core), evidence::jobs::PROMPT, Priority::Normal, cores()));
    set.spawn(file_jobs(Arc::clone(core), evidence::jobs::LONG, Priority::Background, 1));
    set.spawn(evidence::custody::sequencer::run(Arc::clone(core)));
    every(&mut set, core, "evidence.expire", Duration::from_secs(60), evidence::uploads::service::expire);
    every(&mut set, core, "evidence.scene", Duration::from_secs(1), evidence::scene::jobs::run);
    every(&mut set, core, "inquiries.disclose", Duration::from_secs(1), evidence::inquiries::disclose);
    every(&mut set, core, "clock.sync", Duration::from_secs(20), |core| async move {
        let asked = core.clock.now();
        let database = core.db.read(migrate::database_now).await?;
        // A slow answer says little about the time; the next sample will be better.
        if core.clock.now().millis_since(asked) < 50 {
            let rest = core.clock.slew(database, CLOCK_STEP_US);
            if rest != 0 {
                tracing::warn!(rest_us = rest, "the database's clock differs; following slowly");
            }
        }
        Ok(())
    });
    every(&mut set, core, "auth.changes", Duration::from_millis(300), |core| async move {
        officers::jobs::changes_poll(&core).await
    });
    every(&mut set, core, "auth.keys", Duration::from_secs(60), |core| async move {
        officers::jobs::keys_rotate(&core).await
    });
    every(
        &mut set,
        core,
        "auth.trim",
        Duration::from_secs(60),
        |core| async move { officers::jobs::trim(&core).await },
    );
    every(&mut set, core, "deadlines", Duration::from_millis(250), assignments::jobs::deadlines_run);
    every(&mut set, core, "push.adapter", Duration::from_millis(500), assignments::jobs::adapter_send);
    set.spawn(webhook::run::<incidents::jobs::Sources>(Arc::clone(core)));
    every(&mut set, core, "backup.timers", Duration::from_millis(250), backup::jobs::fire_due);
    every(&mut set, core, "backup.follow", Duration::from_secs(1), backup::jobs::follow_all);
    every(&mut set, core, "outbox.rescan", Duration::from_secs(1), |core| async move { ws::rescan(&core).await });
    set.spawn(location::jobs::live_ticks(Arc::clone(core)));
    set.spawn(location::jobs::contracts(Arc::clone(core)));
    every(&mut set, core, "location.looks_owed", Duration::from_secs(1), |core| async move {
        location::owed::pay(&core).await
    });
    // Asks each second whether it is time.
    every(&mut set, core, "location.looks_seal", Duration::from_secs(1), location::jobs::looks_seal);
    every(&mut set, core, "location.facts", Duration::from_secs(60), location::jobs::facts_reread);
    every(&mut set, core, "location.retention", Duration::from_secs(3600), |core| {
        location::jobs::retention(core, evidence::keeping::frozen::slices)
    });
    set.spawn(file_jobs(Arc::clone(core), evidence::jobs::KEEPING, Priority::Background, 1));
    set.spawn(file_jobs(Arc::clone(core), mediation::documents::JOBS, Priority::Background, 1));
    every(&mut set, core, "mediation.pending", Duration::from_secs(5), mediation::service::pending);
    every(&mut set, core, "mediation.due", Duration::from_secs(5), mediation::service::remind);
    every(&mut set, core, "numbers.overdue", Duration::from_secs(5), mediation::numbers::service::overdue);
    every(&mut set, core, "evidence.batches", Duration::from_secs(3600), evidence::keeping::batch::monthly);
    set.spawn(webhook::run::<partners::outlet::Agencies>(Arc::clone(core)));
    every(&mut set, core, "partners.overdue", Duration::from_secs(1), partners::follow::run);
    set
}

/// Every job that works on files.
static ON_FILES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| evidence::jobs::ALL.iter().chain(mediation::documents::JOBS).copied().collect());

async fn on_files(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    match job.kind.as_str() {
        mediation::documents::JOB => mediation::documents::run(core, job).await,
        _ => evidence::jobs::run(core, job).await,
    }
}

/// Runs every due job that works on rows alone; a failed one is scheduled again.
async fn run_jobs(core: Arc<Core>) -> Result<()> {
    while let Some(job) = claim(&core, Priority::Background, Kinds::Except(&ON_FILES)).await? {
        let claimed = job.clone();
        let outcome = match job.kind.as_str() {
            outbox::FANOUT_JOB => core.db.write(Priority::Receipt, move |tx| outbox::fanout_chunk(tx, &job)).await,
            unknown => Err(Error::internal(format!("no handler for job kind {unknown}"))),
        };
        settle(&core, claimed, outcome).await?;
    }
    Ok(())
}

/// The next job of these kinds, claimed at that rank; an idle worker only reads.
async fn claim(core: &Arc<Core>, rank: Priority, kinds: Kinds) -> Result<Option<JobRow>> {
    let now = core.clock.now();
    if !core.db.read(move |conn| jobs::waits(conn, now, kinds)).await? {
        return Ok(None);
    }
    core.db.write(rank, move |tx| jobs::claim(tx, kinds)).await
}

/// Runs jobs that work on files, `at_once` beside each other and none of them before those of the rows: for ever.
async fn file_jobs(core: Arc<Core>, kinds: &'static [&'static str], rank: Priority, at_once: usize) {
    let room = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    let mut ticker = tokio::time::interval(Duration::from_millis(100));
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticker.tick().await;
        while running.try_join_next().is_some() {}
        while let Ok(place) = Arc::clone(&room).try_acquire_owned() {
            match claim(&core, rank, Kinds::Only(kinds)).await {
                Ok(Some(job)) => {
                    let core = Arc::clone(&core);
                    running.spawn(async move {
                        let _place = place;
                        file_job(&core, job).await;
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "a job on files could not be claimed; it is tried again");
                    break;
                }
            }
        }
    }
}

/// One job on files, its lease renewed as long as it takes.
async fn file_job(core: &Arc<Core>, job: JobRow) {
    let outcome = {
        let mut work = std::pin::pin!(on_files(core, &job));
        let mut beat = tokio::time::interval(Duration::from_secs(jobs::RENEW_S));
        beat.tick().await;
        loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                _ = beat.tick() => {
                    let held = job.clone();
                    match core.db.write(Priority::Background, move |tx| jobs::renew(tx, &held)).await {
                        Ok(true) => {}
                        // Another worker has it: what is done here would be done twice.
                        Ok(false) => return,
                        Err(error) => tracing::warn!(%error, job = %job.id, "a lease could not be renewed"),
                    }
                }
            }
        }
    };
    if let Err(error) = settle(core, job, outcome).await {
        tracing::warn!(%error, "the end of a job could not be written; it is claimed again");
    }
}

/// Ends a claimed job: done, also where its work has not said so itself, or scheduled again; put off, however often,
/// while the store of evidence is away.
async fn settle(core: &Arc<Core>, job: JobRow, outcome: Result<()>) -> Result<()> {
    match outcome {
        Ok(()) => core.db.write(Priority::Background, move |tx| jobs::finish(tx, &job)).await.map(drop),
        Err(error) if blobs::is_unreachable(&error) => {
            let text = error.to_string();
            core.db.write(Priority::Background, move |tx| jobs::postpone(tx, &job, STORE_AWAY_S, &text)).await
        }
        Err(error) => {
            let text = error.to_string();
            core.db.write(Priority::Background, move |tx| jobs::fail(tx, &job, &text)).await
        }
    }
}

/// Runs `duty` at once and then each `period`.
pub fn every<F, Fut>(set: &mut JoinSet<()>, core: &Arc<Core>, name: &'static str, period: Duration, duty: F)
where
    F: Fn(Arc<Core>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let core = Arc::clone(core);
    set.spawn(async move {
        let mut ticker = tokio::time::interval(period);
        ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticker.tick().await;
            if let Err(error) = duty(Arc::clone(&core)).await {
                metrics::counter!("suixing_task_failures_total", "task" => name).increment(1);
                tracing::warn!(task = name, %error, "a periodic duty failed; it is tried again");
            }
        }
    });
}
