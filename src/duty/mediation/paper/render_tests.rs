//! What a reader of the paper relies on, seen through what is drawn and through the bytes.

use super::page::{Geometry, Op};
use super::words::count;
use super::*;

/// Every line of text that is drawn, page by page.
pub(super) fn drawn(paper: &Paper) -> Vec<Vec<String>> {
    let faces = samples::fonts().faces().unwrap();
    let text = |op: &Op| match op {
        Op::Text { line, .. } | Op::Across { line, .. } => Some(line.text.clone()),
        _ => None,
    };
    let pages = frame::lay_out(paper, &faces).unwrap();
    pages.iter().map(|sized| sized.page.ops.iter().filter_map(text).collect()).collect()
}

pub(super) fn bare(text: &str) -> String {
    lines::clean(text).chars().filter(|c| !c.is_whitespace()).collect()
}

/// All text of a document in reading order, without spaces and without what the foot of each page says.
fn read(paper: &Paper) -> String {
    let foot = drawn(&Paper { sections: Vec::new(), signatures: Vec::new(), seal: None, ..paper.clone() });
    let foot: Vec<&String> = foot.iter().flatten().skip_while(|text| !text.starts_with("扫描")).collect();
    let pages = drawn(paper);
    let lines = pages.iter().flatten();
    let between = |line: &&String| foot.contains(line) || line.starts_with("第 ") || line.starts_with("（本页以下空白");
    bare(&lines.filter(|line| !between(line)).cloned().collect::<String>())
}

fn all() -> Vec<Paper> {
    vec![
        police_on_scene(&samples::on_scene()),
        police(&samples::police()),
        people(&samples::people()),
        minutes(&samples::police(), &samples::talk()),
        file_cover(&samples::volume()),
        receipt(&samples::receipt()),
        delivery(&samples::delivery()),
        people(&samples::sealed()),
        delivery(&samples::refused()),
        slip(&samples::on_scene(), Sheet::Slip80),
        slip(&samples::people(), Sheet::Slip58),
    ]
}

/// Every text that a document was given.
fn given(paper: &Paper) -> Vec<String> {
    let mut texts = vec![paper.office.clone(), paper.title.clone(), paper.copy_note.clone()];
    texts.extend(paper.serial.clone().into_iter().chain(paper.amends.clone()));
    for section in &paper.sections {
        match section {
            Section::Heading(text) | Section::Paragraph(text) | Section::Centred(text) => texts.push(text.clone()),
            Section::Pairs(pairs) => texts.extend(pairs.iter().map(|(name, text)| format!("{name}：{text}"))),
            Section::List(items) => texts.extend(items.clone()),
            Section::Form { side, rows, .. } => {
                texts.extend(side.clone());
                texts.extend(rows.iter().flatten().flat_map(|(name, value)| [name.clone(), value.clone()]));
            }
            Section::Table { columns, rows } => {
                texts.extend(columns.iter().map(|column| column.title.clone()));
                texts.extend(rows.iter().flatten().cloned());
            }
            Section::Space(_) | Section::NewPage => {}
        }
    }
    for block in &paper.signatures {
        texts.extend([block.who.clone(), block.name.clone(), block.at.clone()]);
        texts.extend(block.notes.clone());
        if let Mark::Oral { text } | Mark::Refused { text } | Mark::Left { text } = &block.mark {
            texts.push(text.clone());
        }
    }
    texts.extend(paper.seal.iter().flat_map(|seal| [seal.office.clone(), seal.note.clone()]));
    texts.extend(paper.verify.iter().flat_map(|verify| [verify.url_text.clone(), verify.digest.clone()]));
    texts
}

/// Writes every kind of paper for programs of other people to look at (scripts/pdfa).
#[test]
#[ignore = "needs the folder SUIXING_PAPERS"]
fn papers_for_validators() {
    let folder = std::path::PathBuf::from(std::env::var_os("SUIXING_PAPERS").expect("SUIXING_PAPERS names a folder"));
    let spoken = Agreement { form: super::super::Form::Oral, signatures: Vec::new(), seal: None, ..samples::people() };
    let failed = minutes::Talk {
        outcome: minutes::Outcome::Failed {
            reason: "对数额分歧较大。".to_owned(),
            remedies: "可以依法通过仲裁、行政、司法等途径维护自己的权利。".to_owned(),
        },
        ..samples::talk()
    };
    let papers = [
        ("oral", people(&spoken)),
        ("draft", Paper { draft: true, ..police(&samples::police()) }),
        ("failed", minutes(&Agreement { serial: None, ..samples::people() }, &failed)),
        ("police_on_scene", police_on_scene(&samples::on_scene())),
        ("police", police(&samples::police())),
        ("people", people(&samples::people())),
        ("sealed", people(&samples::sealed())),
        ("minutes", minutes(&samples::police(), &samples::talk())),
        ("volume", file_cover(&samples::volume())),
        ("receipt", receipt(&samples::receipt())),
        ("delivery", delivery(&samples::delivery())),
        ("refused", delivery(&samples::refused())),
        ("slip80", slip(&samples::on_scene(), Sheet::Slip80)),
        ("slip58", slip(&samples::people(), Sheet::Slip58)),
    ];
    for (name, paper) in papers {
        std::fs::write(folder.join(format!("{name}.pdf")), render(&paper, samples::fonts()).unwrap().pdf).unwrap();
    }
}

