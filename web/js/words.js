// Every word the page shows, in Chinese (default) and English.

const WORDS = {
  zh: {
    page: '随行', skip: '跳到警情列表', tagline: '谁收到了、谁看了、谁到了，一目了然。', username: '用户名', password: '密码', log_in: '登录', log_out: '退出',
    other_lang: 'English', on_duty: '在线', silent: '失联', open_calls: '在办警情', incidents: '警情', show_closed: '含已办结',
    sound_on: '提示音：开', sound_off: '提示音：关', linked: '实时', linking: '正在连接', unlinked: '已断开，正在重连',
    no_incidents: '目前没有警情', wrong: '用户名或密码不对', unreachable: '服务器没有回应', map_label: '实时地图。方向键移动，加减号缩放，0 键全览。',
    zoom_in: '放大', zoom_out: '缩小', zoom_fit: '全览', fresh: '位置有效', last_seen: '最后位置', ago: '前', due_missed: '超时未报',
    ladder: '指令阶梯', no_assignment: '尚未派警', by: '由', machine: '设备回执', system: '系统记录', sent_by: '派出', human: '本人操作', voice: '语音代录', not_yet: '未到',
    close: '关闭', close_detail: '返回列表', backup_called: '请求增援', take: '我来处置', taken_by: '已接手', untaken: '无人接手', says_false: '本人称误报', resolve: '解除', responding: '人前往', alerted: '已通知', arrived: '到场',
    evidence: '现场证据', evidence_trouble: '取不到', look_purpose: '指挥室查看警情', captured: '拍摄', received: '入库', finding: '发现',
    unit: '单位', demo: '演示账号', police: '民警/辅警', vehicle: '警车', mediator: '调解员', grid: '警格长', stale: '失联（灰，附时长）', incident_mark: '警情', person: '人员', crew: '出警单元', round: '轮',
    mediations: '调解', no_number: '尚未编号', paper_coming: '正在制作', due: '履行期限', paid: '已付', before_place: '此地两年内调解', before_people: '同一当事人两年内调解', before_defaulted: '其中未履行', dossier: '卷宗', dossier_fetch: '下载卷宗', dossier_says: '警情全过程：当时知道什么、缺什么及原因、证据及其证明。调阅将被记录。', purpose: '用途',
    orders: '联动工单', order_delivered: '系统已接收', order_late: '超时',
    cards: '待处理', card_done: '标为已处理', gaps: '现场待补', gap_call: '警情', gap_left: '剩', gap_over: '已超',
    metres: '米', kilometres: '公里', battery: '电量', accuracy: '精度', speed: '速度',
  },
  en: {
    page: 'Suixing', skip: 'Skip to incidents', tagline: 'Who has it, who saw it, who is there.', username: 'User name', password: 'Password', log_in: 'Log in', log_out: 'Log out',
    other_lang: '中文', on_duty: 'Live', silent: 'Silent', open_calls: 'Open calls', incidents: 'Incidents', show_closed: 'with closed',
    sound_on: 'Sound: on', sound_off: 'Sound: off', linked: 'Live', linking: 'Connecting', unlinked: 'Cut off, reconnecting',
    no_incidents: 'No incidents now', wrong: 'User name or password is wrong', unreachable: 'The server does not answer', map_label: 'Live map. Arrow keys move, plus and minus zoom, 0 shows all.',
    zoom_in: 'Zoom in', zoom_out: 'Zoom out', zoom_fit: 'Show all', fresh: 'Position valid', last_seen: 'Last position', ago: 'ago', due_missed: 'report overdue',
    ladder: 'Ladder', no_assignment: 'Nobody sent yet', by: 'by', machine: 'Machine receipt', system: 'Recorded by the system', sent_by: 'sent by', human: 'Human action', voice: 'Voice, entered by', not_yet: 'not yet',
    close: 'Close', close_detail: 'Back to list', backup_called: 'calls for backup', take: 'Take it', taken_by: 'Taken by', untaken: 'Nobody has taken it', says_false: 'Caller says false alarm', resolve: 'Stand down', responding: 'coming', alerted: 'alerted', arrived: 'there',
    evidence: 'Evidence', evidence_trouble: 'Not available', look_purpose: 'Command room looks at the call', captured: 'Captured', received: 'Received', finding: 'Finding',
    unit: 'Unit', demo: 'Demo accounts', police: 'Officer, auxiliary', vehicle: 'Car', mediator: 'Mediator', grid: 'Grid chief', stale: 'Silent (grey, with age)', incident_mark: 'Incident', person: 'Person', crew: 'Crew', round: 'round',
    mediations: 'Mediations', no_number: 'no number yet', paper_coming: 'being made', due: 'due', paid: 'paid', before_place: 'Mediated here within two years:', before_people: 'With the same people within two years:', before_defaulted: 'of them not kept:', dossier: 'Dossier', dossier_fetch: 'Download', dossier_says: 'The whole call: what was known when, what is missing and why, the evidence with its proofs. That you ask is recorded.', purpose: 'Purpose',
    orders: 'Work orders', order_delivered: 'taken by their system', order_late: 'late by',
    cards: 'To be looked at', card_done: 'Done', gaps: 'Owed from scenes', gap_call: 'Call', gap_left: 'due in', gap_over: 'overdue',
    metres: 'm', kilometres: 'km', battery: 'Battery', accuracy: 'Accuracy', speed: 'Speed',
  },
};

