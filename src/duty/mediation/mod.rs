//! Mediation (调解): the record that is made at the scene, offline if need be, by several people at once.
//!
//! ```text
//! record     which fields there are, how edits made apart become one record, what is signed; pure
//! rules      what the law says: eligibility, states, clocks, signing, identity documents; pure, over data
//! paper      documents as PDF/A; pure             numbers  serial numbers, leased and accounted for
//! facts      what a record says, for the rules    lifecycle  where it stands, and what moves it
//! documents  the papers of a record, by a job     reports  figures
//! access     who stands how to one                service  write, sign, make final, follow up
//! store      every query                          view     what it looks like, particulars masked
//! messages   what people receive                  http     endpoints
//! sources    what is known and need not be typed  history  what there was before of a place and its people
//! ```
//!
//! Nothing of a record is ever overwritten. What people send is kept as edits, each with the version of the record that
//! its author had seen; the record is what its edits make together ([`record::merge()`]). So a terminal that was away for a
//! day brings in what was written there, and where two people wrote the same field apart, both are shown until somebody
//! who has seen both decides.

pub mod access;
pub mod documents;
pub mod facts;
pub mod history;
pub mod http;
pub mod lifecycle;
pub mod messages;
pub mod numbers;
pub mod paper;
pub mod record;
pub mod reports;
pub mod rules;
pub mod service;
pub mod sources;
pub mod store;
pub mod view;

use crate::text_enum;

text_enum! {
    /// What kind of mediation it is; said when the record is made, never changed.
    pub enum Kind {
        /// 现场治安调解: settled and performed on the spot.
        PoliceOnScene = "police_on_scene",
        /// 治安调解
        Police = "police",
        /// 人民调解
        People = "people",
    }
}

text_enum! {
    /// In which form an agreement is made.
    pub enum Form {
        Written = "written",
        /// 口头协议: written down by the mediator (人民调解法 article 28).
        Oral = "oral",
        /// On the recording instead of on paper (程序规定 article 178, paragraph 3).
        OnFilm = "on_film",
    }
}

text_enum! {
    /// Papers of a record, by the name in their address.
    pub enum PaperName {
        /// 现场治安调解协议书, 治安调解协议书, 人民调解协议书
        Agreement = "agreement",
        /// 调解笔录
        Minutes = "minutes",
        /// 卷宗 cover and list
        Volume = "volume",
        /// 收条: one for each payment
        Receipt = "receipt",
        /// 送达回证: one for each copy that a party was to get
        Delivery = "delivery",
        /// The strip of a receipt printer; drawn when it is asked for and not kept
        Slip = "slip",
    }
}

impl PaperName {
    /// What every final record has.
    pub const FINAL: [Self; 3] = [Self::Agreement, Self::Minutes, Self::Volume];

    /// Of which a later one stands beside the earlier ones. Of the others it takes their place.
    pub const fn is_numbered(self) -> bool {
        matches!(self, Self::Receipt | Self::Delivery)
    }
}

text_enum! {
    /// How a party got its copy.
    pub enum Way {
        Printed = "printed",
        HandedLater = "handed_later",
        Refused = "refused",
        Sent = "sent",
    }
}

text_enum! {
    /// What became of a term.
    pub enum Outcome {
        Performed = "performed",
        Defaulted = "defaulted",
    }
}

text_enum! {
    /// Where a term stands.
    pub enum TermState {
        /// It is due, and in time.
        Open = "open",
        /// It was due, and nobody has said what became of it: no default yet, that is said by a person.
        Overdue = "overdue",
        Performed = "performed",
        Defaulted = "defaulted",
    }
}

text_enum! {
    /// Why somebody is reminded of a term.
    pub enum Reminder {
        /// It is due soon, or today.
        Due = "due",
        /// It was due, and nobody has said what became of it.
        Overdue = "overdue",
    }
}

text_enum! {
    /// To what end a record is handed to another body.
    pub enum Purpose {
        /// Another organisation mediates on.
        Mediate = "mediate",
        /// The parties sue (程序规定 article 185; 人民调解法 article 26).
        Litigate = "litigate",
        /// A court confirms the agreement (人民调解法 article 33).
        JudicialConfirmation = "judicial_confirmation",
    }
}

text_enum! {
    /// What a report counts beside the records themselves; also what narrows the list to exactly those.
    pub enum Figure {
        /// An agreement took effect, and no later one took its place.
        Reached = "reached",
        /// It ended without one, or was handed over after a session that brought none.
        Failed = "failed",
        /// Everything promised was done.
        Performed = "performed",
        /// Was ever said not to be kept.
        Defaults = "defaults",
        /// Reached on the spot.
        OnScene = "on_scene",
        SecondRounds = "second_rounds",
        Referred = "referred",
    }
}

/// Characters of the purpose for which particulars are asked, as for looks at evidence.
pub const PURPOSE_MAX: usize = 200;
/// Edits of one record. The longest real ones have some 200 fields, each written a few times; all are read to merge.
pub const EDITS_MAX: usize = 10_000;
/// Bytes of what they say: a full record of 60 pages has some 200 KiB of text, each passage rewritten ten times.
pub const EDITS_BYTES_MAX: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_the_record_are_those_of_the_interface() {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names, record::fields::KINDS);
    }
}
