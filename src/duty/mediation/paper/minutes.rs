//! 调解笔录: what was told to whom, who said what, and how it ended.

use super::agreement::{Agreement, Kind, RECORDER, block, or_nothing, side};
use super::forms::{others, paper};
use super::{Paper, PaperKind, Section, words};

/// What the minutes have beyond the agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// 记录人; empty: to be filled in by hand
    pub recorder: String,
    /// 第几次调解: 1 or 2
    pub round: usize,
    /// What the parties were told of their rights, in whole sentences; empty: the words of the law
    pub told: Vec<String>,
    /// Who said what, in order
    pub entries: Vec<Entry>,
    /// What shows it, one line each with what it shows
    pub recordings: Vec<String>,
    pub outcome: Outcome,
}

/// One utterance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As printed before the words: 主持人, 甲方（张三）
    pub speaker: String,
    pub words: String,
}

/// How the mediation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With the agreement whose terms are repeated in the minutes
    Agreed {
        /// What else there is to say of the result; may be empty
        words: String,
    },
    /// Without one; why, and which remedies the parties were told
    Failed { reason: String, remedies: String },
}

/// 调解笔录 of a mediation. It is signed by hand: what was signed on a screen is the agreement, which has neither the
/// statements nor the result in words, and nobody's signature stands under what he did not see.
pub fn minutes(agreement: &Agreement, talk: &Talk) -> Paper {
    let people = agreement.kind == Kind::People;
    let (office, leader) = if people { ("调解组织", "人民调解员") } else { ("调解机关", "主持人") };
    let pair = |name: &str, value: &str| (name.to_owned(), or_nothing(value));
    let mut rows = vec![
        vec![pair("调解时间", &agreement.time())],
        vec![pair("调解地点", &agreement.place)],
        vec![pair(office, &agreement.office), pair("调解次数", &format!("第{}次", words::count(talk.round.max(1))))],
        vec![pair(leader, &agreement.leader.name), pair("单位职务", &agreement.leader.post)],
    ];
    for host in &agreement.assistants {
        rows.push(vec![pair("参加人员", &host.name), pair("单位职务", &host.post)]);
    }
    let open = agreement.open.map_or("", |open| if open { "公开调解" } else { "不公开调解" });
    rows.push(vec![pair("记录人", &talk.recorder), pair("是否公开", open)]);
    rows.push(vec![pair("事由", &agreement.case.cause)]);
    let mut sections = vec![Section::Form { side: None, rows, large: false }];
    sections.push(Section::Heading("一、当事人".to_owned()));
    for (at, party) in agreement.parties.iter().enumerate() {
        sections.push(Section::Form { side: Some(party.heading(at)), rows: party.rows(agreement.date), large: false });
    }
    sections.extend(others(agreement, "二、其他参加人员"));
    sections.push(Section::Heading("三、告知事项".to_owned()));
    sections.push(Section::List(if talk.told.is_empty() { rights(people) } else { talk.told.clone() }));
    sections.push(Section::Heading("四、调解经过".to_owned()));
    sections.push(Section::Pairs(entries(agreement, talk)));
    sections.push(Section::Heading("五、调解结果".to_owned()));
    sections.extend(outcome(agreement, talk));
    sections.push(Section::Paragraph(
        "以上笔录已经交当事人阅读（没有阅读能力的，已经向其宣读），当事人认为记录无误，没有补充和更正。".to_owned(),
    ));
    let mut paper = paper(agreement, PaperKind::Minutes, "调解笔录", sections);
    paper.seal = None;
    paper.copy_note = String::new();
    paper.signatures.retain(|block| block.who != RECORDER);
    for place in &mut paper.signatures {
        *place = block(&place.who, &place.name, None);
    }
    paper.signatures.push(block(RECORDER, &talk.recorder, None));
    paper
}

/// What was said, the parties' statements where nobody wrote down who said what; then what was found, what was disputed, what shows it.
fn entries(agreement: &Agreement, talk: &Talk) -> Vec<(String, String)> {
    let mut entries: Vec<_> =
        talk.entries.iter().map(|entry| (entry.speaker.clone(), or_nothing(&entry.words))).collect();
    if entries.is_empty() {
        let parties = agreement.parties.iter().enumerate();
        let said = parties.map(|(at, party)| (format!("{}（{}）陈述", side(at), party.name), &party.statement));
        entries = said.map(|(speaker, words)| (speaker, or_nothing(words))).collect();
    }
    entries.push(("查明的事实".to_owned(), or_nothing(&agreement.case.facts)));
    entries.push(("争议事项".to_owned(), or_nothing(&agreement.case.disputed_points)));
    entries.push(("视听资料".to_owned(), or_nothing(&talk.recordings.join("\n"))));
    entries
}

fn outcome(agreement: &Agreement, talk: &Talk) -> Vec<Section> {
    match &talk.outcome {
        Outcome::Agreed { words } => {
            let mut sections = vec![
                Section::Paragraph(format!("经调解，{}自愿达成如下协议：", agreement.sides())),
                Section::List(agreement.terms.iter().map(|term| term.what.clone()).collect()),
            ];
            if !words.trim().is_empty() {
                sections.push(Section::Pairs(vec![("结果说明".to_owned(), words.clone())]));
            }
            sections
        }
        Outcome::Failed { reason, remedies } => vec![
            Section::Paragraph("经调解，当事人未能达成协议。".to_owned()),
            Section::Pairs(vec![
                ("原因".to_owned(), or_nothing(reason)),
                ("已经告知的救济途径".to_owned(), or_nothing(remedies)),
            ]),
        ],
    }
}

/// By Article 183 of the 程序规定 and Article 9 of the 治安管理处罚法; by Article 23 of the 人民调解法.
fn rights(people: bool) -> Vec<String> {
    let told: &[&str] = if people {
        &[
            "人民调解在当事人自愿、平等的基础上进行，不违背法律、法规和国家政策，尊重当事人的权利，不因调解而阻止当事人依法维护自己的权利，不收取任何费用。",
            "当事人可以选择或者接受人民调解员，接受、拒绝调解或者要求终止调解，要求调解公开或者不公开进行，自主表达意愿、自愿达成调解协议。",
            "当事人应当如实陈述纠纷事实，遵守调解现场秩序，尊重人民调解员，尊重对方当事人行使权利。",
        ]
    } else {
        &[
            "治安调解遵循合法、公正、自愿、及时的原则，在双方自愿的基础上进行，任何一方可以拒绝或者终止调解。",
            "调解达成协议并履行的，公安机关不予处罚；未达成协议或者达成协议后不履行的，公安机关依法作出处理，当事人可以就民事争议依法向人民法院提起民事诉讼。",
            "当事人认为主持人与本案有利害关系，可能影响公正调解的，有权要求其回避。",
        ]
    };
    told.iter().map(|text| (*text).to_owned()).collect()
}
