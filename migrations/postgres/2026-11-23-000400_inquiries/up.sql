CREATE TABLE inquiry (
    id TEXT PRIMARY KEY NOT NULL,
    number TEXT NOT NULL,
    person_id TEXT,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_unit_id TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    closed_by TEXT,
    closed_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX inquiry_number ON inquiry (number);
CREATE INDEX inquiry_requested ON inquiry (requested_at);

-- Investigators, incidents and units of an inquiry, by kind.
CREATE TABLE inquiry_part (
    inquiry_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    PRIMARY KEY (inquiry_id, kind, subject_id)
);
CREATE INDEX inquiry_part_subject ON inquiry_part (kind, subject_id);

CREATE TABLE inquiry_look (
    id TEXT PRIMARY KEY NOT NULL,
    inquiry_id TEXT NOT NULL,
    viewer_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    what TEXT NOT NULL,
    purpose TEXT,
    person_id TEXT,
    evidence_id TEXT,
    entry_id TEXT,
    from_at BIGINT,
    to_at BIGINT,
    disclosed_at BIGINT
);
CREATE INDEX inquiry_look_inquiry ON inquiry_look (inquiry_id, at);
CREATE INDEX inquiry_look_person ON inquiry_look (person_id, at);
CREATE INDEX inquiry_look_evidence ON inquiry_look (evidence_id, at);
CREATE INDEX inquiry_look_disclosed ON inquiry_look (disclosed_at);
