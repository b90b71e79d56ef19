-- What was written since goes with them: SQL cannot read it. Looks of before are where they were.
DROP TABLE look_segment;
DROP TABLE look_log;
