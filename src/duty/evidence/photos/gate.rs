//! How many pictures are taken apart at once, and for how long one may keep the others waiting.
//!
//! A picture whose time is over is left to itself: a thread cannot be stopped from outside. Its place is given away, so
//! that the queue goes on, unless too many have been left already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

/// Pictures that may run on beyond their time without holding a place.
const LEFT_MAX: usize = 2;

/// What became of a piece of work.
#[derive(Debug, PartialEq, Eq)]
pub enum Ran<T> {
    Done(T),
    /// The code that was called gave up; the picture is to blame, not the server.
    Panicked,
    TookTooLong,
}

/// The places; one for the process.
pub struct Gate {
    free: Arc<Semaphore>,
    slots: usize,
    left: Arc<AtomicUsize>,
}

impl Gate {
    pub fn new(slots: usize) -> Self {
        let slots = slots.max(1);
        Self { free: Arc::new(Semaphore::new(slots)), slots, left: Arc::default() }
    }

    /// Works at once.
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// Runs `work` on a blocking thread when a place is free. The limit counts from then.
    pub async fn run<T, F>(&self, limit: Duration, work: F) -> Ran<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        // Nobody closes the gate.
        let Ok(place) = Arc::clone(&self.free).acquire_owned().await else { return Ran::Panicked };
        let mut task = tokio::task::spawn_blocking(work);
        match tokio::time::timeout(limit, &mut task).await {
            Ok(Ok(value)) => Ran::Done(value),
            Ok(Err(_panic)) => Ran::Panicked,
            Err(_elapsed) => {
                let left = Arc::clone(&self.left);
                let kept = (left.fetch_add(1, Ordering::Relaxed) >= LEFT_MAX).then_some(place);
                tokio::spawn(async move {
                    drop(task.await);
                    left.fetch_sub(1, Ordering::Relaxed);
                    drop(kept);
                });
                Ran::TookTooLong
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_panic_is_an_answer_and_the_place_is_free_again() {
        let gate = Gate::new(1);
        for _ in 0..3 {
            assert_eq!(gate.run(LONG, || -> u8 { panic!("a decoder gave up") }).await, Ran::Panicked);
        }
        assert_eq!(gate.run(LONG, || 7).await, Ran::Done(7));
    }

    #[tokio::test]
    async fn whoever_takes_too_long_is_left_and_the_queue_goes_on() {
        let gate = Gate::new(1);
        let begun = Instant::now();
        let endless = || std::thread::sleep(Duration::from_secs(2));
        for _ in 0..LEFT_MAX {
            assert_eq!(gate.run(Duration::from_millis(20), endless).await, Ran::TookTooLong);
        }
        assert_eq!(gate.run(LONG, || 7).await, Ran::Done(7));
        assert!(begun.elapsed() < Duration::from_secs(2), "nobody waited for the picture that was left");
        // One more keeps its place, or endless pictures would take the whole machine.
        assert_eq!(gate.run(Duration::from_millis(20), endless).await, Ran::TookTooLong);
        assert_eq!(gate.free.available_permits(), 0);
        assert_eq!(gate.run(LONG, || 8).await, Ran::Done(8));
    }

    #[tokio::test]
    async fn no_more_at_once_than_there_are_places() {
        let gate = Arc::new(Gate::new(2));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all = (0..8).map(|_| {
            let (gate, now, most) = (Arc::clone(&gate), Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(async move {
                gate.run(LONG, move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    now.fetch_sub(1, Ordering::SeqCst);
                })
                .await
            })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap(), Ran::Done(()));
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }
}
