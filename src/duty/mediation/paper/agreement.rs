//! What the builders are given: a mediation in plain typed values, all words ready to be printed. Times are Beijing time.

use jiff::civil::{Date, DateTime};

use super::super::Form;
use super::{Mark, SealNote, SignatureBlock, Verify, words};

/// Printed where a statutory field has nothing to say, so that nothing can be written into it later.
pub const NOTHING: &str = "／";

/// Where who writes the record signs.
pub(super) const RECORDER: &str = "记录人签名";

/// Which law the mediation follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 现场治安调解
    PoliceOnScene,
    /// 治安调解
    Police,
    /// 人民调解
    People,
}

/// An agreement as the forms need it. What Article 184 of the 程序规定 and Article 29 of the 人民调解法 list is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    pub kind: Kind,
    /// 调解机关名称, or the people's mediation committee's
    pub office: String,
    /// The number in full: 深公南（派）现调字〔2026〕第12号; none as long as there is none
    pub serial: Option<String>,
    /// Which copy this is (第一联 调解机关存档); empty: how many there are
    pub copy_note: String,
    /// The document that this one changes, in words; printed under the title
    pub amends: Option<String>,
    /// 主持人
    pub leader: Host,
    pub assistants: Vec<Host>,
    /// Where it was mediated
    pub place: String,
    pub began_at: Option<DateTime>,
    pub ended_at: Option<DateTime>,
    /// Who asked for it and how; empty: left out
    pub application: String,
    /// In public (公开); none: left out
    pub open: Option<bool>,
    /// The first is 甲方, the second 乙方 and so on
    pub parties: Vec<PartyFacts>,
    pub others: Vec<Attendee>,
    pub case: Case,
    pub terms: Vec<Term>,
    /// Everything agreed was done before the paper was signed
    pub performed_on_the_spot: bool,
    pub read_aloud: Option<ReadAloud>,
    /// Recordings of the mediation, one line each
    pub recordings: Vec<String>,
    /// Written and signed, by word of mouth, or on film
    pub form: Form,
    pub signatures: Vec<Signature>,
    /// The day of the agreement
    pub date: Date,
    pub seal: Option<SealNote>,
    pub verify: Option<Verify>,
    pub drill: bool,
    /// When the document is made; the file carries it as its date
    pub made_at: DateTime,
}

/// Somebody who leads or helps: 主持人, 调解民警, 人民调解员.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    pub name: String,
    /// 工作单位及职务
    pub post: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartyRole {
    /// 违反治安管理行为人
    Suspect,
    /// 被侵害人
    Victim,
    /// Each did something to the other
    Both,
    /// A party of a dispute that breaks no law
    #[default]
    Party,
}

impl PartyRole {
    fn words(self) -> Option<&'static str> {
        match self {
            Self::Suspect => Some("违反治安管理行为人"),
            Self::Victim => Some("被侵害人"),
            Self::Both => Some("违反治安管理行为人、被侵害人"),
            Self::Party => None,
        }
    }
}

/// Basics of a party (当事人基本情况); empty texts are printed as [`NOTHING`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartyFacts {
    pub role: PartyRole,
    pub name: String,
    /// 男, 女
    pub sex: String,
    pub birth_date: Option<Date>,
    /// 汉族
    pub ethnic: String,
    /// 居民身份证
    pub id_type: String,
    pub id_number: String,
    pub occupation: String,
    /// 工作单位
    pub employer: String,
    /// 现住址
    pub address: String,
    pub phone: String,
    pub statement: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttendeeRole {
    Guardian,
    Delegate,
    Interpreter,
    Witness,
    Scribe,
    Reader,
    Helper,
    Present,
}

impl AttendeeRole {
    pub fn words(self) -> &'static str {
        match self {
            Self::Guardian => "监护人",
            Self::Delegate => "委托代理人",
            Self::Interpreter => "翻译人员",
            Self::Witness => "见证人",
            Self::Scribe => "代书人",
            Self::Reader => "宣读人",
            Self::Helper => "协助调解人员",
            Self::Present => "在场人员",
        }
    }
}

/// Somebody else who was there (其他在场人员).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendee {
    pub role: AttendeeRole,
    /// Whose guardian or delegate: place in the list of parties
    pub party: Option<usize>,
    pub name: String,
    /// 与当事人关系
    pub relation: String,
    /// 代理权限, of delegates
    pub scope: String,
    pub id_type: String,
    pub id_number: String,
    pub phone: String,
}

/// The case. Empty texts are left out, but for those that the law names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Case {
    pub at: Option<DateTime>,
    pub place: String,
    /// 人员; empty: the parties
    pub people: String,
    /// 起因
    pub cause: String,
    /// 经过、情节
    pub facts: String,
    /// 结果
    pub result: String,
    /// 争议事项
    pub disputed_points: String,
    /// 各方责任
    pub responsibility: String,
}

/// One thing that was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Term {
    /// In words, a whole sentence
    pub what: String,
    /// 义务人
    pub debtor: String,
    /// 权利人
    pub creditor: String,
    pub amount_fen: Option<i64>,
    /// None: on the spot
    pub due_on: Option<Date>,
    /// 履行方式
    pub how: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAloud {
    pub by: String,
    pub at: DateTime,
}

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// Place in the list of parties
    Party(usize),
    /// Place in the list of others
    Other(usize),
    Leader,
    /// Place in the list of assistants
    Assistant(usize),
    /// 记录人
    Recorder,
}

