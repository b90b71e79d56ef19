//! What the invented callers report: category, priority, words, and what they ring again with.
//!
//! Called by the intake of the play.

use super::tracks::Spot;
use crate::words::dice::Dice;

/// A kind of call: category, priority, title, description, and what a second push says.
struct Pattern {
    category: &'static str,
    priority: u8,
    title: &'static str,
    description: &'static str,
    later: &'static str,
}

const PATTERNS: [Pattern; 14] = [
    Pattern {
        category: "dispute",
        priority: 3,
        title: "邻里噪音纠纷",
        description: "楼上装修至深夜，双方在楼道争吵。",
        later: "报警人补充：对方情绪激动，已有推搡。",
    },
    Pattern {
        category: "dispute",
        priority: 3,
        title: "停车位纠纷",
        description: "小区地下车库车位被占，双方互不相让。",
        later: "报警人补充：现场围观约二十人。",
    },
    Pattern {
        category: "dispute",
        priority: 3,
        title: "消费纠纷",
        description: "顾客称购买的手机有质量问题，店家拒绝退货。",
        later: "报警人补充：店家同意协商，请求调解。",
    },
    Pattern {
        category: "assistance",
        priority: 3,
        title: "老人走失",
        description: "七十五岁老人早饭后外出未归，穿蓝色外套。",
        later: "家属补充：有人在湖滨公园附近见过。",
    },
    Pattern {
        category: "assistance",
        priority: 4,
        title: "拾得物品上交",
        description: "市民拾得钱包一只，内有身份证。",
        later: "失主已联系，请民警到场移交。",
    },
    Pattern {
        category: "assistance",
        priority: 2,
        title: "儿童被反锁家中",
        description: "三岁幼儿独自反锁在家，厨房灶台未关。",
        later: "报警人补充：已闻到焦糊味。",
    },
    Pattern {
        category: "traffic",
        priority: 3,
        title: "两车追尾",
        description: "小轿车追尾面包车，无人受伤，占用右侧车道。",
        later: "报警人补充：一名乘客称颈部疼痛。",
    },
    Pattern {
        category: "traffic",
        priority: 2,
        title: "电动车与行人相撞",
        description: "行人倒地，意识清醒，已呼叫120。",
        later: "报警人补充：伤者腿部出血。",
    },
    Pattern {
        category: "public_order",
        priority: 2,
        title: "餐馆酒后滋事",
        description: "数名男子酒后掀桌，与店员发生冲突。",
        later: "报警人补充：其中一人手持酒瓶。",
    },
    Pattern {
        category: "public_order",
        priority: 1,
        title: "持刀伤人",
        description: "菜市场门口有人持刀，一人手臂受伤。",
        later: "报警人补充：嫌疑人向东逃离，黑色上衣。",
    },
    Pattern {
        category: "criminal",
        priority: 2,
        title: "入室盗窃",
        description: "业主回家发现门锁被撬，屋内被翻动。",
        later: "报警人补充：保安见一可疑男子翻墙。",
    },
    Pattern {
        category: "criminal",
        priority: 2,
        title: "电信诈骗正在转账",
        description: "老人正在银行向陌生账户汇款，柜员劝阻无效。",
        later: "银行补充：已暂缓交易，请尽快到场。",
    },
    Pattern {
        category: "criminal",
        priority: 3,
        title: "电动车被盗",
        description: "停放在单元门口的电动车被盗，有监控。",
        later: "报警人补充：定位显示车辆在移动。",
    },
    Pattern {
        category: "hazard",
        priority: 1,
        title: "燃气泄漏",
        description: "居民楼内燃气味浓重，住户已开始疏散。",
        later: "燃气公司已派人，请先期疏散并警戒。",
    },
];

const ROADS: [&str; 14] = [
    "人民路",
    "解放路",
    "湖滨大道",
    "云溪路",
    "华阳南路",
    "东环二路",
    "文化新村",
    "西门大街",
    "金湖花园",
    "迎宾路",
    "建设东路",
    "清风小区",
    "长乐巷",
    "南新街",
];

/// One call, ready to be pushed.
#[derive(Clone, Debug)]
pub struct Call {
    /// Category code.
    pub category: &'static str,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// Title.
    pub title: &'static str,
    /// What the caller said.
    pub description: &'static str,
    /// What a second push says.
    pub later: &'static str,
    /// Street and number.
    pub address: String,
    /// Caller's name.
    pub caller: String,
    /// Caller's number: from a range that is not given out.
    pub phone: String,
    /// Where.
    pub spot: Spot,
}

/// Make up one call near a room.
pub fn invent(dice: &mut Dice, room: Spot) -> Call {
    let at = dice.below(PATTERNS.len());
    // Two urgent patterns exist; redrawing half of them keeps priority 1 rare.
    let at = match PATTERNS.get(at) {
        Some(p) if p.priority == 1 && dice.chance(0.5) => dice.below(8),
        _ => at,
    };
    let [first, ..] = &PATTERNS;
    let pattern = PATTERNS.get(at).unwrap_or(first);
    let road = dice.pick(&ROADS).copied().unwrap_or("人民路");
    let (angle, far) = (dice.between(0.0, std::f64::consts::TAU), 1_800.0 * dice.unit().sqrt());
    Call {
        category: pattern.category,
        priority: pattern.priority,
        title: pattern.title,
        description: pattern.description,
        later: pattern.later,
        address: format!("{road}{}号", 1 + dice.below(300)),
        caller: format!(
            "{}{}",
            dice.pick(&["王", "李", "张", "陈", "周"]).copied().unwrap_or("王"),
            if dice.chance(0.5) { "先生" } else { "女士" }
        ),
        phone: format!("1000000{:04}", dice.below(10_000)),
        spot: Spot { x: room.x + far * angle.cos(), y: room.y + far * angle.sin() },
    }
}
