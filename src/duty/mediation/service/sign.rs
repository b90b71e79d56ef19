//! What people at the table say and do: consents and signatures. Each is kept for ever under the client's own id.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::super::lifecycle::{self, Now};
use super::super::record::CONTENT_FORMAT;
use super::super::rules::signing::{self, Mark, Signer, SignerRole};
use super::super::rules::{SignStatus, State, strokes};
use super::super::store::acts::{self, ConsentRow, MarkForm, SignatureRow};
use super::super::store::{self, MediationRow};
use super::super::{access, paper};
use super::proof;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::disk::blocking;
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{ActId, EntryId, EvidenceId, MediationId};
use crate::words::time::Timestamp;

/// Bytes of the picture of a signature or fingerprint. At 600 dpi and 4 by 2 cm a PNG of two colours has some 20 KiB, a
/// scanned fingerprint some 150 KiB.
const IMAGE_MAX: usize = 384 * 1024;
/// Bytes of all drawings and pictures of one record: they are opened together to print it. Twenty scanned fingerprints.
const DRAWINGS_MAX: i64 = 8 * 1024 * 1024;
/// Its longest side: sharper than any printer prints in the place of a signature.
const IMAGE_SIDE_MAX: u32 = 2_000;
/// Consents, signatures, copies and performances of one record, of each: every signer asked again for each of dozens of
/// changes; a term that is paid in monthly parts over decades.
const ACTS_MAX: usize = 500;

/// A stretch of a recording.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    pub evidence_id: EvidenceId,
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Clip {
    fn check(&self, field: &str) -> Result<()> {
        if self.from_ms < 0 || self.to_ms <= self.from_ms {
            return Err(Error::field(field, "`to_ms` must come after `from_ms`, and neither be negative"));
        }
        Ok(())
    }
}

/// The body of `POST /mediations/{id}/consents`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// The client's own id of this (UUIDv7); one is made unless given.
    pub id: Option<ActId>,
    /// The party's entry in the record.
    pub party: EntryId,
    /// False: the party does not want to be mediated, and nobody can override that.
    pub consents: bool,
    #[serde(default)]
    pub needs_interpreter: bool,
    /// Of somebody of 16 or 17 who lives on own earnings and does not want a guardian called.
    #[serde(default)]
    pub declines_guardian: bool,
    /// Where on the recording it is said.
    pub oral: Option<Clip>,
    /// By the device's clock; now unless told.
    pub said_at: Option<Timestamp>,
}

/// The body of `POST /mediations/{id}/signatures`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignature {
    /// The client's own id of this (UUIDv7); one is made unless given.
    pub id: Option<ActId>,
    /// The entry in the record of whoever signs; of the leader his own id.
    #[schema(value_type = String)]
    pub signer: Uuid,
    /// `signed` with strokes or an image, `oral` with a clip, unless told.
    #[schema(inline)]
    pub status: Option<SignStatus>,
    /// What the signer saw, as the record's `content_hash`.
    pub content_hash: String,
    /// `[[[x, y, t], …], …]`, x to the right, y downwards in pixels, t in milliseconds.
    pub strokes: Option<Vec<Vec<Vec<f64>>>>,
    /// PNG or JPEG of the signature or the fingerprint, base64.
    pub image: Option<String>,
    pub oral: Option<Clip>,
    /// Of a fingerprint: who wrote the name; an entry of `others`, or a colleague.
    #[schema(value_type = Option<String>)]
    pub scribe: Option<Uuid>,
    /// Who read the agreement aloud.
    #[schema(value_type = Option<String>)]
    pub reader: Option<Uuid>,
    /// Who saw it.
    #[schema(value_type = Option<String>)]
    pub witness: Option<Uuid>,
    /// Why somebody refuses or leaves, up to 500 characters.
    pub reason: Option<String>,
    /// By the device's clock; now unless told.
    pub signed_at: Option<Timestamp>,
}

