//! The three agreements.
//!
//! 治安调解协议书 is form 18 of the 公安行政法律文书式样: mediating body, leader with unit and post, place, basics of both parties
//! and of the other people present, main facts (time, place, people, cause, course, circumstances, result), what was
//! agreed, until when and how it is to be done, effect, copies, signatures of parties, witness and leader, seal. That is
//! what Article 184 of the 程序规定 asks for. 现场治安调解协议书 (公通字〔2007〕81号) says the same with three numbered copies and
//! that all was done on the spot. 人民调解协议书 is the form of the Ministry of Justice (2010) with what Article 29 of the
//! 人民调解法 lists.

use super::super::Form;
use super::agreement::{Agreement, Kind, NOTHING, Term, or_nothing};
use super::{Align, Column, Paper, PaperKind, Section, Sheet, words};

/// 现场治安调解协议书
pub fn police_on_scene(agreement: &Agreement) -> Paper {
    let mut sections = opening(agreement, "主持人", "调解地点");
    sections.extend(case(agreement));
    sections.extend(agreed(agreement, "四、协议内容、履行期限和方式"));
    let mut effect = effect_of_police(agreement);
    effect.extend(copies(agreement, "调解机关"));
    sections.push(Section::Paragraph(effect.join("\n")));
    paper(agreement, PaperKind::PoliceOnScene, "现场治安调解协议书", sections)
}

/// 治安调解协议书
pub fn police(agreement: &Agreement) -> Paper {
    let mut sections = opening(agreement, "主持人", "调解地点");
    sections.extend(case(agreement));
    sections.extend(agreed(agreement, "四、协议内容、履行期限和方式"));
    let mut effect = effect_of_police(agreement);
    effect.extend(copies(agreement, "调解机关"));
    sections.push(Section::Paragraph(effect.join("\n")));
    paper(agreement, PaperKind::Police, "治安调解协议书", sections)
}

/// What the mediator writes down of an agreement by word of mouth (人民调解法 articles 28 and 30; 司法部 人民调解文书格式).
pub const ORAL: &str = "人民调解口头协议登记表";

/// 人民调解协议书, or 人民调解口头协议登记表
pub fn people(agreement: &Agreement) -> Paper {
    let mut sections = opening(agreement, "人民调解员", "调解地点");
    sections.push(Section::Heading("三、纠纷主要事实、争议事项和各方责任".to_owned()));
    let facts = &agreement.case;
    let mut pairs = Vec::new();
    for (name, text) in [("主要事实", joined(agreement)), ("争议事项", facts.disputed_points.clone())] {
        pairs.push((name.to_owned(), or_nothing(&text)));
    }
    pairs.push(("各方责任".to_owned(), or_nothing(&facts.responsibility)));
    sections.push(Section::Pairs(pairs));
    sections.extend(agreed(agreement, "四、协议内容、履行方式和期限"));
    let from = match agreement.form {
        // 人民调解法 article 30
        Form::Oral => {
            "当事人认为无需制作调解协议书，采取口头协议方式，由人民调解员记录协议内容。口头协议自各方当事人达成协议之日起生效。各方当事人应当按照约定履行。"
        }
        _ => {
            "本协议自各方当事人签名、盖章或者按指印，人民调解员签名并加盖人民调解委员会印章之日起生效。各方当事人应当按照约定履行。"
        }
    };
    let mut effect = vec![
        from.to_owned(),
        "各方当事人认为有必要的，可以自本协议生效之日起三十日内共同向人民法院申请司法确认。就协议的履行或者协议的内容发生争议的，可以向人民法院提起诉讼。"
            .to_owned(),
    ];
    effect.extend(proceedings(agreement));
    effect.extend(copies(agreement, "人民调解委员会"));
    sections.push(Section::Paragraph(effect.join("\n")));
    let title = if agreement.form == Form::Oral { ORAL } else { "人民调解协议书" };
    paper(agreement, PaperKind::People, title, sections)
}

/// What every document made from an agreement has in common.
pub(super) fn paper(agreement: &Agreement, kind: PaperKind, title: &str, sections: Vec<Section>) -> Paper {
    Paper {
        kind,
        sheet: Sheet::A4,
        title: title.to_owned(),
        office: agreement.office.clone(),
        serial: agreement.serial.clone(),
        copy_note: if agreement.form == Form::Written { agreement.copy_note.clone() } else { String::new() },
        amends: agreement.amends.clone(),
        sections,
        signatures: agreement.blocks(),
        seal: agreement.seal.clone(),
        verify: agreement.verify.clone(),
        footer: None,
        drill: agreement.drill,
        draft: false,
        made_at: agreement.made_at,
    }
}

