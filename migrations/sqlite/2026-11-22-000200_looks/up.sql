-- Looks that name people. location_access_subject stays for those written before; nothing new is written to it.
CREATE TABLE look_log (
    -- INTEGER, not BIGINT: this one is the row number itself, so that a row costs one tree and not two.
    n INTEGER PRIMARY KEY NOT NULL,
    looks BIGINT NOT NULL,
    body BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE look_segment (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    looks BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX look_segment_person ON look_segment (person_id, to_at);
CREATE INDEX look_segment_end ON look_segment (to_at);
