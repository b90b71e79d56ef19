//! The lines of a dossier in words, Chinese and English. What has no words here keeps its name: nothing is left out.

use std::collections::HashMap;

use serde_json::Value;

use super::{Entry, Gap, GapKind, Reason, Word};
use crate::duty::evidence::photos::findings;
use crate::words::ids::PersonId;

/// Names of people, for showing them.
pub type Names = HashMap<PersonId, String>;

/// Kinds of lines: name, Chinese, English.
const KINDS: &[(&str, &str, &str)] = &[
    ("assignment.created", "下达指令", "assignment made"),
    ("assignment.left", "退出指令", "left the assignment"),
    ("backup.alerted", "通知增援", "backup alerted"),
    ("backup.answered", "答复增援", "answered the call for backup"),
    ("backup.changed", "补充求助信息", "call for backup changed"),
    ("backup.closed", "求助结束", "call for backup closed"),
    ("backup.covered", "增援已足", "enough backup is coming"),
    ("backup.escalated_commander", "求助上报值班领导", "backup escalated to the duty commander"),
    ("backup.escalated_parent_room", "求助上报上级指挥室", "backup escalated to the parent room"),
    ("backup.pressed", "按下求助", "backup button pressed"),
    ("backup.pressed_again", "再次按下求助", "pressed again"),
    ("backup.raised", "发起求助", "call for backup raised"),
    ("backup.received", "终端收到求助", "a device has the alert"),
    ("backup.says", "求助人自述结束", "the caller's own word about the end"),
    ("backup.stood_down", "解除增援", "stood down"),
    ("backup.taken", "指挥室接管求助", "the room took the call for backup"),
    ("backup.uncovered", "增援不足", "no longer enough backup"),
    ("backup.wave", "一轮增援呼叫", "a ring of backup called"),
    ("caller.shown", "查看报警人号码", "the caller's number was shown"),
    ("channel.outcome", "联系结果", "outcome of an attempt"),
    ("channel.tried", "尝试联系", "tried to reach"),
    ("deadline.missed", "超时未达", "deadline missed"),
    ("device.issued", "领用设备", "device issued"),
    ("device.returned", "归还设备", "device returned"),
    ("duty.signed_off", "签退", "signed off duty"),
    ("duty.signed_on", "签到", "signed on duty"),
    ("evidence.finding", "证据核查发现", "finding about an item"),
    ("evidence.linked", "关联证据", "item linked"),
    ("evidence.marked", "标记片段", "stretch marked"),
    ("evidence.received", "收到证据", "item of evidence received"),
    ("feedback.confirmed", "反馈经确认", "feedback confirmed"),
    ("feedback.given", "反馈", "feedback"),
    ("hold.lifted", "解除保全", "hold lifted"),
    ("hold.set", "设置保全", "hold set"),
    ("incident.answered", "接警", "call answered"),
    ("incident.called", "报警", "call made"),
    ("incident.cancelled", "撤销警情", "incident cancelled"),
    ("incident.claimed", "席位处理", "claimed by a seat"),
    ("incident.closed", "办结", "incident closed"),
    ("incident.created", "建立警情", "incident created"),
    ("incident.dispatched", "下派", "dispatched by the source"),
    ("incident.linked", "关联警情", "incident linked"),
    ("incident.merged", "合并警情", "incident merged"),
    ("incident.note", "备注", "note"),
    ("incident.reopened", "重新处理", "incident reopened"),
    ("incident.returned", "退回", "returned"),
    ("incident.revision", "来源系统推送", "pushed by the source"),
    ("incident.signed", "签收", "signed for"),
    ("incident.state", "状态变化", "state changed"),
    ("incident.updated", "更正警情", "incident corrected"),
    ("position", "位置", "position"),
    ("revision.history", "旧版本推送", "older revision kept as history"),
    ("rung.accepted", "接受", "accepted"),
    ("rung.caller_contacted", "联系报警人", "caller contacted"),
    ("rung.cancel_confirmed", "确认撤销", "cancellation confirmed"),
    ("rung.cancelled", "撤销", "cancelled"),
    ("rung.change_requested", "申请改派", "change requested"),
    ("rung.cleared", "处置完毕", "cleared"),
    ("rung.created", "建立", "created"),
    ("rung.declined", "谢绝", "declined"),
    ("rung.delivered", "送达", "delivered"),
    ("rung.dispatched", "派警", "dispatched"),
    ("rung.en_route", "出发", "en route"),
    ("rung.on_scene", "到场", "on scene"),
    ("rung.queued", "排队", "queued"),
    ("rung.reassigned", "改派", "reassigned"),
    ("rung.returned", "退回", "returned"),
    ("rung.sent", "下发", "sent"),
    ("rung.signed", "签收", "signed for"),
    ("rung.suspended", "暂停", "suspended"),
    ("rung.transferred", "移交", "transferred"),
    ("rung.viewed", "查看", "viewed"),
];

