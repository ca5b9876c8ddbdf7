//! What this provider sends to Ethereum with its key: views and registrations that others have signed, and its own streams.
//!
//! There is one sender ([`Outbox`]), so that no two transactions take the same nonce. Its order is that of the money
//! elsewhere: verify (simulate), write to disk, send. So a `kill -9` at any point neither loses a transaction nor sends
//! one twice: after a start, what is pending is looked up, and sent again byte by byte. What the contracts let happen
//! once (a signed nonce) happens once even if two transactions for it are mined.
//!
//! ```text
//! (nothing) -> pending -> confirmed      mined, and did what it says
//!                      -> failed         mined and reverted, or can never be mined
//! confirmed -> pending                   its block was reorganised away, before it was 12 deep
//! failed    -> pending                   likewise
//! failed    -> confirmed                 it turns out to be on chain after all, before another 12 blocks are
//! ```
//!
//! What others signed is public once it is sent, and anybody may send a copy. So nothing has failed before the chain was
//! searched for the same in anybody's transaction (`traces`).

mod follow;
mod journal;
mod outbox;
mod pace;
mod replace;
mod traces;
mod view;

use alloy::primitives::{Address, B256, Bytes, U256};

pub use outbox::{Budget, Outbox};
pub use pace::Pace;
pub use view::{PermitBody, RecordViewBody, ViewPayment, ViewTerms};

/// Whose transaction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A viewer's signed payment for a view.
    View,
    /// A creator's signed action of the registry.
    Registration,
    /// A stream of the provider's that a creator asks for: the same repeated is one, and it counts among what is paid for others.
    Stream,
    /// The provider's own.
    Own,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Registration => "registration",
            Self::Stream => "stream",
            Self::Own => "own",
        }
    }

    /// Out of which bound it is paid; the provider's own out of none.
    fn purse(self) -> Option<Purse> {
        match self {
            Self::View => Some(Purse::Views),
            Self::Registration | Self::Stream => Some(Purse::Registrations),
            Self::Own => None,
        }
    }
}

/// What is paid for others has two bounds, so that viewers cannot use up what creators need, nor the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purse {
    /// What viewers signed.
    Views,
    /// What creators signed or asked for.
    Registrations,
}

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is on its way.
    Pending,
    /// It is on chain.
    Confirmed,
    /// It did not happen, and will not.
    Failed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
        }
    }
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The hash of what was signed.
    pub id: B256,
    /// Whose it is.
    pub kind: Kind,
    /// Who signed.
    pub account: Option<Address>,
    /// What may be under way once at a time.
    pub once: Option<String>,
    /// The contract.
    pub to: Address,
    /// The call.
    pub data: Bytes,
}

impl Intent {
    /// A call for a stream of the provider's own; `asked_by` is the creator who asked for it, if it was not the provider.
    #[must_use]
    pub fn stream(once: String, to: Address, data: Bytes, asked_by: Option<Address>) -> Self {
        Self {
            id: B256::from(rand::random::<[u8; 32]>()),
            kind: if asked_by.is_some() {
                Kind::Stream
            } else {
                Kind::Own
            },
            account: asked_by,
            once: Some(once),
            to,
            data,
        }
    }
}

/// Something that is sent, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The hash of what was signed.
    pub id: B256,
    /// How it goes.
    pub state: State,
    /// The transaction: the one that was mined, or the last that was sent.
    pub transaction: B256,
    /// Why it failed.
    pub detail: Option<String>,
}

/// A relay with all that is needed to send it.
#[derive(Debug, Clone)]
struct Entry {
    relay: Relay,
    kind: Kind,
    once: Option<String>,
    created_at: i64,
    to: Address,
    data: Bytes,
    gas: u64,
    block: Option<u64>,
    cost: U256,
}

/// A transaction that was signed for a relay.
#[derive(Debug, Clone)]
struct Attempt {
    transaction: B256,
    nonce: u64,
    raw: Vec<u8>,
    max_fee: u128,
    priority_fee: u128,
    sent_at: i64,
}
