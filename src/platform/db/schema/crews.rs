//! Tables of `duty::crews`: duty, crews, grids and who carries which device.

use super::officers::{device, person, unit};

diesel::table! {
    grid (id) {
        id -> Text,
        unit_id -> Text,
        code -> Text,
        name -> Text,
        min_strength -> BigInt,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    crew (id) {
        id -> Text,
        unit_id -> Text,
        call_sign -> Text,
        vehicle -> Nullable<Text>,
        grid -> Nullable<Text>,
        status -> Text,
        version -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    crew_member (id) {
        id -> Text,
        crew_id -> Text,
        person_id -> Text,
        role -> Text,
        joined_at -> BigInt,
        left_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    duty (person_id) {
        person_id -> Text,
        on_duty -> Bool,
        availability -> Text,
        crew_id -> Nullable<Text>,
        vehicle -> Nullable<Text>,
        call_sign -> Nullable<Text>,
        grid -> Nullable<Text>,
        since -> Nullable<BigInt>,
        version -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    duty_log (id) {
        id -> Text,
        person_id -> Text,
        at -> BigInt,
        change -> Text,
        by_person_id -> Text,
        by_device_id -> Nullable<Text>,
        data -> Text,
    }
}

diesel::table! {
    device_issue (id) {
        id -> Text,
        device_id -> Text,
        person_id -> Text,
        issued_at -> BigInt,
        returned_at -> Nullable<BigInt>,
        return_reason -> Nullable<Text>,
    }
}

diesel::joinable!(crew_member -> crew (crew_id));
diesel::allow_tables_to_appear_in_same_query!(crew, crew_member);
diesel::allow_tables_to_appear_in_same_query!(duty, person);
diesel::allow_tables_to_appear_in_same_query!(duty, unit);
diesel::allow_tables_to_appear_in_same_query!(device_issue, device);
diesel::allow_tables_to_appear_in_same_query!(crew, unit);
diesel::allow_tables_to_appear_in_same_query!(grid, unit);
