//! Recipes: a record is made and written into; its particulars are shown for a purpose; it is signed, made final, and
//! followed up.

mod checks;
mod disclose;
mod finish;
mod follow;
mod prefill;
mod proof;
mod refer;
mod sign;
mod write;

pub use disclose::{Disclosed, DisclosedField, Particulars, disclose};
pub use finish::{Finalize, LeasedNumber, finalize, pending, remind};
pub use follow::{NewCopy, NewPerformance, NewStep, copy, is_performed, perform, step};
pub use prefill::{Filled, Prefill, prefill};
pub use refer::{NewReferral, refer};
pub use sign::{Clip, NewConsent, NewSignature, consent, sign};
pub use write::{PatchMediation, PutMediation, patch, put};
