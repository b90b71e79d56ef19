//! Looks that could not be recorded because the disk was full. The map is needed then more than ever, so it is shown;
//! the record is owed, stands in the log meanwhile, and is written as soon as there is room. It does not survive a kill.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::access::{self, Look};
use super::store;
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::AccessId;
use crate::words::time::Timestamp;

/// Looks owed at a time; after that nobody may look without leaving a record.
const OWED_MAX: usize = 10_000;
/// Written in one transaction.
const CHUNK: usize = 200;

/// What is owed, oldest first.
#[derive(Default)]
pub struct Owed {
    looks: Mutex<VecDeque<Arc<Look>>>,
}

impl Owed {
    /// Takes a look that `error` kept from being recorded. Errors: any other than a full disk, and when too many are owed.
    pub fn take(&self, look: Arc<Look>, error: Error) -> Result<()> {
        let mut looks = self.looks.lock();
        if !error.is(Code::ReadOnly) || looks.len() >= OWED_MAX {
            return Err(error);
        }
        let Look { row, people, .. } = &*look;
        tracing::warn!(viewer = %row.viewer_id, device = %row.device_id, kind = %row.kind, from = %row.from_at,
            unit_path = row.unit_path, ?people, "a look is shown before its record: the disk refuses writes");
        looks.push_back(look);
        Ok(())
    }

    /// Ends a look that is still owed; false when it is not.
    pub fn end(&self, id: &AccessId, now: Timestamp) -> bool {
        let mut looks = self.looks.lock();
        let Some(look) = looks.iter_mut().find(|look| look.row.id == *id) else { return false };
        Arc::make_mut(look).row.to_at = Some(now);
        true
    }

    fn oldest(&self) -> Vec<Arc<Look>> {
        self.looks.lock().iter().take(CHUNK).cloned().collect()
    }
}

/// Writes what is owed. A look stays here until its record is there, so that its end always finds it.
pub async fn pay(core: &Core) -> Result<()> {
    let owed = core.part::<Owed>()?;
    loop {
        let looks = owed.oldest();
        if looks.is_empty() {
            return Ok(());
        }
        match access::write(core, Priority::Background, &looks).await {
            Err(error) if error.is(Code::ReadOnly) => return Ok(()),
            other => other?,
        }
        let ended: Vec<(AccessId, Timestamp)> = {
            let mut left = owed.looks.lock();
            let gone: Vec<Arc<Look>> = left.drain(..looks.len()).collect();
            let late = gone.iter().zip(&looks).filter(|(now, then)| now.row.to_at != then.row.to_at);
            late.filter_map(|(now, _)| now.row.to_at.map(|at| (now.row.id, at))).collect()
        };
        for (id, at) in ended {
            core.db.write(Priority::Background, move |tx| store::access_end(tx.conn(), &id, at)).await?;
        }
    }
}
