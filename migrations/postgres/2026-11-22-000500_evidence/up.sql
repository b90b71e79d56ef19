CREATE TABLE evidence (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    filename TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    sm3 TEXT,
    place TEXT NOT NULL,
    quarantined BOOLEAN NOT NULL,
    author_id TEXT NOT NULL,
    wearer_id TEXT,
    device_id TEXT NOT NULL,
    session_id TEXT,
    unit_id TEXT NOT NULL,
    assignment_id TEXT,
    captured_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    device_signature TEXT,
    duration_ms BIGINT,
    codec TEXT,
    previewed TEXT NOT NULL,
    redacted_of TEXT,
    retention TEXT NOT NULL,
    keep_until BIGINT,
    gone_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX evidence_unit ON evidence (unit_id, received_at);
CREATE INDEX evidence_author ON evidence (author_id, captured_at);
CREATE INDEX evidence_wearer ON evidence (wearer_id, captured_at);
CREATE INDEX evidence_hash ON evidence (sha256);
CREATE INDEX evidence_keep ON evidence (keep_until);

CREATE TABLE evidence_incident (
    incident_id TEXT NOT NULL,
    evidence_id TEXT NOT NULL,
    linked_by TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (incident_id, evidence_id)
);
CREATE INDEX evidence_incident_evidence ON evidence_incident (evidence_id);

CREATE TABLE evidence_preview (
    evidence_id TEXT NOT NULL,
    px INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (evidence_id, px)
);

CREATE TABLE evidence_finding (
    evidence_id TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (evidence_id, code)
);

CREATE TABLE evidence_mark (
    id TEXT PRIMARY KEY NOT NULL,
    evidence_id TEXT NOT NULL,
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    text TEXT NOT NULL,
    by_person_id TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX evidence_mark_evidence ON evidence_mark (evidence_id, from_ms);

CREATE TABLE upload (
    id TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL,
    concat TEXT NOT NULL,
    parts TEXT NOT NULL,
    length BIGINT NOT NULL,
    synced BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    sha256 TEXT,
    owner_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    session_id TEXT,
    captured_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    evidence_id TEXT,
    failure TEXT,
    node TEXT,
    lease_until BIGINT,
    lease_gen BIGINT NOT NULL
);
CREATE INDEX upload_owner ON upload (owner_id, state);
CREATE INDEX upload_expires ON upload (expires_at);

CREATE TABLE upload_piece (
    upload_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    to_byte BIGINT NOT NULL,
    hash_state BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (upload_id, n)
);

CREATE TABLE custody_entry (
    id TEXT PRIMARY KEY NOT NULL,
    evidence_id TEXT,
    kind TEXT NOT NULL,
    actor_id TEXT,
    device_id TEXT,
    at BIGINT NOT NULL,
    detail TEXT,
    salt BYTEA,
    leaf BYTEA NOT NULL,
    n BIGINT
);
CREATE UNIQUE INDEX custody_entry_n ON custody_entry (n);
CREATE INDEX custody_entry_evidence ON custody_entry (evidence_id, at);

CREATE TABLE custody_node (
    level INTEGER NOT NULL,
    n BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE TABLE custody_head (
    size BIGINT PRIMARY KEY NOT NULL,
    root BYTEA NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL
);

CREATE TABLE custody_lease (
    name TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);

CREATE TABLE receipt (
    evidence_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (evidence_id, kind)
);

CREATE TABLE hold (
    id TEXT PRIMARY KEY NOT NULL,
    incident_id TEXT,
    evidence_id TEXT,
    reason TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    lifted_by TEXT,
    lifted_at BIGINT
);
CREATE INDEX hold_incident ON hold (incident_id);
CREATE INDEX hold_evidence ON hold (evidence_id);
