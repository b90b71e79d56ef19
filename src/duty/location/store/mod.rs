//! Every query of this slice.

mod access;
mod fixes;
mod reporting;

pub use access::*;
pub use fixes::*;
pub use reporting::*;
