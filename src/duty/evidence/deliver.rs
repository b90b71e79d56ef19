//! Who brings an item in: the person of a session, or an enrolled device that signed with its own key; and whose items
//! he may bring.

use crate::duty::backup::service::device_presser;
use crate::duty::crews::store as crews;
use crate::duty::evidence::recordings::who::dock_actor;
use crate::duty::officers::auth::{Signed, author_check, device_actor_late};
use crate::platform::db::Conn;
use crate::platform::policy::{Actor, DeviceKind};
use crate::words::error::{Error, Result};
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// How whoever delivers proved who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliverer {
    Session,
    /// Without a session: the device's key stands for whoever holds it, or held it last.
    Device {
        /// The device is good, was given to the actor and is still his; what he captures needs no session.
        carried: bool,
    },
    /// A dock, which nobody carries: it brings the recordings it has announced, and nothing else.
    Dock,
}

impl Deliverer {
    pub const fn is_device(self) -> bool {
        !matches!(self, Self::Session)
    }

    /// Whether what `author` captured at `captured_at` may be brought in: one's own, or that of who had a session on
    /// the device. Errors: `forbidden`.
    pub fn check_author(
        self,
        conn: &mut Conn,
        actor: &Actor,
        author: &PersonId,
        captured_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        match self {
            Self::Dock => Err(Error::forbidden("a dock brings the recordings it has announced")),
            Self::Session | Self::Device { carried: true } if *author == actor.person => Ok(()),
            _ => author_check(conn, author, &actor.device, captured_at, now),
        }
    }
}

/// The person for whom a device delivers by its key. Nobody need be there: this is no sign of life of its holder.
/// A device may have been revoked: what it brings is put aside for the custodian.
///
/// Errors: `bad_signature`, `forbidden` when nobody has held the device.
pub fn device_deliverer(conn: &mut Conn, signed: &Signed) -> Result<(Actor, Deliverer)> {
    let device = device_actor_late(conn, signed)?;
    if device.device.kind == DeviceKind::Dock {
        return Ok((dock_actor(conn, &device.device)?, Deliverer::Dock));
    }
    let actor = device_presser(conn, &device)?;
    let holder = crews::device_holder(conn, &device.device.id)?;
    let carried = device.device.is_active() && holder == Some(actor.person);
    Ok((actor, Deliverer::Device { carried }))
}
