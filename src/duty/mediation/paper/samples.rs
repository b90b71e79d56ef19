//! Mediations as they happen, with invented people; for tests.

use jiff::civil::{DateTime, date};

use super::super::Form;
use super::agreement::{Attendee, AttendeeRole, Signer};
use super::minutes::{Entry, Outcome, Talk};
use super::receipt::{Delivery, DeliveryItem, Receipt};
use super::volume::{Volume, VolumeItem};
use super::{
    Agreement, Case, Fonts, Host, Kind, Mark, PartyFacts, PartyRole, ReadAloud, SealNote, Signature, Term, Verify,
};

/// The system's fonts, once for all tests.
pub fn fonts() -> &'static Fonts {
    static FONTS: std::sync::OnceLock<Fonts> = std::sync::OnceLock::new();
    FONTS.get_or_init(|| Fonts::load(&[]).expect("a Chinese font"))
}

pub fn at(hour: i8, minute: i8) -> DateTime {
    date(2026, 11, 23).at(hour, minute, 0, 0)
}

/// A signature as a pen leaves it: strokes of some dozen points each.
pub fn strokes(seed: u32) -> Mark {
    let stroke = |number: u32| -> Vec<(f32, f32)> {
        let seed = f32::from(u16::try_from(seed * 7 + number * 13).unwrap());
        let (x, y) = (80.0 + seed * 29.0 % 620.0, 300.0 + seed * 17.0 % 260.0);
        let point = |step: u16| {
            let t = f32::from(step) / 12.0;
            (x + t * (180.0 - seed * 11.0 % 240.0), y + t * (seed * 19.0 % 300.0 - 120.0) + (t * 6.0).sin() * 40.0)
        };
        (0..=12).map(point).collect()
    };
    Mark::Strokes((0..8).map(stroke).collect())
}