/// Who leads, where and when; the parties; who else is there.
fn opening(agreement: &Agreement, leader: &str, place: &str) -> Vec<Section> {
    let pair = |name: &str, value: &str| (name.to_owned(), or_nothing(value));
    let mut rows = vec![vec![pair(leader, &agreement.leader.name), pair("单位职务", &agreement.leader.post)]];
    for host in &agreement.assistants {
        let role = if agreement.kind == Kind::People { leader } else { "参加人员" };
        rows.push(vec![pair(role, &host.name), pair("单位职务", &host.post)]);
    }
    rows.push(vec![pair(place, &agreement.place)]);
    rows.push(vec![pair("调解时间", &agreement.time())]);
    let mut manner = Vec::new();
    if !agreement.application.trim().is_empty() {
        manner.push(pair("申请情况", &agreement.application));
    }
    if let Some(open) = agreement.open {
        manner.push(pair("是否公开", if open { "公开调解" } else { "不公开调解" }));
    }
    if !manner.is_empty() {
        rows.push(manner);
    }
    let mut sections = vec![Section::Form { side: None, rows, large: false }];
    sections.push(Section::Heading("一、当事人基本情况".to_owned()));
    for (at, party) in agreement.parties.iter().enumerate() {
        sections.push(Section::Form { side: Some(party.heading(at)), rows: party.rows(agreement.date), large: false });
    }
    sections.extend(others(agreement, "二、其他在场人员基本情况"));
    sections
}

/// The table of the other people under its heading, which says if there are none.
pub(super) fn others(agreement: &Agreement, heading: &str) -> Vec<Section> {
    if agreement.others.is_empty() {
        return vec![Section::Heading(format!("{heading}：无"))];
    }
    let rows = agreement.others.iter().map(|other| {
        let of = other.party.map(super::agreement::side).unwrap_or_default();
        let relation = [of.as_str(), other.relation.as_str()].concat();
        let relation = if other.scope.trim().is_empty() {
            relation
        } else {
            format!("{relation}\n代理权限：{}", other.scope)
        };
        let id = format!("{}\n{}", other.id_type, other.id_number);
        let texts = [&other.name, other.role.words(), &relation, id.trim(), &other.phone];
        texts.map(or_nothing).to_vec()
    });
    let columns = [("姓名", 1.1), ("身份", 1.2), ("与当事人关系", 1.7), ("身份证件", 2.2), ("联系方式", 1.5)];
    let table = Section::Table { columns: table_columns(&columns), rows: rows.collect() };
    vec![Section::Heading(heading.to_owned()), table]
}

pub(super) fn table_columns(columns: &[(&str, f32)]) -> Vec<Column> {
    let column = |(title, share): &(&str, f32)| Column {
        title: (*title).to_owned(),
        share: *share,
        align: if *share < 1.0 { Align::Centre } else { Align::Left },
    };
    columns.iter().map(column).collect()
}

/// Facts as Article 184 lists them.
fn case(agreement: &Agreement) -> Vec<Section> {
    let case = &agreement.case;
    let names: Vec<&str> = agreement.parties.iter().map(|party| party.name.as_str()).collect();
    let people = if case.people.trim().is_empty() { names.join("、") } else { case.people.clone() };
    let named = [
        ("时间", case.at.map(words::date_time).unwrap_or_default()),
        ("地点", case.place.clone()),
        ("人员", people),
        ("起因", case.cause.clone()),
        ("经过和情节", case.facts.clone()),
        ("结果", case.result.clone()),
    ];
    let mut pairs: Vec<_> = named.iter().map(|(name, text)| ((*name).to_owned(), or_nothing(text))).collect();
    for (name, text) in [("争议事项", &case.disputed_points), ("各方责任", &case.responsibility)] {
        if !text.trim().is_empty() {
            pairs.push((name.to_owned(), text.clone()));
        }
    }
    vec![Section::Heading("三、主要事实".to_owned()), Section::Pairs(pairs)]
}

/// The same as one text, for the people's form.
fn joined(agreement: &Agreement) -> String {
    let case = &agreement.case;
    let at = case.at.map(words::date_time).unwrap_or_default();
    let when = [at.as_str(), case.place.as_str()].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>();
    let mut text = when.join("，");
    if !text.is_empty() {
        text.push('。');
    }
    for part in [&case.cause, &case.facts, &case.result] {
        text += part.trim();
    }
    text
}

