//! Places for answers that no session pays for as they are read: so many at a time, and none is kept by a client that has stopped reading.
//!
//! Who has bought a view can always get one of the places that what is free may not take; and neither a network nor a pass takes more than
//! its part. An answer that nothing has been read of for [`STALLED`] goes on for as long as nobody else wants its place. When somebody
//! does, it is cut off as soon as its client reads again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An answer that has not moved for so long may lose its place.
const STALLED: Duration = Duration::from_secs(30);
/// Of all places, this part is kept for bought views.
const KEPT_FOR_BOUGHT: usize = 4;
/// Of all places, a network may take this part,
const PART_OF_A_NETWORK: usize = 8;
/// but so many in any case.
const OF_A_NETWORK: usize = 8;
/// Places of a pass: a viewer's devices, and what each of them reads beside.
const OF_A_PASS: usize = 8;

/// The answer has lost its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was not read for too long, and others wait")]
pub(super) struct Evicted;

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reader {
    /// Anybody of a network.
    Free(IpAddr),
    /// Whoever holds this pass.
    Bought(String),
}

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
    reader: Reader,
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

    /// A place: a free one, or that of the answer that has stood still for the longest of those that are in the way.
    pub(super) fn take(self: &Arc<Self>, reader: Reader) -> Option<Slot> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let own = match reader {
            Reader::Free(_) => (self.most / PART_OF_A_NETWORK).max(OF_A_NETWORK),
            Reader::Bought(_) => OF_A_PASS,
        };
        table.make_room(own, self.stalled, |other| *other == reader)?;
        if matches!(reader, Reader::Free(_)) {
            let free = self.most - self.most / KEPT_FOR_BOUGHT;
            table.make_room(free, self.stalled, |other| matches!(other, Reader::Free(_)))?;
        }
        table.make_room(self.most, self.stalled, |_| true)?;
        let number = table.next;
        table.next += 1;
        let taken = Arc::new(Taken {
            reader,
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

impl Table {
    /// Sees to it that fewer than `most` of some readers have places; `None` when all of those that have move.
    fn make_room(
        &mut self,
        most: usize,
        stalled: Duration,
        of: impl Fn(&Reader) -> bool,
    ) -> Option<()> {
        let theirs = self.taken.iter().filter(|(_, taken)| of(&taken.reader));
        let theirs = theirs.map(|(number, taken)| (taken.still(), *number));
        let (count, stillest) = theirs.fold((0, None), |(count, stillest), next| {
            (count + 1, stillest.max(Some(next)))
        });
        if count < most {
            return Some(());
        }
        let (still, number) = stillest?;
        if still < stalled {
            return None;
        }
        if let Some(taken) = self.taken.remove(&number) {
            taken.evicted.store(true, Ordering::Relaxed);
        }
        Some(())
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

    fn from(address: &str) -> Reader {
        Reader::Free(address.parse().unwrap())
    }

    fn pass(number: usize) -> Reader {
        Reader::Bought(number.to_string())
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let slots = Slots::new(2);
        let (first, _second) = (slots.take(pass(1)).unwrap(), slots.take(pass(2)).unwrap());
        assert!(slots.take(pass(3)).is_none());
        drop(first);
        assert!(slots.take(pass(3)).is_some());
    }

    #[test]
    fn a_network_has_its_part_and_what_is_free_leaves_places_for_bought_views() {
        let slots = Slots::new(80);
        let mut taken = Vec::new();
        for _ in 0..10 {
            taken.extend(slots.take(from("2001:db8:0:100::")));
        }
        assert!(slots.take(from("2001:db8:0:100::")).is_none());
        for host in 0..70 {
            taken.extend(slots.take(from(&format!("192.0.2.{host}"))));
        }
        assert_eq!(taken.len(), 60);
        assert!(slots.take(from("2001:db8:0:200::")).is_none());
        for number in 0..30 {
            taken.extend(slots.take(pass(number)));
        }
        assert_eq!(taken.len(), 80);
    }

    #[test]
    fn a_pass_that_many_share_has_few_places() {
        let slots = Slots::new(100);
        let taken: Vec<_> = (0..20).filter_map(|_| slots.take(pass(1))).collect();
        assert_eq!(taken.len(), OF_A_PASS);
    }

    #[test]
    fn an_answer_that_stands_still_loses_its_place_to_who_wants_it() {
        let slots = Slots::with(2, Duration::ZERO);
        let (first, second) = (slots.take(pass(1)).unwrap(), slots.take(pass(2)).unwrap());
        while first.taken.still() >= second.taken.still() {
            first.moves().unwrap();
        }
        let third = slots.take(pass(3)).unwrap();
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
