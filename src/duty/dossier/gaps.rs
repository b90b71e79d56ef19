//! Where something should be and is not, and why as far as the records tell. Pure; works on whole tracks.

use std::collections::BTreeMap;

use serde_json::json;

use super::gather::{Item, Sent, Way};
use super::{Entry, Gap, GapKind, LATE_S, Reason, is_late};
use crate::duty::assignments::ladder::Rung;
use crate::duty::crews::DutyLogRow;
use crate::duty::evidence::photos::findings::FindingCode;
use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::evidence::uploads::State as UploadState;
use crate::duty::evidence::uploads::metadata::Metadata;
use crate::duty::evidence::{Kind, Place};
use crate::duty::location::fix::{Fix, Flags};
use crate::words::ids::{DeviceId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Seconds without a place that are a gap whatever a device promised: two reports of somebody on his way who stands.
const SILENT_S: i64 = 120;
/// A promise may be broken by a fifth before the marker is silent; so is the track.
const GRACE: i64 = 5;
/// Percent at which a battery explains a silence.
const BATTERY_LOW_PCT: u8 = 5;
/// Seconds before the arrival within which a recording of it may have begun.
const RECORDING_BEFORE_S: i64 = 1_800;

/// What is missing in one person's track; `fixes` are all of it, by time.
pub fn of_track(way: &Way, fixes: &[(DeviceId, Fix)], duty: &[DutyLogRow]) -> Vec<Gap> {
    let mut gaps = silences(way, fixes, duty);
    let mut devices: BTreeMap<DeviceId, Vec<&Fix>> = BTreeMap::new();
    for (device, fix) in fixes {
        devices.entry(*device).or_default().push(fix);
    }
    for (device, fixes) in devices {
        gaps.extend(offline(way.person, device, &fixes));
        gaps.extend(clock_ahead(way.person, device, &fixes));
    }
    gaps
}

/// Stretches between his being sent and cleared in which no device of his said where he was.
fn silences(way: &Way, fixes: &[(DeviceId, Fix)], duty: &[DutyLogRow]) -> Vec<Gap> {
    let good = || fixes.iter().map(|(_, fix)| fix).filter(|fix| !fix.flags.is_wrong());
    let mut before = good().rfind(|fix| fix.trusted_at() <= way.sent_at);
    let mut at = before.map_or(way.sent_at, Fix::trusted_at);
    let mut gaps = Vec::new();
    let during = good().filter(|fix| fix.trusted_at() > way.sent_at && fix.trusted_at() < way.ended_at);
    for next in during.map(Some).chain([None]) {
        let to = next.map_or(way.ended_at, Fix::trusted_at);
        let promise = before.and_then(|fix| fix.next_within_s).map_or(0, i64::from);
        let allowed = SILENT_S.max(promise + promise / GRACE);
        if to.millis_since(at) > allowed * 1_000 {
            let (reason, data) = why_silent(way.person, before, (at, to), fixes, duty);
            let (person_id, device_id) = (Some(way.person), None);
            gaps.push(Gap { kind: GapKind::NoPosition, from: at, to, person_id, device_id, reason, data });
        }
        (before, at) = (next, to);
    }
    gaps
}

fn why_silent(
    person: PersonId,
    before: Option<&Fix>,
    (from, to): (Timestamp, Timestamp),
    fixes: &[(DeviceId, Fix)],
    duty: &[DutyLogRow],
) -> (Reason, serde_json::Value) {
    let within = |at: Timestamp| at >= from && at <= to;
    if let Some(off) = duty.iter().find(|row| row.person_id == person && row.change == "signed_off" && within(row.at)) {
        return (Reason::SignedOff, json!({ "at": off.at }));
    }
    let wrong = fixes.iter().filter(|(_, fix)| fix.flags.is_wrong() && within(fix.received())).count();
    if wrong > 0 {
        return (Reason::NotBelieved, json!({ "fixes": wrong }));
    }
    match before.and_then(|fix| fix.battery_pct) {
        Some(percent) if percent <= BATTERY_LOW_PCT => (Reason::BatteryLow, json!({ "battery_pct": percent })),
        _ => (Reason::NothingReported, json!({})),
    }
}

/// Runs of places that came too late: what is known now and was not known then.
fn offline(person: PersonId, device: DeviceId, fixes: &[&Fix]) -> Vec<Gap> {
    let late = |fix: &Fix| is_late(fix.trusted_at(), fix.received());
    fixes
        .chunk_by(|one, other| late(one) == late(other))
        .filter(|run| run.first().is_some_and(|fix| late(fix)))
        .filter_map(|run| {
            let from = run.first()?.trusted_at();
            let last_at = run.last()?.trusted_at();
            let to = run.iter().map(|fix| fix.received()).max()?;
            let data = json!({ "fixes": run.len(), "last_at": last_at, "known_at": to });
            let (kind, reason) = (GapKind::Offline, Reason::ArrivedLater);
            Some(Gap { kind, from, to, person_id: Some(person), device_id: Some(device), reason, data })
        })
        .collect()
}

/// While a device's clock ran ahead, by how much at most; told by the server's time, since the device's is wrong.
fn clock_ahead(person: PersonId, device: DeviceId, fixes: &[&Fix]) -> Option<Gap> {
    let ahead = || fixes.iter().filter(|fix| fix.flags.has(Flags::FUTURE));
    let from = ahead().map(|fix| fix.received()).min()?;
    let to = ahead().map(|fix| fix.received()).max()?;
    let ahead_s = ahead().map(|fix| fix.at().millis_since(fix.received()) / 1_000).max()?;
    let data = json!({ "ahead_s": ahead_s, "fixes": ahead().count() });
    let (kind, reason) = (GapKind::ClockStep, Reason::DeviceClockAhead);
    Some(Gap { kind, from, to, person_id: Some(person), device_id: Some(device), reason, data })
}

/// Clocks that were wrong, by what else was recorded: rungs from the future, cameras that differ.
pub fn of_clocks(entries: &[Entry], items: &[Item]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind.starts_with("rung.")) {
        let Some(said) = entry.observed_at else { continue };
        let ahead_s = said.millis_since(entry.known_at) / 1_000;
        if ahead_s > LATE_S {
            gaps.push(Gap {
                kind: GapKind::ClockStep,
                from: entry.known_at,
                to: entry.known_at,
                person_id: entry.person_id,
                device_id: entry.device_id,
                reason: Reason::DeviceClockAhead,
                data: json!({ "ahead_s": ahead_s, "rung": entry.kind }),
            });
        }
    }
    for item in items {
        for found in item.findings.iter().filter(|found| found.code == FindingCode::CameraClock.as_str()) {
            gaps.push(Gap {
                kind: GapKind::ClockStep,
                from: item.row.captured_at.min(item.row.received_at),
                to: item.row.received_at,
                person_id: Some(item.row.author_id),
                device_id: Some(item.row.device_id),
                reason: Reason::CameraClock,
                data: json!({
                    "evidence_id": item.row.id,
                    "detail": serde_json::from_str::<serde_json::Value>(&found.detail).unwrap_or_default(),
                }),
            });
        }
    }
    gaps
}

