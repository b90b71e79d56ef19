//! Every query about recordings; `noun_verb`, one file per topic.

mod around;
mod list;
mod rows;

pub use around::{
    Part, Rungs, evidence_by_content, incidents_bound, issues_between, issues_of_all, parties_on, parts_between,
    parts_of_incident, rungs_of,
};
pub use list::{ListFilter, recordings_list, recordings_neighbouring, recordings_of_people, wanted_list};
pub use rows::{
    EventRow, ManifestRow, RecordingRow, camera_lock, event_insert, events_insert, events_of, group_of, groups_rename,
    manifest_insert, manifest_last, manifest_signed, missing_of, recording_by_content, recording_fetch, recording_find,
    recording_lock, recording_save, recordings_fetch, recordings_insert, recordings_move, recordings_near,
    recordings_on_camera, recordings_unsigned, recordings_vanish,
};
