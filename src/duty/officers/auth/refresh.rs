//! Refresh tokens that can be made again: the token of generation *n* is a keyed tag over the
//! session and *n*, so a repeated request is answered with the same successor. Pure.

use crate::platform::keys::{Keys, same};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::SessionId;

/// Prefix of the first format; lets scanners and later formats tell them apart.
const PREFIX: &str = "sxr1";

/// A refresh token whose tag is right; says nothing about the session's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    pub session: SessionId,
    pub generation: i64,
}

/// What a presented generation means for a session that stands at `current`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// First use of the newest token: advance to `current + 1`.
    Advance,
    /// The predecessor again (its answer was lost): the same successor, `current`.
    Repeat,
    /// Older than the predecessor: somebody else holds a copy.
    Reused,
    /// Never issued.
    Unknown,
}

/// The token of one generation of a session.
pub fn make(keys: &Keys, session: SessionId, generation: i64) -> String {
    format!("{PREFIX}.{session}.{generation}.{}", tag(keys, session, generation))
}

/// Reads a token and checks its tag.
pub fn read(keys: &Keys, token: &str) -> Result<Presented> {
    let bad = || Error::new(Code::Unauthenticated).detail("not a refresh token of this server");
    let mut parts = token.split('.');
    let (Some(PREFIX), Some(session), Some(generation), Some(given), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    let session: SessionId = session.parse().map_err(|_bad| bad())?;
    let generation: i64 = generation.parse().map_err(|_bad| bad())?;
    if !same(tag(keys, session, generation).as_bytes(), given.as_bytes()) {
        return Err(bad());
    }
    Ok(Presented { session, generation })
}

/// Compares a presented generation with where the session stands.
pub fn step(presented: i64, current: i64) -> Step {
    match current - presented {
        0 => Step::Advance,
        1 => Step::Repeat,
        behind if behind > 1 => Step::Reused,
        _ => Step::Unknown,
    }
}

fn tag(keys: &Keys, session: SessionId, generation: i64) -> String {
    keys.token_tag(&[b"refresh", session.to_string().as_bytes(), &generation.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::keys::KeySource;

    struct Fixed;
    impl KeySource for Fixed {
        fn master(&self) -> Result<[u8; 32]> {
            Ok([9; 32])
        }
    }

    #[test]
    fn a_token_is_the_same_when_made_again_and_cannot_be_forged() {
        let keys = Keys::open(&Fixed).unwrap();
        let session = SessionId::new();
        let token = make(&keys, session, 3);
        assert_eq!(token, make(&keys, session, 3));
        assert_eq!(read(&keys, &token).unwrap(), Presented { session, generation: 3 });
        for forged in [token.replace(".3.", ".4."), format!("{token}x"), String::new(), "a.b.c.d".to_owned()] {
            assert!(read(&keys, &forged).is_err(), "{forged}");
        }
    }

    #[test]
    fn only_the_predecessor_may_repeat() {
        assert_eq!(step(5, 5), Step::Advance);
        assert_eq!(step(4, 5), Step::Repeat);
        assert_eq!(step(3, 5), Step::Reused);
        assert_eq!(step(6, 5), Step::Unknown);
    }
}
