//! Every route, role, unit and relation.
