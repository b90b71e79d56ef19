//! What was missing when a unit left the scene.

diesel::table! {
    scene_gap (id) {
        id -> Text,
        incident_id -> Text,
        assignment_id -> Text,
        unit_id -> Text,
        requirement -> Text,
        code -> Text,
        need -> BigInt,
        have -> BigInt,
        from_at -> Nullable<BigInt>,
        to_at -> Nullable<BigInt>,
        state -> Text,
        opened_at -> BigInt,
        due_at -> BigInt,
        look_at -> Nullable<BigInt>,
        overdue_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
        reason -> Nullable<Text>,
        version -> BigInt,
    }
}

use super::assignment_person;
diesel::allow_tables_to_appear_in_same_query!(scene_gap, assignment_person);
