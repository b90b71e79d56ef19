//! Intake, revisions, notes, corrections.
