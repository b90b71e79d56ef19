CREATE TABLE unit (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    parent_id TEXT REFERENCES unit (id),
    path TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX unit_path ON unit (path);
CREATE INDEX unit_parent ON unit (parent_id);

CREATE TABLE person (
    id TEXT PRIMARY KEY NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    unit_id TEXT NOT NULL REFERENCES unit (id),
    badge_no TEXT,
    source TEXT,
    status TEXT NOT NULL,
    mediator_no TEXT,
    mediator_issuer TEXT,
    mediator_expires TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX person_username ON person (username);
CREATE INDEX person_unit ON person (unit_id, kind);

CREATE TABLE person_secret (
    person_id TEXT NOT NULL REFERENCES person (id),
    field TEXT NOT NULL,
    ciphertext BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    blind_index TEXT NOT NULL,
    PRIMARY KEY (person_id, field)
);
CREATE INDEX person_secret_blind ON person_secret (field, blind_index);

CREATE TABLE credential (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES person (id),
    password_hash TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE device (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    serial_no TEXT,
    status TEXT NOT NULL,
    enrolled BOOLEAN NOT NULL,
    public_key BLOB,
    unit_id TEXT REFERENCES unit (id),
    person_id TEXT,
    login_key TEXT,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX device_unit ON device (unit_id);
CREATE INDEX device_person ON device (person_id);
CREATE UNIQUE INDEX device_login_key ON device (login_key);

CREATE TABLE enrolment_code (
    code_hash TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL REFERENCES unit (id),
    kind TEXT NOT NULL,
    name TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    device_id TEXT
);

CREATE TABLE session (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES person (id),
    device_id TEXT NOT NULL REFERENCES device (id),
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    address TEXT
);
CREATE INDEX session_person ON session (person_id, ended_at);
CREATE INDEX session_device ON session (device_id, created_at);

CREATE TABLE auth_change (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX auth_change_at ON auth_change (at);

CREATE TABLE signing_key (
    id TEXT PRIMARY KEY NOT NULL,
    sealed BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    public_key BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,
    retires_at BIGINT
);

CREATE TABLE ws_ticket (
    ticket_hash TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL REFERENCES session (id),
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX ws_ticket_expires ON ws_ticket (expires_at);
