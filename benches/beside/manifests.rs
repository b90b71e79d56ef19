//! A shift comes home: so many cameras are docked at once, every dock names what each of its cameras holds, and the time
//! runs from the first manifest to the last answer, in which the order of upload stands. Then the same again, as docks
//! do that lost an answer. Cameras are issued and their wearers sent somewhere, so that there is something to match.

use std::rc::Rc;
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use suixing::wiring::simulate::client::{Session, text};

use crate::Result;
use crate::meter::{Cost, Latencies, round};
use crate::world::{self, Server, now_us, stamp};

/// People of one incident.
const GROUP: usize = 5;
/// Seconds of a segment of film, and bytes.
const SEGMENT_S: i64 = 720;
const SEGMENT_BYTES: i64 = 180 << 20;

/// `manifests`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Cameras of the shift, each with a manifest.
    #[arg(long, default_value_t = 250)]
    manifests: usize,
    /// Recordings each camera holds.
    #[arg(long, default_value_t = 40)]
    recordings: usize,
    /// Cameras of one dock, which names one after the other; docks name side by side.
    #[arg(long, default_value_t = 10)]
    slots: usize,
}

/// A device with its key.
struct Device {
    id: String,
    pair: Ed25519KeyPair,
}

/// A dock, and its cameras with what each holds.
type Docked = (Device, Vec<(String, String)>);

/// One run.
pub async fn run(args: Args) -> Result<Value> {
    let crew = world::people(&args.server, args.manifests, 0).await?;
    let admin = world::administrator(&args.server).await?;
    let seat = &crew.dispatchers[0];
    let unit = crew.unit_id.clone().ok_or("the people's unit is not known")?;
    for group in crew.terminals.chunks(GROUP) {
        let body = json!({"category": "assistance", "priority": 4, "title": "Load",
            "location": {"lon": 119.0, "lat": 31.0}});
        let incident = seat.post("/incidents", &body).await?;
        let ids: Vec<&str> = group.iter().map(|session| &*session.person_id).collect();
        seat.post(&format!("/incidents/{}/assignments", text(&incident, "id")), &json!({"person_ids": ids})).await?;
    }
    let mut docks: Vec<Docked> = Vec::new();
    for group in crew.terminals.chunks(args.slots) {
        let dock = enrol(&admin, &unit, "dock").await?;
        let mut cameras = Vec::new();
        for wearer in group {
            let camera = enrol(&admin, &unit, "body_worn_camera").await?.id;
            seat.post(&format!("/devices/{camera}/issue"), &json!({"person_id": &*wearer.person_id})).await?;
            cameras.push((camera.clone(), manifest(args.recordings)));
        }
        docks.push((dock, cameras));
    }
    let docks = Rc::new(docks);
    let cost = Cost::begin(args.server.server_pid);
    let (first_s, mut first, answers) = all(&args.server.url, &docks).await?;
    let (again_s, mut again, repeated) = all(&args.server.url, &docks).await?;
    let named: usize = answers.iter().map(ordered).sum();
    let total = args.manifests * args.recordings;
    let mut report = json!({
        "offered": {"manifests": args.manifests, "recordings": args.recordings, "docks": docks.len()},
        "all_s": round(first_s, 2), "manifests_per_s": round(args.manifests as f64 / first_s, 1),
        "again_s": round(again_s, 2),
        "manifest_ms": first.report(), "again_ms": again.report(),
        "sound": named == total && answers == repeated,
    });
    cost.tell(&mut report);
    Ok(report)
}

/// A device of the unit.
async fn enrol(admin: &Session, unit: &str, kind: &str) -> Result<Device> {
    let pair = Ed25519KeyPair::generate().map_err(|_unspecified| "no key")?;
    let code = admin.post("/devices/enrolment-codes", &json!({"unit_id": unit, "kind": kind, "name": kind})).await?;
    let body = json!({"code": text(&code, "code"), "public_key": BASE64_STANDARD.encode(pair.public_key().as_ref())});
    let made = admin.post("/devices/enrol", &body).await?;
    Ok(Device { id: text(&made, "device_id").to_owned(), pair })
}

/// What a camera holds after a shift that begins now: it was issued just before.
fn manifest(count: usize) -> String {
    let begun = now_us();
    let recordings: Vec<Value> = (0..i64::try_from(count).unwrap_or_default())
        .map(|n| {
            let id = uuid::Uuid::now_v7();
            let from = begun + n * SEGMENT_S * 1_000_000;
            json!({
                "recording_id": id, "sha256": hex(id.as_bytes()), "size": SEGMENT_BYTES + n,
                "started_at": stamp(from), "ended_at": stamp(from + (SEGMENT_S - 1) * 1_000_000),
                "marks": [{"at": stamp(from + 60_000_000), "text": "mark"}],
            })
        })
        .collect();
    json!({"clock_offset_ms": 0, "recordings": recordings}).to_string()
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every dock names its cameras: seconds for all, latencies, and the answers by camera.
async fn all(url: &str, docks: &Rc<Vec<Docked>>) -> Result<(f64, Latencies, Vec<Value>)> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..docks.len() {
        let (docks, http, url) = (Rc::clone(docks), http.clone(), url.to_owned());
        tasks.push(tokio::task::spawn_local(async move {
            let (dock, cameras) = &docks[n];
            let mut said = Vec::new();
            for (camera, body) in cameras {
                let asked = Instant::now();
                let answer = name(&http, &url, dock, camera, body).await.map_err(|error| error.to_string())?;
                said.push((asked.elapsed(), answer));
            }
            Ok::<_, String>(said)
        }));
    }
    let (mut took, mut answers) = (Latencies::default(), Vec::new());
    for task in tasks {
        for (each, answer) in task.await?? {
            took.took(each);
            answers.push(answer);
        }
    }
    Ok((begun.elapsed().as_secs_f64(), took, answers))
}

/// One manifest, signed by its dock.
async fn name(http: &reqwest::Client, url: &str, dock: &Device, camera: &str, body: &str) -> Result<Value> {
    let path = format!("/api/v1/devices/{camera}/manifest");
    let time = stamp(now_us()).to_string();
    let signed = format!("suixing-device-v1\nPOST\n{path}\n{time}\n{}", hex(body.as_bytes()));
    let answer = http
        .post(format!("{}{path}", url.trim_end_matches('/')))
        .header("content-type", "application/json")
        .header("x-device-id", &dock.id)
        .header("x-device-time", &time)
        .header("x-device-signature", BASE64_URL_SAFE_NO_PAD.encode(dock.pair.sign(signed.as_bytes()).as_ref()))
        .body(body.to_owned())
        .send()
        .await?;
    let status = answer.status();
    let text = answer.text().await?;
    if status.is_success() { Ok(serde_json::from_str(&text)?) } else { Err(format!("{status}: {text}").into()) }
}

/// How many recordings of an answer are to be brought, those of an open incident first.
fn ordered(answer: &Value) -> usize {
    let list = answer["recordings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let bound: Vec<bool> = list.iter().map(|one| one["bound_to_case"] == true).collect();
    if !bound.is_sorted_by(|one, next| one >= next) {
        return 0;
    }
    list.iter().filter(|one| one["upload"] == true && one["state"] == "on_camera").count()
}
