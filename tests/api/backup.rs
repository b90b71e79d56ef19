//! One press brings the nearest.
