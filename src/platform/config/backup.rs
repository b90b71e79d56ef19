use serde::{Deserialize, Serialize};

/// Settings of the backup duty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {}
