use serde::{Deserialize, Serialize};

/// Settings of the dispatch duty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dispatch {}
