//! Recipes about people, units, devices and sessions: check, then one transaction.

mod admin;
mod devices;
mod people;
mod sessions;
mod units;

pub use admin::admin_create;
pub use devices::*;
pub use people::*;
pub use sessions::*;
pub use units::*;

use super::AuthChangeRow;
use super::auth::{Auth, AuthChange};
use super::store;
use crate::platform::db::Tx;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, PersonId, SessionId};

/// Tells every node of a change: other nodes by a row, this one at the commit.
pub fn auth_changed(tx: &mut Tx<'_>, auth: &Auth, change: AuthChange) -> Result<()> {
    let (kind, subject) = change.to_row();
    let now = tx.now;
    let row = AuthChangeRow { id: SessionId::new().to_string(), kind: kind.to_owned(), subject, at: now };
    store::auth_change_insert(tx.conn(), &row)?;
    let auth = auth.clone();
    tx.on_commit(move || auth.apply(change, now));
    Ok(())
}

/// Ends one session everywhere; false when it had ended before.
pub fn session_end(tx: &mut Tx<'_>, auth: &Auth, id: &SessionId, reason: &str) -> Result<bool> {
    let now = tx.now;
    let ended = store::session_end(tx.conn(), id, reason, now)?;
    if ended {
        auth_changed(tx, auth, AuthChange::SessionEnded(*id))?;
    }
    Ok(ended)
}

/// Ends every open session of a person, except one (the one that asked for it).
pub fn person_sessions_end(
    tx: &mut Tx<'_>,
    auth: &Auth,
    id: &PersonId,
    except: Option<SessionId>,
    reason: &str,
) -> Result<usize> {
    let mut ended = 0;
    for session in store::sessions_open_of_person(tx.conn(), id)? {
        if Some(session.id) != except && session_end(tx, auth, &session.id, reason)? {
            ended += 1;
        }
    }
    Ok(ended)
}

/// Ends every open session on a device, except those of one person.
pub fn device_sessions_end(
    tx: &mut Tx<'_>,
    auth: &Auth,
    id: &DeviceId,
    except: Option<PersonId>,
    reason: &str,
) -> Result<usize> {
    let mut ended = 0;
    for session in store::sessions_open_of_device(tx.conn(), id)? {
        if Some(session.person_id) != except && session_end(tx, auth, &session.id, reason)? {
            ended += 1;
        }
    }
    Ok(ended)
}
