diesel::table! {
    evidence (id) {
        id -> Text,
        kind -> Text,
        filename -> Text,
        media_type -> Text,
        size -> BigInt,
        sha256 -> Text,
        sm3 -> Nullable<Text>,
        place -> Text,
        quarantined -> Bool,
        author_id -> Text,
        wearer_id -> Nullable<Text>,
        device_id -> Text,
        session_id -> Nullable<Text>,
        unit_id -> Text,
        assignment_id -> Nullable<Text>,
        captured_at -> BigInt,
        received_at -> BigInt,
        device_signature -> Nullable<Text>,
        duration_ms -> Nullable<BigInt>,
        codec -> Nullable<Text>,
        previewed -> Text,
        redacted_of -> Nullable<Text>,
        retention -> Text,
        keep_until -> Nullable<BigInt>,
        gone_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    evidence_incident (incident_id, evidence_id) {
        incident_id -> Text,
        evidence_id -> Text,
        linked_by -> Text,
        linked_at -> BigInt,
    }
}

diesel::table! {
    evidence_preview (evidence_id, px) {
        evidence_id -> Text,
        px -> Integer,
        width -> Integer,
        height -> Integer,
        size -> BigInt,
        made_at -> BigInt,
    }
}

diesel::table! {
    evidence_finding (evidence_id, code) {
        evidence_id -> Text,
        code -> Text,
        detail -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    evidence_mark (id) {
        id -> Text,
        evidence_id -> Text,
        from_ms -> BigInt,
        to_ms -> BigInt,
        text -> Text,
        by_person_id -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    upload (id) {
        id -> Text,
        state -> Text,
        concat -> Text,
        parts -> Text,
        length -> BigInt,
        synced -> BigInt,
        metadata -> Text,
        sha256 -> Nullable<Text>,
        owner_id -> Text,
        author_id -> Text,
        device_id -> Text,
        session_id -> Nullable<Text>,
        captured_at -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        evidence_id -> Nullable<Text>,
        failure -> Nullable<Text>,
        node -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        lease_gen -> BigInt,
    }
}

diesel::table! {
    upload_piece (upload_id, n) {
        upload_id -> Text,
        n -> BigInt,
        to_byte -> BigInt,
        hash_state -> Binary,
        sealed_at -> BigInt,
    }
}

diesel::table! {
    custody_entry (id) {
        id -> Text,
        evidence_id -> Nullable<Text>,
        kind -> Text,
        actor_id -> Nullable<Text>,
        device_id -> Nullable<Text>,
        at -> BigInt,
        detail -> Nullable<Text>,
        salt -> Nullable<Binary>,
        leaf -> Binary,
        n -> Nullable<BigInt>,
    }
}

diesel::table! {
    custody_node (level, n) {
        level -> Integer,
        n -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    custody_head (size) {
        size -> BigInt,
        root -> Binary,
        at -> BigInt,
        key_id -> Text,
        signature -> Binary,
    }
}

diesel::table! {
    custody_lease (name) {
        name -> Text,
        holder -> Text,
        until -> BigInt,
    }
}

diesel::table! {
    receipt (evidence_id, kind) {
        evidence_id -> Text,
        kind -> Text,
        body -> Text,
        key_id -> Text,
        signature -> Binary,
        at -> BigInt,
    }
}

diesel::table! {
    hold (id) {
        id -> Text,
        incident_id -> Nullable<Text>,
        evidence_id -> Nullable<Text>,
        reason -> Text,
        set_by -> Text,
        set_at -> BigInt,
        lifted_by -> Nullable<Text>,
        lifted_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(evidence, evidence_incident);

use super::{incident_person, incident_unit};
diesel::allow_tables_to_appear_in_same_query!(evidence, incident_person);
diesel::allow_tables_to_appear_in_same_query!(evidence, incident_unit);
diesel::allow_tables_to_appear_in_same_query!(evidence_incident, incident_person);
diesel::allow_tables_to_appear_in_same_query!(evidence_incident, incident_unit);
