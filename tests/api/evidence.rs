//! Evidence through the public interface: photos, resumable uploads, reading, custody.

mod bucket;
mod copies;
mod corpus;
mod custody;
mod docks;
mod docks_delivery;
mod docks_wearers;
mod dossier;
mod full;
mod inquiry;
mod looks;
mod photos;
mod reading;
mod uploads;

mod media;
mod scene;

mod keeping;
mod keeping_batches;
mod keeping_shares;
mod keeping_tracks;

use crate::support::evidence::{Exif, Raw, Signer, film_of, jpeg, multipart, photo_of, raw, with_exif};
use crate::support::merkle::{self, sha256_hex};
use crate::support::{Database, Officer, Reply, TestApp, Unit, ago, new_id, now, wait_for, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

/// A station with its room, an officer on duty, and his accepted assignment on an incident there.
pub struct Scene {
    pub station: Unit,
    pub room: Officer,
    pub officer: Officer,
    pub incident: Value,
    pub assignment: Value,
}

impl Scene {
    pub async fn set(app: &TestApp, name: &str) -> Self {
        let (station, room, officer) = app.station(name).await;
        let incident = room.incident(station.near(0.0, 0.0)).await;
        let assignment = room.assign(&incident, &[&officer]).await.remove(0);
        officer.event(&assignment, "accepted").await.ok();
        Self { station, room, officer, incident, assignment }
    }

    pub fn incident_id(&self) -> &str {
        self.incident["id"].as_str().unwrap()
    }

    /// The officer's photo of this incident, looked at by its job; its id and its bytes.
    pub async fn photo(&self, seed: u8) -> (String, Vec<u8>) {
        let file = jpeg(640, 480, seed);
        let made = self.officer.photo(&file, json!({ "incident_id": self.incident_id() })).await.expect(201);
        self.officer.previewed(&made.id()).await;
        (made.id(), file)
    }

    /// Who keeps the evidence of the station.
    pub async fn custodian(&self) -> Officer {
        self.station.person("keeper", "custodian").await.login_browser().await
    }
}

/// The codes of an item's findings.
pub fn findings(item: &Value) -> Vec<&str> {
    item["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// `suixing verify PATH`, as an operator runs it.
pub async fn verify(path: &std::path::Path) -> crate::support::Finished {
    let args = vec!["verify".to_owned(), path.display().to_string()];
    let env = crate::support::bucket::env(path);
    tokio::task::spawn_blocking(move || crate::support::run_binary(&args, &env, "")).await.unwrap()
}
