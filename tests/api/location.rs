//! Fixes, history, live view, nearby, staleness.

mod fixes;
mod live;
mod looks;
mod moves;
mod tracks;
mod uplink;
