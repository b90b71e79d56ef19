//! Who signs an agreement, in which form, and what still lacks.
//!
//! A signature binds the content that its signer saw, named by its hash. When a signed field changes, signatures fall
//! visibly: they are kept, and no longer count. Whoever refuses or leaves has said so for that content alone.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::Kind;
use super::law::KindLaw;
use crate::text_enum;
use crate::words::error::{Error, Result};

/// Characters of why somebody refuses or leaves: a few sentences.
pub const REASON_MAX: usize = 500;

text_enum! {
    /// How a signer stands.
    pub enum SignStatus {
        Pending = "pending",
        /// By hand, on a screen or on paper.
        Signed = "signed",
        /// With a fingerprint, by somebody who cannot write.
        Fingerprint = "fingerprint",
        /// Said aloud and recorded, where the law of the kind allows it.
        Oral = "oral",
        Refused = "refused",
        /// Went away before signing.
        Left = "left",
    }
}

impl SignStatus {
    /// It counts as a signature.
    pub const fn is_given(self) -> bool {
        matches!(self, Self::Signed | Self::Fingerprint | Self::Oral)
    }

    /// As long as it stands there is no agreement.
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Refused | Self::Left)
    }
}

text_enum! {
    /// As what somebody signs.
    pub enum SignerRole {
        Party = "party",
        /// Beside a minor.
        Guardian = "guardian",
        /// In a party's place.
        Delegate = "delegate",
        Interpreter = "interpreter",
        /// 主持人, 人民调解员
        Leader = "leader",
    }
}

/// Somebody whose signature the agreement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
pub struct Signer {
    /// A party's or another's entry in the record; of the leader his id as a colleague.
    #[schema(value_type = String)]
    pub id: Uuid,
    pub role: SignerRole,
    /// The party for whom or beside whom he signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub for_party: Option<Uuid>,
}

/// A party and who stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    pub party: Uuid,
    /// Signs in its place, with a written scope.
    pub delegate: Option<Uuid>,
    /// Of a minor who did not decline.
    pub guardian: Option<Uuid>,
    pub interpreter: Option<Uuid>,
}

/// Everybody at the table whose signature may be needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    pub leader: Uuid,
    pub seats: Vec<Seat>,
}

/// Whose signatures the agreement needs: both sides (程序规定 article 184; 人民调解法 article 29), of a side that is
/// represented its delegate, beside a minor its guardian (article 181), the interpreter as on a record of questioning
/// (article 77), and who led it (article 29 for the mediator; the police form has the line 主持人).
///
/// Somebody who interprets or stands for several parties signs once. Helpers, witnesses and neighbours sign what they
/// witness, not the agreement. The kinds do not differ in who signs; the seal of people's mediation comes after it.
pub fn required(_kind: Kind, roster: &Roster) -> Vec<Signer> {
    let mut signers: Vec<Signer> = Vec::new();
    let mut add = |id: Uuid, role: SignerRole, for_party: Option<Uuid>| {
        if !signers.iter().any(|signer| signer.id == id) {
            signers.push(Signer { id, role, for_party });
        }
    };
    for seat in &roster.seats {
        let party = Some(seat.party);
        match seat.delegate {
            Some(delegate) => add(delegate, SignerRole::Delegate, party),
            None => add(seat.party, SignerRole::Party, None),
        }
        if let Some(guardian) = seat.guardian {
            add(guardian, SignerRole::Guardian, party);
        }
    }
    for seat in &roster.seats {
        if let Some(interpreter) = seat.interpreter {
            add(interpreter, SignerRole::Interpreter, Some(seat.party));
        }
    }
    add(roster.leader, SignerRole::Leader, None);
    signers
}

/// One signing as it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub signer: Signer,
    pub status: SignStatus,
    /// Handwriting, as strokes or as an image.
    pub has_strokes: bool,
    /// An image of the signature or the fingerprint.
    pub has_image: bool,
    /// Who wrote the name of somebody who cannot write.
    pub scribe: Option<Uuid>,
    /// Who read the agreement aloud to him.
    pub reader: Option<Uuid>,
    /// Who saw it.
    pub witness: Option<Uuid>,
    /// Of an oral consent: the recording, and from where to where in it, milliseconds.
    pub clip: Option<(i64, i64)>,
    pub reason: Option<String>,
}

