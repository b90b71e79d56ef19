//! Looks that could not be recorded because the disk was full. The map is needed then more than ever, so it is shown;
//! the record is owed, stands in the log meanwhile, and is written as soon as there is room. It does not survive a kill.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::store::{self, AccessRow};
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AccessId, PersonId};
use crate::words::time::Timestamp;

/// Looks owed at a time; after that nobody may look without leaving a record.
const OWED_MAX: usize = 10_000;
/// Written in one transaction.
const CHUNK: usize = 200;

type Look = (AccessRow, Vec<PersonId>);

/// What is owed, oldest first.
#[derive(Default)]
pub struct Owed {
    looks: Mutex<VecDeque<Look>>,
}

impl Owed {
    /// Takes a look that `error` kept from being recorded. Errors: any other than a full disk, and when too many are owed.
    pub fn take(&self, row: AccessRow, people: Vec<PersonId>, error: Error) -> Result<()> {
        let mut looks = self.looks.lock();
        if !error.is(Code::ReadOnly) || looks.len() >= OWED_MAX {
            return Err(error);
        }
        tracing::warn!(viewer = %row.viewer_id, device = %row.device_id, kind = %row.kind, from = %row.from_at,
            unit_path = row.unit_path, ?people, "a look is shown before its record: the disk refuses writes");
        looks.push_back((row, people));
        Ok(())
    }

    /// Ends a look that is still owed; false when it is not.
    pub fn end(&self, id: &AccessId, now: Timestamp) -> bool {
        let mut looks = self.looks.lock();
        let Some((row, _)) = looks.iter_mut().find(|(row, _)| row.id == *id) else { return false };
        row.to_at = Some(now);
        true
    }

    fn oldest(&self) -> Vec<Look> {
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
        let paid = looks.len();
        let written: Vec<(AccessId, Option<Timestamp>)> = looks.iter().map(|(row, _)| (row.id, row.to_at)).collect();
        let wrote = core.db.write(Priority::Background, move |tx| {
            looks.iter().try_for_each(|(row, people)| store::access_insert(tx.conn(), row, people))
        });
        match wrote.await {
            Err(error) if error.is(Code::ReadOnly) => return Ok(()),
            other => other?,
        }
        let ended: Vec<(AccessId, Timestamp)> = {
            let mut looks = owed.looks.lock();
            let gone: Vec<Look> = looks.drain(..paid).collect();
            let late = gone.iter().zip(&written).filter(|((row, _), (_, to_at))| row.to_at != *to_at);
            late.filter_map(|((row, _), _)| row.to_at.map(|at| (row.id, at))).collect()
        };
        for (id, at) in ended {
            core.db.write(Priority::Background, move |tx| store::access_end(tx.conn(), &id, at)).await?;
        }
    }
}