/// What was signed with, ready to be kept.
struct Signed {
    form: MarkForm,
    plain: Option<Vec<u8>>,
}

/// A party says whether it wants to be mediated.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `conflict` once the record is final, `key_reused`.
pub async fn consent(ctx: &Ctx, meta: &RequestMeta, id: MediationId, new: NewConsent) -> Result<Done> {
    if let Some(clip) = &new.oral {
        clip.check("oral")?;
    }
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let act = new.id.unwrap_or_else(ActId::new);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (mut row, now) = open(tx, &core, &actor, &id)?;
        let row_new = ConsentRow {
            mediation_id: id,
            id: act,
            party_id: new.party,
            consents: new.consents,
            needs_interpreter: new.needs_interpreter,
            declines_guardian: new.declines_guardian,
            evidence_id: new.oral.map(|clip| clip.evidence_id),
            from_ms: new.oral.map(|clip| clip.from_ms),
            to_ms: new.oral.map(|clip| clip.to_ms),
            by_person: actor.person,
            device_id: actor.device,
            said_at: new.said_at.map_or(tx.now, |at| at.min(tx.now)),
            received_at: tx.now,
        };
        if let Some(known) = now.consents.iter().find(|known| known.id == act) {
            let said = ConsentRow {
                by_person: known.by_person,
                device_id: known.device_id,
                said_at: known.said_at,
                received_at: known.received_at,
                ..row_new
            };
            same(*known == said)?;
            return Ok(Done::new(200, json!({ "id": id })));
        }
        lifecycle::open_for_writing(&row)?;
        if row.state == State::Signed {
            return Err(Error::conflict("everybody has signed").with("state", json!(row.state)));
        }
        if !now.record.entries("parties").iter().any(|party| EntryId::from(party.id) == new.party) {
            return Err(Error::field("party", "is no party of the record"));
        }
        proof::of_call(tx.conn(), &row, "oral", row_new.evidence_id, row_new.to_ms)?;
        room(now.consents.len())?;
        acts::consent_insert_new(tx.conn(), &row_new)?;
        touched(tx, &core, &mut row, &actor)?;
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

/// Somebody signs, or says why not. A signature of a content that changed meanwhile is kept and does not count.
///
/// Errors: `not_found`, `forbidden` for another's name, `invalid_field`, `not_ready` while there is nothing to sign,
/// `conflict` once the record is final, `key_reused`.
pub async fn sign(ctx: &Ctx, meta: &RequestMeta, id: MediationId, new: NewSignature) -> Result<Done> {
    if new.content_hash.len() != 64 || !new.content_hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::field("content_hash", "must be 64 hexadecimal digits"));
    }
    if let Some(clip) = &new.oral {
        clip.check("oral")?;
    }
    body::text_opt("reason", new.reason.as_deref(), signing::REASON_MAX)?;
    let signed = drawn(&new).await?;
    let status = new.status.unwrap_or(if new.oral.is_some() { SignStatus::Oral } else { SignStatus::Signed });
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let act = new.id.unwrap_or_else(ActId::new);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (mut row, now) = open(tx, &core, &actor, &id)?;
        if let Some(known) = now.signatures.iter().find(|known| known.id == act) {
            let drawing = acts::drawing_of(tx.conn(), &id, &act)?;
            same(repeats(&core, known, drawing, &new, status, &signed)?)?;
            return Ok(Done::new(200, json!({ "id": id })));
        }
        lifecycle::open_for_writing(&row)?;
        let signer = who(&now, &new.signer)?;
        if signer.role == SignerRole::Leader && signer.id != Uuid::from(actor.person) {
            return Err(Error::new(Code::Forbidden).detail("whoever leads signs himself"));
        }
        let mark = Mark {
            signer,
            status,
            has_strokes: signed.form == MarkForm::Strokes,
            has_image: matches!(signed.form, MarkForm::Png | MarkForm::Jpeg),
            scribe: new.scribe,
            reader: new.reader,
            witness: new.witness,
            clip: new.oral.map(|clip| (clip.from_ms, clip.to_ms)),
            reason: new.reason.clone(),
        };
        let parties: Vec<Uuid> = now.record.entries("parties").iter().map(|party| party.id).collect();
        signing::check_mark(now.law()?.kind(row.kind)?, &mark, &parties)?;
        // Of other content than stands now it is kept all the same: it was signed, somewhere without a network.
        let current = new.content_hash.eq_ignore_ascii_case(&row.content_hash);
        if current && status.is_given() && !matches!(row.state, State::Agreed | State::Signed) {
            return Err(now.not_ready("there is nothing to sign yet"));
        }
        let clip = new.oral;
        proof::of_call(tx.conn(), &row, "oral", clip.map(|clip| clip.evidence_id), clip.map(|clip| clip.to_ms))?;
        room(now.signatures.len())?;
        let sealed = signed.plain.as_deref().map(|plain| core.keys.seal(plain)).transpose()?;
        let more = i64::try_from(sealed.as_ref().map_or(0, Vec::len)).map_err(Error::internal)?;
        if more > 0 && acts::drawings_size(tx.conn(), &id)? + more > DRAWINGS_MAX {
            return Err(Error::conflict(format!("the record's signatures have {DRAWINGS_MAX} bytes")));
        }
        let row_new = SignatureRow {
            mediation_id: id,
            id: act,
            n: i32::try_from(now.signatures.len()).map_err(Error::internal)? + 1,
            signer_id: new.signer.into(),
            role: signer.role,
            for_party: signer.for_party.map(EntryId::from),
            status,
            content_hash: new.content_hash.to_ascii_lowercase(),
            content_format: i32::try_from(CONTENT_FORMAT).map_err(Error::internal)?,
            form: signed.form,
            scribe_id: new.scribe.map(EntryId::from),
            reader_id: new.reader.map(EntryId::from),
            witness_id: new.witness.map(EntryId::from),
            evidence_id: new.oral.map(|clip| clip.evidence_id),
            from_ms: new.oral.map(|clip| clip.from_ms),
            to_ms: new.oral.map(|clip| clip.to_ms),
            reason: new.reason.clone(),
            by_person: actor.person,
            device_id: actor.device,
            signed_at: new.signed_at.map_or(tx.now, |at| at.min(tx.now)),
            received_at: tx.now,
        };
        acts::signature_insert_new(tx.conn(), &row_new, sealed)?;
        let now = touched(tx, &core, &mut row, &actor)?;
        // Signing on a screen may ask for more than paper does, as a recording.
        if current && status.is_given() && !now.is_signable() {
            return Err(now.not_ready("it cannot be signed in this way yet"));
        }
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