/// Whether a signing has what its form needs. `parties` are the ids of all parties, who are no witnesses.
///
/// * signed: strokes or an image;
/// * fingerprint: an image, who wrote the name, who read it aloud, and a witness who is neither party nor one of these
///   two nor the signer himself (as 民法典 article 1140 says of the witnesses of a will);
/// * oral: only where the kind allows an oral agreement (人民调解法 article 28), and the stretch of a recording;
/// * refused, left: why.
///
/// Errors: `invalid_field` naming what lacks, `conflict` where the kind does not allow the form.
pub fn check_mark(law: &KindLaw, mark: &Mark, parties: &[Uuid]) -> Result<()> {
    match mark.status {
        SignStatus::Pending => Err(Error::field("status", "somebody who has not signed yet needs no entry")),
        SignStatus::Signed if mark.has_strokes || mark.has_image => Ok(()),
        SignStatus::Signed => Err(Error::field("strokes", "a signature is strokes or an image")),
        SignStatus::Fingerprint => fingerprint(mark, parties),
        SignStatus::Oral => oral(law, mark),
        SignStatus::Refused | SignStatus::Left => {
            let reason = mark.reason.as_deref().map(str::trim).unwrap_or_default();
            if reason.is_empty() {
                return Err(Error::field("reason", "is needed of somebody who refuses or leaves"));
            }
            if reason.chars().count() > REASON_MAX {
                return Err(Error::field("reason", format!("must have at most {REASON_MAX} characters")));
            }
            Ok(())
        }
    }
}

fn fingerprint(mark: &Mark, parties: &[Uuid]) -> Result<()> {
    if !mark.has_image {
        return Err(Error::field("image", "of the fingerprint is missing"));
    }
    let there = |name: &str, who: Option<Uuid>| who.ok_or_else(|| Error::field(name, "is needed for a fingerprint"));
    let (scribe, reader) = (there("scribe", mark.scribe)?, there("reader", mark.reader)?);
    let witness = there("witness", mark.witness)?;
    for (name, who) in [("scribe", scribe), ("reader", reader)] {
        if parties.contains(&who) || who == mark.signer.id {
            return Err(Error::field(name, "must not be a party"));
        }
    }
    if parties.contains(&witness) || witness == mark.signer.id {
        return Err(Error::field("witness", "must not be a party"));
    }
    if witness == scribe || witness == reader {
        return Err(Error::field("witness", "must be another person than the scribe and the reader"));
    }
    Ok(())
}

fn oral(law: &KindLaw, mark: &Mark) -> Result<()> {
    if !law.oral_allowed {
        return Err(Error::conflict("an agreement of this kind is signed, not said"));
    }
    match mark.clip {
        None => Err(Error::field("oral", "the stretch of the recording is missing")),
        Some((from, _)) if from < 0 => Err(Error::field("oral/from_ms", "must not be negative")),
        Some((from, to)) if from >= to => Err(Error::field("oral/to_ms", "must come after `from_ms`")),
        Some(_) => Ok(()),
    }
}

/// A signing as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub signer: Uuid,
    pub status: SignStatus,
    /// Hash of the content that was signed.
    pub hash: String,
    /// It fell when a signed field changed.
    pub voided: bool,
}

/// What there is and what lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Standing {
    /// Everybody has signed this content.
    pub complete: bool,
    /// Who has not said anything about this content yet.
    pub missing: Vec<Signer>,
    /// Who signed another content: to be asked again.
    pub fallen: Vec<Signer>,
    /// Who refused or left: as long as they do there is no agreement.
    pub blocked_by: Vec<Signer>,
}

/// How the signing stands. `given` in the order in which it came in: the last word of a signer about the present content
/// counts, so somebody who refused may still sign. Signatures of people who are not required any more count for nothing.
pub fn standing(required: &[Signer], given: &[Given], current_hash: &str) -> Standing {
    let mut standing = Standing::default();
    let mut seen = BTreeSet::new();
    for signer in required.iter().filter(|signer| seen.insert(signer.id)) {
        let of_signer =
            || given.iter().rev().filter(|one| one.signer == signer.id && one.status != SignStatus::Pending);
        match of_signer().find(|one| !one.voided && one.hash == current_hash) {
            Some(word) if word.status.is_given() => {}
            Some(_) => standing.blocked_by.push(*signer),
            None if of_signer().any(|one| one.status.is_given()) => standing.fallen.push(*signer),
            None => standing.missing.push(*signer),
        }
    }
    standing.complete = !required.is_empty()
        && standing.missing.is_empty()
        && standing.fallen.is_empty()
        && standing.blocked_by.is_empty();
    standing
}

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;
