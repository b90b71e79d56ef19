//! Tables of `duty::mediation`: records, every writing of a field of one, and what people did with it.

diesel::table! {
    mediation (id) {
        id -> Text,
        incident_id -> Text,
        unit_id -> Text,
        kind -> Text,
        version -> BigInt,
        open_questions -> Integer,
        state -> Text,
        state_at -> BigInt,
        round -> Integer,
        drill -> Bool,
        amends -> Nullable<Text>,
        leader_id -> Nullable<Text>,
        content_hash -> Text,
        form -> Nullable<Text>,
        serial_no -> Nullable<Text>,
        finalized_at -> Nullable<BigInt>,
        finalized_by -> Nullable<Text>,
        effective_at -> Nullable<BigInt>,
        fields -> Integer,
        not_typed -> Integer,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    mediation_edit (mediation_id, id, path) {
        mediation_id -> Text,
        id -> Text,
        path -> Text,
        value -> Nullable<Text>,
        sealed -> Nullable<Binary>,
        base -> BigInt,
        version -> BigInt,
        device_id -> Text,
        counter -> BigInt,
        by_person -> Text,
        written_at -> BigInt,
        received_at -> BigInt,
    }
}

diesel::table! {
    mediation_whole (mediation_id, device_id, edit_id) {
        mediation_id -> Text,
        device_id -> Text,
        edit_id -> Text,
        base -> BigInt,
        counter -> BigInt,
        by_person -> Text,
        written_at -> BigInt,
    }
}

diesel::table! {
    mediation_step (mediation_id, n) {
        mediation_id -> Text,
        n -> Integer,
        step -> Text,
        from_state -> Text,
        to_state -> Text,
        by_person -> Nullable<Text>,
        reason -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    mediation_consent (mediation_id, id) {
        mediation_id -> Text,
        id -> Text,
        party_id -> Text,
        consents -> Bool,
        needs_interpreter -> Bool,
        declines_guardian -> Bool,
        evidence_id -> Nullable<Text>,
        from_ms -> Nullable<BigInt>,
        to_ms -> Nullable<BigInt>,
        by_person -> Text,
        device_id -> Text,
        said_at -> BigInt,
        received_at -> BigInt,
    }
}

diesel::table! {
    mediation_signature (mediation_id, id) {
        mediation_id -> Text,
        id -> Text,
        n -> Integer,
        signer_id -> Text,
        role -> Text,
        for_party -> Nullable<Text>,
        status -> Text,
        content_hash -> Text,
        content_format -> Integer,
        form -> Text,
        sealed -> Nullable<Binary>,
        scribe_id -> Nullable<Text>,
        reader_id -> Nullable<Text>,
        witness_id -> Nullable<Text>,
        evidence_id -> Nullable<Text>,
        from_ms -> Nullable<BigInt>,
        to_ms -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        by_person -> Text,
        device_id -> Text,
        signed_at -> BigInt,
        received_at -> BigInt,
    }
}

diesel::table! {
    mediation_document (mediation_id, kind, n) {
        mediation_id -> Text,
        kind -> Text,
        n -> Integer,
        act_id -> Nullable<Text>,
        evidence_id -> Nullable<Text>,
        sha256 -> Nullable<Text>,
        pages -> Nullable<Integer>,
        problem -> Nullable<Text>,
        by_person -> Text,
        device_id -> Text,
        made_at -> BigInt,
    }
}

diesel::table! {
    mediation_copy (mediation_id, id) {
        mediation_id -> Text,
        id -> Text,
        party_id -> Text,
        document -> Text,
        way -> Text,
        note -> Nullable<Text>,
        by_person -> Text,
        handed_at -> BigInt,
        received_at -> BigInt,
    }
}

diesel::table! {
    mediation_performance (mediation_id, id) {
        mediation_id -> Text,
        id -> Text,
        n -> Integer,
        term_id -> Text,
        outcome -> Text,
        on_day -> Text,
        amount_fen -> Nullable<BigInt>,
        evidence_id -> Nullable<Text>,
        note -> Nullable<Text>,
        by_person -> Text,
        received_at -> BigInt,
        payee_words -> Nullable<Text>,
    }
}

diesel::table! {
    mediation_reminder (mediation_id, term_id, at) {
        mediation_id -> Text,
        term_id -> Text,
        at -> BigInt,
        kind -> Text,
        done -> Bool,
    }
}

diesel::table! {
    mediation_fill (mediation_id, edit_id, path) {
        mediation_id -> Text,
        edit_id -> Text,
        path -> Text,
        origin -> Text,
        reference -> Text,
    }
}

diesel::table! {
    mediation_person (mediation_id, party_id) {
        mediation_id -> Text,
        party_id -> Text,
        identity_index -> Nullable<Text>,
        phone_index -> Nullable<Text>,
    }
}

diesel::table! {
    mediation_referral (task_id) {
        task_id -> Text,
        mediation_id -> Text,
        purpose -> Text,
        by_person -> Text,
        at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(mediation, mediation_person);
diesel::allow_tables_to_appear_in_same_query!(mediation, mediation_step);
