//! What a record says comes out of its papers again, as another program reads them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

const DELEGATE: &str = "01900000-0000-7000-8000-0000000000d1";
const CLIP: &str = "01900000-0000-7000-8000-0000000000e1";
/// Names that fonts of daily use lack: of CJK extension B, and rare ones of the first plane.
const RARE_A: &str = "𠮷田𠀋㐂";
const RARE_B: &str = "<script>alert(1)</script>&amp;龘䶮";

#[tokio::test]
async fn every_field_of_a_record_comes_out_of_its_papers_again() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Extract").await;
    let paper = json!({ "certificate": { "number": "苏人调5", "expires_on": day(9) } });
    scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    for kind in ["police_on_scene", "police", "people"] {
        let record = whole(&scene, kind);
        let table = Table::set(&scene, kind, record.clone()).await;
        all_who_must(&table).await;
        let done = table.finalize().await.expect(200);
        let papers = table.papers().await;
        assert!(papers.as_array().unwrap().iter().all(|one| one["problem"].is_null()), "{papers}");
        let agreement = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
        let minutes = printed(&scene.wang, &table.at("documents/minutes.pdf")).await;
        let name = |who: &Officer| who.person["name"].as_str().unwrap().to_owned();
        for text in [&agreement, &minutes] {
            // A character without a glyph or without its code would come out as one of these.
            assert!(!text.contains(['\u{fffd}', '\u{25a1}', '\u{0}']), "{text}");
            for part in [done["serial_no"].as_str().unwrap().to_owned(), name(&scene.wang), name(&scene.li)] {
                assert!(text.contains(&bare(&part)), "{part} in {text}");
            }
        }
        for (field, value) in fields(&record) {
            let (on_agreement, on_minutes) = (agreement.contains(&bare(&value)), minutes.contains(&bare(&value)));
            // The people's form has no place for what each side said or how the session went; its minutes have.
            let wanted = match field.as_str() {
                "statement" | "consent_words" | "outcome_words" => on_minutes,
                // Nobody signed these, so they stand where the signatures come by hand.
                "covers" | "note" => on_minutes && !on_agreement,
                "responsibility" | "application" | "how" | "case_place" | "result" => on_agreement,
                "disputed_points" | "facts" | "cause" => on_agreement,
                _ => on_agreement && on_minutes,
            };
            assert!(wanted, "{kind}: {field} = {value}\n{agreement}\n\n{minutes}");
        }
        let dates = ["1949年12月31日", "当场", "人民币陆佰元整（¥600.00）"];
        for part in dates.iter().filter(|part| kind == "police_on_scene" || **part != "当场") {
            assert!(agreement.contains(part), "{kind}: {part} in {agreement}");
        }
        let title = match kind {
            "police_on_scene" => "现场治安调解协议书",
            "police" => "治安调解协议书",
            _ => "人民调解协议书",
        };
        assert!(agreement.contains(title) && minutes.contains("调解笔录"));
        let copies = if kind == "police_on_scene" { "一式三联" } else { "一式三份" };
        assert_eq!(agreement.matches(copies).count(), 2, "under the title and before the signatures");
    }
}

#[tokio::test]
async fn what_no_font_has_is_named_and_no_box_is_printed() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "NoFont").await;
    for (name, code) in [("阿不都 محمد", "U+0645"), ("שלום", "U+05E9"), ("王😀", "U+1F600"), ("\u{E815}某", "U+E815")]
    {
        let mut record = quarrel(&scene.wang, &scene.li);
        record["parties"][PARTY_B]["name"] = json!(name);
        let table = Table::set(&scene, "police_on_scene", record).await;
        // Told while it may still be mended, to who may mend it.
        let early = table.now().await["unprintable"].clone();
        let field = format!("parties/{PARTY_B}/name");
        let character = char::from_u32(u32::from_str_radix(&code[2..], 16).unwrap()).unwrap();
        assert_eq!(early, json!([{ "field": field, "character": character }]), "{name}");
        table.signed().await;
        table.finalize().await.expect(200);
        let papers = table.papers().await;
        for paper in papers.as_array().unwrap() {
            assert_eq!(paper["evidence_id"], Value::Null, "{name}: nothing is printed with a gap");
            assert!(paper["problem"].as_str().unwrap().contains(code), "{name}: {paper}");
        }
        let told = scene.wang.get(&table.at("documents/agreement.pdf")).await.problem(409, "conflict");
        assert!(told["detail"].as_str().unwrap().contains(code), "{}", told.json);
    }
}