/// Members of a line that people read, in this order: name, Chinese, English.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("text", "", ""),
    ("title", "", ""),
    ("filename", "", ""),
    ("stage", "阶段", "stage"),
    ("result_code", "结果", "result"),
    ("reason", "原因", "reason"),
    ("note", "备注", "note"),
    ("via", "方式", "via"),
    ("recorded_by", "代记人", "recorded by"),
    ("channel", "渠道", "channel"),
    ("outcome", "结果", "outcome"),
    ("limit", "时限", "limit"),
    ("state", "状态", "state"),
    ("changed", "更改", "changed"),
    ("revision", "版本", "revision"),
    ("answer", "答复", "answer"),
    ("role", "任务", "role"),
    ("eta_s", "预计秒数", "seconds to arrive"),
    ("wave", "轮次", "ring"),
    ("kind", "类别", "kind"),
    ("size", "字节", "bytes"),
    ("sha256", "SHA-256", "SHA-256"),
    ("from_ms", "起毫秒", "from ms"),
    ("to_ms", "止毫秒", "to ms"),
    ("lon", "经度", "lon"),
    ("lat", "纬度", "lat"),
    ("accuracy_m", "精度米", "accuracy m"),
    ("flags", "标记", "flags"),
    ("fixes", "位置数", "positions"),
    ("battery_pct", "电量%", "battery %"),
    ("ahead_s", "快秒数", "seconds ahead"),
    ("arrived", "已到字节", "bytes that arrived"),
    ("length", "应到字节", "bytes announced"),
    ("failure", "失败原因", "failure"),
];

/// A kind of line.
pub fn kind(name: &str, english: bool) -> &str {
    let found = KINDS.binary_search_by_key(&name, |(known, ..)| *known).ok().and_then(|at| KINDS.get(at));
    found.map_or(name, |(_, zh, en)| if english { *en } else { *zh })
}

/// Whose word.
pub const fn word(word: Word, english: bool) -> &'static str {
    let (zh, en) = match word {
        Word::Machine => ("设备", "device"),
        Word::Human => ("人工", "human"),
        Word::Server => ("系统", "server"),
        Word::Source => ("来源系统", "source"),
    };
    if english { en } else { zh }
}

/// What is missing, and why.
pub fn gap(gap: &Gap, english: bool) -> String {
    let (zh, en) = match gap.kind {
        GapKind::NoPosition => ("无位置", "no position"),
        GapKind::Offline => ("终端离线", "device offline"),
        GapKind::ClockStep => ("时钟不准", "clock wrong"),
        GapKind::NoRecording => ("无现场音视频", "no recording from the scene"),
        GapKind::UploadLost => ("上传未完成", "upload without a result"),
    };
    let (zh_why, en_why) = match gap.reason {
        Reason::NothingReported => ("未上报，原因不明", "nothing was reported; why is not known"),
        Reason::BatteryLow => ("电量将尽", "the battery was nearly empty"),
        Reason::SignedOff => ("期间已签退", "signed off meanwhile"),
        Reason::NotBelieved => ("仅有不可信的位置", "only positions that cannot be believed"),
        Reason::ArrivedLater => ("位置事后补报，当时不知", "positions came later and were not known then"),
        Reason::DeviceClockAhead => ("终端时钟偏快", "the device's clock was ahead"),
        Reason::CameraClock => ("相机时钟不准", "the camera's clock was wrong"),
        Reason::NoneArrived => ("未收到任何录像录音", "none has arrived"),
        Reason::NotDelivered => ("尚在记录仪或采集站", "it is still on the camera or at the dock"),
        Reason::Refused => ("内容与声明不符", "what arrived was not what was announced"),
        Reason::GivenUp => ("终端放弃", "the device gave up"),
        Reason::NothingCame => ("久无后续", "nothing more came"),
    };
    if english { format!("{en}: {en_why}") } else { format!("{zh}：{zh_why}") }
}

/// What a line says, in words.
pub fn detail(entry: &Entry, names: &Names, english: bool) -> String {
    if entry.kind == "evidence.finding" {
        let code = entry.data.get("code").and_then(Value::as_str).unwrap_or_default();
        let detail = entry.data.get("detail").unwrap_or(&Value::Null);
        return findings::text(code, detail, english);
    }
    members(&entry.data, names, english)
}

/// The members of an object that people read.
pub fn members(data: &Value, names: &Names, english: bool) -> String {
    let mut said = Vec::new();
    for (key, zh, en) in MEMBERS {
        let Some(text) = data.get(key).and_then(|value| plain(value, names)) else { continue };
        let label = if english { en } else { zh };
        said.push(if label.is_empty() { text } else { format!("{label} {text}") });
    }
    said.join(if english { "; " } else { "；" })
}

fn plain(value: &Value, names: &Names) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        // An id of somebody who is named is shown by that name.
        Value::String(text) => {
            Some(text.parse().ok().and_then(|id: PersonId| names.get(&id).cloned()).unwrap_or_else(|| text.clone()))
        }
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().filter_map(|item| plain(item, names)).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::duty::assignments::ladder::Rung;

    #[test]
    fn kinds_are_found_and_others_keep_their_name() {
        assert!(KINDS.is_sorted_by_key(|(name, ..)| *name), "they are looked up by halves");
        assert_eq!((kind("rung.on_scene", false), kind("rung.on_scene", true)), ("到场", "on scene"));
        assert_eq!(kind("something.new", false), "something.new");
        for rung in Rung::ALL {
            let name = format!("rung.{rung}");
            assert_ne!(kind(&name, true), name, "a rung without words");
        }
    }

    #[test]
    fn a_line_names_people_and_leaves_out_what_is_not_said() {
        let person = PersonId::new();
        let names = Names::from([(person, "王明".to_owned())]);
        let data = json!({ "text": "到达现场", "recorded_by": person, "reason": null, "flags": [] });
        assert_eq!(members(&data, &names, false), "到达现场；代记人 王明");
        assert_eq!(members(&data, &names, true), "到达现场; recorded by 王明");
    }
}
