//! Sending people and crews, both ladders, deadlines and escalation.
