//! The socket: resume, fencing, credit, close codes.
