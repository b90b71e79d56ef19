DROP TABLE evidence_media;
