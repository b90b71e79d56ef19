DROP TABLE number_event;
DROP TABLE serial_number;
DROP TABLE number_block;
DROP TABLE number_counter;
