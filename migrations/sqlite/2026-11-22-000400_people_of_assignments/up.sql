-- Who is on an incident by an assignment: asked at every acceptance and every end. Without it each of them read everybody
-- who was ever on an incident.
CREATE INDEX incident_person_assignment ON incident_person (assignment_id);
