//! A duplicate of every write.
