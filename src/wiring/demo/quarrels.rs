//! Quarrels from before the visitor came: mediations that are performed, running, to be sealed and broken, each with its
//! papers, and one in session whose place and party were there before. Made through the public interface as terminals make them, once per data folder.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Span;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::seed::Ids;
use crate::duty::mediation::rules::calendar::date_of;
use crate::wiring::simulate::client::{Api, Session, Trouble, text};
use crate::words::time::Clock;

/// Who leads the police mediations: the account that a visitor may take.
const OFFICER: &str = "officer";
/// Who leads the people's.
const MEDIATOR: &str = "cz-med1";

/// What a quarrel is about, and what became of it.
struct Quarrel {
    kind: &'static str,
    category: &'static str,
    title: &'static str,
    place: &'static str,
    at: (f64, f64),
    cause: &'static str,
    facts: &'static str,
    result: &'static str,
    parties: [Party; 2],
    term: (&'static str, i64, &'static str),
    end: End,
}

/// Name, role, identity number whose check digit is put right, and the last digit of the telephone number: that and the
/// identity number are how people are known again, so no two share one.
type Party = (&'static str, &'static str, &'static str, u8);

const LIU: &str = "320413198811170014";

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Paid before the paper was signed.
    OnTheSpot,
    /// Due in three weeks.
    Running,
    /// The committee's seal is waited for.
    AwaitsSeal,
    /// Was due last week; nothing came.
    Broken,
    /// They still talk.
    InSession,
}

const QUARRELS: [Quarrel; 5] = [
    Quarrel {
        kind: "police_on_scene",
        category: "dispute",
        title: "东门大街停车纠纷",
        place: "东门大街18号便民果蔬店门前",
        at: (119.5751, 31.7481),
        cause: "双方因占用停车位、妨碍卸货发生口角。",
        facts: "张伟要求欧阳建国移车，欧阳建国未移；张伟上前用手推搡欧阳建国左肩一次，致其手机掉落，屏幕碎裂。民警到场时双方已停止争执。",
        result: "欧阳建国未受伤，不要求就医；手机屏幕损坏，双方对维修费用没有争议。",
        parties: [("张伟", "suspect", "320413198503020013", 0), ("欧阳建国", "victim", "320413197912310013", 1)],
        term: ("张伟赔偿欧阳建国手机屏幕维修费，并当场赔礼道歉。", 60_000, "微信转账，当场付清"),
        end: End::OnTheSpot,
    },
    Quarrel {
        kind: "police",
        category: "dispute",
        title: "烧烤摊油烟纠纷引发推搡",
        place: "城中派出所调解室",
        at: (119.5790, 31.7455),
        cause: "楼上住户与烧烤摊主因油烟、噪声长期不和。",
        facts: "王海燕下楼与摊主刘强理论，刘强推倒王海燕，致其左手腕擦伤；围观群众劝开后报警。",
        result: "王海燕左手腕软组织挫伤，医疗费八百六十元。",
        parties: [("刘强", "suspect", LIU, 2), ("王海燕", "victim", "320413199004120025", 3)],
        term: ("刘强赔偿王海燕医疗费、误工费，今后二十二时前收摊并加装油烟净化装置。", 186_000, "银行转账"),
        end: End::Running,
    },
    Quarrel {
        kind: "people",
        category: "dispute",
        title: "邻里漏水损失纠纷",
        place: "东门社区人民调解室",
        at: (119.5733, 31.7468),
        cause: "楼上卫生间渗漏，楼下吊顶和衣柜受损。",
        facts: "陈桂兰家卫生间防水层老化，自十月起渗漏至楼下周明家；物业查看后确认渗漏点在楼上。",
        result: "吊顶局部脱落，衣柜一组受潮。",
        parties: [("陈桂兰", "party", "320413195606080027", 4), ("周明", "party", "320413198207190018", 5)],
        term: ("陈桂兰于约定日期前完成防水维修，并赔偿周明吊顶、衣柜损失。", 320_000, "现金或者转账"),
        end: End::AwaitsSeal,
    },
    Quarrel {
        kind: "police",
        category: "dispute",
        title: "电动车碰擦后互殴",
        place: "城中派出所调解室",
        at: (119.5812, 31.7490),
        cause: "双方电动车在非机动车道碰擦后发生争执。",
        facts: "赵磊先动手打孙浩面部一拳，孙浩还手，双方均有轻微擦伤；孙浩车灯损坏。",
        result: "双方均不要求验伤；孙浩车灯维修费三百二十元。",
        parties: [("赵磊", "both", "320413199508230017", 6), ("孙浩", "both", "320413199702280012", 7)],
        term: ("赵磊赔偿孙浩车灯维修费，互不追究对方其他责任。", 32_000, "微信转账"),
        end: End::Broken,
    },
    Quarrel {
        kind: "police",
        category: "dispute",
        title: "烧烤摊噪声再起争执",
        place: "城中派出所调解室",
        at: (119.5790, 31.7455),
        cause: "烧烤摊夜间噪声，楼上另一住户下楼理论。",
        facts: "马国庆下楼要求刘强收摊，双方互相推搡，均未受伤；邻居报警。",
        result: "双方均未受伤，无财物损失。",
        parties: [("刘强", "both", LIU, 2), ("马国庆", "both", "320413197405210018", 8)],
        term: ("刘强今后二十二时前收摊，双方互相道歉，互不追究。", 20_000, "现金"),
        end: End::InSession,
    },
];

