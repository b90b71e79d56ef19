//! Everybody joined by an open request sees the others whatever their units; the right ends with the request.
//!
//! Live location holds the groups in memory. They are set after the commit of each change here, and once a second
//! from the rows by [`refresh`], which covers restarts and changes made by other nodes.

use std::collections::HashSet;

use parking_lot::Mutex;

use super::super::rows::BackupRow;
use super::super::{Answer, store};
use crate::duty::location;
use crate::duty::location::live::Live;
use crate::duty::location::reporting::Mode;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Tx};
use crate::words::error::Result;
use crate::words::ids::{BackupId, PersonId};

/// The groups this node has set.
#[derive(Default)]
pub struct Shares {
    known: Mutex<HashSet<BackupId>>,
}

/// Sets or ends the group of one request after this transaction has been committed; the caller's side and those who
/// come report as in an alarm while it lasts.
pub fn share(core: &Core, tx: &mut Tx<'_>, id: &BackupId) -> Result<()> {
    let row = store::backup_fetch(tx.conn(), id)?;
    let source = format!("backup:{id}");
    let mut people = Vec::new();
    if row.is_open() {
        people = joined(tx.conn(), &row)?;
        core.part::<Shares>()?.known.lock().insert(*id);
        let mut moving: Vec<PersonId> = store::alerts_of(tx.conn(), id)?
            .into_iter()
            .filter(|alert| alert.answer.is_some_and(Answer::counts))
            .map(|alert| alert.person_id)
            .collect();
        moving.extend([row.requester_id, row.for_person_id]);
        moving.sort_unstable();
        moving.dedup();
        location::service::reporting_raise(core, tx, &moving, &source, Mode::Alarm)?;
    } else {
        location::service::reporting_end(core, tx, &source)?;
    }
    let (live, id) = (core.part::<Live>()?.clone(), *id);
    tx.on_commit(move || live.share(id, people));
    Ok(())
}

/// The groups set before the rows were read; only these may have ended by then.
pub fn known(core: &Core) -> Result<HashSet<BackupId>> {
    Ok(core.part::<Shares>()?.known.lock().clone())
}

/// Sets the groups of all open requests and ends those of `before` that are open no more.
pub fn refresh(core: &Core, before: &HashSet<BackupId>, open: Vec<(BackupId, Vec<PersonId>)>) -> Result<()> {
    let live = core.part::<Live>()?;
    let mut known = core.part::<Shares>()?.known.lock();
    let now: HashSet<BackupId> = open.iter().map(|(id, _)| *id).collect();
    for gone in before.difference(&now) {
        live.unshare(*gone);
        known.remove(gone);
    }
    for (id, people) in open {
        live.share(id, people);
        known.insert(id);
    }
    Ok(())
}

/// The caller's side and everybody told of the request.
pub fn joined(conn: &mut Conn, row: &BackupRow) -> Result<Vec<PersonId>> {
    let mut people = vec![row.requester_id, row.for_person_id];
    people.extend(store::alerts_of(conn, &row.id)?.into_iter().map(|alert| alert.person_id));
    people.sort_unstable();
    people.dedup();
    Ok(people)
}
