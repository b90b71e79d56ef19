//! The timeline for people: one page that needs nothing from elsewhere, in their language, made to be printed.
//!
//! A machine's receipt and a human's word look different in every line, also on paper without colour. Places of one
//! person that came one after the other are one line here; each of them stands in `timeline.json`.

use std::fmt::Write as _;

use jiff::tz::{Offset, TimeZone};

use super::words::{self, Names};
use super::{Entry, Gap, Timeline, Word};
use crate::words::time::Timestamp;

/// Hours east of UTC of all of China.
const HOURS_EAST: i8 = 8;

const STYLE: &str = "\
body{font:14px/1.5 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;margin:2em auto;max-width:70em;padding:0 1em;\
color:#111;background:#fff}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}\
table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #999;padding:.25em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{background:#eee}td.t{white-space:nowrap;font-variant-numeric:tabular-nums}\
tr.machine td.w,tr.server td.w{font-style:italic;color:#444}tr.human td.w{font-weight:bold}\
tr.late td.k{text-decoration:underline}tr.gap td{background:#f3f3f3;border-style:dashed}\
@media print{body{margin:0;max-width:none;font-size:10pt}thead{display:table-header-group}tr{break-inside:avoid}}";

/// The words around the lines, in one language.
struct Frame {
    lang: &'static str,
    title: &'static str,
    as_of: &'static str,
    all_known: &'static str,
    made: &'static str,
    purpose: &'static str,
    zone: &'static str,
    people: &'static str,
    timeline: &'static str,
    columns: [&'static str; 6],
    late: &'static str,
    gaps: &'static str,
    no_gaps: &'static str,
    limits: &'static str,
    positions: &'static str,
    proof: &'static str,
}

const ZH: Frame = Frame {
    lang: "zh-CN",
    title: "警情卷宗",
    as_of: "仅含截至此时已知的内容",
    all_known: "含制作时已知的全部内容",
    made: "制作",
    purpose: "用途",
    zone: "时间均为北京时间（+08:00）；设备时间以设备时钟为准，未经校正",
    people: "人员",
    timeline: "时间线",
    columns: ["发生", "知悉", "谁说的", "事项", "人员", "内容"],
    late: "迟报",
    gaps: "缺失及原因",
    no_gaps: "未发现缺失",
    limits: "未收录的部分",
    positions: "条位置，最后在",
    proof: "本页的散列值记入 dossier.json，后者的散列值已写入保管日志；用 suixing verify 核验整个归档。",
};

const EN: Frame = Frame {
    lang: "en",
    title: "Dossier of an incident",
    as_of: "only what was known by then",
    all_known: "all that was known when it was made",
    made: "made",
    purpose: "purpose",
    zone: "all times are China's (+08:00); a device's time is by its own clock, uncorrected",
    people: "People",
    timeline: "Timeline",
    columns: ["happened", "known", "whose word", "what", "who", "details"],
    late: "late",
    gaps: "Gaps and their reasons",
    no_gaps: "none was found",
    limits: "What is not here",
    positions: "positions, the last at",
    proof: "The hash of this page stands in dossier.json, whose hash is in the custody log; check the whole archive with \
            suixing verify.",
};

/// The page.
pub fn page(timeline: &Timeline, english: bool) -> String {
    let frame = if english { &EN } else { &ZH };
    let names: Names = timeline.people.iter().map(|person| (person.id, person.name.clone())).collect();
    let mut page = Page { out: String::new(), names: &names, english, frame };
    page.head(timeline);
    page.people(timeline);
    page.gaps(&timeline.gaps);
    page.lines(timeline);
    page.limits(timeline);
    page.out.push_str("</body></html>\n");
    page.out
}

struct Page<'a> {
    out: String,
    names: &'a Names,
    english: bool,
    frame: &'a Frame,
}