/// A signature, or why there is none. Parties and the leader have a place to sign even if nothing is given here.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    pub signer: Signer,
    pub name: String,
    pub mark: Mark,
    pub at: Option<DateTime>,
    /// 代书人、宣读人、见证人, one line each
    pub notes: Vec<String>,
}

/// 甲方, 乙方 … by place; after the tenth, 第十一方.
pub fn side(at: usize) -> String {
    const STEMS: [&str; 10] = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"];
    STEMS.get(at).map_or_else(|| format!("第{}方", words::count(at + 1)), |stem| format!("{stem}方"))
}

/// The text, or [`NOTHING`].
pub fn or_nothing(text: &str) -> String {
    if text.trim().is_empty() { NOTHING.to_owned() } else { text.to_owned() }
}

impl PartyFacts {
    /// What stands beside the party's basics: 甲方（被侵害人）.
    pub(super) fn heading(&self, at: usize) -> String {
        match self.role.words() {
            Some(role) => format!("{}\n（{role}）", side(at)),
            None => side(at),
        }
    }

    /// Rows of the basics; ages are those of the day of the agreement.
    pub(super) fn rows(&self, on: Date) -> Vec<Vec<(String, String)>> {
        let born = match self.birth_date {
            Some(born) => match words::age(born, on) {
                Some(age) => format!("{}（{age}岁）", words::date(born)),
                None => words::date(born),
            },
            None => NOTHING.to_owned(),
        };
        let id = format!("{} {}", self.id_type, self.id_number);
        let pair = |name: &str, value: &str| (name.to_owned(), or_nothing(value));
        vec![
            vec![pair("姓名", &self.name), pair("性别", &self.sex), pair("民族", &self.ethnic)],
            vec![pair("出生日期", &born), pair("职业", &self.occupation)],
            vec![pair("身份证件", id.trim())],
            vec![pair("工作单位", &self.employer), pair("联系方式", &self.phone)],
            vec![pair("现住址", &self.address)],
        ]
    }
}

impl Agreement {
    pub(super) fn sides(&self) -> &'static str {
        if self.parties.len() == 2 { "双方当事人" } else { "各方当事人" }
    }

    /// From when to when it was mediated.
    pub(super) fn time(&self) -> String {
        match (self.began_at, self.ended_at) {
            (Some(began), Some(ended)) => words::span(began, ended),
            (Some(at), None) | (None, Some(at)) => words::date_time(at),
            (None, None) => words::date(self.date),
        }
    }

    fn signature(&self, signer: Signer) -> Option<&Signature> {
        self.signatures.iter().find(|signature| signature.signer == signer)
    }

    /// Places to sign: each party with who acts for it, the other people, who led, who helped. Given without a signature:
    /// to be signed on paper; others have a place only if they signed, but for witnesses, who sign by hand. What was agreed by
    /// word of mouth or on film has no places for the parties: nobody is to sign it afterwards.
    pub(super) fn blocks(&self) -> Vec<SignatureBlock> {
        let people = self.kind == Kind::People;
        let mut blocks = Vec::new();
        let how = if people { "签名、盖章或者按指印" } else { "签名" };
        let unsigned = |signer: Signer| self.form != Form::Written && self.signature(signer).is_none();
        for (at, party) in self.parties.iter().enumerate().filter(|(at, _)| !unsigned(Signer::Party(*at))) {
            let who = format!("当事人（{}）{how}", side(at));
            blocks.push(block(&who, &party.name, self.signature(Signer::Party(at))));
            for (place, other) in self.others.iter().enumerate().filter(|(_, other)| other.party == Some(at)) {
                let acts =
                    matches!(other.role, AttendeeRole::Guardian | AttendeeRole::Delegate | AttendeeRole::Witness);
                let signature = self.signature(Signer::Other(place));
                if acts || signature.is_some() {
                    let who = format!("{}{}签名", side(at), other.role.words());
                    blocks.push(block(&who, &other.name, signature));
                }
            }
        }
        for (place, other) in self.others.iter().enumerate().filter(|(_, other)| other.party.is_none()) {
            let signature = self.signature(Signer::Other(place));
            if signature.is_some() || other.role == AttendeeRole::Witness {
                blocks.push(block(&format!("{}签名", other.role.words()), &other.name, signature));
            }
        }
        let leader = match self.kind {
            Kind::PoliceOnScene => "主持人（调解民警）签名",
            Kind::Police => "主持人签名",
            Kind::People => "人民调解员签名",
        };
        blocks.push(block(leader, &self.leader.name, self.signature(Signer::Leader)));
        for (at, host) in self.assistants.iter().enumerate() {
            if let Some(signature) = self.signature(Signer::Assistant(at)) {
                let who = if people { "人民调解员签名" } else { "参加调解人员签名" };
                blocks.push(block(who, &host.name, Some(signature)));
            }
        }
        if let Some(signature) = self.signature(Signer::Recorder) {
            blocks.push(block(RECORDER, &signature.name, Some(signature)));
        } else if people {
            blocks.push(block(RECORDER, "", None));
        }
        blocks
    }
}

/// A place to sign, with what is there.
pub(super) fn block(who: &str, name: &str, signature: Option<&Signature>) -> SignatureBlock {
    let name = signature.map(|signature| &signature.name).filter(|name| !name.is_empty()).map_or(name, String::as_str);
    SignatureBlock {
        who: who.to_owned(),
        name: name.to_owned(),
        mark: signature.map_or(Mark::Blank, |signature| signature.mark.clone()),
        at: signature.and_then(|signature| signature.at).map(words::date_time).unwrap_or_default(),
        notes: signature.map(|signature| signature.notes.clone()).unwrap_or_default(),
    }
}