/// Assignments that were on the scene without a recording by any of their people.
pub fn of_recordings(sent: &[Sent], items: &[Item], until: Timestamp) -> Vec<Gap> {
    let happened = |one: &Sent, step: Rung| {
        let of_step = one.rungs.iter().filter(|rung| rung.step == step && rung.applied && rung.at <= until);
        of_step.map(|rung| rung.device_at.unwrap_or(rung.at).min(rung.at)).min()
    };
    let mut gaps = Vec::new();
    for one in sent.iter().filter(|one| !one.row.is_unit()) {
        let Some(from) = happened(one, Rung::OnScene) else { continue };
        let to = happened(one, Rung::Cleared).unwrap_or(until).max(from);
        let theirs = items.iter().filter(|item| {
            let who = item.row.wearer_id.unwrap_or(item.row.author_id);
            matches!(item.row.kind, Kind::Video | Kind::Audio)
                && one.members.iter().any(|member| member.person_id == who)
                && covers(item, from, to)
        });
        let (mut stored, mut elsewhere) = (0, 0);
        for item in theirs {
            if item.row.place == Place::Stored { stored += 1 } else { elsewhere += 1 }
        }
        if stored == 0 {
            gaps.push(Gap {
                kind: GapKind::NoRecording,
                from,
                to,
                person_id: one.row.person_id,
                device_id: None,
                reason: if elsewhere > 0 { Reason::NotDelivered } else { Reason::NoneArrived },
                data: json!({ "assignment_id": one.row.id, "elsewhere": elsewhere }),
            });
        }
    }
    gaps
}

/// Whether a recording shows something of this stretch; where its length is not known, whether it may.
fn covers(item: &Item, from: Timestamp, to: Timestamp) -> bool {
    let began = item.row.captured_at;
    let ended = match item.row.duration_ms {
        Some(length) => began.plus_millis(length),
        None => began.plus_secs(RECORDING_BEFORE_S),
    };
    began <= to && ended >= from
}

