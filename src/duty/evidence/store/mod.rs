//! Every query about evidence; `noun_verb`, one file per topic.

pub mod custody;
mod evidence;
mod holds;
mod links;
mod marks;
pub mod previews;
pub mod uploads;

pub use evidence::{
    EvidenceRow, ListFilter, evidence_fetch, evidence_find, evidence_insert_new, evidence_list, evidence_release,
    evidence_sm3,
};
pub use holds::{HoldRow, hold_fetch, hold_insert, hold_lift, holds_on};
pub use links::{evidence_of_incident, incidents_of, incidents_of_all, link_insert};
pub use marks::{MarkRow, mark_fetch, mark_insert, marks_of};
pub use previews::{FindingRow, PreviewRow, findings_of, previews_of};
