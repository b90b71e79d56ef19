//! Why a socket ends: the close codes, their names and what a client should do.
//! One table; `api-spec/ws.md`, the AsyncAPI file and the tests read it.

macro_rules! closes {
    ($( $name:ident = $code:literal, $wire:literal, $then:ident, $meaning:literal; )+) => {
        /// Why the server ends a socket.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Close { $( #[doc = $meaning] $name = $code, )+ }

        impl Close {
            /// Every code, in table order.
            pub const ALL: &'static [Close] = &[ $( Close::$name, )+ ];
            /// The number in the close frame.
            pub const fn code(self) -> u16 { self as u16 }
            /// The reason text in the close frame; stable.
            pub const fn as_str(self) -> &'static str { match self { $( Close::$name => $wire, )+ } }
            /// One sentence for the documentation.
            pub const fn meaning(self) -> &'static str { match self { $( Close::$name => $meaning, )+ } }
            /// What a client should do next.
            pub const fn then(self) -> Then { match self { $( Close::$name => Then::$then, )+ } }
            /// The reason with this number.
            pub fn from_code(code: u16) -> Option<Self> {
                Self::ALL.iter().copied().find(|close| close.code() == code)
            }
        }
    };
}

/// What a client should do after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Connect again with a random wait of up to a second, doubling up to 30 s.
    Retry,
    /// Connect again after the `retry_ms` in the reason.
    RetryHinted,
    /// Refresh or sign in first.
    SignIn,
    /// Another connection of this device took over; do not connect again by itself.
    Stay,
    /// A defect of the client; connecting again without change repeats it.
    Fix,
}

impl Then {
    /// One sentence for the documentation.
    pub const fn advice(self) -> &'static str {
        match self {
            Then::Retry => "connect again after a random wait of up to 1 s, doubling up to 30 s",
            Then::RetryHinted => "connect again after the `retry_ms=` given in the reason",
            Then::SignIn => "refresh the session or sign in, then connect again",
            Then::Stay => "do nothing: a newer connection of the same device is in use",
            Then::Fix => "repair the client: the same input is refused again",
        }
    }
}

closes! {
    Normal = 1000, "normal", Retry, "The client closed; the server answers in kind.";
    Protocol = 1002, "protocol_error", Fix, "A frame breaks RFC 6455.";
    NotText = 1007, "invalid_text", Fix, "A text frame is not UTF-8.";
    TooBig = 1009, "message_too_big", Fix, "A frame or message is larger than `max_message_bytes`.";
    Internal = 1011, "internal", Retry, "Something failed on the server.";
    Restart = 1012, "restart", RetryHinted, "The server is stopping or being replaced.";
    Again = 1013, "busy", RetryHinted, "The server cannot take the socket now.";
    NoHello = 4000, "hello_timeout", Fix, "No `hello` within 10 s, or too many sockets of one person or address wait for theirs.";
    Replaced = 4001, "replaced", Stay, "The same device connected again; only its newest socket lives.";
    Garbage = 4002, "too_many_errors", Fix, "Too many messages that cannot be understood.";
    Revoked = 4003, "revoked", SignIn, "The session, device or person was ended, or the password changed.";
    TooSlow = 4004, "too_slow", Retry, "Nothing was read or acknowledged for 20 s while something was waiting.";
    Silent = 4005, "silent", Retry, "Nothing was heard from the client for 45 s.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_reasons_fit_a_control_frame() {
        let mut seen = std::collections::HashSet::new();
        for close in Close::ALL {
            assert!(seen.insert(close.code()));
            assert!(close.as_str().len() < 60);
            assert_eq!(Close::from_code(close.code()), Some(*close));
        }
        assert_eq!(Close::from_code(4999), None);
    }
}