#[test]
fn everything_that_was_given_stands_on_the_paper() {
    for paper in all() {
        let page: String = drawn(&paper).iter().flatten().map(|line| bare(line)).collect();
        let read = read(&paper);
        for text in given(&paper) {
            let text = bare(&text);
            assert!(read.contains(&text) || page.contains(&text), "{:?} lacks {text}", paper.kind);
        }
    }
}

#[test]
fn the_same_paper_is_the_same_file() {
    for paper in all() {
        let first = render(&paper, samples::fonts()).unwrap();
        assert_eq!(first, render(&paper, samples::fonts()).unwrap(), "{:?}", paper.kind);
        let later = Paper { made_at: samples::at(23, 59), ..paper };
        assert_ne!(first.pdf, render(&later, samples::fonts()).unwrap().pdf, "its date is in the file");
    }
}

#[test]
fn the_file_says_that_it_is_pdf_a_2u_and_what_it_is() {
    let paper = people(&samples::people());
    let rendered = render(&paper, samples::fonts()).unwrap();
    let text = String::from_utf8_lossy(&rendered.pdf);
    assert!(rendered.pdf.starts_with(b"%PDF-1.7"));
    for part in ["<pdfaid:part>2<", "<pdfaid:conformance>U<", "/GTS_PDFA1", "zh-CN", "2026-11-23T09:41:00+08:00"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("人民调解协议书 朗景人调字〔2026〕第00031号"), "its title");
    assert!(text.contains("深圳市南山区粤海街道朗景社区人民调解委员会"), "its author");
    assert!(!text.contains("/Encrypt") && !text.contains("/JavaScript"));
    let pages = text.matches("/Type /Page\n").count() + text.matches("/Type/Page/").count();
    assert_eq!(pages, usize::try_from(rendered.pages).unwrap());
    assert!(rendered.pdf.len() < 250_000, "only the used part of a font is in it: {} bytes", rendered.pdf.len());
}

#[test]
fn rare_characters_are_set_and_those_without_a_font_are_named() {
    let fonts = samples::fonts();
    assert_eq!(fonts.missing("𠮷田𡈽㐂・镕喆堃龘"), None);
    assert_eq!(fonts.missing("√×÷±①⑳℃㎡²³〇〔〕【】《》—…￥¥％‰°□■★●○△→～ǎëñ"), None, "signs of daily use");
    assert_eq!(fonts.missing("欧阳\u{202e}建国\n"), None, "what is left out is not missing");
    assert_eq!(fonts.missing("葛\u{e0100}飾"), None, "a variant is set as its character at least");
    for (name, missing) in [("张😀伟", '😀'), ("محمد", 'م'), ("བསྟན", 'བ'), ("a\u{e000}b", '\u{e000}')]
    {
        let mut agreement = samples::on_scene();
        agreement.parties[0].name = name.to_owned();
        assert_eq!(fonts.missing(name), Some(missing), "{name}");
        assert_eq!(render(&police_on_scene(&agreement), fonts), Err(PaperError::MissingGlyph(missing)), "{name}");
    }
    assert_eq!(PaperError::MissingGlyph('😀').to_string(), "no font has the character 😀 (U+1F600)");
}

#[test]
fn nothing_invisible_in_a_name_moves_or_hides_what_stands_around_it() {
    let with = |name: &str| {
        let mut agreement = samples::on_scene();
        agreement.parties[1].name = name.to_owned();
        render(&police_on_scene(&agreement), samples::fonts()).unwrap()
    };
    let plain = with("欧阳建国");
    let marks = "\u{202e}欧\u{2066}阳\u{200f}\u{0}建\u{feff}国\u{2069}\u{200b}\u{7f}\u{e0041}\u{61c}";
    assert_eq!(plain, with(marks));
}