/// Makes them all.
pub async fn make(api: &Api, admin: &Session, ids: &Ids, password: &str) -> Result<(), Trouble> {
    let id = |name: &str| ids.people.get(name).map(String::as_str).unwrap_or_default();
    let certificate = json!({ "certificate": { "number": "苏调字第320413001号", "issuer": "常州市金坛区司法局", "expires_on": day(Span::new().years(3)) } });
    admin.write(Method::PATCH, &format!("/people/{}", id(MEDIATOR)), &certificate).await?;
    let officer = api.login(OFFICER, password, device("调解试用终端")).await?;
    let mediator = api.login(MEDIATOR, password, device("调解员终端")).await?;
    for quarrel in &QUARRELS {
        let (leader, leader_id) =
            if quarrel.kind == "people" { (&mediator, id(MEDIATOR)) } else { (&officer, id(OFFICER)) };
        settle(leader, leader_id, id("cz01a"), quarrel).await?;
    }
    Ok(())
}

pub(super) fn device(name: &str) -> Value {
    json!({ "device": { "kind": "handheld", "name": name } })
}

/// From the call to what became of it.
async fn settle(leader: &Session, leader_id: &str, helper: &str, quarrel: &Quarrel) -> Result<(), Trouble> {
    leader.write(Method::PUT, "/me/duty", &json!({ "on_duty": true })).await?;
    let incident = leader
        .post(
            "/incidents",
            &json!({
                "category": quarrel.category, "priority": 3, "title": quarrel.title, "address": quarrel.place,
                "location": { "lon": quarrel.at.0, "lat": quarrel.at.1 }, "called_at": ago(5_400), "attach_self": true,
            }),
        )
        .await?;
    let mediation = Uuid::now_v7();
    let (parties, term) = ([Uuid::now_v7(), Uuid::now_v7()], Uuid::now_v7());
    let path = format!("/mediations/{mediation}");
    let body = json!({
        "incident_id": text(&incident, "id"), "kind": quarrel.kind,
        "record": record(quarrel, leader_id, helper, &parties, term),
    });
    leader.write(Method::PUT, &path, &body).await?;
    // Where, when, who leads, and what the numbers of the documents tell.
    leader.post(&format!("{path}/prefill"), &json!({})).await?;
    for party in &parties {
        leader.post(&format!("{path}/consents"), &json!({ "party": party, "consents": true })).await?;
    }
    if quarrel.end != End::InSession {
        agree(leader, leader_id, quarrel, &path, &parties, term).await?;
    }
    leave(leader, text(&incident, "id")).await?;
    leader.write(Method::PUT, "/me/duty", &json!({ "on_duty": false })).await.map(drop)
}

/// From the signatures to what was paid or not.
async fn agree(
    leader: &Session,
    leader_id: &str,
    quarrel: &Quarrel,
    path: &str,
    parties: &[Uuid; 2],
    term: Uuid,
) -> Result<(), Trouble> {
    let agreed = leader.get(path).await?;
    let signers =
        [parties.first().map(Uuid::to_string), parties.last().map(Uuid::to_string), Some(leader_id.to_owned())];
    for (seed, signer) in signers.into_iter().flatten().enumerate() {
        let mut body = json!({ "signer": signer, "content_hash": text(&agreed, "content_hash") });
        // People's mediation is signed on the screen; the police's on paper, photographed, where nobody records.
        let pen = pen(seed);
        let (name, value) =
            if quarrel.kind == "people" { ("strokes", json!(pen)) } else { ("image", json!(picture(&pen)?)) };
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
        leader.post(&format!("{path}/signatures"), &body).await?;
    }
    leader.post(&format!("{path}/finalize"), &json!({})).await?;
    for party in parties {
        let copy = json!({ "party": party, "document": "agreement", "way": "printed" });
        leader.post(&format!("{path}/copies"), &copy).await?;
    }
    if quarrel.end == End::Running {
        let paid = json!({ "term": term, "outcome": "performed", "amount_fen": 50_000, "note": "银行转账，首期" });
        leader.post(&format!("{path}/performances"), &paid).await?;
    }
    if quarrel.end == End::Broken {
        let default = json!({ "term": term, "outcome": "defaulted", "note": "逾期未付，电话催告两次未果" });
        leader.post(&format!("{path}/performances"), &default).await?;
    }
    Ok(())
}

