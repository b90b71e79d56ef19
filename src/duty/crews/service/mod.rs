//! Recipes of duty: signing on and off, crews, grids, issuing devices.

mod crews;
mod duty;
mod grids;
mod issues;

pub use crews::*;
pub use duty::*;
pub use grids::*;
pub use issues::*;
