//! Evidence (证据): photos from the scene, video from the body, and the proof that nothing changed.
//!
//! ```text
//! rules      limits, names, media types, terms        service    one way in for both doors, links, marks
//! uploads/   tus 1.0: staged, hashed, sealed          photos/    the multipart door, previews, findings
//! custody/   every touch in a Merkle log, receipts    store/     every query
//! access     who may see what; a read is a touch      http/      what is asked of an item
//! deliver    who brings an item in, and whose
//! media/     what a recording is by its container     scene/     what must exist before a unit leaves
//! keeping/   terms, holds, deletions, copies outward
//! inquiries  looks under an inquiry, told at its end
//! recordings/ docks, manifests, who wore the camera
//! ```

pub mod access;
pub mod custody;
pub mod deliver;
pub mod http;
pub mod inquiries;
pub mod jobs;
pub mod keeping;
pub mod messages;
pub mod photos;
pub mod recordings;
pub mod rules;
pub mod service;
pub mod store;
pub mod uploads;

pub mod media;
pub mod scene;

use crate::text_enum;

text_enum! {
    /// What an item is, as its maker says.
    pub enum Kind {
        Video = "video",
        Photo = "photo",
        Audio = "audio",
        Document = "document",
        Other = "other",
    }
}

text_enum! {
    /// Where the original lies.
    pub enum Place {
        OnCamera = "on_camera",
        AtDock = "at_dock",
        Stored = "stored",
    }
}

text_enum! {
    /// What became of the previews.
    pub enum Previewed {
        /// The job has not run yet.
        Waiting = "waiting",
        Made = "made",
        /// The original cannot be shown; a finding says why.
        Impossible = "impossible",
        /// Nothing to preview: not a picture.
        NotWanted = "not_wanted",
    }
}

text_enum! {
    /// How long an item is kept (公安机关现场执法视音频记录工作规定, article 13).
    pub enum Retention {
        /// Six months, the floor.
        Ordinary = "ordinary",
        /// Evidence in an administrative or criminal case: permanent.
        Case = "case",
        /// Obstruction of duty: permanent.
        Obstruction = "obstruction",
        /// Major or mass incident: permanent.
        Major = "major",
        /// Other major, difficult or complex cases: permanent.
        Complex = "complex",
    }
}