impl Page<'_> {
    /// Appends markup; every text in it has gone through [`escaped`].
    fn put(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.out.write_fmt(markup).ok();
    }

    fn head(&mut self, timeline: &Timeline) {
        let frame = self.frame;
        let title = timeline.incident.get("title").and_then(serde_json::Value::as_str).unwrap_or_default();
        let known = match timeline.as_of {
            Some(at) => format!("{} {}", frame.as_of, shown(at)),
            None => frame.all_known.to_owned(),
        };
        let by = self.names.get(&timeline.made_by).map(String::as_str).unwrap_or_default();
        self.put(format_args!(
            "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{} {}</title><style>{STYLE}</style>\
             </head><body>\n<h1>{} {}</h1>\n<p>{}</p>\n<p><strong>{}</strong></p>\n<p>{} {} {}; {}: {}</p>\n<p>{}<br>{}</p>\n",
            frame.lang,
            frame.title,
            timeline.incident_id,
            frame.title,
            escaped(title),
            timeline.incident_id,
            escaped(&known),
            frame.made,
            shown(timeline.made_at),
            escaped(by),
            frame.purpose,
            escaped(&timeline.purpose),
            frame.zone,
            frame.proof,
        ));
    }

    fn people(&mut self, timeline: &Timeline) {
        self.put(format_args!("<h2>{}</h2>\n<table><tbody>\n", self.frame.people));
        for person in &timeline.people {
            let badge = person.badge_no.as_deref().unwrap_or_default();
            self.put(format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                escaped(&person.name),
                escaped(badge),
                person.kind,
                escaped(&person.unit),
            ));
        }
        self.out.push_str("</tbody></table>\n");
    }

    fn gaps(&mut self, gaps: &[Gap]) {
        self.put(format_args!("<h2>{}</h2>\n", self.frame.gaps));
        if gaps.is_empty() {
            self.put(format_args!("<p>{}</p>\n", self.frame.no_gaps));
            return;
        }
        self.out.push_str("<table><tbody>\n");
        for gap in gaps {
            let (who, what) = (self.who(gap.person_id), words::gap(gap, self.english));
            let detail = words::members(&gap.data, self.names, self.english);
            self.put(format_args!(
                "<tr class=\"gap\"><td class=\"t\">{}<br>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                shown(gap.from),
                shown(gap.to),
                escaped(&who),
                escaped(&what),
                escaped(&detail),
            ));
        }
        self.out.push_str("</tbody></table>\n");
    }

    fn lines(&mut self, timeline: &Timeline) {
        self.put(format_args!("<h2>{}</h2>\n<table><thead><tr>", self.frame.timeline));
        for column in self.frame.columns {
            self.put(format_args!("<th>{column}</th>"));
        }
        self.out.push_str("</tr></thead><tbody>\n");
        let together = |one: &Entry, other: &Entry| {
            one.kind == "position"
                && other.kind == "position"
                && one.person_id == other.person_id
                && one.device_id == other.device_id
                && one.late == other.late
        };
        for run in timeline.entries.chunk_by(together) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let detail = words::detail(last, self.names, self.english);
            if run.len() == 1 {
                self.line(first, &detail);
            } else {
                let (word, at) = (self.frame.positions, shown(last.at));
                self.line(first, &format!("{} {word} {at}: {detail}", run.len()));
            }
        }
        self.out.push_str("</tbody></table>\n");
    }

    fn line(&mut self, entry: &Entry, detail: &str) {
        let class = match entry.word {
            Word::Human => "human",
            Word::Machine => "machine",
            Word::Server => "server",
            Word::Source => "source",
        };
        let late = if entry.late { " late" } else { "" };
        let mark = if entry.late { format!(" ({})", self.frame.late) } else { String::new() };
        let who = self.who(entry.person_id);
        self.put(format_args!(
            "<tr class=\"{class}{late}\"><td class=\"t\">{}</td><td class=\"t k\">{}{}</td><td class=\"w\">{}</td>\
             <td>{}</td><td>{}</td><td>{}</td></tr>\n",
            shown(entry.observed_at.unwrap_or(entry.at)),
            shown(entry.known_at),
            escaped(&mark),
            words::word(entry.word, self.english),
            escaped(words::kind(&entry.kind, self.english)),
            escaped(&who),
            escaped(detail),
        ));
    }

    fn limits(&mut self, timeline: &Timeline) {
        if timeline.limits.is_empty() {
            return;
        }
        self.put(format_args!("<h2>{}</h2>\n<ul>\n", self.frame.limits));
        for limit in &timeline.limits {
            let (what, reason) = (escaped(&limit.what), escaped(&limit.reason));
            self.put(format_args!("<li>{what}: {} / {}: {reason}</li>\n", limit.kept, limit.of));
        }
        self.out.push_str("</ul>\n");
    }

    fn who(&self, person: Option<crate::words::ids::PersonId>) -> String {
        person.map(|id| self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())).unwrap_or_default()
    }
}

