//! Login, refresh, log-out, tickets, keys, guessing.
