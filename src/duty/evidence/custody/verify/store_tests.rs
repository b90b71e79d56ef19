//! A whole store: it fits, and each kind of damage is found and named.

use super::fixture::{Folder, Station, place};
use super::*;
use crate::duty::evidence::custody::anchor;

fn report(folder: &Path, kept: Option<&Path>) -> Report {
    verify(folder, None, kept).unwrap()
}

/// Exactly this, or at least this among others.
fn finds(folder: &Folder, words: &str, why: &str) {
    let report = report(&folder.0, None);
    let found = report.findings.list();
    assert!(found.iter().any(|line| line.contains(words)), "{why}: {words:?} is not among {found:#?}");
    assert!(!report.fits() && report.text().starts_with("does not fit: "));
}

#[test]
fn a_whole_store_fits_running_or_not() {
    let (station, _) = Station::busy();
    let running = report(&station.folder.0, None);
    assert!(running.fits(), "{:#?}", running.findings.list());
    assert!(running.line.starts_with("fits: 2 items, 2 originals of 3000011 bytes in "), "{}", running.line);
    assert!(running.line.contains("6 touches (0 waiting for a number, 0 erased), 3 tree heads"), "{}", running.line);
    assert_eq!(running.text().lines().count(), 1);
    let folder = station.at_rest();
    let before = std::fs::read(folder.0.join("suixing.db")).unwrap();
    assert!(report(&folder.0, None).fits());
    assert_eq!(std::fs::read(folder.0.join("suixing.db")).unwrap(), before, "verifying writes nothing");
    assert!(!folder.0.join("suixing.db-wal").exists());
}

#[test]
fn what_waits_for_its_number_is_counted_and_checked() {
    let (station, id) = Station::busy();
    station.work_on(id);
    let folder = station.at_rest();
    let waiting = report(&folder.0, None);
    assert!(waiting.fits(), "{:#?}", waiting.findings.list());
    assert!(waiting.line.contains("10 touches (4 waiting for a number"), "{}", waiting.line);
    folder.sql("UPDATE custody_entry SET actor_id = NULL WHERE n IS NULL AND kind = 'marked'");
    finds(&folder, "(waiting): what it says is not what its leaf stands for", "a waiting entry was changed");
}

