CREATE TABLE backup (
    id TEXT PRIMARY KEY NOT NULL,
    requester_id TEXT NOT NULL REFERENCES person (id),
    for_person_id TEXT NOT NULL REFERENCES person (id),
    device_id TEXT,
    unit_id TEXT NOT NULL REFERENCES unit (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    silent BOOLEAN NOT NULL,
    late BOOLEAN NOT NULL,
    ring BOOLEAN NOT NULL,
    unauthenticated_session BOOLEAN NOT NULL,
    note TEXT,
    needs TEXT NOT NULL,
    target TEXT,
    pressed_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    place TEXT,
    destination TEXT,
    told TEXT,
    wanted BIGINT NOT NULL,
    wave BIGINT NOT NULL,
    covered_at BIGINT,
    taken_by TEXT,
    taken_unit_id TEXT,
    taken_at BIGINT,
    says TEXT,
    closed_at BIGINT,
    closed_by TEXT,
    close_reason TEXT,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX backup_state ON backup (state, received_at);
CREATE INDEX backup_unit ON backup (unit_id, received_at);
CREATE INDEX backup_requester ON backup (requester_id, received_at);
CREATE INDEX backup_for_person ON backup (for_person_id, received_at);

CREATE TABLE backup_gate (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES person (id),
    backup_id TEXT
);

CREATE TABLE backup_press (
    id TEXT PRIMARY KEY NOT NULL,
    backup_id TEXT NOT NULL REFERENCES backup (id),
    person_id TEXT NOT NULL,
    device_id TEXT,
    via TEXT NOT NULL,
    pressed_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX backup_press_backup ON backup_press (backup_id);

CREATE TABLE backup_wave (
    backup_id TEXT NOT NULL REFERENCES backup (id),
    wave BIGINT NOT NULL,
    at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    lon DOUBLE PRECISION,
    lat DOUBLE PRECISION,
    units BIGINT NOT NULL,
    verdicts TEXT NOT NULL,
    PRIMARY KEY (backup_id, wave)
);

CREATE TABLE backup_alert (
    backup_id TEXT NOT NULL REFERENCES backup (id),
    person_id TEXT NOT NULL REFERENCES person (id),
    unit_key TEXT NOT NULL,
    role TEXT NOT NULL,
    reason TEXT NOT NULL,
    reach TEXT NOT NULL,
    wave BIGINT NOT NULL,
    quiet BOOLEAN NOT NULL,
    distance_m DOUBLE PRECISION,
    eta_s DOUBLE PRECISION,
    alerted_at BIGINT NOT NULL,
    received_at BIGINT,
    received_device_id TEXT,
    answer TEXT,
    answered_at BIGINT,
    answered_device_id TEXT,
    arrived_at BIGINT,
    stood_down_at BIGINT,
    stand_down_reason TEXT,
    PRIMARY KEY (backup_id, person_id)
);
CREATE INDEX backup_alert_person ON backup_alert (person_id, alerted_at);

CREATE TABLE backup_receipt (
    backup_id TEXT NOT NULL REFERENCES backup (id),
    person_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    message_kind TEXT NOT NULL,
    carried BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (backup_id, person_id, device_id, message_kind)
);

CREATE TABLE backup_event (
    id TEXT PRIMARY KEY NOT NULL,
    backup_id TEXT NOT NULL REFERENCES backup (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    person_id TEXT,
    device_id TEXT,
    data TEXT NOT NULL
);
CREATE INDEX backup_event_backup ON backup_event (backup_id, at);

CREATE TABLE backup_timer (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    person_id TEXT,
    attempt BIGINT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    fired_at BIGINT
);
CREATE UNIQUE INDEX backup_timer_once ON backup_timer (subject_id, kind, attempt);
CREATE INDEX backup_timer_due ON backup_timer (state, due_at);
