use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::ChannelError;

/// Where a channel is in its life (section 3.4). The provider moves it by what its own node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// Nothing is seen on the provider's node.
    AwaitingFunding,
    /// The funding is seen, with too few confirmations.
    Unconfirmed,
    /// The funding is confirmed.
    Open,
    /// The closing transaction is broadcast, or the channel ended without a payment.
    Closing,
    /// The closing transaction is confirmed.
    Closed,
    /// The funding was spent by another transaction, or vanished.
    Lost,
}

impl ChannelState {
    /// Whether payments are taken.
    #[must_use]
    pub fn takes_payments(self) -> bool {
        match self {
            Self::Unconfirmed | Self::Open => true,
            Self::AwaitingFunding | Self::Closing | Self::Closed | Self::Lost => false,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingFunding => "awaiting_funding",
            Self::Unconfirmed => "unconfirmed",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChannelState {
    type Err = ChannelError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [
            Self::AwaitingFunding,
            Self::Unconfirmed,
            Self::Open,
            Self::Closing,
            Self::Closed,
            Self::Lost,
        ]
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or(ChannelError::Malformed {
            field: "state",
            reason: "expected one of the states of a channel",
        })
    }
}
