DROP INDEX enrolment_code_device;
DROP TABLE manifest;
DROP TABLE recording_event;
DROP TABLE recording;