/// What was done, and what must be said about it.
const ROWS: &[(&str, &str)] = &[
    ("UPDATE custody_entry SET detail = replace(detail, '11', '12') WHERE n = 0", "(number 0): what it says is not"),
    ("UPDATE custody_entry SET detail = detail || ' ' WHERE n = 4", "(number 4): what it says is not"),
    ("UPDATE custody_entry SET kind = 'viewed' WHERE n = 0", "(number 0): what it says is not"),
    ("UPDATE custody_entry SET actor_id = NULL WHERE n = 2", "(number 2): what it says is not"),
    ("UPDATE custody_entry SET device_id = 'x' WHERE n = 2", "(number 2): what it says is not"),
    ("UPDATE custody_entry SET at = at + 1 WHERE n = 3", "(number 3): what it says is not"),
    ("UPDATE custody_entry SET evidence_id = NULL WHERE n = 3", "(number 3): what it says is not"),
    ("UPDATE custody_entry SET id = '0' WHERE n = 3", "(number 3): what it says is not"),
    ("UPDATE custody_entry SET salt = zeroblob(16) WHERE n = 3", "(number 3): what it says is not"),
    (
        "UPDATE custody_entry SET leaf = zeroblob(32) WHERE n = 3",
        "custody_node (1, 1) is not the hash over entries 2 to 3",
    ),
    ("UPDATE custody_entry SET leaf = zeroblob(32) WHERE n = 5", "custody_head: the tree head over 6 is not the root"),
    ("UPDATE custody_entry SET leaf = x'00' WHERE n = 1", "(number 1): its leaf is no hash"),
    ("UPDATE custody_entry SET n = 9 WHERE n = 5", "entry number 5 is missing; the next one there is is 9"),
    ("UPDATE custody_entry SET n = NULL WHERE n = 2", "entry number 2 is missing; the next one there is is 3"),
    ("UPDATE custody_entry SET detail = NULL WHERE n = 2", "(number 2) is half erased"),
    (
        "UPDATE custody_entry SET detail = NULL, salt = NULL WHERE n = 2",
        "(number 2) was erased, and no later entry says",
    ),
    ("DELETE FROM custody_entry WHERE n = 0", "entry number 0 is missing; the next one there is is 1"),
    ("DELETE FROM custody_entry WHERE n = 3", "entry number 3 is missing; the next one there is is 4"),
    (
        "DELETE FROM custody_entry WHERE n = 5",
        "the tree head over 6 is over more than the 5 entries there are: the log was cut",
    ),
    ("DELETE FROM custody_node WHERE level = 1 AND n = 2", "custody_node (1, 2) is missing; it is over entries 4 to 5"),
    (
        "UPDATE custody_node SET hash = zeroblob(32) WHERE level = 2",
        "custody_node (2, 0) is not the hash over entries 0 to 3",
    ),
    ("INSERT INTO custody_node VALUES (7, 7, zeroblob(32))", "custody_node has 5 rows; the entries fill 4 subtrees"),
    (
        "DELETE FROM custody_head WHERE size = 1",
        "custody_head: the tree head over 1 is missing; line 1 of custody-heads.log has it",
    ),
    (
        "DELETE FROM custody_head WHERE size = 6",
        "custody_head: the tree head over 6 is missing; line 3 of custody-heads.log has it",
    ),
    (
        "UPDATE custody_head SET root = zeroblob(32) WHERE size = 5",
        "custody_head: the tree head over 5 is not what the key",
    ),
    ("UPDATE custody_head SET at = at + 1 WHERE size = 5", "custody_head: the tree head over 5 is not what the key"),
    ("UPDATE custody_head SET size = 4 WHERE size = 5", "custody_head: the tree head over 4 is not what the key"),
    ("UPDATE custody_head SET key_id = 'x' WHERE size = 5", "is signed by x, which is not among the keys"),
    (
        "UPDATE custody_head SET signature = zeroblob(64) WHERE size = 5",
        "custody_head: the tree head over 5 is not what the key",
    ),
    ("DELETE FROM receipt WHERE evidence_id = :id", "receipt stored of evidence :id is missing"),
    (
        "UPDATE receipt SET body = replace(body, ':11}', ':12}') WHERE evidence_id = :id",
        "receipt stored of evidence :id is not what the key",
    ),
    ("UPDATE receipt SET at = at + 1 WHERE evidence_id = :id", "receipt stored of evidence :id: its issued_at is not"),
    ("UPDATE receipt SET kind = 'held' WHERE evidence_id = :id", "receipt held of evidence :id: its kind is not"),
    (
        "UPDATE receipt SET signature = zeroblob(64) WHERE evidence_id = :id",
        "receipt stored of evidence :id is not what the key",
    ),
    ("UPDATE receipt SET evidence_id = 'x' WHERE evidence_id = :id", "receipt has 2 rows, of which 1 belong"),
    ("DELETE FROM evidence WHERE id = :id", "evidence :id is in the log and has no row"),
    ("UPDATE evidence SET size = 12 WHERE id = :id", "evidence :id: its size is 12, the log says 11"),
    ("UPDATE evidence SET sha256 = 'x' WHERE id = :id", "evidence :id: its sha256 is \"x\", the log says"),
    (
        "UPDATE evidence SET filename = 'x' WHERE id = :id",
        "receipt stored of evidence :id: its filename is \"现场 1.jpg\", the item's is \"x\"",
    ),
    ("UPDATE evidence SET author_id = 'x' WHERE id = :id", "evidence :id: its author_id is \"x\", the log says"),
    ("UPDATE evidence SET device_id = 'x' WHERE id = :id", "evidence :id: its device_id is \"x\", the log says"),
    ("UPDATE evidence SET captured_at = captured_at + 1 WHERE id = :id", "evidence :id: its captured_at is"),
    ("UPDATE evidence SET received_at = received_at + 1 WHERE id = :id", "evidence :id: its received_at is"),
    ("UPDATE evidence SET quarantined = 1 WHERE id = :id", "evidence :id: its quarantined is true, the log says false"),
    ("UPDATE evidence SET gone_at = 1 WHERE id = :id", "evidence :id: it is gone, and no entry of the log says"),
    ("UPDATE evidence SET sm3 = 'x' WHERE id = :id", "evidence :id: its sm3 is not that of its original"),
    ("DELETE FROM evidence_incident WHERE evidence_id = :id", "of evidence :id is in the log and has no row"),
    (
        "UPDATE evidence_incident SET incident_id = 'x' WHERE evidence_id = :id",
        "evidence_incident x of evidence :id is not in the log",
    ),
    ("UPDATE evidence_incident SET linked_by = 'x' WHERE evidence_id = :id", "its linked_by is \"x\", the log says"),
    ("INSERT INTO evidence_incident VALUES ('x', 'y', 'z', 1)", "evidence_incident has 3 rows, of which 2 belong"),
    ("DELETE FROM evidence_mark", "of evidence :id is in the log and has no row"),
    ("UPDATE evidence_mark SET text = 'nothing'", "its text is \"nothing\", the log says"),
    ("UPDATE evidence_mark SET to_ms = 8", "its to_ms is 8, the log says 9"),
    ("UPDATE evidence_mark SET by_person_id = 'x'", "its by_person_id is \"x\", the log says"),
    ("DELETE FROM evidence_preview", "evidence_preview 320 of evidence :id is in the log and has no row"),
    ("UPDATE evidence_preview SET px = 1600", "evidence_preview 1600 of evidence :id is not in the log"),
    ("DELETE FROM evidence_finding", "evidence_finding camera_clock of evidence :id is in the log and has no row"),
    ("UPDATE evidence_finding SET at = at + 1", "evidence_finding camera_clock of evidence :id: its at is"),
    ("DELETE FROM hold", "is in the log and has no row"),
    ("UPDATE hold SET reason = 'none'", "is not as the log says"),
    ("UPDATE hold SET lifted_at = 1, lifted_by = 'x'", "is not as the log says"),
    ("UPDATE hold SET id = 'x'", "hold x is not in the log"),
    ("DELETE FROM meta WHERE key LIKE 'custody.key.%'", "which is not among the keys"),
    (
        "UPDATE meta SET value = replace(value, '\"since\":\"2', '\"since\":\"3') WHERE key LIKE 'custody.key.%'",
        "signing key ",
    ),
    (
        "UPDATE meta SET value = replace(value, '\"sealed\":\"', '\"sealed\":\"AAAA') WHERE key LIKE 'custody.key.%'",
        "does not open",
    ),
];

