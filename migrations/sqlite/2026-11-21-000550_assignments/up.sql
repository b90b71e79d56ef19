CREATE TABLE assignment (
    id TEXT NOT NULL PRIMARY KEY,
    incident_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    assignee_kind TEXT NOT NULL,
    assignee_id TEXT NOT NULL,
    person_id TEXT,
    unit_id TEXT NOT NULL,
    state TEXT NOT NULL,
    height INTEGER NOT NULL,
    moved_at BIGINT,
    pause TEXT,
    pause_at BIGINT,
    pause_note TEXT,
    ended TEXT,
    cancel_asked BOOLEAN NOT NULL,
    cancel_confirmed_at BIGINT,
    priority INTEGER NOT NULL,
    origin TEXT NOT NULL,
    lead_override BOOLEAN NOT NULL,
    why TEXT NOT NULL,
    replaces TEXT,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    accepted_at BIGINT,
    closed_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX assignment_incident ON assignment (incident_id, created_at);
CREATE INDEX assignment_assignee ON assignment (assignee_id, closed_at);
CREATE INDEX assignment_unit ON assignment (unit_id, closed_at);

CREATE TABLE assignment_person (
    assignment_id TEXT NOT NULL REFERENCES assignment (id),
    person_id TEXT NOT NULL,
    role TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    delivered_at BIGINT,
    viewed_at BIGINT,
    left_at BIGINT,
    open BOOLEAN NOT NULL,
    PRIMARY KEY (assignment_id, person_id)
);
CREATE INDEX assignment_person_open ON assignment_person (person_id, open);

CREATE TABLE rung (
    id TEXT NOT NULL PRIMARY KEY,
    assignment_id TEXT NOT NULL REFERENCES assignment (id),
    step TEXT NOT NULL,
    at BIGINT NOT NULL,
    device_at BIGINT,
    device_id TEXT,
    person_id TEXT,
    recorded_by TEXT,
    via TEXT NOT NULL,
    truth TEXT NOT NULL,
    reason TEXT,
    applied BOOLEAN NOT NULL,
    counts BOOLEAN NOT NULL,
    state_after TEXT NOT NULL,
    natural_key TEXT NOT NULL
);
CREATE UNIQUE INDEX rung_natural ON rung (assignment_id, natural_key);

CREATE TABLE deadline (
    id TEXT NOT NULL PRIMARY KEY,
    incident_id TEXT NOT NULL,
    assignment_id TEXT,
    person_id TEXT,
    limit_kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX deadline_due ON deadline (state, due_at);
CREATE INDEX deadline_assignment ON deadline (assignment_id, state);
CREATE INDEX deadline_incident ON deadline (incident_id, state);

CREATE TABLE channel_attempt (
    id TEXT NOT NULL PRIMARY KEY,
    assignment_id TEXT NOT NULL REFERENCES assignment (id),
    person_id TEXT NOT NULL,
    limit_kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    channel TEXT NOT NULL,
    device_id TEXT,
    target_id TEXT,
    truth TEXT,
    outcome TEXT NOT NULL,
    detail TEXT,
    at BIGINT NOT NULL,
    outcome_at BIGINT
);
CREATE INDEX channel_attempt_assignment ON channel_attempt (assignment_id, at);
CREATE INDEX channel_attempt_pending ON channel_attempt (channel, outcome);

CREATE TABLE agency (
    id TEXT NOT NULL PRIMARY KEY,
    unit_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX agency_unit ON agency (unit_id, name);
