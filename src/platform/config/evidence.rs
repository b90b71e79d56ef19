use serde::{Deserialize, Serialize};

/// Settings of the evidence duty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Bytes of one file: the recording of a long shift in one piece.
    pub max_upload_bytes: i64,
    /// Seconds an upload is kept after the last byte of it that arrived; then its bytes are removed.
    pub upload_ttl_s: i64,
    /// Uploads one person may have begun and not ended: a camera's shift and a day's photos, not a flood.
    pub half_open_max: i64,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { max_upload_bytes: 20 << 30, upload_ttl_s: 7 * 86_400, half_open_max: 200 }
    }
}
