//! Tables of the assignments slice.

diesel::table! {
    assignment (id) {
        id -> Text,
        incident_id -> Text,
        round -> Integer,
        assignee_kind -> Text,
        assignee_id -> Text,
        person_id -> Nullable<Text>,
        unit_id -> Text,
        state -> Text,
        height -> Integer,
        moved_at -> Nullable<BigInt>,
        pause -> Nullable<Text>,
        pause_at -> Nullable<BigInt>,
        pause_note -> Nullable<Text>,
        ended -> Nullable<Text>,
        cancel_asked -> Bool,
        cancel_confirmed_at -> Nullable<BigInt>,
        priority -> Integer,
        origin -> Text,
        lead_override -> Bool,
        why -> Text,
        replaces -> Nullable<Text>,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        accepted_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    assignment_person (assignment_id, person_id) {
        assignment_id -> Text,
        person_id -> Text,
        role -> Text,
        sent_at -> BigInt,
        delivered_at -> Nullable<BigInt>,
        viewed_at -> Nullable<BigInt>,
        left_at -> Nullable<BigInt>,
        open -> Bool,
    }
}

diesel::table! {
    rung (id) {
        id -> Text,
        assignment_id -> Text,
        step -> Text,
        at -> BigInt,
        device_at -> Nullable<BigInt>,
        device_id -> Nullable<Text>,
        person_id -> Nullable<Text>,
        recorded_by -> Nullable<Text>,
        via -> Text,
        truth -> Text,
        reason -> Nullable<Text>,
        applied -> Bool,
        counts -> Bool,
        state_after -> Text,
        natural_key -> Text,
    }
}

diesel::table! {
    deadline (id) {
        id -> Text,
        incident_id -> Text,
        assignment_id -> Nullable<Text>,
        person_id -> Nullable<Text>,
        limit_kind -> Text,
        attempt -> Integer,
        priority -> Integer,
        state -> Text,
        opened_at -> BigInt,
        due_at -> BigInt,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    channel_attempt (id) {
        id -> Text,
        assignment_id -> Text,
        person_id -> Text,
        limit_kind -> Text,
        attempt -> Integer,
        channel -> Text,
        device_id -> Nullable<Text>,
        target_id -> Nullable<Text>,
        truth -> Nullable<Text>,
        outcome -> Text,
        detail -> Nullable<Text>,
        at -> BigInt,
        outcome_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    agency (id) {
        id -> Text,
        unit_id -> Text,
        name -> Text,
        created_at -> BigInt,
        kind -> Text,
        phone -> Nullable<Text>,
        channel -> Text,
        webhook_url -> Nullable<Text>,
        secret_sealed -> Nullable<Binary>,
        service_person_id -> Nullable<Text>,
        accept_within_s -> Integer,
        finish_within_s -> Integer,
        enabled -> Bool,
        version -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(assignment, assignment_person, rung, deadline, channel_attempt, agency);
