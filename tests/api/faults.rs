//! Kills, copies, cut links: everything acknowledged is there exactly once.
