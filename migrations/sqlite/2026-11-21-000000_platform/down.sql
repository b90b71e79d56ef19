DROP TABLE card;
DROP TABLE audit;
DROP TABLE idempotency;
DROP TABLE device_cursor;
DROP TABLE delivery;
DROP TABLE message;
DROP TABLE stream;
DROP TABLE meta;