#[test]
fn each_changed_or_dropped_row_is_found_and_named() {
    let (station, id) = Station::busy();
    let whole = station.at_rest();
    assert!(report(&whole.0, None).fits());
    for (sql, words) in ROWS {
        let folder = whole.copy();
        folder.sql(&sql.replace(":id", &format!("'{id}'")));
        finds(&folder, &words.replace(":id", &id.to_string()), sql);
    }
}

#[test]
fn each_damaged_file_is_found_and_named() {
    let (station, id) = Station::busy();
    let whole = station.at_rest();
    let film = vec![7; 3_000_000];
    let folder = whole.copy();
    let path = place(&folder.0, &film);
    let mut changed = film.clone();
    changed[2_999_999] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    finds(&folder, "was changed: its SHA-256 is ", "one bit of the last byte");
    std::fs::write(&path, &film[..2_999_999]).unwrap();
    finds(&folder, "its original has 2999999 bytes", "a cut file");
    let folder = whole.copy();
    std::fs::remove_file(place(&folder.0, b"first photo")).unwrap();
    finds(&folder, &format!("evidence {id}: its original evidence/"), "a file that is gone");
    finds(&folder, "is missing", "a file that is gone");
}

#[test]
fn each_damage_to_the_anchoring_file_is_found_and_named() {
    let (station, _) = Station::busy();
    let whole = station.at_rest();
    let text = std::fs::read_to_string(whole.0.join(anchor::FILE)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let damages = [
        (format!("{}\n{}\n", lines[0], lines[2]), "the line of the tree head over 5 is missing"),
        (format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1]), "line 3 goes back to 5"),
        (text.replacen("\"size\":5", "\"size\":4", 1), "line 2"),
        (text.replacen(":\"", ": \"", 1), "line 1 is not the tree head over 1 that custody_head has"),
        (format!("{text}nonsense\n"), "line 4 is no tree head"),
        (text.trim_end().to_owned(), "line 3 is not whole"),
        (format!("{text}\n"), "line 4 is no tree head"),
    ];
    for (damage, words) in damages {
        let folder = whole.copy();
        std::fs::write(folder.0.join(anchor::FILE), &damage).unwrap();
        finds(&folder, words, &damage);
    }
    let folder = whole.copy();
    std::fs::remove_file(folder.0.join(anchor::FILE)).unwrap();
    finds(&folder, "custody-heads.log is not there", "no file");
}

