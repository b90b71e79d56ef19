//! 收条 for what was paid or handed over, and 送达回证 for documents that were handed over.

use jiff::civil::{Date, DateTime};

use super::agreement::{Signature, block, or_nothing};
use super::forms::table_columns;
use super::{Mark, Paper, PaperKind, Section, Sheet, SignatureBlock, Verify, words};

/// That a term was performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    pub office: String,
    pub serial: Option<String>,
    /// Name and number of the agreement: 人民调解协议书（…号）
    pub agreement: String,
    /// Which term, counted from 1
    pub term: usize,
    /// What it was for, in words
    pub what: String,
    /// Who performed
    pub from: String,
    /// Who received
    pub to: String,
    pub amount_fen: Option<i64>,
    pub received_on: Date,
    /// 转账, 现金
    pub how: String,
    /// What the receiver says of it, in his own words
    pub words: String,
    /// What shows it: the item of evidence
    pub proof: String,
    pub note: String,
    /// The receiver's signature; none: to be signed on paper
    pub signature: Option<Signature>,
    /// Who wrote it down, with a signature if there is one; whether he was there nobody said
    pub recorder: Option<(String, Option<Signature>)>,
    pub verify: Option<Verify>,
    pub drill: bool,
    pub made_at: DateTime,
}

/// 收条
pub fn receipt(receipt: &Receipt) -> Paper {
    let what = or_nothing(receipt.what.trim().trim_end_matches('。'));
    let given = receipt.amount_fen.map_or_else(|| "上述给付".to_owned(), words::amount);
    let (from, term) = (or_nothing(&receipt.from), words::count(receipt.term));
    let text = format!("今收到{from}依照{}第{term}条（{what}）给付的{given}。", receipt.agreement);
    let pair = |name: &str, value: &str| (name.to_owned(), or_nothing(value));
    let rows = vec![
        vec![pair("给付人", &receipt.from), pair("收受人", &receipt.to)],
        vec![pair("金额", &receipt.amount_fen.map(words::amount).unwrap_or_default())],
        vec![pair("给付方式", &receipt.how), pair("收到日期", &words::date(receipt.received_on))],
        vec![pair("收受人意见", &receipt.words)],
        vec![pair("凭证", &receipt.proof)],
        vec![pair("备注", &receipt.note)],
    ];
    let mut signatures = vec![block("收受人签名", &receipt.to, receipt.signature.as_ref())];
    if let Some((name, signature)) = &receipt.recorder {
        signatures.push(block("记录人", name, signature.as_ref()));
    }
    Paper {
        kind: PaperKind::Receipt,
        sheet: Sheet::A4,
        title: "收　条".to_owned(),
        office: receipt.office.clone(),
        serial: receipt.serial.clone(),
        copy_note: String::new(),
        amends: None,
        sections: vec![
            Section::Paragraph(text),
            Section::Space(0.4),
            Section::Form { side: None, rows, large: false },
            Section::Paragraph("特立此据。".to_owned()),
        ],
        signatures,
        seal: None,
        verify: receipt.verify.clone(),
        footer: None,
        drill: receipt.drill,
        draft: false,
        made_at: receipt.made_at,
    }
}

/// That documents were handed to somebody, refused or sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub office: String,
    pub serial: Option<String>,
    /// 事由
    pub cause: String,
    /// 受送达人
    pub to: String,
    /// 送达地点
    pub place: String,
    pub items: Vec<DeliveryItem>,
    /// The receiver's signature; none: to be signed on paper
    pub receiver: Option<Signature>,
    /// Somebody who received it for the other: name and why
    pub instead: Option<(String, String)>,
    /// 送达人
    pub by: Vec<String>,
    /// Whoever saw that it was refused has a place to sign
    pub witness: bool,
    pub note: String,
    pub verify: Option<Verify>,
    pub drill: bool,
    pub made_at: DateTime,
}

/// One document that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryItem {
    /// Its name and number
    pub document: String,
    pub copies: u32,
    /// 当场交付, 邮寄, 拒收
    pub how: String,
    pub at: Option<DateTime>,
}

/// 送达回证
pub fn delivery(delivery: &Delivery) -> Paper {
    let pair = |name: &str, value: &str| (name.to_owned(), or_nothing(value));
    // Where it was handed over and to whom instead is written by hand if it is not known: left free, not struck out.
    let free = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let instead = delivery.instead.as_ref();
    let rows = vec![
        vec![pair("事由", &delivery.cause)],
        vec![pair("受送达人", &delivery.to)],
        vec![free("送达地点", &delivery.place)],
        vec![
            free("代收人", instead.map_or("", |(name, _)| name)),
            free("代收理由", instead.map_or("", |(_, reason)| reason)),
        ],
        vec![pair("送达人", &delivery.by.join("、"))],
        vec![free("备注", &delivery.note)],
    ];
    let list = delivery.items.iter().map(|item| {
        let at = item.at.map(words::date_time).unwrap_or_default();
        vec![or_nothing(&item.document), item.copies.to_string(), or_nothing(&item.how), or_nothing(&at)]
    });
    let columns = [("送达文书名称及文号", 3.2), ("份数", 0.8), ("送达方式", 1.4), ("送达时间", 2.2)];
    let receiver = instead.map_or(delivery.to.as_str(), |(name, _)| name);
    let mut signatures = vec![block("受送达人（代收人）签名", receiver, delivery.receiver.as_ref())];
    if delivery.witness {
        signatures.push(block("见证人签名", "", None));
    }
    signatures.extend(delivery.by.iter().map(|name| SignatureBlock {
        who: "送达人签名".to_owned(),
        name: name.clone(),
        mark: Mark::Blank,
        at: String::new(),
        notes: Vec::new(),
    }));
    Paper {
        kind: PaperKind::Delivery,
        sheet: Sheet::A4,
        title: "送达回证".to_owned(),
        office: delivery.office.clone(),
        serial: delivery.serial.clone(),
        copy_note: String::new(),
        amends: None,
        sections: vec![
            Section::Form { side: None, rows, large: false },
            Section::Table { columns: table_columns(&columns), rows: list.collect() },
        ],
        signatures,
        seal: None,
        verify: delivery.verify.clone(),
        footer: None,
        drill: delivery.drill,
        draft: false,
        made_at: delivery.made_at,
    }
}
