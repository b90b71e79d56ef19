//! Every query about units, people, devices and sessions; `noun_verb`.

mod devices;
mod keys;
mod people;
mod rows;
mod sessions;
mod units;

pub use devices::*;
pub use keys::*;
pub use people::*;
pub use rows::*;
pub use sessions::*;
pub use units::*;
