DROP TABLE reporting_rule;
DROP TABLE location_access_subject;
DROP TABLE location_access;
DROP TABLE fix_tail;
DROP TABLE fix_segment;
DROP TABLE fix_log;
