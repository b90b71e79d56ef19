//! Every query about evidence; `noun_verb`, one file per topic.

pub mod custody;
mod evidence;
mod holds;
mod links;
mod marks;
pub mod media;
pub mod previews;
pub mod scene;
pub mod uploads;

pub use evidence::evidence_wearer;
pub use evidence::{
    EvidenceRow, ListFilter, Scope, evidence_fetch, evidence_find, evidence_insert_new, evidence_list,
    evidence_release, evidence_sm3,
};
pub use holds::{HoldRow, hold_fetch, hold_insert, hold_lift, holds_on};
pub use links::{evidence_of_incident, incidents_of, incidents_of_all, link_insert};
pub use marks::{MarkRow, mark_fetch, mark_insert, marks_of};
pub use previews::{FindingRow, PreviewRow, findings_of, previews_of};

pub mod deletions;
pub mod frozen;
pub mod shares;

pub use evidence::{
    copies_of, evidence_by_ids, evidence_erase, evidence_lock, evidence_needs, evidence_retain, particulars_delete,
};
pub use holds::holds_standing;
