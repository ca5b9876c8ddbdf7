//! Places for answers that nobody pays for: so many at a time, and none is kept by a client that has stopped reading.
//!
//! An answer that nothing has been read of for [`STALLED`] goes on for as long as nobody else wants its place. When somebody
//! does, it is cut off as soon as its client reads again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An answer that has not moved for so long may lose its place.
const STALLED: Duration = Duration::from_secs(30);

/// The answer has lost its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was not read for too long, and others wait")]
pub(super) struct Evicted;

/// The places.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    stalled: Duration,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    taken: HashMap<u64, Arc<Taken>>,
}

#[derive(Debug)]
struct Taken {
    moved: Mutex<Instant>,
    evicted: AtomicBool,
}

/// A place; it is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    number: u64,
    taken: Arc<Taken>,
}

impl Slots {
    /// So many places.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Self::with(most, STALLED)
    }

    fn with(most: usize, stalled: Duration) -> Arc<Self> {
        Arc::new(Self {
            most,
            stalled,
            table: Mutex::default(),
        })
    }

    /// A place: a free one, or that of the answer that has stood still for the longest.
    pub(super) fn take(self: &Arc<Self>) -> Option<Slot> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.taken.len() >= self.most {
            let (still, number) = table
                .taken
                .iter()
                .map(|(number, taken)| (taken.still(), *number))
                .max()?;
            if still < self.stalled {
                return None;
            }
            if let Some(taken) = table.taken.remove(&number) {
                taken.evicted.store(true, Ordering::Relaxed);
            }
        }
        let number = table.next;
        table.next += 1;
        let taken = Arc::new(Taken {
            moved: Mutex::new(Instant::now()),
            evicted: AtomicBool::new(false),
        });
        table.taken.insert(number, Arc::clone(&taken));
        Some(Slot {
            slots: Arc::clone(self),
            number,
            taken,
        })
    }
}

impl Taken {
    fn still(&self) -> Duration {
        self.moved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}

impl Slot {
    /// The client reads on.
    ///
    /// # Errors
    /// When the place is somebody else's now.
    pub fn moves(&self) -> Result<(), Evicted> {
        if self.taken.evicted.load(Ordering::Relaxed) {
            return Err(Evicted);
        }
        *self
            .taken
            .moved
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .taken
            .remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let slots = Slots::new(2);
        let (first, _second) = (slots.take().unwrap(), slots.take().unwrap());
        assert!(slots.take().is_none());
        drop(first);
        assert!(slots.take().is_some());
    }

    #[test]
    fn an_answer_that_stands_still_loses_its_place_to_who_wants_it() {
        let slots = Slots::with(2, Duration::ZERO);
        let (first, second) = (slots.take().unwrap(), slots.take().unwrap());
        while first.taken.still() >= second.taken.still() {
            first.moves().unwrap();
        }
        let third = slots.take().unwrap();
        assert_eq!(second.moves(), Err(Evicted));
        assert_eq!((first.moves(), third.moves()), (Ok(()), Ok(())));
        drop(second);
        assert_eq!(
            third.moves(),
            Ok(()),
            "the place was not the loser's any more"
        );
    }
}
