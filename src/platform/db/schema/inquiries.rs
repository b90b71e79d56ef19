//! Tables of `duty::inquiries`: inquiries, who and what is named in them, looks under them.

diesel::table! {
    inquiry (id) {
        id -> Text,
        number -> Text,
        person_id -> Nullable<Text>,
        from_at -> BigInt,
        to_at -> BigInt,
        reason -> Text,
        requested_by -> Text,
        requested_unit_id -> Text,
        requested_at -> BigInt,
        expires_at -> BigInt,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
        closed_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    inquiry_part (inquiry_id, kind, subject_id) {
        inquiry_id -> Text,
        kind -> Text,
        subject_id -> Text,
    }
}

diesel::table! {
    inquiry_look (id) {
        id -> Text,
        inquiry_id -> Text,
        viewer_id -> Text,
        device_id -> Text,
        at -> BigInt,
        what -> Text,
        purpose -> Nullable<Text>,
        person_id -> Nullable<Text>,
        evidence_id -> Nullable<Text>,
        entry_id -> Nullable<Text>,
        from_at -> Nullable<BigInt>,
        to_at -> Nullable<BigInt>,
        disclosed_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(inquiry, inquiry_part, inquiry_look);
