diesel::table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    stream (recipient) {
        recipient -> Text,
        epoch -> Text,
        last_seq -> BigInt,
        trimmed_seq -> BigInt,
    }
}

diesel::table! {
    message (id) {
        id -> Text,
        kind -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        version -> BigInt,
        args -> Text,
        urgent -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    delivery (recipient, seq) {
        recipient -> Text,
        seq -> BigInt,
        message_id -> Text,
        created_at -> BigInt,
        received_at -> Nullable<BigInt>,
        received_device -> Nullable<Text>,
    }
}

diesel::table! {
    device_cursor (device_id, person_id) {
        device_id -> Text,
        person_id -> Text,
        session_gen -> BigInt,
        ack_seq -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    idempotency (person_id, key) {
        person_id -> Text,
        key -> Text,
        request_hash -> Text,
        status -> Integer,
        resource -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    audit (id) {
        id -> Text,
        at -> BigInt,
        person_id -> Nullable<Text>,
        device_id -> Nullable<Text>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        detail -> Text,
    }
}

diesel::table! {
    card (id) {
        id -> Text,
        unit_id -> Text,
        kind -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        data -> Text,
        dedup_key -> Text,
        open -> Bool,
        raised_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
        snoozed_until -> Nullable<BigInt>,
        snooze_reason -> Nullable<Text>,
    }
}

diesel::table! {
    job (id) {
        id -> Text,
        kind -> Text,
        args -> Text,
        due_at -> BigInt,
        attempts -> Integer,
        lease_until -> Nullable<BigInt>,
        lease_gen -> BigInt,
        parked -> Bool,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(message, delivery, stream, device_cursor);
