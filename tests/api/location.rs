//! Fixes, history, live view, nearby, staleness.

mod fixes;
mod live;
mod moves;
mod tracks;
mod uplink;
