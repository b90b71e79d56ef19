//! The beginning of the shift: everybody logs in, signs on duty, forms crews, and the play starts.
//!
//! Terminals remember their device ids in the data folder, so that a restarted demo has the same
//! 300 handhelds and not 300 more. Called by `demo::run`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::desk::Desk;
use super::district::{Account, District, Part};
use super::handset::{Handset, Sort, locked};
use super::play::{self, Cast, Play};
use super::seed::Ids;
use super::tracks::{Gait, Mover, Spot, Traces};
use crate::wiring::simulate::client::{Api, Session, Trouble, text};
use crate::words::dice::Dice;

/// Log-ins in flight at once: each costs a password hash.
const AT_ONCE: usize = 6;

/// Everything the play needs to begin.
pub struct Shift {
    /// The server.
    pub api: Api,
    /// The drafted district.
    pub district: District,
    /// Ids on the server.
    pub ids: Ids,
    /// Password of everybody.
    pub password: String,
    /// Seed of the play.
    pub seed: u64,
    /// Where device ids are remembered.
    pub data_dir: PathBuf,
}

/// A crew formed on the server: its id and its shared desk.
struct Formed {
    id: String,
    desk: Arc<Desk>,
}

struct Devices {
    known: Mutex<HashMap<String, String>>,
}

impl Shift {
    /// Log everybody in and play until the process ends.
    pub async fn play(self, call_every: f64) {
        let (play, heard) = Play::new();
        match self.begin(&play).await {
            Ok(cast) => {
                tracing::info!("everybody is on duty; the play runs");
                play::run(play, heard, Arc::new(cast), Dice::new(self.seed).fork(1), call_every).await;
            }
            Err(trouble) => tracing::error!(%trouble, "the shift could not begin"),
        }
    }

    async fn begin(&self, play: &Arc<Play>) -> Result<Cast, Trouble> {
        let file = self.data_dir.join("demo-devices.json");
        let known = std::fs::read(&file).ok().and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        let devices = Devices { known: Mutex::new(known) };
        let intake = self.log_in(&devices, "intake110", None).await?;
        let mut seats = Vec::new();
        for room in 1..=self.district.rooms.len() {
            let seat = self.log_in(&devices, &format!("room{room:02}b"), None).await?;
            seat.put("/me/duty", &json!({"on_duty": true})).await?;
            seats.push(seat);
        }
        let formed = self.form_crews(&seats).await;
        let field: Vec<(usize, &Account)> = self
            .district
            .accounts
            .iter()
            .enumerate()
            .filter(|(_, a)| matches!(a.part, Part::Crew(_) | Part::GridChief(_) | Part::Mediator))
            .collect();
        let leads: Mutex<HashMap<usize, Session>> = Mutex::default();
        stream::iter(field)
            .for_each_concurrent(AT_ONCE, |(n, account)| {
                let (devices, formed, leads) = (&devices, &formed, &leads);
                async move {
                    if let Err(trouble) = self.sign_on(play, devices, formed, leads, n, account).await {
                        play.trouble("sign_on", &trouble);
                    }
                }
            })
            .await;
        let written = serde_json::to_vec_pretty(&*locked(&devices.known)).map_err(|e| Trouble::Link(e.to_string()))?;
        if let Err(error) = std::fs::write(&file, written) {
            tracing::warn!(%error, "device ids could not be kept; the next start makes new ones");
        }
        let mut leads = std::mem::take(&mut *locked(&leads));
        let crews = formed.into_iter().filter_map(|(n, crew)| Some((crew.id, leads.remove(&n)?, crew.desk))).collect();
        Ok(Cast { district: self.district.clone(), seats, room_ids: self.ids.rooms.clone(), intake, crews })
    }

    async fn log_in(
        &self,
        devices: &Devices,
        username: &str,
        device: Option<(&str, String)>,
    ) -> Result<Session, Trouble> {
        let slot = device.as_ref().map_or_else(|| username.to_owned(), |(kind, _)| format!("{username}/{kind}"));
        let known = locked(&devices.known).get(&slot).cloned();
        let described = match (&known, &device) {
            (Some(id), _) => json!({"device_id": id}),
            (None, Some((kind, name))) => json!({"device": {"kind": kind, "name": name}}),
            (None, None) => Value::Null,
        };
        let session = self.api.login(username, &self.password, described).await?;
        locked(&devices.known).insert(slot, session.device_id.to_string());
        Ok(session)
    }

