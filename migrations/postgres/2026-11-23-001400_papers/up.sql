-- Of some papers there are several: a receipt for each payment, a delivery note for each copy, an agreement drawn again
-- under its seal.
ALTER TABLE mediation_document ADD COLUMN n INTEGER NOT NULL DEFAULT 1;
ALTER TABLE mediation_document ALTER COLUMN n DROP DEFAULT;
ALTER TABLE mediation_document ADD COLUMN act_id TEXT;
ALTER TABLE mediation_document DROP CONSTRAINT mediation_document_pkey;
ALTER TABLE mediation_document ADD PRIMARY KEY (mediation_id, kind, n);

-- What the payee said of what he was given; printed on the receipt.
ALTER TABLE mediation_performance ADD COLUMN payee_words TEXT;
