//! Every query of the backup duty; `noun_verb`.

mod alerts;
mod facts;
mod requests;
pub mod rows;
mod timers;

pub use alerts::*;
pub use facts::*;
pub use requests::*;
pub use timers::*;
