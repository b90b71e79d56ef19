DROP TABLE scene_gap;
