//! What is known of recordings from their containers.

diesel::table! {
    evidence_media (evidence_id) {
        evidence_id -> Text,
        container -> Text,
        duration_ms -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        codec -> Nullable<Text>,
        audio_codec -> Nullable<Text>,
        width -> Nullable<Integer>,
        height -> Nullable<Integer>,
        at -> BigInt,
    }
}