/// The record, locked, and what is so of it, for who may write into it.
pub(super) fn open(tx: &mut Tx<'_>, core: &Core, actor: &Actor, id: &MediationId) -> Result<(MediationRow, Now)> {
    let row = store::mediation_lock(tx.conn(), id)?;
    access::decide(tx.conn(), actor, &row, Action::MediationWrite)?.check("mediation")?;
    let instant = tx.now;
    let now = Now::stored(tx.conn(), &core.keys, &row, instant)?;
    Ok((row, now))
}

/// What was done counts from here on.
pub(super) fn touched(tx: &mut Tx<'_>, core: &Core, row: &mut MediationRow, actor: &Actor) -> Result<Now> {
    row.version += 1;
    row.updated_at = tx.now;
    let edits = store::edits_of(tx.conn(), &core.keys, &row.id)?;
    lifecycle::advance(tx, row, &edits, Some(actor.person))
}

/// Whether a signing says what one said that is kept, wherever and whenever it is sent again.
fn repeats(
    core: &Core,
    known: &SignatureRow,
    drawing: Option<Vec<u8>>,
    new: &NewSignature,
    status: SignStatus,
    signed: &Signed,
) -> Result<bool> {
    let plain = drawing.as_deref().map(|sealed| core.keys.unseal(sealed)).transpose()?;
    let beside = (new.scribe.map(EntryId::from), new.reader.map(EntryId::from), new.witness.map(EntryId::from));
    let clip = new.oral.map(|clip| (clip.evidence_id, clip.from_ms, clip.to_ms));
    let clip = (clip.map(|(item, _, _)| item), clip.map(|(_, from, _)| from), clip.map(|(_, _, to)| to));
    Ok(Uuid::from(known.signer_id) == new.signer
        && known.status == status
        && known.content_hash.eq_ignore_ascii_case(&new.content_hash)
        && (known.form, &plain) == (signed.form, &signed.plain)
        && (known.scribe_id, known.reader_id, known.witness_id) == beside
        && (known.evidence_id, known.from_ms, known.to_ms) == clip
        && known.reason == new.reason)
}

