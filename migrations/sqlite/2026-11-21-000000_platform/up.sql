CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE stream (
    recipient TEXT PRIMARY KEY NOT NULL,
    epoch TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    trimmed_seq BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE message (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    args TEXT NOT NULL,
    urgent BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX message_created ON message (created_at);

CREATE TABLE delivery (
    recipient TEXT NOT NULL,
    seq BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    received_at BIGINT,
    received_device TEXT,
    PRIMARY KEY (recipient, seq)
) WITHOUT ROWID;
CREATE INDEX delivery_message ON delivery (message_id);
CREATE INDEX delivery_created ON delivery (created_at);

CREATE TABLE device_cursor (
    device_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    session_gen BIGINT NOT NULL,
    ack_seq BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, person_id)
) WITHOUT ROWID;

CREATE TABLE idempotency (
    person_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    resource TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE audit (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    person_id TEXT,
    device_id TEXT,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_subject ON audit (subject_kind, subject_id, at);

CREATE TABLE card (
    id TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    data TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    open BOOLEAN NOT NULL,
    raised_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT,
    snoozed_until BIGINT,
    snooze_reason TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX card_open_key ON card (dedup_key) WHERE open;
CREATE INDEX card_open_unit ON card (unit_id, raised_at) WHERE open;

CREATE TABLE job (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    args TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until BIGINT,
    lease_gen BIGINT NOT NULL,
    parked BOOLEAN NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX job_due ON job (due_at) WHERE NOT parked;
