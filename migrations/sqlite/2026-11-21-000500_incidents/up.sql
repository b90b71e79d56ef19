CREATE TABLE incident (
    id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    external_no TEXT,
    revision BIGINT NOT NULL,
    version BIGINT NOT NULL,
    unit_id TEXT NOT NULL,
    pending_unit_id TEXT,
    state TEXT NOT NULL,
    round INTEGER NOT NULL,
    category TEXT NOT NULL,
    category_found TEXT,
    priority INTEGER NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    hazards TEXT NOT NULL,
    lon DOUBLE NOT NULL,
    lat DOUBLE NOT NULL,
    address TEXT,
    reported TEXT NOT NULL,
    local_fields TEXT NOT NULL,
    called_at BIGINT,
    answered_at BIGINT,
    dispatched_at BIGINT,
    created_by TEXT,
    attach_self BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    claimed_by TEXT,
    claim_until BIGINT,
    merged_into TEXT,
    final_at BIGINT,
    marks TEXT NOT NULL
);
CREATE UNIQUE INDEX incident_external ON incident (source, external_no);
CREATE INDEX incident_created ON incident (created_at, id);
CREATE INDEX incident_state ON incident (state, created_at);

CREATE TABLE incident_unit (
    incident_id TEXT NOT NULL REFERENCES incident (id),
    unit_id TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (incident_id, unit_id)
);
CREATE INDEX incident_unit_unit ON incident_unit (unit_id, incident_id);

CREATE TABLE incident_person (
    incident_id TEXT NOT NULL REFERENCES incident (id),
    person_id TEXT NOT NULL,
    assignment_id TEXT NOT NULL,
    open BOOLEAN NOT NULL,
    accepted_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (incident_id, person_id, assignment_id)
);
CREATE INDEX incident_person_person ON incident_person (person_id, open);

CREATE TABLE incident_revision (
    incident_id TEXT NOT NULL REFERENCES incident (id),
    revision BIGINT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    applied BOOLEAN NOT NULL,
    received_at BIGINT NOT NULL,
    received_by TEXT,
    PRIMARY KEY (incident_id, revision)
);

CREATE TABLE incident_caller (
    incident_id TEXT NOT NULL REFERENCES incident (id),
    n INTEGER NOT NULL,
    name_sealed BLOB,
    phone_sealed BLOB,
    phone_index TEXT,
    secret BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    external_no TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (incident_id, n)
);
CREATE INDEX incident_caller_phone ON incident_caller (phone_index);

CREATE TABLE incident_note (
    id TEXT NOT NULL PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incident (id),
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    links TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX incident_note_incident ON incident_note (incident_id, at);

CREATE TABLE incident_link (
    incident_id TEXT NOT NULL REFERENCES incident (id),
    other_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    author TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (incident_id, other_id, kind)
);

CREATE TABLE incident_entry (
    id TEXT NOT NULL PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incident (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT,
    data TEXT NOT NULL
);
CREATE INDEX incident_entry_incident ON incident_entry (incident_id, at);

CREATE TABLE feedback (
    id TEXT NOT NULL PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incident (id),
    assignment_id TEXT,
    round INTEGER NOT NULL,
    stage TEXT NOT NULL,
    result_code TEXT,
    resolved_on_scene BOOLEAN,
    text TEXT,
    people TEXT NOT NULL,
    author TEXT NOT NULL,
    confirmed_by TEXT,
    confirmed_at BIGINT,
    device_at BIGINT,
    at BIGINT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX feedback_incident ON feedback (incident_id, at);

CREATE TABLE feed_head (
    source TEXT NOT NULL PRIMARY KEY,
    last_seq BIGINT NOT NULL
);

CREATE TABLE feed_entry (
    source TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    external_no TEXT,
    data TEXT NOT NULL,
    PRIMARY KEY (source, seq)
);

CREATE TABLE feed_webhook (
    source TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    enabled BOOLEAN NOT NULL,
    delivered_seq BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    last_error TEXT,
    last_ok_at BIGINT,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    lease_gen BIGINT NOT NULL
);
CREATE INDEX feed_webhook_due ON feed_webhook (enabled, next_at);
