//! How much may come yet: the creator's quota, and the provider's.

use alloy::primitives::Address;

use super::Uploads;
use crate::error::{Code, Error, Result, refused};

/// How many bytes may come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) bytes: u64,
    /// Whether it is the creator's own quota that is the nearer bound.
    own: bool,
}

impl Room {
    pub(super) fn exceeded(self) -> Error {
        let detail = if self.own {
            format!("your quota has room for {} bytes more", self.bytes)
        } else {
            format!("this provider has room for {} bytes more", self.bytes)
        };
        refused(Code::QuotaExceeded, detail)
    }
}

impl Uploads {
    /// How much an account may add now.
    pub(super) async fn room(&self, owner: Option<Address>) -> Result<Room> {
        let store = self.store.usage().await?;
        let pending = self.library.pending().await?;
        let provider = store
            .quota_bytes
            .saturating_sub(store.used_bytes)
            .saturating_sub(pending.bytes);
        let own = match owner {
            Some(_) => {
                let used = self.library.usage(owner).await?;
                self.bounds.creator_bytes.saturating_sub(used.bytes)
            }
            None => u64::MAX,
        };
        Ok(Room {
            bytes: own.min(provider),
            own: own <= provider,
        })
    }
}
