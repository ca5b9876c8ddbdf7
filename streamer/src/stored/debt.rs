//! What sessions of stored video leave unpaid on a channel, and how much of it is borne (docs/protocol.md, section 12.4). Pure.

/// So many ticks may be left unpaid on a channel in all,
const BORNE_TICKS: u64 = 16;
/// or so many of the dearest leaf that was sent, if that is more: a leaf may cost minutes, so these are few.
const BORNE_LEAVES: u64 = 2;

/// Media that the sessions of a channel left unpaid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Debt {
    /// In milliseconds of media, all sessions together.
    pub unpaid_ms: u64,
    /// The dearest leaf that was sent in any of them.
    pub dearest_leaf_ms: u64,
}

impl Debt {
    /// What a session leaves is added.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            unpaid_ms: self.unpaid_ms.saturating_add(other.unpaid_ms),
            dearest_leaf_ms: self.dearest_leaf_ms.max(other.dearest_leaf_ms),
        }
    }

    /// How much more may be left unpaid; `None` when it is too much already.
    #[must_use]
    pub fn left(self, tick_ms: u64) -> Option<u64> {
        let ticks = BORNE_TICKS.saturating_mul(tick_ms);
        let leaves = BORNE_LEAVES.saturating_mul(self.dearest_leaf_ms);
        ticks.max(leaves).checked_sub(self.unpaid_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_ticks_or_two_blocks_are_borne_and_not_a_millisecond_more() {
        let debt = |unpaid_ms, dearest_leaf_ms| Debt {
            unpaid_ms,
            dearest_leaf_ms,
        };
        assert_eq!(Debt::default().left(1000), Some(16_000));
        assert_eq!(debt(16_000, 900).left(1000), Some(0));
        assert_eq!(debt(16_001, 900).left(1000), None);
        assert_eq!(debt(16_001, 12_000).left(1000), Some(7_999));
        assert_eq!(debt(24_001, 12_000).left(1000), None);
        let hours = debt(7_200_001, 3_600_000);
        assert_eq!(
            hours.left(1000),
            None,
            "an hour in a leaf is not borne 16 times"
        );
        assert_eq!(debt(9_000, 2000).and(debt(1_000, 500)), debt(10_000, 2000));
    }
}
