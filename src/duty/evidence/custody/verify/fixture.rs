//! A small station with everything that is checked: for the tests of this folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::duty::evidence::custody::entry::TouchKind;
use crate::duty::evidence::custody::head::TreeHead;
use crate::duty::evidence::custody::receipt::{self, ReceiptKind, Taken};
use crate::duty::evidence::custody::{anchor, log, sequencer};
use crate::duty::evidence::media::facts::{Container, MediaView};
use crate::duty::evidence::store::custody as rows;
use crate::duty::evidence::store::media::{MediaRow, evidence_measured, media_insert};
use crate::duty::evidence::store::previews::{finding_insert, preview_insert};
use crate::duty::evidence::store::{
    self, EvidenceRow, FindingRow, HoldRow, MarkRow, PreviewRow, evidence_insert_new, hold_insert, link_insert,
    mark_insert,
};
use crate::duty::evidence::{Kind, Place, Previewed, Retention};
use crate::platform::db::conn::{self, Role};
use crate::platform::db::{Db, Priority, Target, Tx, batch, migrate};
use crate::platform::keys::{FileKeySource, Keys, sha256_hex};
use crate::words::error::Result;
use crate::words::ids::{DeviceId, EvidenceId, HoldId, IncidentId, MarkId, PersonId, UnitId};
use crate::words::time::Clock;

