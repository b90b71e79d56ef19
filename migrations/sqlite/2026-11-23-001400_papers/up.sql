-- Of some papers there are several: a receipt for each payment, a delivery note for each copy, an agreement drawn again
-- under its seal. SQLite changes a primary key only by a new table.
CREATE TABLE mediation_document_numbered (
    mediation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    n INTEGER NOT NULL,
    act_id TEXT,
    evidence_id TEXT,
    sha256 TEXT,
    pages INTEGER,
    problem TEXT,
    by_person TEXT NOT NULL,
    device_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (mediation_id, kind, n)
);
INSERT INTO mediation_document_numbered
    SELECT mediation_id, kind, 1, NULL, evidence_id, sha256, pages, problem, by_person, device_id, made_at
    FROM mediation_document;
DROP TABLE mediation_document;
ALTER TABLE mediation_document_numbered RENAME TO mediation_document;

-- What the payee said of what he was given; printed on the receipt.
ALTER TABLE mediation_performance ADD COLUMN payee_words TEXT;