    /// Crews are formed by the rooms; those of the day before are found by call sign.
    async fn form_crews(&self, seats: &[Session]) -> HashMap<usize, Formed> {
        let traces = Traces::load();
        let root = Dice::new(self.seed).fork(2);
        let mut known: HashMap<String, String> = HashMap::new();
        for seat in seats {
            for crew in seat.list("/crews").await.unwrap_or_default() {
                known.insert(text(&crew, "call_sign").to_owned(), text(&crew, "id").to_owned());
            }
        }
        let mut formed = HashMap::new();
        for (n, crew) in self.district.crews.iter().enumerate() {
            let mut dice = root.fork(n as u64);
            let gait = if crew.plate.is_some() { Gait::Car } else { Gait::Foot };
            let anchor = self.district.anchor(crew.room, gait, &mut dice);
            let desk = Arc::new(Desk::new(crew.room, Mover::new(&traces, gait, anchor, &mut dice)));
            let id = match (known.remove(&crew.call_sign), seats.get(crew.room)) {
                (Some(id), _) => Ok(id),
                (None, Some(seat)) => self.form(seat, crew).await,
                (None, None) => continue,
            };
            match id {
                Ok(id) => _ = formed.insert(n, Formed { id, desk }),
                Err(trouble) => tracing::warn!(%trouble, crew.call_sign, "demo: crew not formed"),
            }
        }
        formed
    }

    async fn form(&self, seat: &Session, crew: &super::district::Crew) -> Result<String, Trouble> {
        let members: Vec<Value> = crew
            .members
            .iter()
            .zip(["lead", "auxiliary"])
            .filter_map(|(username, role)| Some(json!({"person_id": self.ids.people.get(username)?, "role": role})))
            .collect();
        let mut body = json!({"call_sign": crew.call_sign, "members": members});
        if let (Some(body), Some(plate)) = (body.as_object_mut(), &crew.plate) {
            body.insert("vehicle".to_owned(), json!(plate));
        }
        seat.post("/crews", &body).await.map(|made| text(&made, "id").to_owned())
    }

    async fn sign_on(
        &self,
        play: &Arc<Play>,
        devices: &Devices,
        formed: &HashMap<usize, Formed>,
        leads: &Mutex<HashMap<usize, Session>>,
        n: usize,
        account: &Account,
    ) -> Result<(), Trouble> {
        let mut dice = Dice::new(self.seed).fork(1_000 + n as u64);
        let handheld = Some(("handheld", format!("警务通-{}", account.username)));
        let session = self.log_in(devices, &account.username, handheld).await?;
        let mut carried = vec![json!(&*session.device_id)];
        carried.extend(self.ids.cameras.get(&account.username).map(|camera| json!(camera)));
        let mut duty = json!({"on_duty": true});
        let (desk, sort) = match &account.part {
            Part::Crew(crew) => {
                let Some(crew_made) = formed.get(crew) else { return Ok(()) };
                let plan = self.district.crews.get(*crew);
                let leads_it = plan.is_some_and(|c| c.members.first() == Some(&account.username));
                if let (false, Some(plate)) = (leads_it, plan.and_then(|c| c.plate.clone())) {
                    let car = self.log_in(devices, &account.username, Some(("vehicle_unit", plate))).await?;
                    carried.push(json!(&*car.device_id));
                    let set = Handset::new(play.clone(), car, crew_made.desk.clone(), Sort::Vehicle, dice.fork(9));
                    tokio::spawn(set.run());
                }
                if leads_it {
                    locked(leads).insert(*crew, session.clone());
                }
                (crew_made.desk.clone(), if leads_it { Sort::First } else { Sort::Second })
            }
            Part::GridChief(grid) => {
                if let Some(duty) = duty.as_object_mut() {
                    duty.insert("grid".to_owned(), json!(grid));
                }
                (self.alone(account, Gait::Bike, &mut dice), Sort::First)
            }
            _ => (self.alone(account, Gait::Foot, &mut dice), Sort::First),
        };
        if let Some(duty) = duty.as_object_mut() {
            duty.insert("carried_device_ids".to_owned(), Value::Array(carried));
        }
        session.put("/me/duty", &duty).await?;
        tokio::spawn(Handset::new(play.clone(), session, desk, sort, dice).run());
        Ok(())
    }

    fn alone(&self, account: &Account, gait: Gait, dice: &mut Dice) -> Arc<Desk> {
        let room = account.room.unwrap_or_default();
        let anchor: Spot = self.district.anchor(room, gait, dice);
        Arc::new(Desk::new(room, Mover::new(&Traces::load(), gait, anchor, dice)))
    }
}
