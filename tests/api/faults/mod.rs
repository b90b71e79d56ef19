//! Kills, copies, cut links: everything acknowledged is there exactly once, and nobody else is harmed.

mod copies;
mod crowd;
mod cut_off;
mod devices;
mod kills;
mod full_disk;
mod limits;
mod repeats;
