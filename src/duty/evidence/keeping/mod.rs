//! Keeping (保存): how long an item stays, what holds it, how it lawfully goes, and which copies leave the house.
//!
//! ```text
//! terms      the classes, their terms and articles      standing   what keeps an item now, asked under its locks
//! retention  the class of an item changes               frozen     what a hold on an incident freezes beside items
//! deletion   one item: asked for, two others approve    batch      what has run out, a list a month, two approve
//! erase      the deed, its trace, and the files         bytes      nobody removes what somebody is just storing
//! redact     a copy without what is nobody's business   share/     a copy for somebody outside, marked with his name
//! ```
//!
//! A hold wins over everything, up to the last moment. Whoever sets one locks the incident, or the item; whoever links an
//! item locks the item; a deletion locks the incidents of its item and then the item, and asks again what keeps it, in the
//! transaction that deletes. So one of the two is first on either database, and the other one sees it.

pub mod batch;
pub mod bytes;
pub mod deletion;
pub mod erase;
pub mod frozen;
pub mod http;
pub mod redact;
pub mod retention;
pub mod share;
pub mod standing;
pub mod terms;

pub use bytes::Bytes;
pub use terms::Terms;

use crate::text_enum;

text_enum! {
    /// How far the deletion of one item is.
    pub enum DeletionState {
        /// Somebody, or the rule, asks for it.
        Asked = "asked",
        /// Two others have agreed; it is carried out when its time has come.
        Approved = "approved",
        Done = "done",
        Refused = "refused",
        /// Something keeps the item; `why` says what.
        Dropped = "dropped",
    }
}

impl DeletionState {
    /// What may still be carried out.
    pub const OPEN: [Self; 2] = [Self::Asked, Self::Approved];

    pub const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Approved)
    }
}

text_enum! {
    /// How far a batch of deletions is.
    pub enum BatchState {
        /// Its list is being made.
        Gathering = "gathering",
        /// The list stands; two people are to agree.
        Proposed = "proposed",
        /// They have; its items are deleted when the time has come.
        Approved = "approved",
        Done = "done",
        Refused = "refused",
        /// Nothing had run out.
        Empty = "empty",
    }
}

text_enum! {
    /// How far a copy for somebody outside is.
    pub enum ShareState {
        /// Asked for; another person is to agree.
        Pending = "pending",
        Approved = "approved",
        /// Taken back, by whoever asked for it or another.
        Revoked = "revoked",
    }
}

text_enum! {
    /// What a copy for somebody outside is.
    pub enum ShareForm {
        /// A picture with the receiver's name drawn over it.
        Watermarked = "watermarked",
        /// An archive with a signed statement that names the receiver. Pixels of films and pages of documents are not
        /// marked.
        Package = "package",
    }
}
