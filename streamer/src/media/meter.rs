//! What a viewer may be sent, and what it was sent. Here the engine enforces what was paid; it knows nothing of money.

use std::time::Duration;

/// A frame may carry the delivered time this far over the limit, and no further.
pub(super) const OVERSHOOT: Duration = Duration::from_millis(250);

/// What the viewer may still be sent.
pub(super) trait Allowance {
    /// Whether a frame that has begun may go on.
    fn is_open(&self) -> bool;
    /// Whether there is anything left to begin with.
    fn may_begin(&self) -> bool;
    /// Takes the time of one frame from what is left; `false`, with nothing taken, when it may not pass.
    fn spend(&mut self, time: Duration) -> bool;
    /// Takes the time of a replay from what is given for nothing; `false`, with nothing taken, when it was given often enough.
    fn replay(&mut self, time: Duration) -> bool;
}

/// So much may be replayed for nothing, or the first replay if that is more, and a quarter of what is delivered besides: whoever joins again
/// and again has seen all of it.
const REPLAYS: Duration = Duration::from_secs(16);

/// What was replayed and is not made up for by what was delivered.
pub(super) fn given(replayed: Duration, delivered: Duration) -> Duration {
    replayed.saturating_sub(delivered / 4)
}

/// Whether as much again may be replayed. Whoever was given nothing, or has made up for it, sees what there is, however long: a stream's
/// keyframes may be far apart.
pub(super) fn may_replay(replayed: Duration, delivered: Duration, time: Duration) -> bool {
    given(replayed, delivered).is_zero()
        || given(replayed.saturating_add(time), delivered) <= REPLAYS
}

/// Whether a frame of this length may still pass.
pub(super) fn admits(delivered: Duration, limit: Duration, frame: Duration) -> bool {
    delivered < limit && delivered.saturating_add(frame) <= limit.saturating_add(OVERSHOOT)
}

/// For what is counted elsewhere: audio beside video.
pub(super) struct Free(pub bool);

impl Allowance for Free {
    fn is_open(&self) -> bool {
        self.0
    }

    fn may_begin(&self) -> bool {
        self.0
    }

    fn spend(&mut self, _time: Duration) -> bool {
        self.0
    }

    fn replay(&mut self, _time: Duration) -> bool {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_passes_only_below_the_limit_and_never_far_over_it() {
        let ms = Duration::from_millis;
        for (delivered, limit, frame, passes) in [
            (0, 0, 0, false),
            (0, 1, 33, true),
            (999, 1000, 33, true),
            (1000, 1000, 33, false),
            (999, 1000, 251, true),
            (999, 1000, 252, false),
            (0, 1000, 1000, true),
        ] {
            assert_eq!(
                admits(ms(delivered), ms(limit), ms(frame)),
                passes,
                "{delivered} of {limit}, {frame} more"
            );
        }
    }

    #[test]
    fn the_first_group_or_sixteen_seconds_are_replayed_and_a_quarter_of_what_is_delivered() {
        let seconds = Duration::from_secs;
        for (replayed, delivered, more, may) in [
            (0, 0, 16, true),
            (0, 0, 40, true),
            (1, 0, 16, false),
            (40, 0, 1, false),
            (40, 159, 40, false),
            (40, 160, 40, true),
            (14, 0, 2, true),
            (15, 0, 2, false),
            (15, 4, 2, true),
            (100, 360, 6, true),
            (100, 360, 7, false),
        ] {
            assert_eq!(
                may_replay(seconds(replayed), seconds(delivered), seconds(more)),
                may,
                "{more} after {replayed} at {delivered}"
            );
        }
        assert_eq!(given(seconds(9), seconds(20)), seconds(4));
        assert_eq!(given(seconds(4), seconds(20)), seconds(0));
    }
}
