//! Amounts, dates and ages as Chinese documents write them.

use jiff::civil::{Date, DateTime};

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
/// Places within a group of four digits, and the groups.
const PLACES: [&str; 4] = ["仟", "佰", "拾", ""];
const GROUPS: [&str; 5] = ["", "万", "亿", "万亿", "亿亿"];

/// An amount in fen in capitals: 10 000 becomes 人民币壹佰元整, 140 950 人民币壹仟肆佰零玖元伍角整. By the rules for filling in
/// bills (支付结算办法, annex 1): 整 after 元 and 角, never after 分; one 零 for any number of zeros between digits.
pub fn rmb(fen: i64) -> String {
    let sign = if fen < 0 { "负" } else { "" };
    let fen = fen.unsigned_abs();
    let (yuan, jiao, cents) = (fen / 100, fen / 10 % 10, fen % 10);
    let mut words = format!("人民币{sign}");
    if yuan > 0 || fen == 0 {
        words += &integer(yuan);
        words += "元";
    }
    match (jiao, cents) {
        (0, 0) => words += "整",
        (0, cents) => {
            if yuan > 0 {
                words.push('零');
            }
            words.push(digit(cents));
            words.push('分');
        }
        (jiao, cents) => {
            words.push(digit(jiao));
            words.push('角');
            if cents > 0 {
                words.push(digit(cents));
                words.push('分');
            } else {
                words += "整";
            }
        }
    }
    words
}

/// An amount both ways: 人民币壹佰元整（¥100.00）.
pub fn amount(fen: i64) -> String {
    format!("{}（{}）", rmb(fen), yuan(fen))
}

/// An amount in figures: ¥12,345.60.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    let whole = (fen / 100).to_string();
    let mut grouped = String::new();
    for (at, figure) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(figure);
    }
    format!("¥{sign}{grouped}.{:02}", fen % 100)
}

fn digit(digit: u64) -> char {
    usize::try_from(digit).ok().and_then(|at| DIGITS.get(at)).copied().unwrap_or('零')
}

fn integer(number: u64) -> String {
    if number == 0 {
        return "零".to_owned();
    }
    let mut words = String::new();
    let mut zero = false;
    for (group, name) in GROUPS.iter().enumerate().rev() {
        let Some(scale) = u32::try_from(group).ok().and_then(|group| 10_000_u64.checked_pow(group)) else { continue };
        let four = number / scale % 10_000;
        for (place, name) in PLACES.iter().enumerate() {
            let ten = u32::try_from(3 - place).ok().and_then(|power| 10_u64.checked_pow(power)).unwrap_or(1);
            let value = four / ten % 10;
            if value == 0 {
                zero = true;
                continue;
            }
            if zero && !words.is_empty() {
                words.push('零');
            }
            zero = false;
            words.push(digit(value));
            words += name;
        }
        if four > 0 {
            words += name;
        }
    }
    words
}

/// 2026年11月23日
pub fn date(date: Date) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

/// 2026年11月23日9时05分
pub fn date_time(at: DateTime) -> String {
    format!("{}{}时{:02}分", date(at.date()), at.hour(), at.minute())
}

/// From one time to another, the day only once: 2026年11月23日9时05分至10时20分.
pub fn span(from: DateTime, to: DateTime) -> String {
    if from.date() == to.date() {
        format!("{}至{}时{:02}分", date_time(from), to.hour(), to.minute())
    } else {
        format!("{}至{}", date_time(from), date_time(to))
    }
}

/// Full years of somebody on a day; none before birth.
pub fn age(born: Date, on: Date) -> Option<i16> {
    let before = (on.month(), on.day()) < (born.month(), born.day());
    let years = on.year() - born.year() - i16::from(before);
    (years >= 0).then_some(years)
}

/// Small numbers in words: 3 becomes 三. Larger ones than twenty stay figures.
pub fn count(number: usize) -> String {
    const WORDS: [&str; 21] = [
        "零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五",
        "十六", "十七", "十八", "十九", "二十",
    ];
    WORDS.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;

    use super::*;

    #[test]
    fn amounts_are_written_as_banks_take_them() {
        let cases = [
            (0, "人民币零元整"),
            (5, "人民币伍分"),
            (50, "人民币伍角整"),
            (10_000, "人民币壹佰元整"),
            (1_000, "人民币壹拾元整"),
            (140_950, "人民币壹仟肆佰零玖元伍角整"),
            (600_714, "人民币陆仟零柒元壹角肆分"),
            (32_504, "人民币叁佰贰拾伍元零肆分"),
            (1_640_902, "人民币壹万陆仟肆佰零玖元零贰分"),
            (10_700_053, "人民币壹拾万零柒仟元伍角叁分"),
            (10_000_000, "人民币壹拾万元整"),
            (1_000_000_001, "人民币壹仟万元零壹分"),
            (1_000_010_000, "人民币壹仟万零壹佰元整"),
            (1_000_000_000_000, "人民币壹佰亿元整"),
            (1_000_000_100_000, "人民币壹佰亿零壹仟元整"),
            (100_000_000_000_000, "人民币壹万亿元整"),
            (-150, "人民币负壹元伍角整"),
        ];
        for (fen, words) in cases {
            assert_eq!(rmb(fen), words, "{fen}");
        }
    }

    #[test]
    fn figures_are_grouped_by_thousands() {
        assert_eq!(yuan(5), "¥0.05");
        assert_eq!(yuan(99_999), "¥999.99");
        assert_eq!(yuan(100_000), "¥1,000.00");
        assert_eq!(yuan(123_456_789), "¥1,234,567.89");
        assert_eq!(amount(10_000), "人民币壹佰元整（¥100.00）");
        assert!(rmb(i64::MAX).starts_with("人民币") && rmb(i64::MIN).starts_with("人民币负"), "no amount is too large");
    }

    #[test]
    fn dates_and_ages_are_those_of_documents() {
        assert_eq!(date(day(2026, 11, 3)), "2026年11月3日");
        assert_eq!(date_time(day(2026, 11, 23).at(9, 5, 40, 0)), "2026年11月23日9时05分");
        assert_eq!(
            span(day(2026, 11, 23).at(9, 5, 0, 0), day(2026, 11, 23).at(10, 20, 0, 0)),
            "2026年11月23日9时05分至10时20分"
        );
        assert_eq!(age(day(2008, 11, 24), day(2026, 11, 23)), Some(17));
        assert_eq!(age(day(2008, 11, 23), day(2026, 11, 23)), Some(18));
        assert_eq!(age(day(2027, 1, 1), day(2026, 11, 23)), None);
        assert_eq!(count(3), "三");
    }
}
