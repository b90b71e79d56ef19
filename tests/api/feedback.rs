//! Feedback in stages and the feed back to the source.
