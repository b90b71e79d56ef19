//! The accounts of a load run: made by REST with an administrator's account, or read from a file.
//!
//! Running again finds them; with `--state` even the sessions are kept, so that a second run of ten
//! thousand terminals does not hash ten thousand passwords. Called once per run.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::client::{Api, Session, Trouble, text};
use super::stats::Stats;

/// Calls in flight at once while accounts are made and logged in.
const AT_ONCE: usize = 16;
/// Name of the unit the load lives in.
const UNIT: &str = "Load test";
/// Dispatchers who send the assignments.
const DISPATCHERS: usize = 4;
/// Password of the made accounts; they exist on test systems only.
const PASSWORD: &str = "load-test-password";

/// Everybody of a run, logged in.
pub struct Crew {
    /// Terminals.
    pub terminals: Vec<Session>,
    /// Watchers of the live view.
    pub watchers: Vec<Session>,
    /// Who sends assignments and closes backups.
    pub dispatchers: Vec<Session>,
    /// The unit everything lives in, if it was made here.
    pub unit_id: Option<String>,
}

/// One login to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Login {
    role: Role,
    username: String,
    password: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Terminal,
    Watcher,
    Dispatcher,
}

impl Role {
    fn kind(self) -> &'static str {
        match self {
            Self::Terminal => "police_officer",
            Self::Watcher | Self::Dispatcher => "dispatcher",
        }
    }
}

/// Sessions kept between runs: refresh tokens by user name.
type State = HashMap<String, String>;

/// Read `role,username,password` lines; roles are terminal, watcher, dispatcher.
fn read_accounts(lines: &str) -> Result<Vec<Login>, String> {
    let mut logins = Vec::new();
    for (n, line) in lines.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let (Some(role), Some(username), Some(password)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(format!("line {}: role,username,password", n + 1));
        };
        let role = match role {
            "terminal" => Role::Terminal,
            "watcher" => Role::Watcher,
            "dispatcher" => Role::Dispatcher,
            other => return Err(format!("line {}: no role {other}", n + 1)),
        };
        logins.push(Login { role, username: username.to_owned(), password: password.to_owned() });
    }
    Ok(logins)
}

/// Log in the accounts of a file.
pub async fn from_file(api: &Api, file: &Path, state: Option<&Path>, stats: &Stats) -> Result<Crew, Trouble> {
    let lines = std::fs::read_to_string(file).map_err(|e| Trouble::Link(format!("{}: {e}", file.display())))?;
    let logins = read_accounts(&lines).map_err(Trouble::Link)?;
    gather(api, logins, None, state, stats).await
}