/// China's time to the second.
fn shown(at: Timestamp) -> String {
    let zone = TimeZone::fixed(Offset::constant(HOURS_EAST));
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(moment) => moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_beyond) => at.to_string(),
    }
}

/// A text as it may stand in a page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::duty::dossier::{GapKind, Reason};
    use crate::words::ids::{DeviceId, IncidentId, PersonId};

    fn timeline(entries: Vec<Entry>) -> Timeline {
        let at = Timestamp::from_micros(1_767_225_600_000_000);
        Timeline {
            format: "suixing-timeline-v1",
            incident_id: IncidentId::new(),
            incident: json!({ "title": "<script>alert(1)</script>" }),
            as_of: None,
            made_at: at,
            made_by: PersonId::new(),
            purpose: "\"><img src=x>".to_owned(),
            people: Vec::new(),
            sent: Vec::new(),
            entries,
            gaps: vec![Gap {
                kind: GapKind::NoPosition,
                from: at,
                to: at.plus_secs(600),
                person_id: None,
                device_id: None,
                reason: Reason::BatteryLow,
                data: json!({ "battery_pct": 3 }),
            }],
            limits: Vec::new(),
        }
    }

    fn entry(word: Word, kind: &str, text: &str) -> Entry {
        Entry::new(word, kind, Timestamp::from_micros(1_767_225_600_000_000), json!({ "text": text }))
    }

    #[test]
    fn nothing_that_was_written_becomes_markup_and_nothing_is_fetched() {
        let page = page(&timeline(vec![entry(Word::Human, "incident.note", "</td><iframe src='//x'>")]), false);
        for wrong in ["<script", "<img", "<iframe", "http://", "https://", "src=\"", "url("] {
            assert!(!page.contains(wrong), "{wrong} in {page}");
        }
        assert!(page.contains("&lt;iframe src=&#39;//x&#39;&gt;") && page.contains("lang=\"zh-CN\""));
        assert!(page.contains("@media print") && page.contains("2026-01-01 08:00:00"));
    }

    #[test]
    fn whose_word_it_is_is_seen_in_every_line() {
        let lines = vec![entry(Word::Machine, "rung.delivered", ""), entry(Word::Human, "rung.viewed", "")];
        let page = page(&timeline(lines), true);
        assert!(
            page.contains("<tr class=\"machine\">") && page.contains("<td class=\"w\">device</td><td>delivered</td>")
        );
        assert!(page.contains("<tr class=\"human\">") && page.contains("<td class=\"w\">human</td><td>viewed</td>"));
        assert!(page.contains("no position: the battery was nearly empty"));
    }

    #[test]
    fn places_one_after_the_other_are_one_line_until_one_was_late() {
        let (device, person) = (DeviceId::new(), PersonId::new());
        let place = |second: i64, after: i64| {
            let at = Timestamp::from_micros(1_767_225_600_000_000).plus_secs(second);
            let line = Entry::new(Word::Machine, "position", at.plus_secs(after), json!({ "lon": 1.0 }));
            line.observed(Some(at)).by(Some(person)).on(Some(device))
        };
        let page = page(&timeline(vec![place(0, 1), place(10, 1), place(20, 500), place(30, 1)]), true);
        assert_eq!(page.matches("<td>position</td>").count(), 3, "{page}");
        assert!(page.contains("2 positions, the last at") && page.contains("(late)"));
    }
}
