use serde::{Deserialize, Serialize};

/// Settings of the backup duty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// Response units that must accept before the rest stand down.
    pub wanted: usize,
    /// Units offered the call beyond those.
    pub spare: usize,
    /// Metres around the destination within which people are looked for.
    pub within_m: f64,
    /// Seconds between two rings while too few accepted.
    pub wave_s: i64,
    /// Seconds until a request nobody took goes to the parent room.
    pub parent_room_after_s: i64,
    /// Seconds until it goes to the duty commander.
    pub commander_after_s: i64,
    /// Seconds within which "who could reach me now" counts a unit.
    pub cover_within_s: f64,
    /// Categories of incidents at which an officer on the scene is asked whether all is right.
    pub check_in_categories: Vec<String>,
    /// Seconds on the scene before he is asked.
    pub check_in_after_s: i64,
    /// Seconds he has to answer before the room is told.
    pub check_in_answer_s: i64,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            wanted: 3,
            spare: 2,
            within_m: 20_000.0,
            wave_s: 10,
            parent_room_after_s: 15,
            commander_after_s: 30,
            cover_within_s: 240.0,
            check_in_categories: Vec::new(),
            check_in_after_s: 900,
            check_in_answer_s: 120,
        }
    }
}