/// Make whatever is missing under the administrator's unit, and log everybody in.
pub async fn make(
    api: &Api,
    admin: &Session,
    terminals: usize,
    watchers: usize,
    state: Option<&Path>,
    stats: &Stats,
) -> Result<Crew, Trouble> {
    let (unit_id, above) = unit(admin).await?;
    let mut known: HashMap<String, ()> = HashMap::new();
    for person in admin.list(&format!("/people?unit_id={unit_id}")).await? {
        known.insert(text(&person, "username").to_owned(), ());
    }
    let named = |role: Role, prefix: &str, n: usize| Login {
        role,
        username: format!("load-{prefix}{n:05}"),
        password: PASSWORD.to_owned(),
    };
    let logins: Vec<Login> = (1..=terminals)
        .map(|n| named(Role::Terminal, "t", n))
        .chain((1..=watchers).map(|n| named(Role::Watcher, "w", n)))
        .chain((1..=DISPATCHERS).map(|n| named(Role::Dispatcher, "d", n)))
        .collect();
    let missing: Vec<&Login> = logins.iter().filter(|l| !known.contains_key(&l.username)).collect();
    tracing::info!(existing = logins.len() - missing.len(), making = missing.len(), "accounts of the load run");
    let made: Vec<Result<Value, Trouble>> = stream::iter(missing)
        .map(|login| {
            // Watchers look down from the unit above: were they seats of this one, every alarm of it would go to each.
            let home = if login.role == Role::Watcher { &above } else { &unit_id };
            let body = json!({
                "username": login.username,
                "password": login.password,
                "name": format!("Load {}", login.username),
                "kind": login.role.kind(),
                "unit_id": home,
            });
            async move { admin.post("/people", &body).await }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    if let Some(Err(trouble)) = made.into_iter().find(|m| matches!(m, Err(t) if !t.is_status(409))) {
        return Err(trouble);
    }
    gather(api, logins, Some(unit_id), state, stats).await
}

/// The unit of the load, and the one above it.
async fn unit(admin: &Session) -> Result<(String, String), Trouble> {
    let units = admin.list("/units").await?;
    let root = units.iter().find(|u| u.get("parent_id").is_none_or(Value::is_null));
    let parent = root.map(|u| text(u, "id")).unwrap_or_default().to_owned();
    if let Some(unit) = units.iter().find(|u| text(u, "name") == UNIT) {
        return Ok((text(unit, "id").to_owned(), parent));
    }
    let made =
        admin.post("/units", &json!({"name": UNIT, "kind": "station_command_room", "parent_id": parent})).await?;
    Ok((text(&made, "id").to_owned(), parent))
}

async fn gather(
    api: &Api,
    logins: Vec<Login>,
    unit_id: Option<String>,
    state: Option<&Path>,
    stats: &Stats,
) -> Result<Crew, Trouble> {
    let kept: State = state
        .and_then(|file| std::fs::read(file).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let started = Instant::now();
    let total = logins.len();
    let results: Vec<(Login, Result<Session, Trouble>)> = stream::iter(logins)
        .map(|login| {
            let refresh = kept.get(&login.username).cloned();
            async move {
                let session = log_in(api, &login, refresh, stats).await;
                (login, session)
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut crew = Crew { terminals: Vec::new(), watchers: Vec::new(), dispatchers: Vec::new(), unit_id };
    let mut keep = kept;
    for (login, session) in results {
        let session = session?;
        keep.insert(login.username.clone(), session.refresh_token().await);
        match login.role {
            Role::Terminal => crew.terminals.push(session),
            Role::Watcher => crew.watchers.push(session),
            Role::Dispatcher => crew.dispatchers.push(session),
        }
    }
    if let Some(file) = state {
        let bytes = serde_json::to_vec(&keep).map_err(|e| Trouble::Link(e.to_string()))?;
        std::fs::write(file, bytes).map_err(|e| Trouble::Link(format!("{}: {e}", file.display())))?;
    }
    tracing::info!(logins = total, seconds = started.elapsed().as_secs_f64(), "everybody is logged in");
    Ok(crew)
}

async fn log_in(api: &Api, login: &Login, refresh: Option<String>, stats: &Stats) -> Result<Session, Trouble> {
    if let Some(refresh) = refresh
        && let Ok(session) = api.resume(&refresh).await
    {
        return Ok(session);
    }
    let device = match login.role {
        Role::Terminal => json!({"device": {"kind": "handheld", "name": login.username}}),
        Role::Watcher | Role::Dispatcher => Value::Null,
    };
    let asked = Instant::now();
    let session = api.login(&login.username, &login.password, device).await?;
    stats.since_due("login", asked);
    session.put("/me/duty", &json!({"on_duty": true})).await?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_account_file() {
        let logins = read_accounts("# load\nterminal,a,pass,with,commas\n\ndispatcher, b , c\n").unwrap();
        assert_eq!(logins.len(), 2);
        assert_eq!(logins[0].password, "pass,with,commas");
        assert_eq!(logins[1], Login { role: Role::Dispatcher, username: "b".into(), password: "c".into() });
        assert!(read_accounts("terminal,a").is_err());
        assert!(read_accounts("boss,a,b").is_err());
    }
}
