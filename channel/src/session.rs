use bitcoin::secp256k1::{PublicKey, SecretKey};

use crate::{
    error::ChannelError,
    signature::CompactSignature,
    terms::{ChannelId, ContentId, tagged_hash},
};

/// What a viewer signs to start a session: `tagged("paystream/session/v1", nonce || channel_id || content_id)` (section 5.1).
#[must_use]
pub fn session_digest(nonce: &[u8; 32], channel_id: ChannelId, content_id: ContentId) -> [u8; 32] {
    tagged_hash(
        "paystream/session/v1",
        &[nonce, &channel_id.0, &content_id.0],
    )
}

/// Signs the start of a session: the viewer's side.
#[must_use]
pub fn sign_session_start(
    nonce: &[u8; 32],
    channel_id: ChannelId,
    content_id: ContentId,
    viewer_secret: &SecretKey,
) -> CompactSignature {
    CompactSignature::sign(session_digest(nonce, channel_id, content_id), viewer_secret)
}

/// Checks the start of a session by the channel's viewer key.
///
/// # Errors
/// `BadSignature`.
pub fn verify_session_start(
    nonce: &[u8; 32],
    channel_id: ChannelId,
    content_id: ContentId,
    viewer_key: &PublicKey,
    signature: &CompactSignature,
) -> Result<(), ChannelError> {
    if signature.verifies(session_digest(nonce, channel_id, content_id), viewer_key) {
        Ok(())
    } else {
        Err(ChannelError::BadSignature { index: 0 })
    }
}
