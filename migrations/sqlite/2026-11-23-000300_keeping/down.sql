DROP INDEX incident_merged;
DROP INDEX upload_evidence;
DROP INDEX evidence_redacted;
DROP TABLE evidence_share;
DROP TABLE deletion_round;
DROP TABLE deletion_vote;
DROP TABLE deletion_batch;
DROP TABLE deletion;
