//! One transport-free error with a stable code; REST turns it into an RFC 9457
//! problem, the socket into an `error` or `reply` message with the same code.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

/// What every fallible function of the house returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($( $name:ident = $wire:literal, $status:literal, $en:literal, $zh:literal; )+) => {
        /// Stable machine-readable codes. Reuse one before adding one; never rename.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $( #[doc = $en] $name, )+ }

        impl Code {
            /// Every code, in table order; for the documentation and its test.
            pub const ALL: &'static [Code] = &[ $( Code::$name, )+ ];
            /// The wire form, e.g. `not_found`.
            pub const fn as_str(self) -> &'static str { match self { $( Code::$name => $wire, )+ } }
            /// The HTTP status that carries it.
            pub const fn status(self) -> u16 { match self { $( Code::$name => $status, )+ } }
            /// Short title in English.
            pub const fn title_en(self) -> &'static str { match self { $( Code::$name => $en, )+ } }
            /// Short title in Chinese, the default language.
            pub const fn title_zh(self) -> &'static str { match self { $( Code::$name => $zh, )+ } }
        }
    };
}

codes! {
    BadRequest = "bad_request", 400, "The request cannot be understood", "请求无法理解";
    MalformedJson = "malformed_json", 400, "The body is not valid JSON", "请求体不是有效的 JSON";
    InvalidId = "invalid_id", 400, "An identifier is malformed", "标识格式不正确";
    InvalidCursor = "invalid_cursor", 400, "The paging cursor is not one of ours", "分页游标无效";
    UnknownType = "unknown_type", 400, "This type of message is not known", "未知的消息类型";
    InvalidField = "invalid_field", 422, "A field is missing, unknown or out of range", "字段缺失、未知或超出范围";
    KeyReused = "key_reused", 422, "The idempotency key was used with another request", "幂等键已用于另一请求";
    Unauthenticated = "unauthenticated", 401, "Sign in first", "请先登录";
    BadCredentials = "bad_credentials", 401, "User name or password is wrong", "用户名或密码错误";
    TokenExpired = "token_expired", 401, "The token has expired", "令牌已过期";
    TokenRevoked = "token_revoked", 401, "The session was ended", "会话已被终止";
    RefreshReused = "refresh_reused", 401, "An old refresh token came back; the session was ended", "旧刷新令牌被重复使用，会话已终止";
    BadSignature = "bad_signature", 401, "The device signature does not verify", "设备签名验证失败";
    Forbidden = "forbidden", 403, "You may not do this", "无权执行此操作";
    DeviceNotEnrolled = "device_not_enrolled", 403, "The device must be enrolled first", "设备尚未注册";
    PoliceLeadRequired = "police_lead_required", 403, "A police officer must lead this assignment", "该指令须由民警带队";
    NotFound = "not_found", 404, "There is nothing here", "未找到";
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here", "不支持该方法";
    HelloFirst = "hello_first", 409, "Say hello first", "请先发送 hello";
    Conflict = "conflict", 409, "The current state does not allow it", "当前状态不允许";
    AlreadyExists = "already_exists", 409, "It exists already", "已存在";
    RevisionConflict = "revision_conflict", 409, "The same revision came with another body", "同一修订号内容不一致";
    Claimed = "claimed", 409, "Another seat is handling it", "其他席位正在处理";
    AlreadyAssigned = "already_assigned", 409, "Somebody has been sent already", "已派警";
    Gone = "gone", 410, "It was there and has ended", "已终止或已过期";
    Stale = "stale", 412, "It has changed since you read it", "内容已变化，请刷新";
    UnsupportedVersion = "unsupported_version", 412, "This version of the protocol is not spoken", "不支持该协议版本";
    PayloadTooLarge = "payload_too_large", 413, "The body is too large", "请求体过大";
    TooManyFixes = "too_many_fixes", 413, "Too many fixes in one call", "单次上报位置过多";
    UnsupportedMediaType = "unsupported_media_type", 415, "Send application/json", "请使用 application/json";
    RangeNotSatisfiable = "range_not_satisfiable", 416, "The file is shorter than that", "请求范围超出文件长度";
    ChecksumMismatch = "checksum_mismatch", 460, "The bytes are not those that were announced", "内容校验不一致";
    TooManyAttempts = "too_many_attempts", 429, "Too many attempts; wait and try again", "尝试次数过多，请稍后再试";
    RateLimited = "rate_limited", 429, "Too many requests", "请求过于频繁";
    Internal = "internal", 500, "Something failed on our side", "服务器内部错误";
    Busy = "busy", 503, "The server is busy; try again shortly", "服务器繁忙，请稍后重试";
    ReadOnly = "storage_full", 503, "The storage refuses writes", "存储已满，暂不能写入";
    Stopping = "stopping", 503, "The server is stopping", "服务器正在停止";
    Erased = "erased", 410, "It was lawfully deleted", "已依法删除";
    Held = "held", 409, "A hold keeps it", "已被保全，不得删除";
    RetentionRunning = "retention_running", 409, "It must still be kept", "保存期限未满";
    OtherPersonRequired = "other_person_required", 403, "Another person must do this", "须由另一人办理";
    WatermarkImpossible = "watermark_impossible", 409, "The watermark cannot be drawn", "无法加注水印";
    SignaturesFall = "signatures_fall", 409, "Signatures would fall; say that they shall", "更改将使已有签名失效，请先确认";
    NotReady = "not_ready", 409, "Something else must be there first", "尚有事项未完成";
}

