-- Linked bodies. Those that were only names are telephones.
ALTER TABLE agency ADD COLUMN kind TEXT NOT NULL DEFAULT 'other';
ALTER TABLE agency ADD COLUMN phone TEXT;
ALTER TABLE agency ADD COLUMN channel TEXT NOT NULL DEFAULT 'phone';
ALTER TABLE agency ADD COLUMN webhook_url TEXT;
ALTER TABLE agency ADD COLUMN secret_sealed BLOB;
ALTER TABLE agency ADD COLUMN service_person_id TEXT;
ALTER TABLE agency ADD COLUMN accept_within_s INTEGER NOT NULL DEFAULT 600;
ALTER TABLE agency ADD COLUMN finish_within_s INTEGER NOT NULL DEFAULT 86400;
ALTER TABLE agency ADD COLUMN enabled BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE agency ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE agency ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX agency_service ON agency (service_person_id);

-- Work orders.
CREATE TABLE task (
    id TEXT PRIMARY KEY NOT NULL,
    incident_id TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    agency_id TEXT NOT NULL,
    mediation_id TEXT,
    ask TEXT NOT NULL,
    safety_notes TEXT,
    documents TEXT NOT NULL,
    due_at BIGINT,
    drill BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    state_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    sent_by TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    delivered_at BIGINT,
    signed_at BIGINT,
    accepted_at BIGINT,
    arrived_at BIGINT,
    ended_at BIGINT,
    outcome TEXT,
    accept_by BIGINT NOT NULL,
    finish_by BIGINT NOT NULL,
    -- When the room is to be told next that it is late; none when nothing is to be told.
    tell_at BIGINT,
    -- The last of its clocks of which the room was told.
    told TEXT
);
CREATE INDEX task_incident ON task (incident_id, sent_at);
CREATE INDEX task_agency ON task (agency_id, state, delivered_at);
CREATE INDEX task_unit ON task (unit_id, sent_at);
CREATE INDEX task_tell ON task (tell_at);

-- Every move of one.
CREATE TABLE task_event (
    id TEXT PRIMARY KEY NOT NULL,
    task_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    kind TEXT NOT NULL,
    truth TEXT NOT NULL,
    clock TEXT NOT NULL,
    by_person TEXT,
    by_name TEXT,
    text TEXT,
    said_at BIGINT,
    at BIGINT NOT NULL,
    state_after TEXT NOT NULL
);
CREATE UNIQUE INDEX task_event_order ON task_event (task_id, n);

-- What an agency is told, in order, and how far its receiver got.
CREATE TABLE task_feed (
    agency_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    task_id TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (agency_id, seq)
);
CREATE INDEX task_feed_task ON task_feed (task_id);
CREATE TABLE task_outlet (
    agency_id TEXT PRIMARY KEY NOT NULL,
    last_seq BIGINT NOT NULL,
    delivered_seq BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    last_error TEXT,
    last_ok_at BIGINT,
    lease_until BIGINT NOT NULL,
    lease_gen BIGINT NOT NULL
);
