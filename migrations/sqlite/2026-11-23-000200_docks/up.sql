CREATE TABLE recording (
    id TEXT PRIMARY KEY NOT NULL,
    camera_id TEXT NOT NULL,
    dock_id TEXT,
    unit_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    raw_started_at BIGINT NOT NULL,
    raw_ended_at BIGINT NOT NULL,
    clock_offset_ms BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    marks TEXT NOT NULL,
    state TEXT NOT NULL,
    wearer_id TEXT,
    wearer_by TEXT NOT NULL,
    evidence_id TEXT,
    held_at BIGINT,
    held_statement TEXT,
    held_signature BLOB,
    wanted_at BIGINT,
    wanted_by TEXT,
    announced_at BIGINT NOT NULL,
    missing_since BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX recording_camera ON recording (camera_id, started_at);
CREATE INDEX recording_unit ON recording (unit_id, started_at);
CREATE INDEX recording_wearer ON recording (wearer_id, started_at);
CREATE INDEX recording_group ON recording (group_id);
CREATE INDEX recording_hash ON recording (sha256);
CREATE INDEX recording_evidence ON recording (evidence_id);
CREATE INDEX recording_wanted ON recording (dock_id, wanted_at);

CREATE TABLE recording_event (
    id TEXT PRIMARY KEY NOT NULL,
    recording_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    person_id TEXT,
    device_id TEXT,
    data TEXT NOT NULL
);
CREATE INDEX recording_event_recording ON recording_event (recording_id, at);

CREATE TABLE manifest (
    id TEXT PRIMARY KEY NOT NULL,
    camera_id TEXT NOT NULL,
    announced_by TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    at BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    clock_offset_ms BIGINT NOT NULL,
    recordings BIGINT NOT NULL,
    fresh BIGINT NOT NULL,
    vanished BIGINT NOT NULL
);
CREATE INDEX manifest_camera ON manifest (camera_id, at);

-- Who let a device in: asked for every file that a dock delivers.
CREATE INDEX enrolment_code_device ON enrolment_code (device_id);