#[test]
fn markup_is_text() {
    let mut agreement = samples::on_scene();
    agreement.case.facts = "<script>alert(\"1\")</script> &lt; \\(PDF\\) %PDF endobj".to_owned();
    assert!(read(&police_on_scene(&agreement)).contains(&bare(&agreement.case.facts)));
}

#[test]
fn a_document_that_is_too_long_is_refused_soon() {
    let mut agreement = samples::on_scene();
    agreement.case.facts = "事".repeat(5_000_000);
    let began = std::time::Instant::now();
    assert_eq!(render(&police_on_scene(&agreement), samples::fonts()), Err(PaperError::TooManyPages));
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "it is not laid out first");
    agreement.case.facts = "\n".repeat(100_000);
    assert!(render(&police_on_scene(&agreement), samples::fonts()).is_ok(), "empty lines are no text");
    agreement.case.facts = "事情的经过。\n".repeat(60 * 33);
    assert_eq!(render(&police_on_scene(&agreement), samples::fonts()), Err(PaperError::TooManyPages));
    agreement.case.facts = "事情的经过。\n".repeat(50 * 33);
    let pages = render(&police_on_scene(&agreement), samples::fonts()).unwrap().pages;
    assert!((50..=PAGES_MAX).contains(&pages), "{pages}");
}

#[test]
fn bad_signatures_are_refused_with_who_was_to_sign() {
    let signed = |mark: Mark| {
        let mut agreement = samples::on_scene();
        agreement.signatures[0].mark = mark;
        render(&police_on_scene(&agreement), samples::fonts())
    };
    let who = "当事人（甲方）签名".to_owned();
    let bomb = vec![vec![(1.0, 1.0); 1_000]; 1_000];
    assert_eq!(signed(Mark::Strokes(bomb)), Err(PaperError::TooManyPoints(who.clone())));
    assert!(
        matches!(signed(Mark::Png(b"no picture".to_vec())), Err(PaperError::Image { who: named, .. }) if named == who)
    );
    let mut cut = samples::finger();
    cut.truncate(cut.len() / 2);
    assert!(signed(Mark::Fingerprint(cut)).is_err(), "a picture that ends early");
    let mut wide = samples::finger();
    wide[16..20].copy_from_slice(&1_000_000_u32.to_be_bytes());
    assert!(signed(Mark::Png(wide)).is_err(), "a picture of a million columns");
    assert!(matches!(signed(Mark::Jpeg(vec![0xFF; IMAGE_BYTES_MAX + 1])), Err(PaperError::Image { .. })));
    let long = Mark::Refused { text: "称金额过高，要求与家人商量后再决定。".repeat(300) };
    assert_eq!(signed(long), Err(PaperError::TooLong(who)), "more than a page about one signature");
    let odd = vec![vec![], vec![(f32::NAN, 3.0)], vec![(-9e30, f32::INFINITY), (4e9, 5.0)], vec![(500.0, 500.0)]];
    assert!(signed(Mark::Strokes(odd)).is_ok(), "numbers that are none are left out");
    assert!(signed(Mark::Strokes(vec![])).is_ok());
}

#[test]
fn the_head_of_a_table_stands_on_each_of_its_pages() {
    let mut volume = samples::volume();
    let item = volume.items[0].clone();
    volume.items = (1..=120)
        .map(|number| volume::VolumeItem {
            name: format!("第{number}份材料及其附件清单、说明和照片"), ..item.clone()
        })
        .collect();
    let pages = drawn(&file_cover(&volume));
    assert!(pages.len() > 4);
    for page in &pages[1..] {
        assert_eq!(page.iter().filter(|line| *line == "文书名称").count(), 1, "{page:?}");
    }
    let rows: Vec<_> = pages.iter().flatten().filter(|line| line.contains("份材料")).collect();
    assert_eq!(rows.len(), 120, "every row once");
}

#[test]
fn a_row_longer_than_a_page_goes_on_on_the_next() {
    let mut agreement = samples::people();
    agreement.terms[0].how = "壬癸戊己庚".repeat(400);
    let pages = drawn(&people(&agreement));
    assert!(pages.len() > 4);
    let cell = |line: &&String| line.chars().all(|character| "壬癸戊己庚".contains(character));
    let text: String = pages.iter().flatten().filter(cell).cloned().collect();
    assert_eq!(text, agreement.terms[0].how, "all of it, once");
}

