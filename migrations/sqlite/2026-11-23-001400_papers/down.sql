ALTER TABLE mediation_performance DROP COLUMN payee_words;
CREATE TABLE mediation_document_single (
    mediation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    evidence_id TEXT,
    sha256 TEXT,
    pages INTEGER,
    problem TEXT,
    by_person TEXT NOT NULL,
    device_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, kind)
);
INSERT INTO mediation_document_single
    SELECT mediation_id, kind, evidence_id, sha256, pages, problem, by_person, device_id, made_at
    FROM mediation_document WHERE n = 1 AND kind IN ('agreement', 'minutes', 'volume');
DROP TABLE mediation_document;
ALTER TABLE mediation_document_single RENAME TO mediation_document;
