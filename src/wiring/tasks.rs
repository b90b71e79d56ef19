//! The index of periodic duties: one line each. A duty takes no input, is
//! idempotent, and a failure is logged and tried again next time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::http::idem;
use crate::words::error::Result;

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
    set
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
