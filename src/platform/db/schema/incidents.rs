//! Tables of the incidents slice.

diesel::table! {
    incident (id) {
        id -> Text,
        source -> Text,
        external_no -> Nullable<Text>,
        revision -> BigInt,
        version -> BigInt,
        unit_id -> Text,
        pending_unit_id -> Nullable<Text>,
        state -> Text,
        round -> Integer,
        category -> Text,
        category_found -> Nullable<Text>,
        priority -> Integer,
        title -> Text,
        description -> Nullable<Text>,
        hazards -> Text,
        lon -> Double,
        lat -> Double,
        address -> Nullable<Text>,
        reported -> Text,
        local_fields -> Text,
        called_at -> Nullable<BigInt>,
        answered_at -> Nullable<BigInt>,
        dispatched_at -> Nullable<BigInt>,
        created_by -> Nullable<Text>,
        attach_self -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        claimed_by -> Nullable<Text>,
        claim_until -> Nullable<BigInt>,
        merged_into -> Nullable<Text>,
        final_at -> Nullable<BigInt>,
        marks -> Text,
    }
}

diesel::table! {
    incident_unit (incident_id, unit_id) {
        incident_id -> Text,
        unit_id -> Text,
        active -> Bool,
        since -> BigInt,
    }
}

diesel::table! {
    incident_person (incident_id, person_id, assignment_id) {
        incident_id -> Text,
        person_id -> Text,
        assignment_id -> Text,
        open -> Bool,
        accepted_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    incident_revision (incident_id, revision) {
        incident_id -> Text,
        revision -> BigInt,
        hash -> Text,
        body -> Text,
        applied -> Bool,
        received_at -> BigInt,
        received_by -> Nullable<Text>,
    }
}

diesel::table! {
    incident_caller (incident_id, n) {
        incident_id -> Text,
        n -> Integer,
        name_sealed -> Nullable<Binary>,
        phone_sealed -> Nullable<Binary>,
        phone_index -> Nullable<Text>,
        secret -> Bool,
        source -> Text,
        external_no -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    incident_note (id) {
        id -> Text,
        incident_id -> Text,
        author -> Text,
        text -> Text,
        links -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    incident_link (incident_id, other_id, kind) {
        incident_id -> Text,
        other_id -> Text,
        kind -> Text,
        author -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    incident_entry (id) {
        id -> Text,
        incident_id -> Text,
        at -> BigInt,
        kind -> Text,
        actor -> Nullable<Text>,
        data -> Text,
    }
}

diesel::table! {
    feedback (id) {
        id -> Text,
        incident_id -> Text,
        assignment_id -> Nullable<Text>,
        round -> Integer,
        stage -> Text,
        result_code -> Nullable<Text>,
        resolved_on_scene -> Nullable<Bool>,
        text -> Nullable<Text>,
        people -> Text,
        author -> Text,
        confirmed_by -> Nullable<Text>,
        confirmed_at -> Nullable<BigInt>,
        device_at -> Nullable<BigInt>,
        at -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    feed_head (source) {
        source -> Text,
        last_seq -> BigInt,
    }
}

diesel::table! {
    feed_entry (source, seq) {
        source -> Text,
        seq -> BigInt,
        at -> BigInt,
        kind -> Text,
        incident_id -> Text,
        external_no -> Nullable<Text>,
        data -> Text,
    }
}

diesel::table! {
    feed_webhook (source) {
        source -> Text,
        url -> Text,
        secret_sealed -> Binary,
        enabled -> Bool,
        delivered_seq -> BigInt,
        attempts -> Integer,
        next_at -> BigInt,
        last_error -> Nullable<Text>,
        last_ok_at -> Nullable<BigInt>,
        updated_at -> BigInt,
        updated_by -> Text,
        lease_until -> BigInt,
        lease_gen -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    incident,
    incident_unit,
    incident_person,
    incident_revision,
    incident_caller,
    incident_note,
    incident_link,
    incident_entry,
    feedback,
    feed_head,
    feed_entry,
    feed_webhook
);

use super::unit;
diesel::allow_tables_to_appear_in_same_query!(incident, unit);
diesel::allow_tables_to_appear_in_same_query!(incident_unit, unit);
