//! What a visitor of the demo is told: where to look, who to be, and three commands to try.
//!
//! Called by the demo once the server is ready; the same accounts go to the page as `/demo.json`.

use serde_json::{Value, json};

use super::district::District;
use crate::platform::config::{Abbreviation, Config, Office};

/// User names a visitor may take, and what they are.
const VISITORS: [(&str, &str, &str); 4] = [
    ("duty", "分局指挥长", "dispatcher of the whole district"),
    ("room01", "城中派出所指挥室", "dispatcher of one station"),
    ("officer", "民警（供试用）", "police officer, not on duty yet: yours to play"),
    ("admin", "管理员", "administrator"),
];

/// Accounts for the log-in form of the page.
pub fn accounts(password: &str) -> Value {
    let accounts: Vec<Value> = VISITORS
        .iter()
        .map(|(username, label, _)| json!({"username": username, "password": password, "label": label}))
        .collect();
    json!({"accounts": accounts})
}

/// How the stations and their committees are called on paper, and how in a number.
pub fn offices(district: &District, settings: &mut Config) {
    for room in &district.rooms {
        let place = room.name.split("派出所").next().unwrap_or_default();
        settings.documents.offices.push(Office {
            unit: room.name.clone(),
            police: format!("常州市公安局金坛分局{place}派出所"),
            people: format!("金坛区{place}街道人民调解委员会"),
        });
        let text = format!("坛公（{place}）");
        settings.numbers.abbreviations.push(Abbreviation { unit_id: room.name.clone(), text });
    }
}

/// The text for standard error.
pub fn words(url: &str, password: &str) -> String {
    let people: String =
        VISITORS.iter().map(|(name, _, what)| format!("    {name:<10} {password:<16} {what}\n")).collect();
    let socket = url.replacen("http", "ws", 1);
    format!(
        r#"
  Suixing demo is running:  {url}
  Look at it in a browser; the log-in form is filled in.

  Accounts (user name, password):
{people}
  Try it from a terminal:

    # 1. log in as an officer on a new handheld, and sign on duty
    TOKEN=$(curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' \
      -d '{{"username":"officer","password":"{password}","device":{{"kind":"handheld","name":"my terminal"}}}}' \
      | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
    curl -s -X PUT {url}/api/v1/me/duty -H "Authorization: Bearer $TOKEN" \
      -H 'Content-Type: application/json' -d '{{"on_duty":true}}'

    # 2. report a position and see who is near
    curl -s {url}/api/v1/positions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
      -d '{{"fixes":[{{"at":"'$(date -u +%FT%TZ)'","lon":119.5762,"lat":31.7472}}]}}'
    curl -s "{url}/api/v1/nearby?lon=119.5762&lat=31.7472&k=3" -H "Authorization: Bearer $TOKEN"

    # 3. open the socket (npx wscat, or websocat) and say hello; then press the button in another window
    npx wscat -s suixing.v1.json -H "Authorization: Bearer $TOKEN" -c {socket}/api/v1/ws \
      -x '{{"type":"hello","epoch":null,"last_seq":0,"last_id":null}}' -w 600
    curl -s -X POST {url}/api/v1/backups -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{}}'

"#
    )
}
