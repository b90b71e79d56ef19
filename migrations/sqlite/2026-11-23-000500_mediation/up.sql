CREATE TABLE mediation (
    id TEXT PRIMARY KEY NOT NULL,
    incident_id TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    open_questions INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_at BIGINT NOT NULL,
    round INTEGER NOT NULL,
    drill BOOLEAN NOT NULL,
    amends TEXT,
    leader_id TEXT,
    content_hash TEXT NOT NULL,
    form TEXT,
    serial_no TEXT,
    finalized_at BIGINT,
    finalized_by TEXT,
    effective_at BIGINT,
    fields INTEGER NOT NULL,
    not_typed INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX mediation_incident ON mediation (incident_id, created_at);
CREATE INDEX mediation_unit ON mediation (unit_id, created_at);
CREATE INDEX mediation_created_by ON mediation (created_by, created_at);

-- Every writing of a field. What tells who somebody is lies in `sealed`, everything else as JSON in `value`.
CREATE TABLE mediation_edit (
    mediation_id TEXT NOT NULL,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT,
    sealed BLOB,
    base BIGINT NOT NULL,
    version BIGINT NOT NULL,
    device_id TEXT NOT NULL,
    counter BIGINT NOT NULL,
    by_person TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, id, path)
);

-- Whole records by device: each spoke of every field, also of what comes in after it and was written before.
CREATE TABLE mediation_whole (
    mediation_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    edit_id TEXT NOT NULL,
    base BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    by_person TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, device_id, edit_id)
);

CREATE INDEX mediation_state ON mediation (state, state_at);

-- Every move of a record from one state to another, with who made it.
CREATE TABLE mediation_step (
    mediation_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    step TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    by_person TEXT,
    reason TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, n)
);

-- What a party said of being mediated; the latest counts.
CREATE TABLE mediation_consent (
    mediation_id TEXT NOT NULL,
    id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    consents BOOLEAN NOT NULL,
    needs_interpreter BOOLEAN NOT NULL,
    declines_guardian BOOLEAN NOT NULL,
    evidence_id TEXT,
    from_ms BIGINT,
    to_ms BIGINT,
    by_person TEXT NOT NULL,
    device_id TEXT NOT NULL,
    said_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, id)
);

-- What somebody signed with, or why he did not; `sealed` holds the strokes or the picture.
CREATE TABLE mediation_signature (
    mediation_id TEXT NOT NULL,
    id TEXT NOT NULL,
    n INTEGER NOT NULL,
    signer_id TEXT NOT NULL,
    role TEXT NOT NULL,
    for_party TEXT,
    status TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    content_format INTEGER NOT NULL,
    form TEXT NOT NULL,
    sealed BLOB,
    scribe_id TEXT,
    reader_id TEXT,
    witness_id TEXT,
    evidence_id TEXT,
    from_ms BIGINT,
    to_ms BIGINT,
    reason TEXT,
    by_person TEXT NOT NULL,
    device_id TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, id)
);

-- The papers of a record; the bytes are an item of evidence.
CREATE TABLE mediation_document (
    mediation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    evidence_id TEXT,
    sha256 TEXT,
    pages INTEGER,
    problem TEXT,
    by_person TEXT NOT NULL,
    device_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, kind)
);

-- How each party got its copy.
CREATE TABLE mediation_copy (
    mediation_id TEXT NOT NULL,
    id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    document TEXT NOT NULL,
    way TEXT NOT NULL,
    note TEXT,
    by_person TEXT NOT NULL,
    handed_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, id)
);

-- What became of a term.
CREATE TABLE mediation_performance (
    mediation_id TEXT NOT NULL,
    id TEXT NOT NULL,
    n INTEGER NOT NULL,
    term_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    on_day TEXT NOT NULL,
    amount_fen BIGINT,
    evidence_id TEXT,
    note TEXT,
    by_person TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, id)
);

-- When whoever is responsible is reminded of a term.
CREATE TABLE mediation_reminder (
    mediation_id TEXT NOT NULL,
    term_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    done BOOLEAN NOT NULL,
    PRIMARY KEY (mediation_id, term_id, at)
);
CREATE INDEX mediation_reminder_due ON mediation_reminder (done, at);

-- Which writings nobody typed, and where their values came from.
CREATE TABLE mediation_fill (
    mediation_id TEXT NOT NULL,
    edit_id TEXT NOT NULL,
    path TEXT NOT NULL,
    origin TEXT NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (mediation_id, edit_id, path)
);

-- By which a party is found again: keyed hashes of the number of its document and of its telephone.
CREATE TABLE mediation_person (
    mediation_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    identity_index TEXT,
    phone_index TEXT,
    PRIMARY KEY (mediation_id, party_id)
);
CREATE INDEX mediation_person_identity ON mediation_person (identity_index);
CREATE INDEX mediation_person_phone ON mediation_person (phone_index);

-- To whom a record was handed, by which work order, to what end.
CREATE TABLE mediation_referral (
    task_id TEXT PRIMARY KEY NOT NULL,
    mediation_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    by_person TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX mediation_referral_record ON mediation_referral (mediation_id, at);

-- What happened at a place before.
CREATE INDEX incident_place ON incident (lat, lon);
