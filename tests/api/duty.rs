//! Signing on, crews, carried devices, issue and return.
