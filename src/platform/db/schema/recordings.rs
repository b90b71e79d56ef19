diesel::table! {
    recording (id) {
        id -> Text,
        camera_id -> Text,
        dock_id -> Nullable<Text>,
        unit_id -> Text,
        group_id -> Text,
        sha256 -> Text,
        size -> BigInt,
        raw_started_at -> BigInt,
        raw_ended_at -> BigInt,
        clock_offset_ms -> BigInt,
        started_at -> BigInt,
        ended_at -> BigInt,
        marks -> Text,
        state -> Text,
        wearer_id -> Nullable<Text>,
        wearer_by -> Text,
        evidence_id -> Nullable<Text>,
        held_at -> Nullable<BigInt>,
        held_statement -> Nullable<Text>,
        held_signature -> Nullable<Binary>,
        wanted_at -> Nullable<BigInt>,
        wanted_by -> Nullable<Text>,
        announced_at -> BigInt,
        missing_since -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    recording_event (id) {
        id -> Text,
        recording_id -> Text,
        at -> BigInt,
        kind -> Text,
        person_id -> Nullable<Text>,
        device_id -> Nullable<Text>,
        data -> Text,
    }
}

diesel::table! {
    manifest (id) {
        id -> Text,
        camera_id -> Text,
        announced_by -> Text,
        signed_at -> BigInt,
        at -> BigInt,
        sha256 -> Text,
        clock_offset_ms -> BigInt,
        recordings -> BigInt,
        fresh -> BigInt,
        vanished -> BigInt,
    }
}
