CREATE TABLE grid (
    id TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL REFERENCES unit (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    min_strength BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX grid_code ON grid (unit_id, code);

CREATE TABLE crew (
    id TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL REFERENCES unit (id),
    call_sign TEXT NOT NULL,
    vehicle TEXT,
    grid TEXT,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX crew_unit ON crew (unit_id, status);

CREATE TABLE crew_member (
    id TEXT PRIMARY KEY NOT NULL,
    crew_id TEXT NOT NULL REFERENCES crew (id),
    person_id TEXT NOT NULL REFERENCES person (id),
    role TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    left_at BIGINT
);
CREATE INDEX crew_member_crew ON crew_member (crew_id, left_at);
CREATE UNIQUE INDEX crew_member_one ON crew_member (person_id) WHERE left_at IS NULL;

CREATE TABLE duty (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES person (id),
    on_duty BOOLEAN NOT NULL,
    availability TEXT NOT NULL,
    crew_id TEXT,
    vehicle TEXT,
    call_sign TEXT,
    grid TEXT,
    since BIGINT,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX duty_on ON duty (on_duty);

CREATE TABLE duty_log (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES person (id),
    at BIGINT NOT NULL,
    change TEXT NOT NULL,
    by_person_id TEXT NOT NULL,
    by_device_id TEXT,
    data TEXT NOT NULL
);
CREATE INDEX duty_log_person ON duty_log (person_id, at);

CREATE TABLE device_issue (
    id TEXT PRIMARY KEY NOT NULL,
    device_id TEXT NOT NULL REFERENCES device (id),
    person_id TEXT NOT NULL REFERENCES person (id),
    issued_at BIGINT NOT NULL,
    returned_at BIGINT,
    return_reason TEXT
);
CREATE INDEX device_issue_device ON device_issue (device_id, issued_at);
CREATE INDEX device_issue_person ON device_issue (person_id, returned_at);
CREATE UNIQUE INDEX device_issue_open ON device_issue (device_id) WHERE returned_at IS NULL;
