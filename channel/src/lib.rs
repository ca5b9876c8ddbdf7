//! The Bitcoin payment channel of Paystream, version 1: one way, from a viewer (key `C`) to a provider (key `S`).
//!
//! The crate decides and never acts: no network, no disk, no clock. It holds what `docs/protocol.md` says in sections 3 to 6,
//! one concept a file, and is mirrored by the TypeScript of `web/src/bitcoin`; both pass the vectors of `channel/vectors`.
//!
//! The path of a payment through the crate:
//!
//! 1. [`ChannelTerms`] are agreed; they give the [`ChannelId`], the witness script and the [address](ChannelTerms::address).
//! 2. The provider's node shows the [`Funding`].
//! 3. The viewer [signs](Payment::sign) a [`Payment`] over the [`ClosingTransaction`] that both sides build.
//! 4. The provider [accepts](accept) it, or refuses it with a reason; nothing in between.
//! 5. The provider [completes](complete_closing) the last payment's transaction, or the viewer [refunds](refund_transaction) after the expiry.
//!
//! Invariants, tested as properties: outputs and fee always add up to the capacity; no output is under its dust limit; the change is always
//! made; the split depends on the cumulative amount alone; less than one dust limit goes to another party than the shares say.

mod acceptance;
mod closing;
mod error;
mod funding;
mod metering;
mod payment;
mod refund;
mod session;
mod signature;
mod split;
mod state;
mod terms;
mod wire;

pub use acceptance::{Accepted, accept};
pub use closing::{
    ClosingTransaction, closing_fee, closing_max_vsize, closing_transaction, complete_closing,
};
pub use error::ChannelError;
pub use funding::{Funding, FundingOutput};
pub use metering::{due_paid, media_paid_ms, viewer_limit};
pub use payment::Payment;
pub use refund::{RefundTransaction, refund_fee, refund_transaction};
pub use session::{session_digest, sign_session_start, verify_session_start};
pub use signature::CompactSignature;
pub use split::{Payouts, dust_limit, max_paid, split};
pub use state::ChannelState;
pub use terms::{
    ChannelId, ChannelTerms, ContentId, EXPIRY_MAX_AHEAD, EXPIRY_MIN_AHEAD, MIN_CAPACITY_FEES,
    MUST_CONFIRM_BEFORE, Network, STOP_BEFORE, TermsFields, is_payable_script,
};

pub use bitcoin;
