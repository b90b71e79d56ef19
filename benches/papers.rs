//! Papers of mediations, in process and on one core: from plain values to a PDF/A of two pages with a statutory form, a
//! table, drawn signatures, a code and embedded Chinese fonts.
//!
//! ```text
//! cargo bench --bench papers -- --seconds S [--into FILE]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that meets what it does not expect must fail loudly"
)]

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser as _;
use jiff::civil::date;
use serde_json::json;
use suixing::duty::mediation::Form;
use suixing::duty::mediation::paper::{
    Agreement, Case, Fonts, Host, Kind, Mark, PartyFacts, PartyRole, ReadAloud, Signature, Signer, Term, Verify,
    police, render,
};
use suixing::wiring::cli::print_line;
use suixing::wiring::simulate::process::peak_kib;
use suixing::wiring::simulate::stats::{cpu_seconds, round};

#[derive(clap::Parser)]
struct Task {
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Writes the last one there, to be looked at.
    #[arg(long)]
    into: Option<PathBuf>,
}

fn main() {
    let task = Task::parse_from(std::env::args().filter(|argument| argument != "--bench"));
    let fonts = Fonts::load(&[]).unwrap();
    // The first reads the fonts; a server has done so at its start.
    let cold = Instant::now();
    let mut last = render(&police(&agreement(0)), &fonts).unwrap();
    let first_ms = cold.elapsed().as_secs_f64() * 1e3;
    let (begun, cpu, mut times) = (Instant::now(), cpu_seconds("self"), Vec::new());
    let mut sound = true;
    while begun.elapsed().as_secs_f64() < task.seconds {
        let one = Instant::now();
        last = render(&police(&agreement(times.len())), &fonts).unwrap();
        times.push(one.elapsed().as_secs_f64() * 1e3);
        sound &= last.pages == 2 && last.pdf.starts_with(b"%PDF-1.7");
    }
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds("self") - cpu);
    times.sort_by(f64::total_cmp);
    if let Some(into) = task.into {
        std::fs::write(into, &last.pdf).unwrap();
    }
    print_line(&json!({
        "papers": times.len(), "papers_per_s": round(times.len() as f64 / elapsed, 2),
        "p50_ms": round(times[times.len() / 2], 2), "p99_ms": round(times[times.len() * 99 / 100], 2),
        "first_ms": round(first_ms, 1), "cpu_ms_per_paper": round(cpu * 1e3 / times.len() as f64, 2),
        "kib": round(last.pdf.len() as f64 / 1024.0, 1), "peak_mib": round(peak_kib("self") as f64 / 1024.0, 1),
        "sound": sound,
    }))
    .unwrap();
}

/// 治安调解协议书; no two alike.
fn agreement(n: usize) -> Agreement {
    let at = |hour: i8, minute: i8| date(2026, 11, 23).at(hour, minute, 0, 0);
    let party = |role: PartyRole, name: &str, sex: &str| PartyFacts {
        role,
        name: name.to_owned(),
        sex: sex.to_owned(),
        birth_date: Some(date(1988, 11, 17)),
        ethnic: "汉族".to_owned(),
        id_type: "居民身份证".to_owned(),
        id_number: "320413198811170019".to_owned(),
        occupation: "个体经营者".to_owned(),
        employer: "便民果蔬店".to_owned(),
        address: "江苏省常州市金坛区东门大街18号2幢".to_owned(),
        phone: "13800138000".to_owned(),
        statement: String::new(),
    };
    let signature = |signer: Signer, name: &str, seed: usize| Signature {
        signer,
        name: name.to_owned(),
        mark: strokes(seed + n),
        at: Some(at(15, 20)),
        notes: Vec::new(),
    };
    Agreement {
        kind: Kind::Police,
        office: "常州市公安局金坛分局城中派出所".to_owned(),
        serial: Some(format!("坛公（城中）治调字〔2026〕第{:06}号", n + 1)),
        copy_note: "一式三份".to_owned(),
        amends: None,
        leader: Host { name: "周明".to_owned(), post: "城中派出所 民警".to_owned() },
        assistants: vec![Host { name: "许思远".to_owned(), post: "城中派出所 民警".to_owned() }],
        place: "城中派出所调解室".to_owned(),
        began_at: Some(at(14, 5)),
        ended_at: Some(at(15, 15)),
        application: "双方当事人口头申请调解。".to_owned(),
        open: Some(true),
        parties: vec![party(PartyRole::Suspect, "刘强", "男"), party(PartyRole::Victim, "王海燕", "女")],
        others: Vec::new(),
        case: Case {
            at: Some(at(9, 40)),
            place: "东门大街烧烤摊前".to_owned(),
            people: String::new(),
            cause: "楼上住户与烧烤摊主因油烟、噪声长期不和。".to_owned(),
            facts: "王海燕下楼与摊主刘强理论，刘强推倒王海燕，致其左手腕擦伤；围观群众劝开后报警。".repeat(3),
            result: "王海燕左手腕软组织挫伤，医疗费八百六十元。".to_owned(),
            disputed_points: "赔偿数额和履行时间".to_owned(),
            responsibility: "刘强承担主要责任。".to_owned(),
        },
        terms: vec![Term {
            what: "刘强赔偿王海燕医疗费、误工费，今后二十二时前收摊并加装油烟净化装置。".to_owned(),
            debtor: "刘强".to_owned(),
            creditor: "王海燕".to_owned(),
            amount_fen: Some(186_000),
            due_on: Some(date(2026, 12, 14)),
            how: "银行转账".to_owned(),
        }],
        performed_on_the_spot: false,
        read_aloud: Some(ReadAloud { by: "周明".to_owned(), at: at(15, 10) }),
        recordings: vec!["执法记录仪，2026年11月23日14时3分至15时20分".to_owned()],
        form: Form::Written,
        signatures: vec![
            signature(Signer::Party(0), "刘强", 3),
            signature(Signer::Party(1), "王海燕", 11),
            signature(Signer::Leader, "周明", 23),
        ],
        date: date(2026, 11, 23),
        seal: None,
        verify: Some(Verify {
            url_text: "https://verify.example.cn/api/v1/verify/01a20872-8fa9-773c-8677-b672aaddf217".to_owned(),
            digest: "6018ca7c01044b6778e886483bd98ff8343c1bd5191aa051feb5ca2d7ae838a0".to_owned(),
        }),
        drill: false,
        made_at: at(15, 20),
    }
}

fn strokes(seed: usize) -> Mark {
    let stroke = |n: usize| -> Vec<(f32, f32)> {
        let turn = (seed * 7 + n * 13) as f32;
        let point = |step: usize| {
            let t = step as f32 / 30.0;
            (80.0 + n as f32 * 100.0 + t * 80.0, 400.0 + (t * 6.0 + turn).sin() * 120.0)
        };
        (0..=30).map(point).collect()
    };
    Mark::Strokes((0..8).map(stroke).collect())
}
