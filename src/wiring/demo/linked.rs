//! Linked bodies and work orders before the visitor came: an ambulance station that is telephoned and a governance centre
//! that answers by itself. Made through the public interface, once per data folder.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::quarrels::{ago, device, leave};
use super::seed::Ids;
use crate::wiring::simulate::client::{Api, Session, Trouble, text};

/// Who is on the scene and asks for them: the account that a visitor may take.
const OFFICER: &str = "officer";
/// The account of the governance centre's own system.
const CENTRE: &str = "zongzhi-system";

/// Makes them, and an incident with an order for each.
pub async fn make(api: &Api, admin: &Session, ids: &Ids, password: &str) -> Result<(), Trouble> {
    let account = json!({
        "username": CENTRE, "password": password, "name": "综治中心系统", "kind": "service_account",
        "unit_id": ids.county,
    });
    let account = admin.post("/people", &account).await?;
    let ambulance = agency(
        admin,
        &json!({
            "name": "金坛区急救站（120）", "kind": "ambulance", "unit_id": ids.county, "channel": "phone", "phone": "120",
            "accept_within_s": 60, "finish_within_s": 3_600,
        }),
    )
    .await?;
    let centre = agency(
        admin,
        &json!({
            "name": "金坛区综治中心", "kind": "governance_centre", "unit_id": ids.county, "channel": "software",
            "phone": "0519-82880000", "service_person_id": text(&account, "id"),
        }),
    )
    .await?;
    let officer = api.login(OFFICER, password, device("联动试用终端")).await?;
    officer.write(Method::PUT, "/me/duty", &json!({ "on_duty": true })).await?;
    let incident = officer
        .post(
            "/incidents",
            &json!({
                "category": "dispute", "priority": 3, "title": "群租房漏电致一人手部灼伤",
                "address": "东门大街42号出租屋", "location": { "lon": 119.5768, "lat": 31.7462 },
                "called_at": ago(1_800), "attach_self": true,
            }),
        )
        .await?;
    let at = format!("/incidents/{}/tasks", text(&incident, "id"));
    let hurt =
        json!({ "agency_id": ambulance, "ask": "一人手部电灼伤，请派救护车。", "safety_notes": "现场电源未确认断开" });
    let hurt = officer.post(&at, &hurt).await?;
    let rooms = json!({ "agency_id": centre, "ask": "群租房用电隐患，请牵头相关部门上门核查整改并反馈。" });
    let rooms = officer.post(&at, &rooms).await?;
    let power = json!({ "agency_id": centre, "ask": "请安排电工断开出租屋入户总闸并查明漏电点。" });
    let power = officer.post(&at, &power).await?;
    // Of the ambulance the room writes down what it is told by telephone; the centre says it itself.
    for kind in ["sign", "accept", "arrive"] {
        moved(admin, &hurt, kind, "120 调度员陈静", None).await?;
    }
    let centre = api.login(CENTRE, password, Value::Null).await?;
    moved(&centre, &rooms, "sign", "值班员周敏", None).await?;
    // What comes back is on the room's list.
    moved(&centre, &power, "return", "值班员周敏", Some("断电属供电公司职责，请联系 95598。")).await?;
    leave(&officer, text(&incident, "id")).await?;
    officer.write(Method::PUT, "/me/duty", &json!({ "on_duty": false })).await.map(drop)
}

async fn agency(admin: &Session, body: &Value) -> Result<String, Trouble> {
    let id = Uuid::now_v7().to_string();
    admin.write(Method::PUT, &format!("/agencies/{id}"), body).await?;
    Ok(id)
}

async fn moved(who: &Session, task: &Value, kind: &str, by: &str, said: Option<&str>) -> Result<(), Trouble> {
    let path = format!("/tasks/{}/events", text(task, "id"));
    who.post(&path, &json!({ "kind": kind, "by_name": by, "text": said })).await.map(drop)
}
