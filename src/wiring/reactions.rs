//! The one table of reactions: event → service function, inside the
//! transaction of the change. One screen; read it to know what follows from what.

use std::sync::Arc;

use crate::duty::crews;
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::words::error::Result;

/// Runs everything that follows from `event`.
pub fn react(core: &Arc<Core>, tx: &mut Tx<'_>, event: &Event) -> Result<()> {
    let _ = core;
    match event {
        // Each arm: one event, the service functions it calls, in order.
        Event::PersonDisabled { person } => crews::service::person_gone(tx, person),
        Event::DeviceRevoked { device } => crews::service::device_gone(tx, device),
        _ => Ok(()),
    }
}
