DROP TABLE inquiry_look;
DROP TABLE inquiry_part;
DROP TABLE inquiry;
