//! What is done with items: the one way in, marks, links, holds, release; and what they look like.
//!
//! | file | what |
//! |---|---|
//! | `arrive` | both doors end here: row, link, custody, receipt, jobs, event in one recipe |
//! | `change` | marks, links, release from quarantine |
//! | `holds` | nothing of what is held may go |
//! | `sums` | the second hash, by a job |
//! | `view` | an item as its readers see it |

mod arrive;
mod change;
mod holds;
mod sums;
pub mod view;

pub use arrive::{Arrived, Completed, complete, complete_in, received};
pub use change::{NewMark, link, mark, release};
pub use holds::{hold_incident, hold_item, hold_lift};
pub use sums::sm3;
