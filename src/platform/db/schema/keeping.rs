//! Tables of keeping and deleting evidence, and of copies that leave the house.

diesel::table! {
    deletion (id) {
        id -> Text,
        evidence_id -> Text,
        batch_id -> Nullable<Text>,
        state -> Text,
        reason -> Text,
        article -> Text,
        asked_by -> Nullable<Text>,
        asked_at -> BigInt,
        not_before -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        why -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    deletion_batch (id) {
        id -> Text,
        unit_id -> Text,
        month -> Nullable<Text>,
        state -> Text,
        reason -> Text,
        article -> Text,
        proposed_by -> Nullable<Text>,
        proposed_at -> BigInt,
        size -> BigInt,
        digest -> Nullable<Text>,
        not_before -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    deletion_vote (subject_id, person_id) {
        subject_id -> Text,
        person_id -> Text,
        device_id -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    deletion_round (month) {
        month -> Text,
        begun_at -> BigInt,
    }
}

diesel::table! {
    evidence_share (id) {
        id -> Text,
        evidence_id -> Text,
        receiver -> Text,
        purpose -> Text,
        form -> Text,
        state -> Text,
        asked_by -> Text,
        asked_at -> BigInt,
        expires_at -> BigInt,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        fetches -> BigInt,
        version -> BigInt,
    }
}

use super::evidence;
diesel::allow_tables_to_appear_in_same_query!(evidence, deletion);