/// Files for this incident that began to arrive and did not.
pub fn of_uploads(incident: &IncidentId, uploads: &[UploadRow]) -> Vec<Gap> {
    let id = incident.to_string();
    let ours = |row: &&UploadRow| {
        // What came through the door has been read once; one that does not read now names no incident.
        Metadata::parse(&row.metadata).is_ok_and(|said| said.get("incident_id") == Some(id.as_str()))
    };
    uploads
        .iter()
        .filter(ours)
        .map(|row| Gap {
            kind: GapKind::UploadLost,
            from: row.created_at,
            to: row.expires_at.max(row.created_at),
            person_id: Some(row.author_id),
            device_id: Some(row.device_id),
            reason: match row.state {
                UploadState::Failed => Reason::Refused,
                UploadState::Terminated => Reason::GivenUp,
                _ => Reason::NothingCame,
            },
            data: json!({
                "upload_id": row.id,
                "length": row.length,
                "arrived": row.synced,
                "captured_at": row.captured_at,
                "failure": row.failure,
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_225_600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros((START + second) * 1_000_000)
    }

    /// Taken at `second`, received `after` seconds later.
    fn fix(second: i64, after: i64) -> Fix {
        Fix {
            at: at(second).as_micros(),
            received_ms: (START + second + after) * 1_000,
            lon_e7: 1,
            lat_e7: 1,
            ..Fix::default()
        }
    }

    fn way() -> Way {
        Way { person: PersonId::new(), sent_at: at(0), ended_at: at(1_000) }
    }

    fn found(fixes: Vec<Fix>) -> Vec<(GapKind, Timestamp, Timestamp, Reason)> {
        let device = DeviceId::new();
        let fixes: Vec<_> = fixes.into_iter().map(|fix| (device, fix)).collect();
        of_track(&way(), &fixes, &[]).into_iter().map(|gap| (gap.kind, gap.from, gap.to, gap.reason)).collect()
    }

    #[test]
    fn somebody_who_reports_has_no_gap() {
        let every = |step: usize| (-60..=1_000).step_by(step).map(|second| fix(second, 1)).collect::<Vec<_>>();
        assert!(found(every(60)).is_empty());
        assert!(found(every(119)).is_empty());
        let promised = |second| Fix { next_within_s: Some(600), ..fix(second, 1) };
        assert!(found(vec![promised(0), promised(590)]).is_empty(), "as rarely as it was promised");
    }

    #[test]
    fn a_silence_is_told_from_the_last_place_to_the_next_with_its_reason() {
        let silent = |reason| (GapKind::NoPosition, at(100), at(700), reason);
        let around = |last: Fix| {
            let mut fixes = vec![fix(0, 0), last];
            fixes.extend((700..=1_000).step_by(60).map(|second| fix(second, 0)));
            fixes
        };
        assert_eq!(found(around(fix(100, 0))), [silent(Reason::NothingReported)]);
        let low = Fix { battery_pct: Some(3), ..fix(100, 0) };
        assert_eq!(found(around(low)), [silent(Reason::BatteryLow)]);
        let mut wrong = around(fix(100, 0));
        wrong.insert(2, Fix { flags: Flags::ZERO, ..fix(300, 0) });
        assert_eq!(found(wrong), [silent(Reason::NotBelieved)]);
        assert_eq!(found(vec![]), [(GapKind::NoPosition, at(0), at(1_000), Reason::NothingReported)]);
    }

    #[test]
    fn what_came_later_is_no_silence_but_was_not_known_then() {
        let mut fixes: Vec<Fix> = (0..=300).step_by(60).map(|second| fix(second, 1)).collect();
        fixes.extend((360..=600).step_by(60).map(|second| fix(second, 900 - second)));
        fixes.extend((660..=1_000).step_by(60).map(|second| fix(second, 1)));
        assert_eq!(found(fixes), [(GapKind::Offline, at(360), at(900), Reason::ArrivedLater)]);
    }

    #[test]
    fn a_clock_that_ran_ahead_is_told_by_the_servers_time() {
        let mut fixes: Vec<Fix> = (0..=1_000).step_by(60).map(|second| fix(second, 0)).collect();
        fixes.push(Fix { flags: Flags::FUTURE, ..fix(4_000, -3_500) });
        assert_eq!(found(fixes), [(GapKind::ClockStep, at(500), at(500), Reason::DeviceClockAhead)]);
    }
}
