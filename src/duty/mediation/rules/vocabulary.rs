//! The words of the facts that decide. The wire forms are those of the record's own table of fields.

use crate::text_enum;

text_enum! {
    /// Acts that may be mediated (程序规定 article 178, paragraph 1), in its order, and quarrels that are no offence.
    pub enum Nature {
        /// 殴打他人
        Fight = "fight",
        /// 故意伤害
        Injury = "injury",
        /// 侮辱
        Insult = "insult",
        /// 诽谤
        Defamation = "defamation",
        /// 诬告陷害
        FalseAccusation = "false_accusation",
        /// 故意损毁财物
        Damage = "damage",
        /// 干扰他人正常生活
        Harassment = "harassment",
        /// 侵犯隐私
        Privacy = "privacy",
        /// 非法侵入住宅
        Intrusion = "intrusion",
        /// 不构成违反治安管理行为的民间纠纷 (paragraph 2)
        Civil = "civil",
    }
}

text_enum! {
    /// Why a case suits mediation (程序规定 article 178, paragraph 1, items 1 to 3).
    pub enum Ground {
        /// 亲友、邻里、同事、在校学生之间因琐事发生纠纷
        KinNeighbours = "kin_neighbours",
        /// 由被侵害人事前的过错行为引起
        VictimFault = "victim_fault",
        /// 其他适用调解处理更易化解矛盾的
        OtherwiseEasier = "otherwise_easier",
    }
}

text_enum! {
    /// What forbids mediation, as its leader says (程序规定 article 179), in its order.
    pub enum SaidBar {
        /// 雇凶伤害他人
        Hired = "hired",
        /// 结伙斗殴或者其他寻衅滋事
        Gang = "gang" | "gang_or_provoking",
        /// 多次实施违反治安管理行为
        Repeated = "repeated",
        /// 当事人明确表示不愿意调解处理
        Refused = "refused" | "party_refuses",
        /// 调解过程中又针对对方实施违反治安管理行为
        NewViolation = "new_violation",
        /// 调解过程中违法嫌疑人逃跑
        Fled = "fled" | "suspect_fled",
        /// 其他不宜调解处理的
        Other = "other",
    }
}

text_enum! {
    /// What a party is in the case.
    pub enum PartyRole {
        /// 违法嫌疑人
        Suspect = "suspect",
        /// 被侵害人
        Victim = "victim",
        /// Both at once: they fought each other.
        Both = "both",
        /// A party to a quarrel that is no offence.
        Party = "party",
    }
}

impl PartyRole {
    /// Somebody against whom an offence is looked into.
    pub const fn is_suspect(self) -> bool {
        matches!(self, Self::Suspect | Self::Both)
    }

    /// Somebody who was wronged.
    pub const fn is_victim(self) -> bool {
        matches!(self, Self::Victim | Self::Both)
    }
}

text_enum! {
    /// What the person is who leads the mediation.
    pub enum LeaderKind {
        /// 人民警察
        PoliceOfficer = "police_officer",
        /// 警务辅助人员
        Auxiliary = "auxiliary",
        /// 人民调解员
        Mediator = "mediator",
        /// 网格员
        GridWorker = "grid_worker",
        Other = "other",
    }
}

text_enum! {
    /// How much a finding weighs.
    pub enum Level {
        /// There may be no mediation of this kind.
        Bar = "bar",
        /// Something has to be said, fetched or done first.
        Missing = "missing",
        /// Everything was done, and something is still on its way, as a recording's upload: go on, finish later.
        Pending = "pending",
        /// Worth knowing; hinders nothing.
        Notice = "notice",
    }
}
