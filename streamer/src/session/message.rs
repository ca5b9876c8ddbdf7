//! The messages of a session's socket (docs/protocol.md, section 5).

use alloy::primitives::B256;
use paystream_channel::{ChannelId, CompactSignature, Payment};
use serde::{Deserialize, Serialize};

use crate::channels::ChannelView;
use crate::error::Code;
use crate::meter::GateReason;

/// What a viewer sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Starts the session.
    Start {
        /// The content to watch.
        content_id: B256,
        /// The channel that pays.
        channel_id: ChannelId,
        /// By the viewer's key, over the nonce of this socket.
        signature: CompactSignature,
    },
    /// A payment.
    Payment(Payment),
    /// Ends the session and the channel.
    Leave,
}

/// What a provider sends.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ServerMessage {
    Hello {
        protocol: u32,
        nonce: String,
    },
    Started {
        session_id: String,
        media_token: String,
        tick_ms: u64,
        sequence: u32,
        paid_sat: String,
        credit_ms: u64,
    },
    Due {
        paid_sat: String,
        covers_ms: u64,
        deadline_ms: u64,
    },
    Receipt {
        channel_id: ChannelId,
        sequence: u32,
        paid_sat: String,
        remaining_sat: String,
        covers_ms: u64,
    },
    Gate {
        open: bool,
        reason: GateReason,
    },
    Channel {
        channel: Box<ChannelView>,
    },
    Warning {
        code: WarningCode,
        detail: String,
    },
    Error {
        code: Code,
        detail: String,
    },
    End {
        reason: EndReason,
        closing_txid: Option<String>,
    },
}

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum WarningCode {
    CapacityLow,
    ExpiryNear,
    PaymentOverdue,
    Preview,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The viewer left.
    Left,
    /// No further tick fits into the capacity.
    Exhausted,
    /// Nothing was paid for a while.
    Idle,
    /// The channel comes near its expiry.
    Expired,
    /// The channel started another session.
    Replaced,
    /// The funding is gone.
    Lost,
    /// The provider stops.
    Shutdown,
    /// The viewer broke the rules of the socket.
    ProtocolError,
}