/// An error with a stable [`Code`], an English detail for developers and
/// optional extension members of the problem document.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    members: Map<String, Value>,
    /// Never sent to a client; logged once where the error leaves the house.
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Seconds after which trying again makes sense.
    retry_after: Option<u32>,
    /// The failure is one the database asks to repeat (serialization, deadlock).
    repeatable: bool,
}

impl Error {
    /// An error of this code without further words.
    pub fn new(code: Code) -> Self {
        Self {
            inner: Box::new(Inner {
                code,
                detail: Cow::Borrowed(""),
                members: Map::new(),
                source: None,
                retry_after: None,
                repeatable: false,
            }),
        }
    }

    /// 400 with a detail.
    pub fn bad(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest).detail(detail)
    }

    /// 422 naming the field and the rule it broke.
    pub fn field(field: &str, rule: impl fmt::Display) -> Self {
        Self::new(Code::InvalidField).detail(format!("{field}: {rule}")).with("field", Value::from(field))
    }

    /// 404; `what` is a noun such as "incident".
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound).detail(format!("no such {what}"))
    }

    /// 403 with a detail.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden).detail(detail)
    }

    /// 409 with a detail.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict).detail(detail)
    }

    /// 500 that keeps its cause for the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(Code::Internal);
        error.inner.source = Some(source.into());
        error
    }

    /// 503 with `Retry-After` in seconds.
    pub fn busy(retry_after: u32) -> Self {
        Self::new(Code::Busy).retry_after(retry_after)
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.inner.detail = detail.into();
        self
    }

    /// Adds an extension member to the problem document.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.inner.members.insert(member.to_owned(), value);
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.inner.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub(crate) fn repeatable(mut self) -> Self {
        self.inner.repeatable = true;
        self
    }

    pub fn code(&self) -> Code {
        self.inner.code
    }

    pub fn detail_text(&self) -> &str {
        &self.inner.detail
    }

    pub fn members(&self) -> &Map<String, Value> {
        &self.inner.members
    }

    pub fn retry_after_s(&self) -> Option<u32> {
        self.inner.retry_after
    }

    pub fn is_repeatable(&self) -> bool {
        self.inner.repeatable
    }

    pub fn is(&self, code: Code) -> bool {
        self.inner.code == code
    }

    /// The problem document (RFC 9457) as JSON, in the asked language.
    pub fn problem(&self, chinese: bool) -> Value {
        let code = self.inner.code;
        let mut doc = Map::new();
        doc.insert("type".into(), Value::from(format!("urn:suixing:problem:{}", code.as_str())));
        doc.insert("title".into(), Value::from(if chinese { code.title_zh() } else { code.title_en() }));
        doc.insert("status".into(), Value::from(code.status()));
        doc.insert("code".into(), Value::from(code.as_str()));
        if !self.inner.detail.is_empty() {
            doc.insert("detail".into(), Value::from(self.inner.detail.as_ref()));
        }
        for (member, value) in &self.inner.members {
            doc.insert(member.clone(), value.clone());
        }
        Value::Object(doc)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.code.as_str())?;
        if !self.inner.detail.is_empty() {
            write!(f, ": {}", self.inner.detail)?;
        }
        if let Some(source) = &self.inner.source {
            write!(f, " ({source})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_snake_case() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!(code.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn a_problem_never_shows_its_cause() {
        let error = Error::internal("secret path").with("hint", Value::from(1));
        let text = error.problem(false).to_string();
        assert!(!text.contains("secret"));
        assert!(text.contains("\"code\":\"internal\"") && text.contains("\"hint\":1"));
    }
}
