CREATE TABLE fix_log (
    n BIGINT PRIMARY KEY NOT NULL,
    fixes BIGINT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE fix_segment (
    id TEXT PRIMARY KEY NOT NULL,
    device_id TEXT NOT NULL,
    person_id TEXT,
    received_day BIGINT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    fixes BIGINT NOT NULL,
    body BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL
);
CREATE INDEX fix_segment_person ON fix_segment (person_id, to_at);
CREATE INDEX fix_segment_device ON fix_segment (device_id, to_at);
CREATE INDEX fix_segment_day ON fix_segment (received_day);

CREATE TABLE fix_tail (
    device_id TEXT NOT NULL,
    author TEXT NOT NULL,
    sealed_log BIGINT NOT NULL,
    newest_at BIGINT NOT NULL,
    live BYTEA,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, author)
);

CREATE TABLE location_access (
    id TEXT PRIMARY KEY NOT NULL,
    viewer_id TEXT NOT NULL,
    viewer_unit_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    purpose TEXT,
    unit_path TEXT,
    subtree BOOLEAN NOT NULL,
    west DOUBLE PRECISION,
    south DOUBLE PRECISION,
    east DOUBLE PRECISION,
    north DOUBLE PRECISION,
    from_at BIGINT NOT NULL,
    to_at BIGINT
);
CREATE INDEX location_access_from ON location_access (from_at);
CREATE INDEX location_access_unit ON location_access (unit_path, from_at);
CREATE INDEX location_access_open ON location_access (to_at);

CREATE TABLE location_access_subject (
    person_id TEXT NOT NULL,
    access_id TEXT NOT NULL,
    PRIMARY KEY (person_id, access_id)
);
CREATE INDEX location_access_subject_access ON location_access_subject (access_id);

CREATE TABLE reporting_rule (
    person_id TEXT NOT NULL,
    source TEXT NOT NULL,
    mode TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (person_id, source)
);
CREATE INDEX reporting_rule_source ON reporting_rule (source);
