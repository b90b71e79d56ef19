//! Tables of `duty::backup`: requests, presses, waves, alerts, receipts, events and timers.

diesel::table! {
    backup (id) {
        id -> Text,
        requester_id -> Text,
        for_person_id -> Text,
        device_id -> Nullable<Text>,
        unit_id -> Text,
        kind -> Text,
        state -> Text,
        silent -> Bool,
        late -> Bool,
        ring -> Bool,
        unauthenticated_session -> Bool,
        note -> Nullable<Text>,
        needs -> Text,
        target -> Nullable<Text>,
        pressed_at -> BigInt,
        received_at -> BigInt,
        place -> Nullable<Text>,
        destination -> Nullable<Text>,
        told -> Nullable<Text>,
        wanted -> BigInt,
        wave -> BigInt,
        covered_at -> Nullable<BigInt>,
        taken_by -> Nullable<Text>,
        taken_unit_id -> Nullable<Text>,
        taken_at -> Nullable<BigInt>,
        says -> Nullable<Text>,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
        close_reason -> Nullable<Text>,
        version -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    backup_gate (person_id) {
        person_id -> Text,
        backup_id -> Nullable<Text>,
    }
}

diesel::table! {
    backup_press (id) {
        id -> Text,
        backup_id -> Text,
        person_id -> Text,
        device_id -> Nullable<Text>,
        via -> Text,
        pressed_at -> BigInt,
        received_at -> BigInt,
    }
}

diesel::table! {
    backup_wave (backup_id, wave) {
        backup_id -> Text,
        wave -> BigInt,
        at -> BigInt,
        cause -> Text,
        lon -> Nullable<Double>,
        lat -> Nullable<Double>,
        units -> BigInt,
        verdicts -> Text,
    }
}

diesel::table! {
    backup_alert (backup_id, person_id) {
        backup_id -> Text,
        person_id -> Text,
        unit_key -> Text,
        role -> Text,
        reason -> Text,
        reach -> Text,
        wave -> BigInt,
        quiet -> Bool,
        distance_m -> Nullable<Double>,
        eta_s -> Nullable<Double>,
        alerted_at -> BigInt,
        received_at -> Nullable<BigInt>,
        received_device_id -> Nullable<Text>,
        answer -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
        answered_device_id -> Nullable<Text>,
        arrived_at -> Nullable<BigInt>,
        stood_down_at -> Nullable<BigInt>,
        stand_down_reason -> Nullable<Text>,
    }
}

diesel::table! {
    backup_receipt (backup_id, person_id, device_id, message_kind) {
        backup_id -> Text,
        person_id -> Text,
        device_id -> Text,
        message_kind -> Text,
        carried -> Bool,
        at -> BigInt,
    }
}

diesel::table! {
    backup_event (id) {
        id -> Text,
        backup_id -> Text,
        at -> BigInt,
        kind -> Text,
        person_id -> Nullable<Text>,
        device_id -> Nullable<Text>,
        data -> Text,
    }
}

diesel::table! {
    backup_timer (id) {
        id -> Text,
        kind -> Text,
        subject_id -> Text,
        person_id -> Nullable<Text>,
        attempt -> BigInt,
        state -> Text,
        due_at -> BigInt,
        fired_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(backup, backup_alert);
