CREATE TABLE evidence_media (
    evidence_id TEXT PRIMARY KEY NOT NULL,
    container TEXT NOT NULL,
    duration_ms BIGINT,
    started_at BIGINT,
    codec TEXT,
    audio_codec TEXT,
    width INTEGER,
    height INTEGER,
    at BIGINT NOT NULL
);
