//! Fixes, history, live view, nearby, staleness.
