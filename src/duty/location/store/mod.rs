//! Every query of this slice.

mod access;
mod fixes;
mod looks;
mod reporting;

pub use access::*;
pub use fixes::*;
pub use looks::*;
pub use reporting::*;