/// A folder that goes with its test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("suixing-verify-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The same once more, to be damaged.
    pub fn copy(&self) -> Self {
        let other = Self::new();
        copy_into(&self.0, &other.0);
        other
    }

    /// Carries out what nobody should on the database of this folder.
    pub fn sql(&self, sql: &str) {
        let mut conn = conn::establish(&Target::Sqlite(self.0.join("suixing.db")), Role::Writer).unwrap();
        batch(&mut conn, sql).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy_into(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_into(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The server's side of it.
pub struct Station {
    pub folder: Folder,
    pub db: Db,
    pub keys: Arc<Keys>,
    clock: Clock,
    pub officer: PersonId,
    pub device: DeviceId,
    pub incident: IncidentId,
}

impl Station {
    pub fn open() -> Self {
        let folder = Folder::new();
        let target = Target::Sqlite(folder.0.join("suixing.db"));
        migrate::run(&target).unwrap();
        let clock = Clock::system();
        let db = Db::open(target, 2, clock.clone()).unwrap();
        let keys = Keys::open(&FileKeySource { path: &folder.0.join("master.key") }).unwrap();
        Self {
            folder,
            db,
            keys: Arc::new(keys),
            clock,
            officer: PersonId::new(),
            device: DeviceId::new(),
            incident: IncidentId::new(),
        }
    }

    pub fn write<T: Send + 'static>(&self, recipe: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        self.db.write_blocking(Priority::Normal, recipe).unwrap()
    }

    /// Where the original of these bytes lies.
    pub fn original(&self, bytes: &[u8]) -> PathBuf {
        place(&self.folder.0, bytes)
    }

    /// An item arrives as through the doors.
    pub fn receive(&self, bytes: &[u8], filename: &str) -> EvidenceId {
        let path = self.original(bytes);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let (sha256, size) = (sha256_hex(bytes), i64::try_from(bytes.len()).unwrap());
        let (officer, device, incident) = (self.officer, self.device, self.incident);
        let (filename, keys, id) = (filename.to_owned(), Arc::clone(&self.keys), EvidenceId::new());
        self.write(move |tx| {
            let now = tx.now;
            let row = EvidenceRow {
                id,
                kind: Kind::Photo,
                filename: filename.clone(),
                media_type: "image/jpeg".to_owned(),
                size,
                sha256: sha256.clone(),
                sm3: None,
                place: Place::Stored,
                quarantined: false,
                author_id: officer,
                wearer_id: None,
                device_id: device,
                session_id: None,
                unit_id: UnitId::new(),
                assignment_id: None,
                captured_at: now.plus_secs(-60),
                received_at: now,
                device_signature: None,
                duration_ms: None,
                codec: None,
                previewed: Previewed::Waiting,
                redacted_of: None,
                retention: Retention::Ordinary,
                keep_until: None,
                gone_at: None,
                version: 1,
            };
            assert!(evidence_insert_new(tx.conn(), &row)?);
            link_insert(tx.conn(), &incident, &id, &officer, now)?;
            let entry = log::touch(
                tx,
                log::Touch {
                    evidence: Some(&id),
                    kind: TouchKind::Received,
                    actor: Some(officer),
                    device: Some(device),
                    detail: json!({
                        "author_id": officer, "captured_at": row.captured_at, "incident_id": incident,
                        "sha256": sha256, "size": size,
                    }),
                },
            )?;
            let taken = Taken {
                kind: ReceiptKind::Stored,
                evidence: id,
                sha256: &row.sha256,
                size,
                filename: &row.filename,
                author: officer,
                device,
                captured_at: row.captured_at,
                received_at: now,
                entry,
            };
            receipt::issue(tx, &keys, &taken)?;
            Ok(id)
        })
    }

    /// Everything else that can be said about an item: previews, a finding, a mark, a hold.
    pub fn work_on(&self, id: EvidenceId) {
        let officer = self.officer;
        self.write(move |tx| {
            let now = tx.now;
            let say = |tx: &mut Tx<'_>, kind, actor, detail| {
                log::touch(tx, log::Touch { evidence: Some(&id), kind, actor, device: None, detail })
            };
            let preview = PreviewRow { evidence_id: id, px: 320, width: 320, height: 240, size: 9_000, made_at: now };
            preview_insert(tx.conn(), &preview)?;
            let (code, detail) = ("camera_clock".to_owned(), r#"{"seconds":540}"#.to_owned());
            finding_insert(tx.conn(), &FindingRow { evidence_id: id, code, detail, at: now })?;
            say(tx, TouchKind::Previewed, None, json!({ "px": [320], "findings": ["camera_clock"] }))?;
            let (mark, text) = (MarkId::new(), "a hand at the door".to_owned());
            let row = MarkRow { id: mark, evidence_id: id, from_ms: 5, to_ms: 9, text, by_person_id: officer, at: now };
            mark_insert(tx.conn(), &row)?;
            let detail = json!({ "mark_id": mark, "from_ms": 5, "to_ms": 9, "text": row.text });
            say(tx, TouchKind::Marked, Some(officer), detail)?;
            let hold = HoldRow {
                id: HoldId::new(),
                incident_id: None,
                evidence_id: Some(id),
                reason: "appeal".to_owned(),
                set_by: officer,
                set_at: now,
                lifted_by: None,
                lifted_at: None,
            };
            hold_insert(tx.conn(), &hold)?;
            say(tx, TouchKind::HoldSet, Some(officer), json!({ "hold_id": hold.id, "reason": "appeal" }))?;
            say(tx, TouchKind::Viewed, Some(officer), json!({ "purpose": "review" })).map(drop)
        });
    }

    /// The container of an item is read.
    pub fn examine(&self, id: EvidenceId) {
        self.write(move |tx| {
            let known = MediaRow {
                evidence_id: id,
                container: Container::Mp4,
                duration_ms: Some(60_000),
                started_at: None,
                codec: Some("avc1".to_owned()),
                audio_codec: None,
                width: Some(320),
                height: Some(240),
                at: tx.now,
            };
            media_insert(tx.conn(), &known)?;
            evidence_measured(tx.conn(), &id, known.duration_ms, known.codec.as_deref())?;
            let detail = json!({ "media": MediaView::from(known), "findings": [] });
            let said = log::Touch { evidence: Some(&id), kind: TouchKind::Examined, actor: None, device: None, detail };
            log::touch(tx, said).map(drop)
        });
    }

    /// The sequencer and the anchoring file catch up; a head is signed over everything.
    pub fn sequence(&self) {
        self.clock.sync(self.clock.now().plus_secs(2));
        let keys = Arc::clone(&self.keys);
        self.write(move |tx| sequencer::sequence(tx, &keys, "test"));
        let lines: String = self.heads().iter().map(|head| format!("{}\n", head.line().unwrap())).collect();
        std::fs::write(self.folder.0.join(anchor::FILE), lines).unwrap();
    }

    /// Every head signed so far.
    pub fn heads(&self) -> Vec<TreeHead> {
        let rows = self.db.read_blocking(|conn| rows::heads_after(conn, 0, 1_000)).unwrap();
        rows.iter().map(TreeHead::from).collect()
    }

    /// A copy of the whole folder that no server has open.
    pub fn at_rest(&self) -> Folder {
        let other = Folder::new();
        let mut conn = conn::establish(&Target::Sqlite(self.folder.0.join("suixing.db")), Role::Writer).unwrap();
        batch(&mut conn, &format!("VACUUM INTO '{}'", other.0.join("suixing.db").display())).unwrap();
        for name in ["master.key", anchor::FILE] {
            std::fs::copy(self.folder.0.join(name), other.0.join(name)).unwrap();
        }
        std::fs::create_dir_all(other.0.join("evidence")).unwrap();
        copy_into(&self.folder.0.join("evidence"), &other.0.join("evidence"));
        other
    }

    /// Two items, one with everything about it, under several heads.
    pub fn busy() -> (Self, EvidenceId) {
        let station = Self::open();
        let id = station.receive(b"first photo", "现场 1.jpg");
        station.sequence();
        station.work_on(id);
        station.sequence();
        station.receive(&[7; 3_000_000], "film.mp4");
        station.sequence();
        (station, id)
    }

    /// Deletes an item as the law allows.
    pub fn delete(&self, id: EvidenceId, bytes: &[u8]) {
        let officer = self.officer;
        std::fs::remove_file(self.original(bytes)).unwrap();
        self.write(move |tx| {
            let said = log::Touch {
                evidence: Some(&id),
                kind: TouchKind::Deleted,
                actor: Some(officer),
                device: None,
                detail: json!({ "reason": "expired" }),
            };
            log::erase(tx, said)?;
            let sql = format!("UPDATE evidence SET gone_at = {} WHERE id = '{id}'", tx.now.as_micros());
            batch(tx.conn(), &sql)
        });
        assert!(self.db.read_blocking(|conn| store::evidence_fetch(conn, &id)).unwrap().gone_at.is_some());
    }
}

/// Where the original of these bytes lies in a data folder.
pub fn place(folder: &Path, bytes: &[u8]) -> PathBuf {
    let key = sha256_hex(bytes);
    folder.join("evidence").join(&key[..2]).join(key)
}
