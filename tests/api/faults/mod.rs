//! Kills, copies, cut links: everything acknowledged is there exactly once, and nobody else is harmed.

mod clock;
mod copies;
mod crowd;
mod cut_off;
mod devices;
mod full_disk;
mod kills;
mod limits;
mod locked;
mod repeats;
