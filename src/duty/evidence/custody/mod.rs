//! Custody (保管链): every touch of an item in a Merkle log, and the proof of it for whoever does not trust the server.
//!
//! ```text
//! entry      what a touch says, its exact text, its leaf         log        the one way a touch is written down
//! tree       RFC 9162, pure                                      proof      the same over the tables
//! keys       the signing keys, each signed in by the one before  head       a signed root
//! sequencer  one node numbers entries and signs heads            anchor     the heads in a file to copy elsewhere
//! receipt    what a device may delete its original against       bundle     one item with all its proofs, one archive
//! dossier    what the archive of a whole incident holds
//! verify/    `suixing verify`: a bundle, a dossier or a whole store, offline
//! ```
//!
//! A request only inserts its entry, unnumbered, in its own transaction. The sequencer numbers what was committed, so
//! nobody waits for anybody else's row, and a touch that was rolled back never was in the log.

pub mod anchor;
pub mod archive;
pub mod bundle;
pub mod dossier;
pub mod entry;
pub mod head;
pub mod keys;
pub mod log;
pub mod proof;
pub mod receipt;
pub mod sequencer;
pub mod tree;
pub mod verify;

pub use entry::TouchKind;
pub use head::TreeHead;
pub use log::{Touch, touch};
pub use receipt::ReceiptKind;