const CODES = {
  incident: {
    awaiting_signature: ['待签收', 'to be signed'], awaiting_dispatch: ['待派警', 'to be sent'], handling: ['处警中', 'handling'], fed_back: ['已反馈', 'fed back'], closed: ['办结', 'closed'],
    returned: ['退回', 'returned'], transferred: ['移交', 'transferred'], diverted: ['分流', 'diverted'], merged: ['合并', 'merged'], cancelled: ['撤销', 'cancelled'], reopened: ['重开', 'reopened'],
  },
  rung: {
    created: ['已派警待送达', 'created'], sent: ['已发送', 'sent'], delivered: ['已送达终端', 'delivered'], viewed: ['已阅', 'viewed'], accepted: ['接受指令', 'accepted'], en_route: ['出警', 'en route'], on_scene: ['到场', 'on scene'],
    cleared: ['处警完毕', 'cleared'], change_requested: ['申请改派', 'change requested'], queued: ['排队', 'queued'], suspended: ['暂停', 'suspended'], reassigned: ['改派', 'reassigned'], cancelled: ['撤警', 'cancelled'],
    signed: ['签收', 'signed'], dispatched: ['派警', 'dispatched'], returned: ['退回', 'returned'], transferred: ['移交', 'transferred'], escalated: ['升级', 'escalated'], called: ['联系报警人', 'caller rung'], cancel_confirmed: ['确认撤警', 'cancel confirmed'], declined: ['谢绝', 'declined'],
  },
  cause: {
    on_schedule: ['按时', 'on schedule'], no_network: ['无网络', 'no network'], app_closed: ['应用已关', 'app closed'], battery: ['电量低', 'battery'], stationary: ['静止', 'stationary'], signed_off: ['已签退', 'signed off'], unknown: ['原因不明', 'cause unknown'],
  },
  backup: { help: ['请求增援', 'Backup'], officer_down: ['紧急求助：民警受伤', 'OFFICER DOWN'], weapon: ['持械', 'Weapon'], crowd: ['人群聚集', 'Crowd'], pursuit: ['追缉', 'Pursuit'] },
  evidence: { photo: ['照片', 'photo'], video: ['视频', 'video'], audio: ['录音', 'audio'], document: ['文书', 'document'], other: ['其他', 'other'] },
  previewed: { waiting: ['正在生成预览', 'preview is being made'], impossible: ['无法预览', 'no preview'], not_wanted: ['', ''] },
  gap: {
    no_recording: ['无录像', 'no recording'], recording_short: ['录像不足', 'recording too short'], arrival_unknown: ['未记录到场', 'arrival not recorded'],
    no_photos: ['无照片', 'no photos'], too_few_photos: ['照片不足', 'too few photos'], no_signatures: ['无调解签字', 'no signatures'], too_few_signatures: ['调解签字不全', 'too few signatures'],
  },
  mediation: { police_on_scene: ['现场治安调解', 'on the spot'], police: ['治安调解', 'police mediation'], people: ['人民调解', "people's mediation"] },
  mediated: {
    proposed: ['拟调解', 'proposed'], ineligible: ['不适用调解', 'ineligible'], eligible: ['可以调解', 'eligible'], consented: ['各方同意', 'consented'], in_session: ['调解中', 'in session'],
    agreed: ['达成协议，待签名', 'agreed, to be signed'], signed: ['已签名', 'signed'], awaiting_seal: ['待盖章', 'awaiting seal'], effective: ['已生效', 'in effect'], performing: ['履行中', 'being performed'],
    performed: ['已履行', 'performed'], defaulted: ['未履行', 'defaulted'], reopened: ['未履行，案件恢复', 'defaulted, case reopened'], failed: ['未达成', 'failed'], closed_failed: ['调解不成', 'closed, failed'],
    not_reached: ['未达成协议', 'not reached'], referred: ['已移交', 'referred'], void: ['作废', 'void'], amended: ['已变更', 'amended'],
  },
  order: {
    sent: ['已派出', 'sent'], signed: ['已签收', 'signed'], accepted: ['已接受', 'accepted'], arrived: ['已到场', 'arrived'], closed: ['已办结', 'closed'], returned: ['已退回', 'returned'], withdrawn: ['已撤回', 'withdrawn'],
  },
  paper: {
    draft: ['协议书草稿', 'draft agreement'], agreement: ['协议书', 'agreement'], minutes: ['笔录', 'minutes'], volume: ['卷宗封面', 'file cover'],
    receipt: ['收条', 'receipt'], delivery: ['送达回证', 'delivery note'], slip: ['凭条', 'slip'],
  },
  card: {
    'task.returned': ['联动工单被退回', 'work order came back'], 'task.bounced': ['联动工单再次被退回', 'work order came back again'], 'task.overdue': ['联动工单超时', 'work order is late'], 'task.orphaned': ['警情已撤销，联动单位仍在途', 'call cancelled, an agency is still on its way'],
    'numbers.overdue': ['文书号久未使用', 'numbers held too long'], 'webhook.refused': ['对方系统拒收', 'the other system refuses'], 'check_in.missed': ['安全询问未应答', 'no answer to a check-in'], 'area.silent': ['区域失联', 'area is silent'], 'duty.open_calls': ['退勤时仍有警情', 'off duty with open calls'], 'incident.joined': ['人员加入警情', 'somebody joined a call'],
    'deadline.delivered': ['超时未送达', 'not delivered in time'], 'deadline.viewed': ['超时未查看', 'not viewed in time'], 'deadline.accepted': ['超时未接受', 'not accepted in time'], 'deadline.signed': ['超时未签收', 'not signed in time'], 'deadline.en_route': ['超时未出发', 'not en route in time'], 'deadline.on_scene': ['超时未到场', 'not on scene in time'], 'deadline.waiting': ['排队过久', 'waits too long'], 'deadline.change': ['改派请求未答', 'change request not answered'], 'deadline.feedback': ['超时未反馈', 'no feedback in time'], 'deadline.cancel_confirmed': ['撤销未确认', 'cancellation not confirmed'],
  },
  clock: {
    first_session: ['首次调解期限', 'first session by'], second_session: ['第二次调解期限', 'second session by'], finish: ['调解期限', 'to be finished by'], judicial_confirmation: ['可申请司法确认至', 'a court may confirm it until'],
  },
  term: { open: ['待履行', 'to be performed'], overdue: ['逾期，待查', 'overdue, not yet checked'], performed: ['已履行', 'performed'], defaulted: ['未履行', 'defaulted'] },
  via: { device: ['终端', 'device'], radio: ['电台', 'radio'], phone: ['电话', 'phone'], in_person: ['当面', 'in person'] },
  kind: {
    police_officer: ['民警', 'officer'], auxiliary: ['辅警', 'auxiliary'], mediator: ['调解员', 'mediator'], grid_chief: ['警格长', 'grid chief'], grid_worker: ['网格员', 'grid worker'], guard: ['保安', 'guard'], volunteer: ['志愿者', 'volunteer'],
    dispatcher: ['指挥员', 'dispatcher'], supervisor: ['督察', 'supervisor'],
  },
  priority: { 1: ['一级', 'P1'], 2: ['二级', 'P2'], 3: ['三级', 'P3'], 4: ['四级', 'P4'] },
};

