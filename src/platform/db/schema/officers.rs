//! Tables of `duty::officers`: units, people, devices, sessions and signing keys.

diesel::table! {
    unit (id) {
        id -> Text,
        name -> Text,
        kind -> Text,
        parent_id -> Nullable<Text>,
        path -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    person (id) {
        id -> Text,
        username -> Text,
        name -> Text,
        kind -> Text,
        unit_id -> Text,
        badge_no -> Nullable<Text>,
        source -> Nullable<Text>,
        status -> Text,
        mediator_no -> Nullable<Text>,
        mediator_issuer -> Nullable<Text>,
        mediator_expires -> Nullable<Text>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    person_secret (person_id, field) {
        person_id -> Text,
        field -> Text,
        ciphertext -> Binary,
        key_id -> Integer,
        blind_index -> Text,
    }
}

diesel::table! {
    credential (person_id) {
        person_id -> Text,
        password_hash -> Text,
        changed_at -> BigInt,
    }
}

diesel::table! {
    device (id) {
        id -> Text,
        kind -> Text,
        name -> Text,
        serial_no -> Nullable<Text>,
        status -> Text,
        enrolled -> Bool,
        public_key -> Nullable<Binary>,
        unit_id -> Nullable<Text>,
        person_id -> Nullable<Text>,
        login_key -> Nullable<Text>,
        created_at -> BigInt,
        last_login_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    enrolment_code (code_hash) {
        code_hash -> Text,
        unit_id -> Text,
        kind -> Text,
        name -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        device_id -> Nullable<Text>,
    }
}

diesel::table! {
    session (id) {
        id -> Text,
        person_id -> Text,
        device_id -> Text,
        generation -> BigInt,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    auth_change (id) {
        id -> Text,
        kind -> Text,
        subject -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    signing_key (id) {
        id -> Text,
        sealed -> Binary,
        key_id -> Integer,
        public_key -> Binary,
        created_at -> BigInt,
        signs_from -> BigInt,
        retires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    ws_ticket (ticket_hash) {
        ticket_hash -> Text,
        session_id -> Text,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::joinable!(person -> unit (unit_id));
diesel::joinable!(device -> unit (unit_id));
diesel::allow_tables_to_appear_in_same_query!(person, unit, person_secret, device);
