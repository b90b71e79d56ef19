//! The live view of one socket: frames on credit. At most two are out and not
//! acknowledged; meanwhile changes conflate in location's subscription.

use std::collections::VecDeque;

use super::frame::Outgoing as Frame;
use super::slices::{Encoding, Subscription};

/// Live frames that may be out and not acknowledged.
const CREDIT: usize = 2;

/// What the reader asks of the writer.
pub enum Order {
    /// Begin, with a snapshot, or look elsewhere.
    Look(Box<Subscription>),
    Stop,
}

/// The writer's end of a subscription.
pub struct Feed {
    subscription: Subscription,
    encoding: Encoding,
    started: bool,
    /// Something may be new.
    stale: bool,
    /// Versions out and not acknowledged, oldest first.
    out: VecDeque<u64>,
}

impl Feed {
    pub fn new(subscription: Subscription, binary: bool) -> Self {
        let encoding = if binary { Encoding::Bin } else { Encoding::Json };
        Self { subscription, encoding, started: false, stale: true, out: VecDeque::new() }
    }

    /// The next frame, if there is news and credit.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if self.out.len() >= CREDIT || !self.stale {
            return None;
        }
        let frame = if self.started {
            self.subscription.delta(self.encoding)
        } else {
            self.started = true;
            Some(self.subscription.snapshot(self.encoding))
        };
        let Some(frame) = frame else {
            self.stale = false;
            return None;
        };
        self.stale = frame.more;
        self.out.push_back(frame.version);
        Some(match self.encoding {
            Encoding::Json => Frame::text(frame.bytes).whole(),
            Encoding::Bin => Frame::binary(frame.bytes).whole(),
        })
    }

    /// The client has applied the frame of this version; one acknowledgement per frame.
    pub fn acknowledge(&mut self, version: u64) {
        while self.out.front().is_some_and(|oldest| *oldest < version) {
            self.out.pop_front();
        }
        if self.out.front() == Some(&version) {
            self.out.pop_front();
        }
    }

    /// Waits until something may be new and could be sent. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.out.len() >= CREDIT {
            // The acknowledgement wakes the writer.
            std::future::pending::<()>().await;
        }
        if !self.stale {
            self.subscription.changed().await;
            self.stale = true;
        } else {
            // News waits for the slot, not for the table.
            std::future::pending::<()>().await;
        }
    }
}
