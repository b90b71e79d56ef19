diesel::table! {
    fix_log (n) {
        n -> BigInt,
        fixes -> BigInt,
        body -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    fix_segment (id) {
        id -> Text,
        device_id -> Text,
        person_id -> Nullable<Text>,
        received_day -> BigInt,
        from_at -> BigInt,
        to_at -> BigInt,
        fixes -> BigInt,
        body -> Binary,
        sealed_at -> BigInt,
    }
}

diesel::table! {
    fix_tail (device_id, author) {
        device_id -> Text,
        author -> Text,
        sealed_log -> BigInt,
        newest_at -> BigInt,
        live -> Nullable<Binary>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    location_access (id) {
        id -> Text,
        viewer_id -> Text,
        viewer_unit_id -> Text,
        device_id -> Text,
        kind -> Text,
        purpose -> Nullable<Text>,
        unit_path -> Nullable<Text>,
        subtree -> Bool,
        west -> Nullable<Double>,
        south -> Nullable<Double>,
        east -> Nullable<Double>,
        north -> Nullable<Double>,
        from_at -> BigInt,
        to_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    location_access_subject (person_id, access_id) {
        person_id -> Text,
        access_id -> Text,
    }
}

diesel::table! {
    look_log (n) {
        n -> BigInt,
        looks -> BigInt,
        body -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    look_segment (id) {
        id -> Text,
        person_id -> Text,
        from_at -> BigInt,
        to_at -> BigInt,
        looks -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    reporting_rule (person_id, source) {
        person_id -> Text,
        source -> Text,
        mode -> Text,
        since -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(location_access, location_access_subject);
