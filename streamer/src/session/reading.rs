//! The meter of a session, and the responses that read stored video under it.
//!
//! A response asks for the cost of a leaf before it writes the leaf ([`Response::reserve`]), and waits there until the meter gives it: several
//! responses of one session share what may be given on trust, whatever the order in which they ask. Payments wake them, and the end of
//! the session cuts them off. The session hears of what they read and what they wait for ([`Reading::news`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cid::Cid;
use tokio::sync::Notify;

use crate::error::{Code, Result, refused};
use crate::meter::{Leaf, MediaCondition, Meter, ResponseId};
use crate::stored::Debt;

/// Responses of one session at a time.
const MAX_RESPONSES: usize = 4;

/// The session has ended; nothing more of it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended")]
pub struct Ended;

/// A session's meter, shared with the responses that read under it.
#[derive(Debug)]
pub struct Reading {
    /// The file that may be read; `None` in a session of a live stream.
    root: Option<Cid>,
    state: Mutex<State>,
    /// Wakes responses.
    changed: Notify,
    /// Wakes the session.
    news: Notify,
}

#[derive(Debug)]
struct State {
    meter: Meter,
    ended: bool,
    responses: usize,
    next_response: ResponseId,
    /// What the responses that wait ask for.
    waiting: Vec<u64>,
    read_at: Option<Instant>,
}

impl State {
    fn await_leaf(&mut self, leaf_ms: u64) {
        self.waiting.push(leaf_ms);
        self.tell_meter();
    }

    fn stop_waiting(&mut self, leaf_ms: u64) {
        if let Some(place) = self.waiting.iter().position(|waiting| *waiting == leaf_ms) {
            self.waiting.swap_remove(place);
        }
        self.tell_meter();
    }

    fn tell_meter(&mut self) {
        self.meter.awaits(self.waiting.iter().min().copied());
    }
}

impl Reading {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(root: Option<Cid>, meter: Meter) -> Arc<Self> {
        Arc::new(Self {
            root,
            state: Mutex::new(State {
                meter,
                ended: false,
                responses: 0,
                next_response: 0,
                waiting: Vec::new(),
                read_at: None,
            }),
            changed: Notify::new(),
            news: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file that may be read in this session.
    #[must_use]
    pub fn root(&self) -> Option<Cid> {
        self.root
    }

    /// Looks at the meter, or tells it something; responses that wait look again. Nobody may wait for anything meanwhile.
    pub fn with_meter<T>(&self, act: impl FnOnce(&mut Meter) -> T) -> T {
        let answer = act(&mut self.lock().meter);
        self.changed.notify_waiters();
        answer
    }

    /// When a due may be sent again at the earliest, as [`Meter::next_due_at`].
    #[must_use]
    pub fn next_due_at(&self) -> Option<u64> {
        self.lock().meter.next_due_at()
    }

    /// Whether somebody reads stored video now.
    #[must_use]
    pub fn condition(&self) -> MediaCondition {
        if self.lock().responses > 0 {
            MediaCondition::Flowing
        } else {
            MediaCondition::Waiting
        }
    }

    /// When a leaf that costs something was last sent, if nothing is owed: the viewer has paid and takes its time.
    #[must_use]
    pub fn paid_up_since(&self) -> Option<Instant> {
        let state = self.lock();
        state.read_at.filter(|_| state.meter.owed_ms() == 0)
    }

    /// Waits until a response has read something, begins to wait, or ends. For one waiter.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// A place for another response.
    ///
    /// # Errors
    /// `rate_limited` when all are taken; `payment_required` when the session has ended.
    pub fn respond(self: &Arc<Self>) -> Result<Response> {
        let mut state = self.lock();
        if state.ended {
            return Err(refused(Code::PaymentRequired, Ended.to_string()));
        }
        if state.responses >= MAX_RESPONSES {
            return Err(refused(
                Code::RateLimited,
                format!("a session reads at most {MAX_RESPONSES} responses at a time"),
            ));
        }
        state.responses += 1;
        let id = state.next_response;
        state.next_response += 1;
        drop(state);
        self.news.notify_one();
        Ok(Response {
            reading: Arc::clone(self),
            id,
            complete: false,
        })
    }

    /// Ends all responses: nothing more is sent and counted after this. What the session leaves unpaid is the answer.
    pub fn end(&self) -> Debt {
        let mut state = self.lock();
        state.ended = true;
        let debt = state.meter.debt();
        drop(state);
        self.changed.notify_waiters();
        debt
    }
}

/// One response that reads under a session's meter.
#[derive(Debug)]
pub struct Response {
    reading: Arc<Reading>,
    id: ResponseId,
    complete: bool,
}

impl Response {
    /// Waits until a leaf may be sent, and counts it. It may be cancelled while it waits; then nothing is counted.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn reserve(&mut self, leaf: Leaf) -> Result<(), Ended> {
        if self.take(leaf)? {
            return Ok(());
        }
        let reading = Arc::clone(&self.reading);
        let _waiting = Waiting::begin(&reading, leaf.ms);
        loop {
            let mut changed = std::pin::pin!(reading.changed.notified());
            changed.as_mut().enable();
            if self.take(leaf)? {
                return Ok(());
            }
            changed.await;
        }
    }

    fn take(&mut self, leaf: Leaf) -> Result<bool, Ended> {
        let mut state = self.reading.lock();
        if state.ended {
            return Err(Ended);
        }
        if !state.meter.send(self.id, leaf) {
            return Ok(false);
        }
        if leaf.ms > 0 {
            state.read_at = Some(Instant::now());
            drop(state);
            self.reading.news.notify_one();
        }
        Ok(true)
    }

    /// All has been handed over: it was not broken off.
    pub fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        let mut state = self.reading.lock();
        state.responses -= 1;
        if self.complete {
            state.meter.finished(self.id);
        } else if !state.ended {
            state.meter.broken_off(self.id);
        }
        drop(state);
        self.reading.changed.notify_waiters();
        self.reading.news.notify_one();
    }
}

/// A response that waits; it is known to the meter until this is dropped.
struct Waiting<'a> {
    reading: &'a Reading,
    leaf_ms: u64,
}

impl<'a> Waiting<'a> {
    fn begin(reading: &'a Reading, leaf_ms: u64) -> Self {
        reading.lock().await_leaf(leaf_ms);
        reading.news.notify_one();
        Self { reading, leaf_ms }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.reading.lock().stop_waiting(self.leaf_ms);
        self.reading.news.notify_one();
    }
}

#[cfg(test)]
#[path = "reading/tests.rs"]
mod tests;
