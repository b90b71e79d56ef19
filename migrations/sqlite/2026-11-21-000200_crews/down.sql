DROP TABLE device_issue;
DROP TABLE duty_log;
DROP TABLE duty;
DROP TABLE crew_member;
DROP TABLE crew;
DROP TABLE grid;
