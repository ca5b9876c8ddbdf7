//! What can go wrong with stored content, and what a client is told of it.

use std::path::PathBuf;

use cid::Cid;

use crate::error::{Code, Error};

/// What can go wrong in a content store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The stored bytes are not those of the CID. A retry does not help; adding the same content again mends it.
    #[error("the stored block {cid} is damaged: its bytes do not match its CID")]
    Damaged {
        /// The block.
        cid: Cid,
    },
    /// Bytes that came with a CID are not those of the CID.
    #[error("the bytes that came as block {cid} do not match that CID")]
    Mismatched {
        /// The block that was promised.
        cid: Cid,
    },
    /// A block of a file is not here.
    #[error("the block {cid} is not in this store")]
    Missing {
        /// The block.
        cid: Cid,
    },
    /// A CID that cannot be checked, or not by this store.
    #[error("the CID {cid} cannot be used: {why}")]
    Unsupported {
        /// The CID.
        cid: Cid,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A block that is what its CID says, and still no sound part of a file.
    #[error("the block {cid} is no sound part of a file: {why}")]
    Unsound {
        /// The block.
        cid: Cid,
        /// What it gets wrong.
        why: String,
    },
    /// Over the largest block.
    #[error("the block {cid} is over {limit} bytes")]
    TooLarge {
        /// The block.
        cid: Cid,
        /// The largest that is taken.
        limit: usize,
    },
    /// The store's quota, or the disk, is full. Nothing of the addition is kept.
    #[error("the store is full: {detail}")]
    Full {
        /// How full.
        detail: String,
    },
    /// Somebody else uses the store in a way that does not go together with this. A retry helps when they have finished.
    #[error("{0}")]
    Busy(String),
    /// What was to be added could not be read.
    #[error("the content could not be read: {0}")]
    Source(std::io::Error),
    /// A CAR file is not what it should be.
    #[error("the CAR file cannot be used: {0}")]
    Car(String),
    /// A file of the store cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The Kubo node, or a gateway, does not answer, or not as it should. A retry may help.
    #[error("{service}: {detail}")]
    Remote {
        /// Whose answer.
        service: String,
        /// What happened.
        detail: String,
    },
    /// A task of the store ended before it had finished: a defect, or the program is stopping.
    #[error("the store's work was interrupted: {0}")]
    Interrupted(String),
}

impl StoreError {
    /// A failure of a file, told apart by what it means: a full disk is a full store.
    pub(super) fn file(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let path = path.into();
        match source.kind() {
            StorageFull | QuotaExceeded => Self::Full {
                detail: format!("{}: {source}", path.display()),
            },
            _ => Self::File { path, source },
        }
    }

    /// A block that is no sound part of a file.
    pub(super) fn unsound(cid: &Cid, why: impl Into<String>) -> Self {
        Self::Unsound {
            cid: *cid,
            why: why.into(),
        }
    }

    /// Whether the provider should hear of it: something is damaged or fails, and it is not the client's doing.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Unsupported { .. }
            | Self::Mismatched { .. }
            | Self::TooLarge { .. }
            | Self::Car(_)
            | Self::Source(_) => false,
            Self::Damaged { .. }
            | Self::Unsound { .. }
            | Self::Full { .. }
            | Self::Busy(_)
            | Self::File { .. }
            | Self::Remote { .. }
            | Self::Interrupted(_) => true,
        }
    }

    /// What a client is told.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } | Self::Unsound { .. } => Code::ContentDamaged,
            Self::Missing { .. } => Code::NotFound,
            Self::Unsupported { .. } | Self::Mismatched { .. } | Self::Car(_) => Code::Malformed,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::Full { .. } => Code::QuotaExceeded,
            Self::Busy(_)
            | Self::Source(_)
            | Self::File { .. }
            | Self::Remote { .. }
            | Self::Interrupted(_) => Code::Unavailable,
        }
    }

    /// The sentence that a client is told; it holds nothing internal.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::Full { .. } => "this provider's store is full".to_owned(),
            Self::Busy(_)
            | Self::Source(_)
            | Self::File { .. }
            | Self::Remote { .. }
            | Self::Interrupted(_) => "the provider cannot do this now; try again".to_owned(),
            Self::Damaged { .. }
            | Self::Mismatched { .. }
            | Self::Missing { .. }
            | Self::Unsupported { .. }
            | Self::Unsound { .. }
            | Self::TooLarge { .. }
            | Self::Car(_) => self.to_string(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// The result of a store's functions.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
