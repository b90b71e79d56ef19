ALTER TABLE mediation_performance DROP COLUMN payee_words;
DELETE FROM mediation_document WHERE n > 1 OR kind NOT IN ('agreement', 'minutes', 'volume');
ALTER TABLE mediation_document DROP CONSTRAINT mediation_document_pkey;
ALTER TABLE mediation_document ADD PRIMARY KEY (mediation_id, kind);
ALTER TABLE mediation_document DROP COLUMN act_id;
ALTER TABLE mediation_document DROP COLUMN n;
