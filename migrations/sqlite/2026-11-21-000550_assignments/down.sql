DROP TABLE agency;
DROP TABLE channel_attempt;
DROP TABLE deadline;
DROP TABLE rung;
DROP TABLE assignment_person;
DROP TABLE assignment;