/// A picture of a finger: rings in grey.
pub fn finger() -> Vec<u8> {
    let picture = image::GrayImage::from_fn(160, 200, |x, y| {
        let (dx, dy) = (f64::from(x) - 80.0, (f64::from(y) - 110.0) * 0.8);
        let far = dx.hypot(dy);
        let ridge = (far / 3.2 + (dx / 17.0).sin()).sin() > 0.0;
        image::Luma([if far < 78.0 && ridge { 90 } else { 255 }])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn sign(signer: Signer, name: &str, mark: Mark, at: DateTime) -> Signature {
    Signature { signer, name: name.to_owned(), mark, at: Some(at), notes: Vec::new() }
}

pub fn verify() -> Verify {
    Verify {
        url_text: "https://verify.example.cn/d/019AB2C47D317E2B9F6E54A08C1D".to_owned(),
        digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    }
}

fn party(role: PartyRole, name: &str, sex: &str, born: (i16, i8, i8)) -> PartyFacts {
    PartyFacts {
        role,
        name: name.to_owned(),
        sex: sex.to_owned(),
        birth_date: Some(date(born.0, born.1, born.2)),
        ethnic: "汉族".to_owned(),
        id_type: "居民身份证".to_owned(),
        id_number: format!("440305{:04}{:02}{:02}0013", born.0, born.1, born.2),
        occupation: "个体经营者".to_owned(),
        employer: "南山区粤海街道科园路便民果蔬店".to_owned(),
        address: "广东省深圳市南山区粤海街道科园路88号朗景园3栋2单元1204房".to_owned(),
        phone: "138 0013 8000".to_owned(),
        statement: "当时我在搬货，他的车挡住了门口，我请他挪车，他不肯，还骂人，我一时冲动推了他一下。".to_owned(),
    }
}

/// A quarrel over a parking place, settled and paid on the spot.
pub fn on_scene() -> Agreement {
    Agreement {
        kind: Kind::PoliceOnScene,
        office: "深圳市公安局南山分局粤海派出所".to_owned(),
        serial: Some("深公南（粤）现调字〔2026〕第00127号".to_owned()),
        copy_note: "一式三联".to_owned(),
        amends: None,
        leader: Host { name: "陈志强".to_owned(), post: "粤海派出所 二级警长".to_owned() },
        assistants: vec![Host { name: "林小燕".to_owned(), post: "粤海派出所 辅警".to_owned() }],
        place: "深圳市南山区科园路88号朗景园东门外".to_owned(),
        began_at: Some(at(9, 5)),
        ended_at: Some(at(9, 40)),
        application: String::new(),
        open: None,
        parties: vec![
            party(PartyRole::Suspect, "张伟", "男", (1985, 3, 2)),
            party(PartyRole::Victim, "欧阳建国", "男", (1979, 12, 31)),
        ],
        others: Vec::new(),
        case: Case {
            at: Some(at(8, 50)),
            place: "深圳市南山区科园路88号朗景园东门外路边停车位".to_owned(),
            people: String::new(),
            cause: "双方因占用停车位、妨碍卸货发生口角。".to_owned(),
            facts: "张伟要求欧阳建国移车，欧阳建国称“马上就走”，随后仍未移车；张伟上前用手推搡欧阳建国左肩一次，致其手机掉落，屏幕碎裂。在场群众劝开双方后报警，民警到场时双方已经停止争执。"
                .to_owned(),
            result: "欧阳建国未受伤，不要求就医和验伤；手机屏幕损坏，双方对维修费用没有争议。".to_owned(),
            disputed_points: String::new(),
            responsibility: "张伟推搡他人、损坏财物，承担主要责任；欧阳建国言语失当，承担次要责任。".to_owned(),
        },
        terms: vec![
            Term { what: "张伟当场向欧阳建国赔礼道歉，欧阳建国表示接受。".to_owned(), debtor: "张伟".to_owned(), creditor: "欧阳建国".to_owned(), amount_fen: None, due_on: None, how: "口头".to_owned() },
            Term { what: "张伟赔偿欧阳建国手机屏幕维修费。".to_owned(), debtor: "张伟".to_owned(), creditor: "欧阳建国".to_owned(), amount_fen: Some(60_000), due_on: None, how: "微信转账".to_owned() },
            Term { what: "双方今后不得就此事再起争执。".to_owned(), debtor: "双方".to_owned(), creditor: "双方".to_owned(), amount_fen: None, due_on: None, how: String::new() },
        ],
        performed_on_the_spot: true,
        read_aloud: Some(ReadAloud { by: "陈志强".to_owned(), at: at(9, 36) }),
        recordings: vec!["执法记录仪 4403057，2026年11月23日8时58分至9时41分".to_owned()],
        form: Form::Written,
        signatures: vec![
            sign(Signer::Party(0), "张伟", strokes(3), at(9, 38)),
            sign(Signer::Party(1), "欧阳建国", strokes(11), at(9, 39)),
            sign(Signer::Leader, "陈志强", strokes(23), at(9, 40)),
        ],
        date: date(2026, 11, 23),
        seal: Some(SealNote { office: "深圳市公安局南山分局粤海派出所".to_owned(), date: Some(date(2026, 11, 23)), sealed: false, note: String::new() }),
        verify: Some(verify()),
        drill: false,
        made_at: at(9, 41),
    }
}

/// A minor who was hit, with a guardian, an interpreter and a party who cannot write.
pub fn police() -> Agreement {
    let mut agreement = on_scene();
    agreement.kind = Kind::Police;
    agreement.serial = Some("深公南（粤）调字〔2026〕第00045号".to_owned());
    agreement.copy_note = "一式三份".to_owned();
    agreement.performed_on_the_spot = false;
    agreement.place = "粤海派出所第二调解室".to_owned();
    agreement.parties = vec![
        party(PartyRole::Suspect, "𠮷田𡈽㐂", "女", (1961, 7, 9)),
        party(PartyRole::Victim, "阿卜杜拉·买买提江", "男", (2010, 5, 1)),
    ];
    agreement.parties[0].occupation = "退休".to_owned();
    agreement.parties[0].employer = String::new();
    agreement.parties[1].ethnic = "维吾尔族".to_owned();
    agreement.parties[1].occupation = "学生".to_owned();
    agreement.parties[1].employer = "深圳市南山区第二外国语学校（集团）学府中学".to_owned();
    agreement.others = vec![
        Attendee {
            role: AttendeeRole::Guardian,
            party: Some(1),
            name: "买买提江·吾布力".to_owned(),
            relation: "之父".to_owned(),
            scope: String::new(),
            id_type: "居民身份证".to_owned(),
            id_number: "653101198011230039".to_owned(),
            phone: "139 0013 9000".to_owned(),
        },
        Attendee {
            role: AttendeeRole::Interpreter,
            party: None,
            name: "古丽娜尔".to_owned(),
            relation: "维吾尔语翻译".to_owned(),
            scope: String::new(),
            id_type: "居民身份证".to_owned(),
            id_number: "653101199105060027".to_owned(),
            phone: "137 0013 7000".to_owned(),
        },
        Attendee {
            role: AttendeeRole::Witness,
            party: None,
            name: "黄秀英".to_owned(),
            relation: "朗景园业主委员会".to_owned(),
            scope: String::new(),
            id_type: "居民身份证".to_owned(),
            id_number: "440305197002140066".to_owned(),
            phone: "136 0013 6000".to_owned(),
        },
    ];
    agreement.terms = vec![
        Term {
            what: "𠮷田𡈽㐂赔偿阿卜杜拉·买买提江医疗费、护理费、交通费。".to_owned(),
            debtor: "𠮷田𡈽㐂".to_owned(),
            creditor: "阿卜杜拉·买买提江".to_owned(),
            amount_fen: Some(328_650),
            due_on: Some(date(2026, 11, 30)),
            how: "银行转账至监护人账户".to_owned(),
        },
        Term {
            what: "𠮷田𡈽㐂书面赔礼道歉。".to_owned(),
            debtor: "𠮷田𡈽㐂".to_owned(),
            creditor: "阿卜杜拉·买买提江".to_owned(),
            amount_fen: None,
            due_on: Some(date(2026, 12, 4)),
            how: "书面交粤海派出所转交".to_owned(),
        },
    ];
    let mut fingerprint = sign(Signer::Party(0), "𠮷田𡈽㐂", Mark::Fingerprint(finger()), at(15, 12));
    fingerprint.notes =
        vec!["不会书写，按指印；代书人：林小燕".to_owned(), "宣读人：陈志强；见证人：黄秀英".to_owned()];
    agreement.signatures = vec![
        fingerprint,
        sign(Signer::Party(1), "阿卜杜拉·买买提江", strokes(5), at(15, 14)),
        sign(
            Signer::Other(0),
            "买买提江·吾布力",
            Mark::Oral {
                text: "录音录像 15时13分20秒至15时14分05秒，明确表示同意全部条款。".to_owned()
            },
            at(15, 14),
        ),
        sign(Signer::Other(2), "黄秀英", strokes(41), at(15, 16)),
        sign(Signer::Leader, "陈志强", strokes(23), at(15, 18)),
    ];
    agreement.began_at = Some(at(14, 20));
    agreement.ended_at = Some(at(15, 20));
    agreement
}

/// Neighbours and a leak, settled by the committee; its seal is awaited.
pub fn people() -> Agreement {
    let mut agreement = on_scene();
    agreement.kind = Kind::People;
    agreement.office = "深圳市南山区粤海街道朗景社区人民调解委员会".to_owned();
    agreement.serial = Some("朗景人调字〔2026〕第00031号".to_owned());
    agreement.copy_note = "一式三份".to_owned();
    agreement.performed_on_the_spot = false;
    agreement.application = "当事人共同口头申请".to_owned();
    agreement.open = Some(false);
    agreement.leader = Host { name: "周玉兰".to_owned(), post: "专职人民调解员".to_owned() };
    agreement.assistants = Vec::new();
    agreement.place = "朗景社区党群服务中心调解室".to_owned();
    agreement.parties.iter_mut().for_each(|party| party.role = PartyRole::Party);
    agreement.case.cause = "楼上卫生间渗漏，致楼下天花板、橱柜受损。".to_owned();
    agreement.case.facts = "2026年9月以来，张伟居住的1204房卫生间防水层老化渗漏，造成欧阳建国居住的1104房厨房天花板起皮、橱柜泡水变形。双方多次协商未果。经社区网格员现场查看，并由物业公司做闭水试验，确认渗漏点位于1204房淋浴间地漏周边。".to_owned();
    agreement.case.result = "经双方共同认可的装饰公司估价，修复费用为人民币4,280元。".to_owned();
    agreement.case.disputed_points = "修复费用是否由张伟全部承担；1204房防水层由谁、在何时重做。".to_owned();
    agreement.case.responsibility = "渗漏由1204房专有部分防水层老化引起，张伟承担修复和赔偿责任。".to_owned();
    agreement.terms = vec![
        Term {
            what: "张伟赔偿欧阳建国天花板和橱柜修复费用。".to_owned(),
            debtor: "张伟".to_owned(),
            creditor: "欧阳建国".to_owned(),
            amount_fen: Some(428_000),
            due_on: Some(date(2026, 12, 10)),
            how: "银行转账".to_owned(),
        },
        Term {
            what: "张伟负责重做1204房卫生间防水层，施工期间欧阳建国予以配合。".to_owned(),
            debtor: "张伟".to_owned(),
            creditor: "欧阳建国".to_owned(),
            amount_fen: None,
            due_on: Some(date(2026, 12, 31)),
            how: "自行委托有资质的单位施工，由物业公司验收".to_owned(),
        },
    ];
    agreement.signatures = vec![
        sign(Signer::Party(0), "张伟", strokes(3), at(16, 2)),
        sign(Signer::Leader, "周玉兰", strokes(61), at(16, 8)),
    ];
    agreement.seal =
        Some(SealNote { office: agreement.office.clone(), date: None, sealed: false, note: String::new() });
    agreement
}

/// The same after the seal was put on it.
pub fn sealed() -> Agreement {
    let mut agreement = people();
    agreement.signatures.push(sign(Signer::Party(1), "欧阳建国", strokes(11), at(16, 5)));
    let lines = [
        "用印人：吴桂芳（朗景社区人民调解委员会 人民调解员）",
        "用印时间：2026年11月24日9时12分",
        "用印记录：加盖调委会公章一式三份，章号4403050012345",
        "本件在盖章后制作，盖章前的文书SHA-256：9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ];
    let note = lines.join("\n");
    agreement.seal =
        Some(SealNote { office: agreement.office.clone(), date: Some(date(2026, 11, 24)), sealed: true, note });
    agreement
}

pub fn talk() -> Talk {
    let entry = |speaker: &str, words: &str| Entry { speaker: speaker.to_owned(), words: words.to_owned() };
    Talk {
        recorder: "林小燕".to_owned(),
        round: 1,
        told: Vec::new(),
        entries: vec![
            entry("主持人", "现在由我主持，对双方的纠纷进行调解。双方对主持人、记录人是否申请回避？"),
            entry("甲方（张伟）", "不申请。"),
            entry("乙方（欧阳建国）", "不申请。"),
            entry("主持人", "请双方陈述事情经过和要求。"),
            entry(
                "甲方（张伟）",
                "今天早上他的车挡在店门口，我要卸货，请他挪车。他说“马上就走”，等了十来分钟没有动静，我就推了他一下，手机掉了是意外。我愿意赔，但六百块钱以内。",
            ),
            entry(
                "乙方（欧阳建国）",
                "我承认车停得不对，话也说得难听。但手机是新的，原厂换屏要五百八十元，加上来回的时间，六百元我能接受，他要当面道歉。",
            ),
            entry(
                "主持人",
                "根据现场录像和双方陈述，张伟推搡他人、损坏财物不对；欧阳建国占用卸货位置、言语失当也有责任。双方都是街坊，建议各退一步。",
            ),
            entry("甲方（张伟）", "我同意赔六百元，当面道歉。"),
            entry("乙方（欧阳建国）", "同意，今后不再提这件事。"),
        ],
        recordings: people().recordings,
        outcome: Outcome::Agreed { words: String::new() },
    }
}

pub fn volume() -> Volume {
    let item = |name: &str, serial: &str, from: u32, pages: u32| VolumeItem {
        name: name.to_owned(),
        serial: serial.to_owned(),
        from_page: Some(from),
        pages,
        note: String::new(),
    };
    Volume {
        kind: Kind::People,
        office: people().office,
        name: "张伟与欧阳建国相邻损害赔偿纠纷".to_owned(),
        number: "2026-朗景-0031".to_owned(),
        serial: people().serial,
        mediators: vec!["周玉兰".to_owned()],
        began_on: date(2026, 11, 20),
        ended_on: Some(date(2026, 11, 23)),
        filed_by: "周玉兰".to_owned(),
        filed_on: date(2026, 12, 2),
        keep_for: "长期".to_owned(),
        note: String::new(),
        items: vec![
            item("人民调解受理登记表", "", 1, 1),
            item("人民调解当事人权利义务告知书", "", 2, 1),
            item("当事人身份证明", "", 3, 2),
            item("人民调解证据材料", "", 5, 6),
            item("调解笔录", "朗景人调字〔2026〕第00031号", 11, 3),
            item("人民调解协议书", "朗景人调字〔2026〕第00031号", 14, 2),
            item("收条", "", 16, 1),
        ],
        verify: Some(verify()),
        drill: false,
        made_at: at(17, 0),
    }
}

pub fn receipt() -> Receipt {
    Receipt {
        office: people().office,
        serial: None,
        agreement: "人民调解协议书（朗景人调字〔2026〕第00031号）".to_owned(),
        term: 1,
        what: "天花板和橱柜修复费用".to_owned(),
        from: "张伟".to_owned(),
        to: "欧阳建国".to_owned(),
        amount_fen: Some(428_000),
        received_on: date(2026, 12, 8),
        how: "银行转账".to_owned(),
        words: "款项已经到账，数额无误。".to_owned(),
        proof: "视听资料、电子数据 019ab2c4-7d31-7e2b-9f6e-54a08c1d0001".to_owned(),
        note: String::new(),
        signature: Some(sign(Signer::Party(1), "欧阳建国", strokes(11), at(10, 0))),
        recorder: Some(("周玉兰".to_owned(), None)),
        verify: Some(verify()),
        drill: false,
        made_at: at(17, 0),
    }
}

/// A copy that nobody took.
pub fn refused() -> Delivery {
    let mut delivery = delivery();
    let mark = Mark::Refused { text: "称回家再看，拒收，已留置在门卫处。".to_owned() };
    delivery.items[0].how = "拒收".to_owned();
    delivery.receiver = Some(sign(Signer::Party(1), "欧阳建国", mark, at(15, 31)));
    delivery.witness = true;
    delivery
}

pub fn delivery() -> Delivery {
    Delivery {
        office: on_scene().office,
        serial: None,
        cause: "治安调解".to_owned(),
        to: "欧阳建国".to_owned(),
        place: "粤海派出所第二调解室".to_owned(),
        items: vec![DeliveryItem {
            document: "治安调解协议书（深公南（粤）调字〔2026〕第00045号）".to_owned(),
            copies: 1,
            how: "当场交付".to_owned(),
            at: Some(at(15, 30)),
        }],
        receiver: Some(sign(Signer::Party(1), "欧阳建国", strokes(11), at(15, 31))),
        instead: None,
        by: vec!["陈志强".to_owned()],
        witness: false,
        note: String::new(),
        verify: Some(verify()),
        drill: false,
        made_at: at(15, 32),
    }
}