#[test]
fn signatures_never_stand_on_a_page_without_the_text() {
    for sentences in 0..60 {
        let mut agreement = samples::people();
        agreement.case.facts = "双方多次协商未果，经网格员现场查看确认。".repeat(sentences);
        let pages = drawn(&people(&agreement));
        let signed =
            pages.iter().position(|page| page.iter().any(|line| line.starts_with("当事人（甲方）签名"))).unwrap();
        let text = pages[signed].iter().any(|line| line.contains("留存一份"));
        assert!(text, "{sentences} sentences");
        assert_eq!(signed + 1, pages.len(), "signatures and seal stay together");
        assert!(pages[signed].iter().any(|line| line.ends_with("（印）")));
    }
}

#[test]
fn lines_begin_and_end_where_they_may() {
    let text =
        "他说：“先把车挪开。”（对方没有回答）于是双方争吵起来！《治安管理处罚法》第九条、第十条……已经告知；1,280.50元";
    let faces = samples::fonts().faces().unwrap();
    for width in 60..400_u16 {
        let setting = lines::Setting { size: 12.0, width: f32::from(width), indent: 24.0, justify: true };
        let lines = lines::paragraph(&[(text, fonts::Weight::Regular)], setting, &faces).unwrap();
        for (at, line) in lines.iter().enumerate() {
            assert!(
                !line.text.starts_with(['。', '，', '、', '！', '；', '：', '”', '）', '》', '…']),
                "{width}: {line:?}"
            );
            assert!(!line.text.ends_with(['“', '（', '《']), "{width}: {line:?}");
            let room = f32::from(width) - if at == 0 { 24.0 } else { 0.0 };
            assert!(line.width <= room + 0.1, "{width}: {line:?}");
        }
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<String>(), text);
    }
}

#[test]
fn nothing_is_drawn_outside_of_the_margins() {
    let faces = samples::fonts().faces().unwrap();
    let mut long = samples::police();
    long.parties[0].name = "买买提江·吾布力艾合买提托合提·".repeat(8);
    long.signatures[0].name = long.parties[0].name.clone();
    long.serial = Some("X".repeat(200));
    long.verify = Some(Verify { url_text: format!("https://e.cn/{}", "x".repeat(120)), digest: "0".repeat(64) });
    let papers = all().into_iter().chain([police(&long), minutes(&long, &samples::talk()), slip(&long, Sheet::Slip58)]);
    for paper in papers {
        let geometry = Geometry::of(paper.sheet);
        for sized in frame::lay_out(&paper, &faces).unwrap() {
            for op in &sized.page.ops {
                if let Op::Text { x, y, size, line, .. } = op {
                    let width: f32 = line.glyphs.iter().map(|placed| placed.glyph.advance * size).sum();
                    let inside = *x >= geometry.left - 0.5 && x + width <= geometry.right + 0.5;
                    assert!(inside && *y > 0.0 && *y < sized.height, "{:?}: {}", paper.kind, line.text);
                }
            }
        }
    }
}

#[test]
fn every_page_is_numbered_and_a_drill_says_so_on_each() {
    let mut agreement = samples::police();
    agreement.drill = true;
    let pages = drawn(&police(&agreement));
    for (page, number) in pages.iter().zip(1..) {
        assert!(page.contains(&format!("第 {number} 页 共 {} 页", pages.len())));
        assert!(page.contains(&"演练".to_owned()), "page {number}");
    }
    assert!(drawn(&slip(&agreement, Sheet::Slip80)).iter().all(|page| page.contains(&"演练".to_owned())));
    assert!(!drawn(&police(&samples::police())).iter().flatten().any(|line| line.contains("演练")));
}

#[test]
fn an_address_too_long_for_a_code_is_refused() {
    let mut paper = people(&samples::people());
    paper.verify = Some(Verify { url_text: "x".repeat(4_000), digest: String::new() });
    assert_eq!(render(&paper, samples::fonts()), Err(PaperError::Code));
}

#[test]
fn a_missing_font_says_where_was_looked_and_what_to_install() {
    let nowhere = std::path::PathBuf::from("/nowhere/font.ttc");
    let missing = Fonts::load(&[(nowhere, 0)]).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/font.ttc") && missing.contains("fonts-noto-cjk"), "{missing}");
    let here = std::path::PathBuf::from(file!());
    assert!(Fonts::load(&[(here, 0)]).is_err(), "a file that is no font");
}

#[test]
fn fonts_serve_many_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    shared(samples::fonts());
    let paper = receipt(&samples::receipt());
    let one = render(&paper, samples::fonts()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let paper = paper.clone();
            std::thread::spawn(move || render(&paper, samples::fonts()).unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), one);
    }
    assert_eq!(count(2), "二");
}
