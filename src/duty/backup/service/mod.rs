//! The recipes of the backup duty: raise, widen, answer, take, correct, close.
//!
//! What is decided from positions and contact is decided on a reader before the write ([`super::facts`]); the recipe
//! checks again what may have changed since and stores the decision with its messages, timers, cards and audit row.

mod answer;
mod change;
mod close;
mod merge;
mod press;
mod raise;
mod share;
mod tell;
mod wave;

pub use answer::{ResponseBody, alert_received, respond};
pub use change::{PatchBody, patch, take};
pub use close::{CloseBody, close};
pub use press::{GivenLocation, Press};
pub use raise::{Presser, Raised, device_presser, raise};
pub use share::{Shares, joined, known, refresh, share};
pub use tell::{card_data, tell_answers, tell_moved};
pub use wave::{escalate_commander, escalate_parent, widen};
