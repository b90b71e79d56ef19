//! Tables of `duty::partners`: work orders, every move of one, what agencies are told.

use super::assignments::agency;

diesel::table! {
    task (id) {
        id -> Text,
        incident_id -> Text,
        unit_id -> Text,
        agency_id -> Text,
        mediation_id -> Nullable<Text>,
        ask -> Text,
        safety_notes -> Nullable<Text>,
        documents -> Text,
        due_at -> Nullable<BigInt>,
        drill -> Bool,
        state -> Text,
        state_at -> BigInt,
        version -> BigInt,
        sent_by -> Text,
        sent_at -> BigInt,
        delivered_at -> Nullable<BigInt>,
        signed_at -> Nullable<BigInt>,
        accepted_at -> Nullable<BigInt>,
        arrived_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        accept_by -> BigInt,
        finish_by -> BigInt,
        tell_at -> Nullable<BigInt>,
        told -> Nullable<Text>,
    }
}

diesel::table! {
    task_event (id) {
        id -> Text,
        task_id -> Text,
        n -> Integer,
        kind -> Text,
        truth -> Text,
        clock -> Text,
        by_person -> Nullable<Text>,
        by_name -> Nullable<Text>,
        text -> Nullable<Text>,
        said_at -> Nullable<BigInt>,
        at -> BigInt,
        state_after -> Text,
    }
}

diesel::table! {
    task_feed (agency_id, seq) {
        agency_id -> Text,
        seq -> BigInt,
        at -> BigInt,
        kind -> Text,
        task_id -> Text,
        data -> Text,
    }
}

diesel::table! {
    task_outlet (agency_id) {
        agency_id -> Text,
        last_seq -> BigInt,
        delivered_seq -> BigInt,
        attempts -> Integer,
        next_at -> BigInt,
        last_error -> Nullable<Text>,
        last_ok_at -> Nullable<BigInt>,
        lease_until -> BigInt,
        lease_gen -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(task, task_event, task_feed, task_outlet);
diesel::allow_tables_to_appear_in_same_query!(task, agency);
diesel::allow_tables_to_appear_in_same_query!(task_outlet, agency);
