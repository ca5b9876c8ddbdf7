//! Whether a sender sends, or only keeps its place.

use std::time::Duration;

/// The fewest bytes in a window: some 35 kbit/s, for as long as we wait for the sender. What the disk takes its time for does not count.
const LEAST: u64 = 128 << 10;

/// The window that runs.
pub(super) struct Pace {
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Counts a piece, and how long it was waited for. `false` when a window has ended in which too little came.
    pub(super) fn keeps(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited < self.window {
            return true;
        }
        let enough = self.bytes >= LEAST;
        *self = Self::new(self.window);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_now_and_then_keeps_no_place_and_a_slow_line_does() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(30 * second);
        assert!(pace.keeps(29 * second, 1));
        assert!(!pace.keeps(29 * second, 1));

        let mut pace = Pace::new(30 * second);
        for _ in 0..1000 {
            assert!(pace.keeps(second, LEAST / 30 + 1));
        }
        // What came fast is not counted for later.
        assert!(pace.keeps(Duration::ZERO, 100 * LEAST));
        let late = (0..100).find(|_| !pace.keeps(second, 1));
        assert!(late.is_some_and(|seconds| seconds < 60), "{late:?}");
    }
}
