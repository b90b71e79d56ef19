-- Who on duty is posted to a grid or rides in a crew: asked for every call for help.
CREATE INDEX duty_grid ON duty (grid, on_duty);
CREATE INDEX duty_crew ON duty (crew_id, on_duty);
