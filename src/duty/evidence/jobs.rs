//! What is done with files after the answer: jobs by kind, and who does which.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::keeping;
use super::media;
use super::photos;
use super::scene;
use super::service;
use super::uploads;
use crate::platform::ctx::Core;
use crate::platform::jobs::JobRow;
use crate::words::error::{Error, Result};
use crate::words::ids::EvidenceId;

/// Previews and findings of a photo.
pub const PHOTO_JOB: &str = "evidence.photo";
/// Parts become one file and are hashed.
pub const CONCAT_JOB: &str = "evidence.concat";
/// The SM3 of an original.
pub const SM3_JOB: &str = "evidence.sm3";
/// Length, codec and findings of a recording.
pub const MEDIA_JOB: &str = "evidence.media";
/// What a call must leave behind, looked at once more.
pub const SCENE_JOB: &str = "evidence.scene";

/// A room waits for these: a second at most.
pub const PROMPT: &[&str] = &[PHOTO_JOB, MEDIA_JOB, SCENE_JOB];
/// These read gigabytes; nobody waits at the desk.
pub const LONG: &[&str] = &[CONCAT_JOB, SM3_JOB];

/// Both: not for the worker that keeps messages going.
pub const ALL: &[&str] =
    &[PHOTO_JOB, CONCAT_JOB, SM3_JOB, DELETE_JOB, GATHER_JOB, EXPIRE_JOB, REMOVE_JOB, MEDIA_JOB, SCENE_JOB];

/// The deletion of one item that two people agreed to.
pub const DELETE_JOB: &str = "evidence.delete";
/// The list of a batch is made.
pub const GATHER_JOB: &str = "evidence.gather";
/// A batch that two people agreed to is carried out.
pub const EXPIRE_JOB: &str = "evidence.expire";
/// The files of a deleted item are removed.
pub const REMOVE_JOB: &str = "evidence.remove";

/// These wait for nothing and keep nobody waiting, least of all behind a film that is hashed.
pub const KEEPING: &[&str] = &[DELETE_JOB, GATHER_JOB, EXPIRE_JOB, REMOVE_JOB];

/// Which item a job is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Args {
    pub evidence_id: EvidenceId,
    /// What the sender called the bytes; no column of the item, but worth a finding when it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_type: Option<String>,
}

/// Does one claimed job.
pub async fn run(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    match job.kind.as_str() {
        PHOTO_JOB => photos::job::run(core, job).await,
        CONCAT_JOB => uploads::service::run_concat(core, job).await,
        SM3_JOB => service::sm3(core, job).await,
        MEDIA_JOB => media::job::run(core, job).await,
        SCENE_JOB => scene::jobs::left_together(core, job).await,
        DELETE_JOB => keeping::erase::run_delete(core, job).await,
        GATHER_JOB => keeping::batch::run_gather(core, job).await,
        EXPIRE_JOB => keeping::batch::run_expire(core, job).await,
        REMOVE_JOB => keeping::erase::run_remove(core, job).await,
        unknown => Err(Error::internal(format!("no handler for job kind {unknown}"))),
    }
}
