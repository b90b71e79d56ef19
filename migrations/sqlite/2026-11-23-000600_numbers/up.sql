-- How far a series is; its row is the lock under which its numbers change.
CREATE TABLE number_counter (
    unit_id TEXT NOT NULL,
    series TEXT NOT NULL,
    book TEXT NOT NULL,
    last BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (unit_id, series, book)
);

CREATE TABLE number_block (
    id TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL,
    series TEXT NOT NULL,
    year INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    numbers TEXT NOT NULL,
    leased_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    told_at BIGINT,
    closed_at BIGINT
);
CREATE INDEX number_block_due ON number_block (expires_at) WHERE told_at IS NULL AND closed_at IS NULL;

-- Every number there is, as it stands. `book`: the year of ours, or how the number of a pre-printed form reads.
CREATE TABLE serial_number (
    unit_id TEXT NOT NULL,
    series TEXT NOT NULL,
    book TEXT NOT NULL,
    n BIGINT NOT NULL,
    year INTEGER NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    person_id TEXT NOT NULL,
    device_id TEXT,
    block_id TEXT,
    expires_at BIGINT,
    mediation_id TEXT,
    reason TEXT,
    PRIMARY KEY (unit_id, series, book, n)
);
CREATE INDEX serial_number_state ON serial_number (unit_id, series, book, state, n);
CREATE INDEX serial_number_held ON serial_number (device_id, state);
CREATE INDEX serial_number_block ON serial_number (block_id);
CREATE INDEX serial_number_mediation ON serial_number (mediation_id);

-- What happened to each, never changed.
CREATE TABLE number_event (
    id TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL,
    series TEXT NOT NULL,
    book TEXT NOT NULL,
    n BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    person_id TEXT NOT NULL,
    device_id TEXT,
    block_id TEXT,
    mediation_id TEXT,
    reason TEXT
);
CREATE INDEX number_event_number ON number_event (unit_id, series, book, n);
