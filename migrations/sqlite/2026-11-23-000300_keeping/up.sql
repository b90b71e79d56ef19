CREATE TABLE deletion (
    id TEXT PRIMARY KEY NOT NULL,
    evidence_id TEXT NOT NULL,
    batch_id TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    article TEXT NOT NULL,
    asked_by TEXT,
    asked_at BIGINT NOT NULL,
    not_before BIGINT,
    ended_by TEXT,
    ended_at BIGINT,
    why TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX deletion_evidence ON deletion (evidence_id, asked_at);
CREATE INDEX deletion_of_batch ON deletion (batch_id, evidence_id);
CREATE INDEX deletion_state ON deletion (state, asked_at);

CREATE TABLE deletion_batch (
    id TEXT PRIMARY KEY NOT NULL,
    unit_id TEXT NOT NULL,
    month TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    article TEXT NOT NULL,
    proposed_by TEXT,
    proposed_at BIGINT NOT NULL,
    size BIGINT NOT NULL,
    digest TEXT,
    not_before BIGINT,
    ended_by TEXT,
    ended_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX deletion_batch_unit ON deletion_batch (unit_id, proposed_at);

CREATE TABLE deletion_vote (
    subject_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (subject_id, person_id)
);

CREATE TABLE deletion_round (
    month TEXT PRIMARY KEY NOT NULL,
    begun_at BIGINT NOT NULL
);

CREATE TABLE evidence_share (
    id TEXT PRIMARY KEY NOT NULL,
    evidence_id TEXT NOT NULL,
    receiver TEXT NOT NULL,
    purpose TEXT NOT NULL,
    form TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    ended_by TEXT,
    ended_at BIGINT,
    fetches BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX evidence_share_item ON evidence_share (evidence_id, asked_at);

CREATE INDEX evidence_redacted ON evidence (redacted_of);
CREATE INDEX upload_evidence ON upload (evidence_id);
CREATE INDEX incident_merged ON incident (merged_into);
