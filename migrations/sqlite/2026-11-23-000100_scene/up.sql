CREATE TABLE scene_gap (
    id TEXT PRIMARY KEY NOT NULL,
    incident_id TEXT NOT NULL,
    assignment_id TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    requirement TEXT NOT NULL,
    code TEXT NOT NULL,
    need BIGINT NOT NULL,
    have BIGINT NOT NULL,
    from_at BIGINT,
    to_at BIGINT,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    look_at BIGINT,
    overdue_at BIGINT,
    closed_at BIGINT,
    closed_by TEXT,
    reason TEXT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX scene_gap_assignment ON scene_gap (assignment_id, requirement);
CREATE INDEX scene_gap_incident ON scene_gap (incident_id, requirement);
CREATE INDEX scene_gap_unit ON scene_gap (unit_id, state, due_at);
CREATE INDEX scene_gap_due ON scene_gap (state, due_at);
CREATE INDEX scene_gap_look ON scene_gap (look_at);