#[test]
fn a_lawful_deletion_is_told_as_such() {
    let (station, id) = Station::busy();
    station.delete(id, b"first photo");
    station.sequence();
    let folder = station.at_rest();
    let told = report(&folder.0, None);
    assert!(told.fits(), "{:#?}", told.findings.list());
    assert!(told.line.contains("(0 waiting for a number, 5 erased)"), "{}", told.line);
    // Without the entry that says so, or when that entry is no longer what it was, they were simply blanked.
    for sql in [
        "UPDATE custody_entry SET kind = 'viewed' WHERE kind = 'deleted'",
        "UPDATE custody_entry SET evidence_id = NULL WHERE kind = 'deleted'",
        "UPDATE custody_entry SET detail = NULL, salt = NULL WHERE kind = 'deleted'",
        "DELETE FROM custody_entry WHERE kind = 'deleted'",
    ] {
        let folder = folder.copy();
        folder.sql(sql);
        finds(&folder, "was erased, and no later entry says", sql);
    }
    // A row that takes the deletion back is not believed, whether the bytes are there again or not.
    let back = folder.copy();
    back.sql(&format!("UPDATE evidence SET gone_at = NULL WHERE id = '{id}'"));
    finds(&back, &format!("evidence {id}: the log says that it was deleted at "), "taken back");
    finds(&back, &format!("evidence {id}: its original evidence/"), "taken back, and nothing there");
    // Another original that vanishes is named beside it.
    let other = folder.copy();
    std::fs::remove_file(place(&other.0, &[7; 3_000_000])).unwrap();
    let told = report(&other.0, None);
    assert_eq!(told.findings.list().len(), 1, "{:#?}", told.findings.list());
    finds(&other, "is missing", "a file that is gone without a deletion");
    // What came after the deletion is not covered by it.
    station.work_on(id);
    station.sequence();
    let folder = station.at_rest();
    folder.sql("UPDATE custody_entry SET detail = NULL, salt = NULL WHERE kind = 'viewed'");
    finds(&folder, "was erased, and no later entry says", "blanked after the deletion");
}

#[test]
fn a_log_goes_on_from_heads_kept_elsewhere_or_is_told_not_to() {
    let (station, _) = Station::busy();
    let kept = station.folder.0.join("kept");
    let early = station.heads().remove(1);
    station.receive(b"third", "third.jpg");
    station.sequence();
    let folder = station.at_rest();
    std::fs::write(&kept, early.line().unwrap()).unwrap();
    let goes_on = report(&folder.0, Some(&kept));
    assert!(goes_on.fits(), "{:#?}", goes_on.findings.list());
    assert!(goes_on.line.contains("it goes on from 1 tree heads in "), "{}", goes_on.line);
    // Another history, as whole as the first: only the head that was kept shows it.
    let (other, _) = Station::busy();
    let other = other.at_rest();
    assert!(report(&other.0, None).fits());
    let told = report(&other.0, Some(&kept));
    assert!(
        told.findings.list().iter().any(|words| words.contains("which is not among the keys")),
        "{:?}",
        told.findings
    );
    // The same keys, an older copy: the log is shorter than it was.
    let late = station.heads().pop().unwrap();
    std::fs::write(&kept, late.line().unwrap()).unwrap();
    folder.sql("DELETE FROM custody_entry WHERE n = 6; DELETE FROM custody_head WHERE size = 7");
    let told = report(&folder.0, Some(&kept));
    let name = kept.display().to_string();
    assert!(
        told.findings.list().iter().any(|words| words.contains(&name) && words.contains("the log was cut")),
        "{:?}",
        told.findings
    );
    std::fs::write(&kept, "[]").unwrap();
    assert!(verify(&folder.0, None, Some(&kept)).is_err(), "a file without heads proves nothing");
}

#[test]
fn a_folder_without_a_store_is_an_error_and_paths_may_have_any_name() {
    let empty = Folder::new();
    assert!(verify(&empty.0, None, None).is_err());
    assert!(verify(&empty.0.join("nothing"), None, None).is_err());
    let (station, _) = Station::busy();
    let whole = station.at_rest();
    let odd = Folder(empty.0.join("a?b#c%20d 现场"));
    std::fs::create_dir_all(&odd.0).unwrap();
    let copy = whole.copy();
    std::fs::rename(&copy.0, odd.0.join("in")).unwrap();
    let told = report(&odd.0.join("in"), None);
    assert!(told.fits(), "{:#?}", told.findings.list());
}

#[test]
fn what_was_read_of_a_recording_is_found_when_it_changes() {
    let (station, id) = Station::busy();
    station.examine(id);
    station.sequence();
    let whole = station.at_rest();
    assert!(report(&whole.0, None).fits());
    for (sql, words) in [
        ("DELETE FROM evidence_media", "evidence_media container of evidence :id is in the log and has no row"),
        ("UPDATE evidence_media SET duration_ms = 1", "evidence_media container of evidence :id: its duration_ms is 1"),
        ("UPDATE evidence_media SET width = NULL", "evidence_media container of evidence :id: its width is null"),
        (
            "UPDATE evidence SET duration_ms = 1 WHERE id = :id",
            "evidence :id: its duration_ms is 1, the log says 60000",
        ),
        ("UPDATE evidence_media SET evidence_id = 'x'", "evidence_media has 1 rows, of which 0 belong"),
    ] {
        let folder = whole.copy();
        folder.sql(&sql.replace(":id", &format!("'{id}'")));
        finds(&folder, &words.replace(":id", &id.to_string()), sql);
    }
}