#[tokio::test]
async fn every_font_of_a_paper_is_in_it_with_its_characters() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Embedded").await;
    let table = Table::set(&scene, "police_on_scene", whole(&scene, "police_on_scene")).await;
    all_who_must(&table).await;
    table.finalize().await.expect(200);
    table.papers().await;
    for kind in ["agreement", "minutes", "volume", "slip"] {
        let pdf = scene.wang.bytes(&table.at(&format!("documents/{kind}.pdf")), &[]).await.expect(200).body;
        let told = through("pdffonts", &["-"], &pdf);
        // name, type, encoding, emb, sub, uni, object, generation
        let fonts: Vec<Vec<&str>> = told.lines().skip(2).map(|line| line.split_whitespace().rev().collect()).collect();
        assert!(!fonts.is_empty(), "{kind}");
        for font in fonts {
            assert_eq!(font[2..5], ["yes", "yes", "yes"], "{kind}: in the file, only what is used, readable: {told}");
        }
    }
}

/// A record in which nothing that is printed is empty.
fn whole(scene: &Scene, kind: &str) -> Value {
    let mut record = match kind {
        "police_on_scene" => quarrel(&scene.wang, &scene.li),
        "police" => later(&scene.wang, &scene.li),
        _ => civil(&scene.wang, &scene.li),
    };
    for (name, text) in [
        ("application", "当事人共同口头申请调解"),
        ("outcome_words", "双方握手言和，自行离开。"),
        ("facts", "张某说：“走！”——随后推搡<b>一次</b>；RTL：A-B，(1) 50% ≥ ½ ①②，价值￥580.00元。"),
    ] {
        record[name] = json!(text);
    }
    for (party, name, occupation) in [(PARTY_A, RARE_A, "快递员"), (PARTY_B, RARE_B, "教师")] {
        record["parties"][party]["name"] = json!(name);
        record["parties"][party]["occupation"] = json!(occupation);
        record["parties"][party]["statement"] = json!(format!("{occupation}陈述：车挡住了门口，镕堃可以作证。"));
        record["parties"][party]["consent_words"] = json!(format!("{occupation}愿意接受调解。"));
    }
    record["others"] = json!({ DELEGATE: {
        "role": "delegate", "for": PARTY_B, "name": "欧阳㛃", "relation": "配偶", "scope": "代为承认、变更请求，进行和解",
        "id_type": "passport", "id_number": "E12345678", "phone": "13900139000",
    } });
    record["evidence"] = json!({ CLIP: { "covers": "双方表示同意的全过程", "note": "执法记录仪三号", "from_ms": 61_000, "to_ms": 3_723_000 } });
    record
}

/// The texts of a record that are printed as they were written, by the name of their field.
fn fields(record: &Value) -> Vec<(String, String)> {
    const TEXTS: [&str; 24] = [
        "place",
        "application",
        "case_place",
        "cause",
        "facts",
        "result",
        "disputed_points",
        "responsibility",
        "outcome_words",
        "name",
        "ethnic",
        "id_number",
        "phone",
        "address",
        "occupation",
        "employer",
        "statement",
        "consent_words",
        "relation",
        "scope",
        "what",
        "how",
        "covers",
        "note",
    ];
    let mut found = Vec::new();
    let mut open = vec![record];
    while let Some(Value::Object(map)) = open.pop() {
        for (name, value) in map {
            match value {
                Value::String(text) if TEXTS.contains(&name.as_str()) => found.push((name.clone(), text.clone())),
                Value::Object(_) => open.push(value),
                _ => {}
            }
        }
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

/// From the table to the last signature of those whose it needs.
async fn all_who_must(table: &Table<'_>) {
    table.agree().await;
    let required = table.now().await["signing"]["required"].clone();
    for signer in required.as_array().unwrap() {
        table.sign(signer["id"].as_str().unwrap(), json!({ "image": picture() })).await.expect(201);
    }
    assert_eq!(table.now().await["state"], "signed");
}

/// Text without what only divides lines and columns.
pub fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What another program reads on a paper, page by page, in the order in which it was set.
pub async fn printed(who: &Officer, url: &str) -> String {
    let pdf = who.bytes(url, &[]).await.expect(200).body;
    assert!(pdf.starts_with(b"%PDF-1.7"), "{url}");
    bare(&through("pdftotext", &["-raw", "-enc", "UTF-8", "-", "-"], &pdf))
}

/// The width of the first page.
pub fn width_mm(pdf: &[u8]) -> f64 {
    let told = through("pdfinfo", &["-"], pdf);
    let size = told.lines().find_map(|line| line.strip_prefix("Page size:")).unwrap().trim().to_owned();
    size.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 25.4 / 72.0
}

/// What a program of poppler-utils says of a file; scripts/test installs it.
fn through(program: &str, args: &[&str], pdf: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{program}: {why}; install poppler-utils"));
    // It reads all of it before it says anything.
    child.stdin.take().unwrap().write_all(pdf).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("readable text")
}
