//! 卷宗: the cover of a file and the list of its papers, as the forms of the Ministry of Justice have them (name, number,
//! mediator, days, who filed it and when, how long it is kept; number, name, page and remarks of each paper).

use jiff::civil::{Date, DateTime};

use super::agreement::{Kind, or_nothing};
use super::forms::table_columns;
use super::{Paper, PaperKind, Section, Sheet, Verify, words};

/// A file.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    pub kind: Kind,
    pub office: String,
    /// 卷名: whose dispute about what
    pub name: String,
    /// 卷号
    pub number: String,
    /// 文书编号 of the agreement
    pub serial: Option<String>,
    pub mediators: Vec<String>,
    pub began_on: Date,
    pub ended_on: Option<Date>,
    /// 立卷人
    pub filed_by: String,
    pub filed_on: Date,
    /// 保管期限
    pub keep_for: String,
    pub note: String,
    pub items: Vec<VolumeItem>,
    pub verify: Option<Verify>,
    pub drill: bool,
    pub made_at: DateTime,
}

/// A paper of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeItem {
    pub name: String,
    pub serial: String,
    /// First page within the file; none: not numbered yet
    pub from_page: Option<u32>,
    pub pages: u32,
    pub note: String,
}

/// Cover and list.
pub fn file_cover(volume: &Volume) -> Paper {
    let pair = |name: &str, value: &str| (name.to_owned(), or_nothing(value));
    // Who keeps the files writes these; left free, not struck out.
    let free = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let days = volume.ended_on.map_or_else(
        || format!("{}至　　　　年　　月　　日", words::date(volume.began_on)),
        |ended| format!("{}至{}", words::date(volume.began_on), words::date(ended)),
    );
    let mediator = if volume.kind == Kind::People { "人民调解员" } else { "主持人" };
    let pages: u32 = volume.items.iter().map(|item| item.pages).sum();
    let rows = vec![
        vec![pair("卷名", &volume.name)],
        vec![free("卷号", &volume.number)],
        vec![pair("文书编号", volume.serial.as_deref().unwrap_or_default())],
        vec![pair(mediator, &volume.mediators.join("、"))],
        vec![pair("调解日期", &days)],
        vec![pair("卷内文书", &format!("{}份，共{pages}页", volume.items.len()))],
        vec![pair("立卷人", &volume.filed_by), pair("立卷日期", &words::date(volume.filed_on))],
        vec![free("保管期限", &volume.keep_for)],
        vec![free("备注", &volume.note)],
    ];
    let list = volume.items.iter().zip(1_usize..).map(|(item, number)| {
        let page = item.from_page.map_or_else(String::new, |from| {
            let to = from.saturating_add(item.pages.saturating_sub(1));
            if to > from { format!("{from}-{to}") } else { from.to_string() }
        });
        let texts = [item.name.as_str(), &item.serial, &page, &item.note];
        let mut row = vec![number.to_string()];
        row.extend(texts.map(or_nothing));
        row
    });
    let columns = [("序号", 0.8), ("文书名称", 3.0), ("文书编号", 3.0), ("页号", 0.9), ("备注", 1.4)];
    let title = if volume.kind == Kind::People { "人民调解卷宗" } else { "治安调解卷宗" };
    Paper {
        kind: PaperKind::Volume,
        sheet: Sheet::A4,
        title: title.to_owned(),
        office: volume.office.clone(),
        serial: None,
        copy_note: String::new(),
        amends: None,
        sections: vec![
            Section::Space(3.0),
            Section::Form { side: None, rows, large: true },
            Section::NewPage,
            Section::Centred("卷内文书目录".to_owned()),
            Section::Table { columns: table_columns(&columns), rows: list.collect() },
        ],
        signatures: Vec::new(),
        seal: None,
        verify: volume.verify.clone(),
        footer: None,
        drill: volume.drill,
        draft: false,
        made_at: volume.made_at,
    }
}
