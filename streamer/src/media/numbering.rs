//! Numbers that wrap on the wire (sequence numbers, timestamps, picture ids) made ones that only grow.

/// Unrolls a counter of `bits` bits, and carries it on when its source is replaced by another.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    bits: u32,
    /// The last unrolled value of the present source.
    last: Option<i64>,
    shift: i64,
    highest: Option<i64>,
    restart: Option<i64>,
}

impl Counter {
    pub fn new(bits: u32) -> Self {
        Counter {
            bits,
            last: None,
            shift: 0,
            highest: None,
            restart: None,
        }
    }

    /// The next value comes from a new source: it stands `step` after the highest one so far.
    pub fn restart(&mut self, step: i64) {
        self.restart = Some(step);
    }

    /// The growing number for a wire value. Values up to half a turn behind the last are taken for late ones.
    pub fn next(&mut self, wire: u32) -> i64 {
        let turn = 1i64 << self.bits;
        let wire = i64::from(wire) & (turn - 1);
        if let Some(step) = self.restart.take() {
            self.last = None;
            if let Some(highest) = self.highest {
                self.shift = highest + step - (turn + wire);
            }
        }
        let unrolled = match self.last {
            None => turn + wire,
            Some(last) => {
                let ahead = (wire - last).rem_euclid(turn);
                if ahead < turn / 2 {
                    last + ahead
                } else {
                    last + ahead - turn
                }
            }
        };
        self.last = Some(unrolled);
        let value = unrolled + self.shift;
        self.highest = Some(self.highest.map_or(value, |highest| highest.max(value)));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_counter_goes_on_where_the_source_before_it_ended() {
        let mut counter = Counter::new(16);
        let first = counter.next(65_535);
        assert_eq!(counter.next(1), first + 2);
        assert_eq!(counter.next(0), first + 1, "a late one");
        counter.restart(1);
        assert_eq!(counter.next(40_000), first + 3);
        assert_eq!(counter.next(40_001), first + 4);
    }

    proptest! {
        #[test]
        fn steps_under_half_a_turn_add_up(start: u16, steps in prop::collection::vec(-3000i64..30_000, 1..200)) {
            let mut counter = Counter::new(16);
            let mut expected = counter.next(u32::from(start));
            for step in steps {
                expected += step;
                prop_assert_eq!(counter.next((expected & 0xffff) as u32), expected);
            }
        }
    }
}
