//! Seeding: makes the district through the public REST interface, once per data folder.
//!
//! Safe to run again and after a crash half-way: what exists by name is found, not made twice.
//! Called by the demo before the play begins.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::district::{self, Account, CAMERAS, District, Part};
use crate::wiring::simulate::client::{Session, Trouble, text};

/// Calls in flight at once: enough to keep both processors hashing passwords.
const AT_ONCE: usize = 8;

/// Ids the play needs, by the district's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ids {
    /// The district unit.
    pub county: String,
    /// Command rooms in the district's order.
    pub rooms: Vec<String>,
    /// People by user name.
    pub people: HashMap<String, String>,
    /// Body cameras by the user name of whoever wears them; spares under names of their own.
    pub cameras: HashMap<String, String>,
}

/// Makes whatever is missing of the district; `admin` is the first administrator.
pub async fn seed(admin: &Session, district: &District, password: &str) -> Result<Ids, Trouble> {
    let mut units: HashMap<String, String> = HashMap::new();
    let mut city = String::new();
    for unit in admin.list("/units").await? {
        if unit.get("parent_id").is_none_or(Value::is_null) {
            city = text(&unit, "id").to_owned();
        }
        units.insert(text(&unit, "name").to_owned(), text(&unit, "id").to_owned());
    }
    if !units.contains_key(district::CITY) {
        // The administrator's own unit is the root of the tree; here it gets its name.
        let path = format!("/units/{city}");
        admin.write(Method::PATCH, &path, &json!({"name": district::CITY, "kind": "city"})).await?;
    }
    let county = unit(admin, &mut units, district::COUNTY, "county", json!(city)).await?;
    for name in district::CHECKPOINTS {
        unit(admin, &mut units, name, "checkpoint", json!(county)).await?;
    }
    let mut rooms = Vec::new();
    for room in &district.rooms {
        let id = unit(admin, &mut units, &room.name, "station_command_room", json!(county)).await?;
        for post in &room.posts {
            unit(admin, &mut units, post, "street_post", json!(id)).await?;
        }
        rooms.push(id);
    }
    let mut people: HashMap<String, String> = HashMap::new();
    for person in admin.list("/people").await? {
        people.insert(text(&person, "username").to_owned(), text(&person, "id").to_owned());
    }
    let missing: Vec<&Account> = district.accounts.iter().filter(|a| !people.contains_key(&a.username)).collect();
    let made: Vec<(String, String)> = stream::iter(missing)
        .map(|account| {
            let unit = account.room.and_then(|r| rooms.get(r)).unwrap_or(&county).clone();
            async move { person(admin, account, &unit, password).await }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    people.extend(made);
    grids(admin, district, &rooms).await?;
    let wearers = district.accounts.iter().filter(|a| matches!(a.part, Part::Crew(_) | Part::GridChief(_)));
    let wearers: Vec<(String, Option<usize>)> = wearers.map(|a| (a.username.clone(), a.room)).collect();
    let spares = (1..=CAMERAS.saturating_sub(wearers.len())).map(|n| (format!("spare{n:02}"), None));
    let cameras = stream::iter(wearers.into_iter().chain(spares))
        .map(|(wearer, room)| {
            let unit = room.and_then(|r| rooms.get(r)).unwrap_or(&county).clone();
            async move { camera(admin, &wearer, &unit).await.map(|id| (wearer, id)) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(Ids { county, rooms, people, cameras })
}

async fn unit(
    admin: &Session,
    known: &mut HashMap<String, String>,
    name: &str,
    kind: &str,
    parent: Value,
) -> Result<String, Trouble> {
    if let Some(id) = known.get(name) {
        return Ok(id.clone());
    }
    let mut body = json!({"name": name, "kind": kind});
    if let (Some(body), false) = (body.as_object_mut(), parent.is_null()) {
        body.insert("parent_id".to_owned(), parent);
    }
    let made = admin.post("/units", &body).await?;
    let id = text(&made, "id").to_owned();
    known.insert(name.to_owned(), id.clone());
    Ok(id)
}

/// The patrol grids, each named after its code.
async fn grids(admin: &Session, district: &District, rooms: &[String]) -> Result<(), Trouble> {
    let known = admin.whole("/grids").await?;
    for account in &district.accounts {
        let (Part::GridChief(code), Some(unit)) = (&account.part, account.room.and_then(|r| rooms.get(r))) else {
            continue;
        };
        if known.iter().all(|grid| text(grid, "code") != code) {
            admin.post("/grids", &json!({"code": code, "name": format!("{code}警格"), "unit_id": unit})).await?;
        }
    }
    Ok(())
}

async fn person(
    admin: &Session,
    account: &Account,
    unit_id: &str,
    password: &str,
) -> Result<(String, String), Trouble> {
    let mut body = json!({
        "username": account.username,
        "password": password,
        "name": account.name,
        "kind": account.kind,
        "unit_id": unit_id,
    });
    if let (Some(body), Some(badge)) = (body.as_object_mut(), &account.badge) {
        body.insert("badge_no".to_owned(), json!(badge));
    }
    if let (Some(body), Part::Intake) = (body.as_object_mut(), &account.part) {
        body.insert("source".to_owned(), json!("110"));
    }
    let made = admin.post("/people", &body).await?;
    Ok((account.username.clone(), text(&made, "id").to_owned()))
}

/// A body camera: enrolled with a one-time code and a key of its own.
async fn camera(admin: &Session, wearer: &str, unit_id: &str) -> Result<String, Trouble> {
    let name = format!("执法记录仪-{wearer}");
    let code = admin
        .post("/devices/enrolment-codes", &json!({"kind": "body_worn_camera", "name": name, "unit_id": unit_id}))
        .await?;
    let enrolled = admin
        .api()
        .open_call(
            Method::POST,
            "/devices/enrol",
            Some(&json!({"code": text(&code, "code"), "public_key": public_key()?, "name": name})),
        )
        .await?;
    let id = enrolled.pointer("/device/id").or_else(|| enrolled.get("device_id")).or_else(|| enrolled.get("id"));
    Ok(id.and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// A fresh public key; the private half is thrown away, since no demo camera signs anything.
fn public_key() -> Result<String, Trouble> {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::Engine;
    let pair = Ed25519KeyPair::generate().map_err(|e| Trouble::Link(format!("key: {e}")))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(pair.public_key().as_ref()))
}