/// What was agreed, then who does it until when and how.
fn agreed(agreement: &Agreement, heading: &str) -> Vec<Section> {
    let mut sections = vec![
        Section::Heading(heading.to_owned()),
        Section::Paragraph(format!("经调解，{}自愿达成如下协议：", agreement.sides())),
        Section::List(agreement.terms.iter().map(|term| term.what.clone()).collect()),
    ];
    if agreement.terms.iter().any(|term| term.amount_fen.is_some() || term.due_on.is_some() || !term.how.is_empty()) {
        let rows = agreement.terms.iter().zip(1..);
        let rows = rows.map(|(term, number)| performance(term, number, agreement.performed_on_the_spot));
        let columns =
            [("条款", 0.7), ("义务人", 1.1), ("权利人", 1.1), ("金额", 2.2), ("履行期限", 1.9), ("履行方式", 1.6)];
        sections.push(Section::Space(0.3));
        sections.push(Section::Table { columns: table_columns(&columns), rows: rows.collect() });
    }
    sections
}

fn performance(term: &Term, number: usize, on_the_spot: bool) -> Vec<String> {
    let due = match term.due_on {
        Some(due) => format!("{}前", words::date(due)),
        None if on_the_spot => "当场履行".to_owned(),
        None => NOTHING.to_owned(),
    };
    vec![
        number.to_string(),
        or_nothing(&term.debtor),
        or_nothing(&term.creditor),
        term.amount_fen.map_or_else(|| NOTHING.to_owned(), words::amount),
        due,
        or_nothing(&term.how),
    ]
}

/// Effect by Article 9 of the 治安管理处罚法 and Article 185 of the 程序规定.
fn effect_of_police(agreement: &Agreement) -> Vec<String> {
    let from = match agreement.form {
        // 程序规定 article 178: on film it takes the place of a paper.
        Form::OnFilm => "本调解以同步录音录像固定，未另行制作纸质签名文书，本协议自当事人在录音录像中确认之时起生效。",
        _ => "本协议自当事人签名之时起生效。",
    };
    let mut effect = vec![from.to_owned()];
    if agreement.performed_on_the_spot {
        effect.push("本协议内容已经当场履行完毕，公安机关对违反治安管理行为人不予处罚。".to_owned());
    } else {
        effect.push(
            "经公安机关调解，当事人达成协议并履行的，公安机关不予处罚；达成协议后不履行的，公安机关依法对违反治安管理行为作出处理，当事人可以就民事争议依法向人民法院提起民事诉讼。"
                .to_owned(),
        );
    }
    effect.extend(proceedings(agreement));
    effect
}

/// What was recorded and read aloud.
fn proceedings(agreement: &Agreement) -> Vec<String> {
    let mut lines = Vec::new();
    if !agreement.recordings.is_empty() {
        lines.push(format!("调解过程录音录像：{}。", agreement.recordings.join("；")));
    }
    if let Some(read) = &agreement.read_aloud {
        lines.push(format!(
            "{}由{}于{}向{}宣读，{}表示听清并理解全部内容，没有异议。",
            if agreement.form == Form::Written { "本协议书" } else { "以上协议内容" },
            read.by,
            words::date_time(read.at),
            agreement.sides(),
            agreement.sides()
        ));
    }
    lines
}

/// How many copies there are and who has them: each party one, and one for the file (公通字〔2007〕81号; 人民调解法 article
/// 29, paragraph 2: the committee keeps it).
/// None where no paper is signed: what is written down then is the mediator's or the recording's record.
fn copies(agreement: &Agreement, keeper: &str) -> Option<String> {
    if agreement.form != Form::Written {
        return None;
    }
    let unit = unit_of(agreement.kind);
    let mut text = format!(
        "本协议书{}，{}各执一{unit}，{keeper}留存一{unit}。",
        copy_note(agreement.kind, agreement.parties.len()),
        agreement.sides()
    );
    if agreement.kind == Kind::PoliceOnScene {
        let whose = (0..agreement.parties.len())
            .map(|at| format!("，第{}联交当事人（{}）", words::count(at + 2), super::agreement::side(at)));
        text += &format!("第一联由{keeper}存档{}。", whose.collect::<String>());
    }
    Some(text)
}

/// 一式三份 of two parties, in words.
pub fn copy_note(kind: Kind, parties: usize) -> String {
    format!("一式{}{}", words::count(parties + 1), unit_of(kind))
}

/// The form for the spot is a pad of sheets that copy through.
const fn unit_of(kind: Kind) -> &'static str {
    match kind {
        Kind::PoliceOnScene => "联",
        Kind::Police | Kind::People => "份",
    }
}
