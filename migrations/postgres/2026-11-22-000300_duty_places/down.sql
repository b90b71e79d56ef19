DROP INDEX duty_crew;
DROP INDEX duty_grid;
