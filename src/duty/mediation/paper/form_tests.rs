//! The forms, field by field, as the law and the official forms list them.

use super::*;

/// All names and texts of a document as one text.
fn text(paper: &Paper) -> String {
    let mut text = format!("{}\n{}\n{}\n", paper.title, paper.office, paper.serial.clone().unwrap_or_default());
    for section in &paper.sections {
        match section {
            Section::Heading(line) | Section::Paragraph(line) | Section::Centred(line) => text += &format!("{line}\n"),
            Section::Pairs(pairs) => pairs.iter().for_each(|(name, value)| text += &format!("{name}：{value}\n")),
            Section::List(items) => items.iter().for_each(|item| text += &format!("{item}\n")),
            Section::Form { side, rows, .. } => {
                text += &format!("{}\n", side.clone().unwrap_or_default());
                rows.iter().flatten().for_each(|(name, value)| text += &format!("{name}：{value}\n"));
            }
            Section::Table { columns, rows } => {
                columns.iter().for_each(|column| text += &format!("{}|", column.title));
                rows.iter().flatten().for_each(|cell| text += &format!("{cell}|"));
            }
            Section::Space(_) | Section::NewPage => {}
        }
    }
    text
}

fn who(paper: &Paper) -> Vec<(&str, &str)> {
    paper.signatures.iter().map(|block| (block.who.as_str(), block.name.as_str())).collect()
}

