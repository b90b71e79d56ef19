//! Signatures as they are drawn: the last word of every signer about what stands.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::super::facts::Entry;
use super::super::lifecycle::Now;
use super::super::paper::Mark;
use super::super::paper::agreement::{Host, Signature, Signer};
use super::super::rules::SignStatus;
use super::super::rules::calendar::clock_of;
use super::super::rules::signing::SignerRole;
use super::super::rules::strokes::Drawing;
use super::super::store::MediationRow;
use super::super::store::acts::{self, MarkForm, SignatureRow};
use crate::platform::db::Conn;
use crate::platform::keys::Keys;
use crate::words::error::{Error, Result};
use crate::words::ids::PersonId;

/// The square in which the paper draws strokes.
const SQUARE: f32 = 1_000.0;

/// The last word of every signer about what stands, as it is drawn.
pub(super) fn signatures(
    conn: &mut Conn,
    keys: &Keys,
    row: &MediationRow,
    now: &Now,
    people: &BTreeMap<PersonId, Host>,
) -> Result<Vec<Signature>> {
    let parties = now.record.entries("parties");
    let others = now.record.entries("others");
    let mut drawn = Vec::new();
    for signer in &now.required {
        let of_signer =
            |one: &&SignatureRow| Uuid::from(one.signer_id) == signer.id && one.content_hash == row.content_hash;
        let Some(given) = now.signatures.iter().rev().find(of_signer) else { continue };
        let name_of = |id: Uuid| -> String {
            let of =
                |entries: &[Entry<'_>]| entries.iter().find(|one| one.id == id).map(|one| one.text("name").to_owned());
            of(&parties)
                .or_else(|| of(&others))
                .or_else(|| people.get(&PersonId::from(id)).map(|host| host.name.clone()))
                .unwrap_or_default()
        };
        let place = |entries: &[Entry<'_>]| entries.iter().position(|one| one.id == signer.id);
        let on_paper = match signer.role {
            SignerRole::Leader => Some(Signer::Leader),
            SignerRole::Party => place(&parties).map(Signer::Party),
            _ => place(&others).map(Signer::Other),
        };
        let Some(on_paper) = on_paper else { continue };
        let mut notes = Vec::new();
        for (label, who) in [("代书人", given.scribe_id), ("宣读人", given.reader_id), ("见证人", given.witness_id)]
        {
            if let Some(who) = who {
                notes.push(format!("{label}：{}", name_of(who.into())));
            }
        }
        drawn.push(Signature {
            signer: on_paper,
            name: name_of(signer.id),
            mark: mark(conn, keys, given)?,
            at: Some(clock_of(given.signed_at)),
            notes,
        });
    }
    Ok(drawn)
}

fn mark(conn: &mut Conn, keys: &Keys, row: &SignatureRow) -> Result<Mark> {
    let plain =
        acts::drawing_of(conn, &row.mediation_id, &row.id)?.as_deref().map(|sealed| keys.unseal(sealed)).transpose()?;
    let reason = row.reason.clone().unwrap_or_default();
    let bytes = || plain.clone().ok_or_else(|| Error::internal("a signature without what was signed with"));
    Ok(match (row.status, row.form) {
        (SignStatus::Refused, _) => Mark::Refused { text: reason },
        (SignStatus::Left, _) => Mark::Left { text: reason },
        (SignStatus::Oral, _) => Mark::Oral { text: clip(row) },
        (SignStatus::Fingerprint, MarkForm::Png | MarkForm::Jpeg) => Mark::Fingerprint(bytes()?),
        (_, MarkForm::Png) => Mark::Png(bytes()?),
        (_, MarkForm::Jpeg) => Mark::Jpeg(bytes()?),
        (_, MarkForm::Strokes) => {
            let drawing: Drawing = serde_json::from_slice(&bytes()?)?;
            Mark::Strokes(square(&drawing))
        }
        (SignStatus::Pending | SignStatus::Signed | SignStatus::Fingerprint, MarkForm::Clip | MarkForm::Nothing) => {
            Mark::Blank
        }
    })
}

/// The box of a drawing in the middle of the paper's square.
#[expect(clippy::cast_precision_loss, reason = "numbers up to 1000, but for times, which are not drawn")]
fn square(drawing: &Drawing) -> Vec<Vec<(f32, f32)>> {
    let (left, top) = ((SQUARE - drawing.width as f32) / 2.0, (SQUARE - drawing.height as f32) / 2.0);
    let stroke = |points: &Vec<[u32; 3]>| points.iter().map(|[x, y, _]| (left + *x as f32, top + *y as f32)).collect();
    drawing.strokes.iter().map(stroke).collect()
}

/// A place in a recording: 01:02:03.
pub(super) fn moment(ms: i64) -> String {
    format!("{:02}:{:02}:{:02}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60)
}

fn clip(row: &SignatureRow) -> String {
    match (row.evidence_id, row.from_ms, row.to_ms) {
        (Some(id), Some(from), Some(to)) => format!("口头同意，见视听资料 {id}，{}至{}", moment(from), moment(to)),
        _ => "口头同意".to_owned(),
    }
}
