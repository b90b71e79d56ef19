DROP TABLE backup_timer;
DROP TABLE backup_event;
DROP TABLE backup_receipt;
DROP TABLE backup_alert;
DROP TABLE backup_wave;
DROP TABLE backup_press;
DROP TABLE backup_gate;
DROP TABLE backup;