function remembered() { try { return localStorage.getItem('lang'); } catch { return null; } }
let lang = remembered() === 'en' ? 'en' : 'zh';

export const language = () => lang;
export const t = (key) => WORDS[lang][key] ?? key;
export const code = (family, value) => CODES[family]?.[value]?.[lang === 'zh' ? 0 : 1] ?? String(value ?? '');

export function switchLanguage() {
  lang = lang === 'zh' ? 'en' : 'zh';
  try { localStorage.setItem('lang', lang); } catch { /* private window: forget it */ }
  paintWords();
}

export function paintWords() {
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  document.title = t('page');
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
}

/** Of so many fen. */
export const money = (fen) => `¥${(fen / 100).toLocaleString('zh-CN', { minimumFractionDigits: 2 })}`;

// "42 s", "3 min", "2 h": how long, never when.
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const zh = lang === 'zh';
  if (s < 90) return zh ? `${s} 秒` : `${s} s`;
  if (s < 5400) return zh ? `${Math.round(s / 60)} 分钟` : `${Math.round(s / 60)} min`;
  return zh ? `${Math.round(s / 3600)} 小时` : `${Math.round(s / 3600)} h`;
}

export const clock = (iso) => (iso ? new Date(iso).toLocaleTimeString(lang === 'zh' ? 'zh-CN' : 'en-GB', { hour12: false }) : '');