/// The call is over for who settled it.
pub(super) async fn leave(leader: &Session, incident: &str) -> Result<(), Trouble> {
    let assignments = leader.get(&format!("/incidents/{incident}/assignments")).await?;
    let items = assignments.get("items").or_else(|| assignments.get("assignments")).and_then(Value::as_array);
    for assignment in items.into_iter().flatten() {
        let path = format!("/assignments/{}/events", text(assignment, "id"));
        for event in ["on_scene", "cleared"] {
            leader.post(&path, &json!({ "event": event, "at": ago(0) })).await?;
        }
    }
    Ok(())
}

fn record(quarrel: &Quarrel, leader: &str, helper: &str, parties: &[Uuid; 2], term: Uuid) -> Value {
    let [one, other] = parties;
    let mut people = serde_json::Map::new();
    for (id, (name, role, number, phone)) in parties.iter().zip(quarrel.parties) {
        people.insert(
            id.to_string(),
            json!({
                "role": role, "name": name, "ethnic": "汉族",
                "id_type": "resident_id", "id_number": with_check(number), "phone": format!("1380013800{phone}"),
                "address": "江苏省常州市金坛区东门大街", "occupation": "个体经营者", "can_write": true,
                "statement": format!("{name}陈述：情况属实，愿意接受调解。"),
            }),
        );
    }
    let on_the_spot = quarrel.end == End::OnTheSpot;
    let (what, amount, how) = quarrel.term;
    let due = match quarrel.end {
        End::OnTheSpot => day(Span::new()),
        End::Running | End::AwaitsSeal | End::InSession => day(Span::new().weeks(3)),
        End::Broken => day(Span::new().days(-7)),
    };
    let mut record = json!({
        "began_at": ago(3_000), "ended_at": ago(900),
        "assistants": [helper], "nature": if quarrel.kind == "people" { "civil" } else { "fight" },
        "minor": true, "ground": "kin_neighbours",
        "cause": quarrel.cause, "facts": quarrel.facts, "result": quarrel.result,
        "disputed_points": "赔偿数额和履行时间", "responsibility": "双方对责任划分没有异议。",
        "no_loss_dispute": true, "performed_on_the_spot": on_the_spot, "open": true,
        "application": "双方当事人当场口头申请调解。", "read_aloud": { "by": leader, "at": ago(1_000) },
        "parties": people,
        "terms": { term.to_string(): {
            "what": what, "debtor": one, "creditor": other, "amount_fen": amount, "due_on": due, "how": how,
        } },
    });
    if let Some(record) = record.as_object_mut().filter(|_| quarrel.end == End::InSession) {
        for later in ["ended_at", "read_aloud", "terms", "no_loss_dispute", "responsibility"] {
            record.remove(later);
        }
    }
    record
}

/// The number with the check digit of GB 11643 in its last place, so that invented people have possible numbers.
fn with_check(number: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = number.chars().take(17).filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits.zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let check = "10X98765432".chars().nth((sum % 11) as usize).unwrap_or('0');
    format!("{}{check}", number.get(..17).unwrap_or_default())
}

/// A name as a pen leaves it, another for each.
fn pen(seed: usize) -> Vec<Vec<[f64; 3]>> {
    let stroke = |n: usize| -> Vec<[f64; 3]> {
        let turn = (seed * 7 + n * 13) as f64;
        let (x, y) = (20.0 + n as f64 * 26.0, 40.0 + (turn * 1.7) % 25.0);
        let point = |step: usize| {
            let t = step as f64 / 14.0;
            let along = x + t * (30.0 - (turn * 5.0) % 22.0);
            [along, y + t * ((turn * 9.0) % 44.0 - 20.0) + (t * 6.3 + turn).sin() * 7.0, (n * 180 + step * 11) as f64]
        };
        (0..=14).map(point).collect()
    };
    (0..9).map(stroke).collect()
}

/// The same on paper, photographed: PNG in base64.
fn picture(pen: &[Vec<[f64; 3]>]) -> Result<String, Trouble> {
    let mut sheet = image::GrayImage::from_pixel(560, 220, image::Luma([252]));
    for stroke in pen {
        for pair in stroke.windows(2) {
            let [[x0, y0, _], [x1, y1, _]] = pair else { continue };
            for step in 0..40_u32 {
                let t = f64::from(step) / 40.0;
                let (x, y) = ((x0 + (x1 - x0) * t) * 2.0, (y0 + (y1 - y0) * t) * 2.0);
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (1, 2)] {
                    let at = ((x as i64 + dx) as u32, (y as i64 + dy) as u32);
                    if let Some(pixel) = sheet.get_pixel_mut_checked(at.0, at.1) {
                        *pixel = image::Luma([28]);
                    }
                }
            }
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    sheet.write_to(&mut bytes, image::ImageFormat::Png).map_err(|error| Trouble::Link(error.to_string()))?;
    Ok(STANDARD.encode(bytes.into_inner()))
}

pub(super) fn ago(seconds: i64) -> String {
    Clock::system().now().plus_secs(-seconds).to_string()
}

/// A day in China so far from today.
fn day(from_today: Span) -> String {
    date_of(Clock::system().now()).saturating_add(from_today).to_string()
}