#[test]
fn police_agreements_have_what_article_184_lists() {
    let agreement = samples::police();
    let paper = police(&agreement);
    assert_eq!((paper.kind, paper.title.as_str()), (PaperKind::Police, "治安调解协议书"));
    let text = text(&paper);
    for part in [
        "深圳市公安局南山分局粤海派出所",
        "主持人：陈志强",
        "单位职务：粤海派出所 二级警长",
        "调解地点：粤海派出所第二调解室",
        "甲方\n（违反治安管理行为人）",
        "姓名：𠮷田𡈽㐂",
        "出生日期：1961年7月9日（65岁）",
        "身份证件：居民身份证 440305196107090013",
        "工作单位：／",
        "乙方\n（被侵害人）",
        "现住址：广东省深圳市",
        "监护人|乙方之父|居民身份证\n653101198011230039",
        "时间：2026年11月23日8时50分",
        "地点：深圳市南山区科园路88号",
        "人员：𠮷田𡈽㐂、阿卜杜拉·买买提江",
        "起因：",
        "经过和情节：",
        "结果：",
        "人民币叁仟贰佰捌拾陆元伍角整（¥3,286.50）|2026年11月30日前|银行转账至监护人账户",
        "本协议自当事人签名之时起生效",
        "一式三份，双方当事人各执一份，调解机关留存一份",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(
        who(&paper),
        [
            ("当事人（甲方）签名", "𠮷田𡈽㐂"),
            ("当事人（乙方）签名", "阿卜杜拉·买买提江"),
            ("乙方监护人签名", "买买提江·吾布力"),
            ("见证人签名", "黄秀英"),
            ("主持人签名", "陈志强"),
        ]
    );
}

#[test]
fn agreements_on_the_spot_are_numbered_in_three_copies_and_done() {
    let paper = police_on_scene(&samples::on_scene());
    assert_eq!((paper.kind, paper.title.as_str()), (PaperKind::PoliceOnScene, "现场治安调解协议书"));
    assert_eq!(paper.copy_note, "一式三联");
    let text = text(&paper);
    for part in [
        "第00127号",
        "已经当场履行完毕",
        "一式三联，双方当事人各执一联，调解机关留存一联",
        "第一联由调解机关存档，第二联交当事人（甲方），第三联交当事人（乙方）",
        "当场履行|微信转账",
        "其他在场人员基本情况：无",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let mut later = samples::on_scene();
    later.performed_on_the_spot = false;
    assert!(!self::text(&police_on_scene(&later)).contains("当场履行完毕"), "only what was done is said to be done");
}

#[test]
fn people_s_agreements_have_what_article_29_lists() {
    let paper = people(&samples::people());
    assert_eq!((paper.kind, paper.title.as_str()), (PaperKind::People, "人民调解协议书"));
    let text = text(&paper);
    for part in [
        "人民调解员：周玉兰",
        "申请情况：当事人共同口头申请",
        "是否公开：不公开调解",
        "姓名：张伟",
        "民族：汉族",
        "联系方式：138 0013 8000",
        "主要事实：2026年11月23日8时50分，",
        "争议事项：修复费用是否由张伟全部承担",
        "各方责任：渗漏由1204房",
        "人民币肆仟贰佰捌拾元整（¥4,280.00）|2026年12月10日前|银行转账",
        "加盖人民调解委员会印章之日起生效",
        "三十日内共同向人民法院申请司法确认",
        "一式三份，双方当事人各执一份，人民调解委员会留存一份",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let signers = who(&paper);
    assert_eq!(signers[0], ("当事人（甲方）签名、盖章或者按指印", "张伟"));
    assert_eq!(signers[2..], [("人民调解员签名", "周玉兰"), ("记录人签名", "")]);
    assert_eq!(paper.signatures[1].mark, Mark::Blank, "a place to sign for who has not signed");
    assert!(paper.seal.is_some());
}

#[test]
fn a_guardian_has_a_place_to_sign_and_more_parties_more_copies() {
    let mut agreement = samples::police();
    agreement.signatures.clear();
    agreement.parties.push(PartyFacts { name: "王芳".to_owned(), ..PartyFacts::default() });
    let paper = police(&agreement);
    let signers: Vec<&str> = who(&paper).iter().map(|(who, _)| *who).collect();
    let expected = [
        "当事人（甲方）签名",
        "当事人（乙方）签名",
        "乙方监护人签名",
        "当事人（丙方）签名",
        "见证人签名",
        "主持人签名",
    ];
    assert_eq!(signers, expected);
    assert!(text(&paper).contains("一式四份，各方当事人各执一份"));
}

#[test]
fn refusals_and_spoken_consent_are_said_in_words() {
    let mut agreement = samples::on_scene();
    agreement.signatures[0].mark = Mark::Refused { text: "称金额过高。".to_owned() };
    agreement.signatures[1].mark = Mark::Left { text: String::new() };
    let marks: Vec<Mark> = police_on_scene(&agreement).signatures.into_iter().map(|block| block.mark).collect();
    assert!(matches!(&marks[0], Mark::Refused { text } if text == "称金额过高。"));
    assert!(matches!(&marks[1], Mark::Left { .. }));
}

#[test]
fn minutes_say_who_was_told_what_and_how_it_ended() {
    let failed = minutes::Talk {
        entries: Vec::new(),
        outcome: minutes::Outcome::Failed {
            reason: "对数额分歧较大。".to_owned(),
            remedies: "可以向人民法院提起诉讼。".to_owned(),
        },
        ..samples::talk()
    };
    let police_paper = minutes(&samples::on_scene(), &samples::talk());
    let people_paper = minutes(&samples::people(), &failed);
    let police_text = text(&police_paper);
    let people_text = text(&people_paper);
    for part in ["记录人：林小燕", "调解次数：第一次", "有权要求其回避", "甲方（张伟）：不申请。", "自愿达成如下协议"]
    {
        assert!(police_text.contains(part), "{part} in {police_text}");
    }
    for part in
        ["不收取任何费用", "甲方（张伟）陈述：", "未能达成协议", "原因：对数额分歧较大。", "已经告知的救济途径："]
    {
        assert!(people_text.contains(part), "{part} in {people_text}");
    }
    assert!(!people_text.contains("自愿达成如下协议"));
    assert_eq!(who(&police_paper).last(), Some(&("记录人签名", "林小燕")));
    assert!(police_paper.seal.is_none());
}

#[test]
fn a_file_lists_its_papers_with_their_pages() {
    let text = text(&file_cover(&samples::volume()));
    for part in [
        "卷名：张伟与欧阳建国相邻损害赔偿纠纷",
        "人民调解员：周玉兰",
        "立卷人：周玉兰",
        "保管期限：长期",
        "卷内文书：7份，共16页",
        "6|人民调解协议书|朗景人调字〔2026〕第00031号|14-15|",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn receipts_name_the_term_and_the_amount_both_ways() {
    let receipt_text = text(&receipt(&samples::receipt()));
    assert!(
        receipt_text.contains("第一条（天花板和橱柜修复费用）给付的人民币肆仟贰佰捌拾元整（¥4,280.00）。"),
        "{receipt_text}"
    );
    let delivery_text = text(&delivery(&samples::delivery()));
    assert!(delivery_text.contains("1|当场交付|2026年11月23日15时30分|"), "{delivery_text}");
}

#[test]
fn the_strip_says_what_was_agreed_and_gives_no_particulars() {
    let text = text(&slip(&samples::police(), Sheet::Slip58));
    assert!(text.contains("人民币叁仟贰佰捌拾陆元伍角整（¥3,286.50），2026年11月30日前履行"), "{text}");
    for particular in ["4403051961", "138 0013", "朗景园3栋"] {
        assert!(!text.contains(particular), "{particular}");
    }
}