/// One id is one act.
pub(super) fn same(same: bool) -> Result<()> {
    if same { Ok(()) } else { Err(Error::new(Code::KeyReused).detail("the id came before with something else")) }
}

/// There is an end to how often one thing is said.
pub(super) fn room(there: usize) -> Result<()> {
    if there < ACTS_MAX { Ok(()) } else { Err(Error::conflict(format!("the record has {ACTS_MAX} of these"))) }
}

/// Whose signature it is, among those that are needed.
fn who(now: &Now, id: &Uuid) -> Result<Signer> {
    let found = now.required.iter().find(|signer| signer.id == *id).copied();
    found.ok_or_else(|| Error::field("signer", "does not sign this agreement").with("required", json!(now.required)))
}

/// What was signed with, checked. Decoding a picture takes milliseconds, so not on a thread that answers requests.
async fn drawn(new: &NewSignature) -> Result<Signed> {
    match (&new.strokes, &new.image) {
        (Some(_), Some(_)) => Err(Error::field("image", "strokes or an image, not both")),
        (Some(lines), None) => {
            let drawing = strokes::check(lines)?;
            Ok(Signed { form: MarkForm::Strokes, plain: Some(serde_json::to_vec(&drawing)?) })
        }
        (None, Some(text)) => {
            let text = text.clone();
            blocking(move || picture(&text)).await?
        }
        (None, None) if new.oral.is_some() => Ok(Signed { form: MarkForm::Clip, plain: None }),
        (None, None) => Ok(Signed { form: MarkForm::Nothing, plain: None }),
    }
}

fn picture(text: &str) -> Result<Signed> {
    let wrong = |rule: &str| Error::field("image", rule.to_owned());
    let bytes = STANDARD.decode(text).map_err(|_bad| wrong("must be base64"))?;
    if bytes.len() > IMAGE_MAX {
        return Err(wrong("must have at most 384 KiB"));
    }
    let (form, format) = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => (MarkForm::Png, image::ImageFormat::Png),
        [0xFF, 0xD8, 0xFF, ..] => (MarkForm::Jpeg, image::ImageFormat::Jpeg),
        _ => return Err(wrong("must be a PNG or a JPEG")),
    };
    let mut reader = image::ImageReader::with_format(Cursor::new(&bytes), format);
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(IMAGE_SIDE_MAX), Some(IMAGE_SIDE_MAX));
    reader.limits(limits);
    let decoded = reader.decode().map_err(|_bad| wrong("cannot be read, or has a side of more than 2000 pixels"))?;
    if decoded.width() < 8 || decoded.height() < 8 {
        return Err(wrong("is too small to show anything"));
    }
    // Told while the signer is still there, and not when the paper is made: e.g. a JPEG in the four colours of printing.
    paper::readable(&bytes).map_err(|why| {
        tracing::warn!(%why, "a picture of a signature cannot be printed");
        wrong("cannot be printed: send it in grey or RGB")
    })?;
    Ok(Signed { form, plain: Some(bytes) })
}
