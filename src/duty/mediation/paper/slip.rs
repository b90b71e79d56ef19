//! The strip that a receipt printer at the scene gives each party: what was agreed, until when, and where to verify it.
//! It names nobody's particulars: no identity numbers, addresses or telephone numbers lie in somebody's pocket.

use super::agreement::{Agreement, Kind, side};
use super::{Paper, PaperKind, Section, Sheet, words};

/// The strip. `sheet`: [`Sheet::Slip80`] or [`Sheet::Slip58`].
pub fn slip(agreement: &Agreement, sheet: Sheet) -> Paper {
    let title = match agreement.kind {
        Kind::PoliceOnScene => "现场治安调解凭条",
        Kind::Police => "治安调解凭条",
        Kind::People => "人民调解凭条",
    };
    let leader = if agreement.kind == Kind::People { "人民调解员" } else { "主持人" };
    let parties = agreement.parties.iter().enumerate().map(|(at, party)| (side(at), party.name.clone()));
    let mut pairs: Vec<_> = parties.collect();
    pairs.push((leader.to_owned(), agreement.leader.name.clone()));
    pairs.push(("时间".to_owned(), agreement.time()));
    pairs.push(("地点".to_owned(), agreement.place.clone()));
    let terms = agreement.terms.iter().map(|term| {
        let due = match term.due_on {
            Some(due) => Some(format!("{}前履行", words::date(due))),
            None => agreement.performed_on_the_spot.then(|| "当场履行".to_owned()),
        };
        let beside: Vec<String> = term.amount_fen.map(words::amount).into_iter().chain(due).collect();
        let what = term.what.trim_end_matches('。');
        if beside.is_empty() { what.to_owned() } else { format!("{what}（{}）", beside.join("，")) }
    });
    Paper {
        kind: PaperKind::Slip,
        sheet,
        title: title.to_owned(),
        office: agreement.office.clone(),
        serial: agreement.serial.clone(),
        copy_note: String::new(),
        amends: agreement.amends.clone(),
        sections: vec![
            Section::Pairs(pairs),
            Section::Heading("协议内容".to_owned()),
            Section::List(terms.collect()),
            Section::Paragraph("本凭条不代替协议书，内容以协议书为准。".to_owned()),
        ],
        signatures: Vec::new(),
        seal: None,
        verify: agreement.verify.clone(),
        footer: None,
        drill: agreement.drill,
        draft: false,
        made_at: agreement.made_at,
    }
}
