//! Tables of `duty::mediation::numbers`: how far each series is, what terminals were given, every number and what
//! happened to it.

diesel::table! {
    number_counter (unit_id, series, book) {
        unit_id -> Text,
        series -> Text,
        book -> Text,
        last -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    number_block (id) {
        id -> Text,
        unit_id -> Text,
        series -> Text,
        year -> Integer,
        device_id -> Text,
        person_id -> Text,
        numbers -> Text,
        leased_at -> BigInt,
        expires_at -> BigInt,
        told_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    serial_number (unit_id, series, book, n) {
        unit_id -> Text,
        series -> Text,
        book -> Text,
        n -> BigInt,
        year -> Integer,
        text -> Text,
        state -> Text,
        at -> BigInt,
        person_id -> Text,
        device_id -> Nullable<Text>,
        block_id -> Nullable<Text>,
        expires_at -> Nullable<BigInt>,
        mediation_id -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    number_event (id) {
        id -> Text,
        unit_id -> Text,
        series -> Text,
        book -> Text,
        n -> BigInt,
        state -> Text,
        at -> BigInt,
        person_id -> Text,
        device_id -> Nullable<Text>,
        block_id -> Nullable<Text>,
        mediation_id -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}
