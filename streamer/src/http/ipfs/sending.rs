//! The body of an answer: block after block, as the store gives them and the meter lets them go.
//!
//! Nothing is held in memory but the block that is being written and the one after it; a client that reads slowly slows the store down. The first leaf is read
//! before the answer begins, so that damage at its very begin is an error and not a broken answer. What goes wrong later cuts
//! the connection: a stream that is not whole never ends as if it were.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use cid::Cid;
use futures::stream::{self, Stream, StreamExt};
use jiff::Timestamp;

use super::slots::{Evicted, Slot};
use crate::error::{Error, Result};
use crate::passes::Passes;
use crate::session::{Ended, Response};
use crate::store::dag::{Kind, Visited};
use crate::store::{self, ContentStore, StoreError};
use crate::stored::{Film, car};

type Blocks = Pin<Box<dyn Stream<Item = store::Result<Visited>> + Send>>;

/// How blocks are written.
#[derive(Debug, Clone)]
pub(super) enum Framing {
    /// In a CAR with this root.
    Car(Cid),
    /// The bytes of the file that lie in the range.
    Bytes(Range<u64>),
    /// The block alone.
    Block,
}

/// What holds an answer to its bounds.
pub(super) enum Bounds {
    /// The meter of a session.
    Meter(Response, Arc<Film>),
    /// A place among the answers that are free.
    Slot(Slot),
    /// Such a place, for as long as a pass is good.
    Pass(Slot, Pass),
}

/// What a bought view opens, as long as it does.
pub(super) struct Pass {
    /// All passes.
    pub passes: Arc<Passes>,
    /// This one.
    pub token: String,
}

/// The pass is good no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pass has expired, or another took its place")]
pub(super) struct PassEnded;

impl Pass {
    fn is_good(&self) -> Result<(), PassEnded> {
        let grant = self.passes.grant(&self.token, Timestamp::now());
        grant.map(|_| ()).ok_or(PassEnded)
    }
}

/// Why an answer was cut off.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error(transparent)]
    Evicted(#[from] Evicted),
    #[error(transparent)]
    PassEnded(#[from] PassEnded),
}

/// An answer that is being written.
pub(super) struct Sending {
    blocks: Blocks,
    /// Blocks that were read before the answer began.
    ahead: VecDeque<Visited>,
    framing: Framing,
    bounds: Option<Bounds>,
    /// Pieces of the block that is being written.
    pieces: VecDeque<Bytes>,
}

impl Sending {
    /// Reads up to the first leaf.
    ///
    /// # Errors
    /// `content_damaged`, `not_found`; when the store fails.
    pub async fn begin(
        blocks: impl Stream<Item = store::Result<Visited>> + Send + 'static,
        framing: Framing,
    ) -> Result<Self> {
        let mut blocks: Blocks = Box::pin(blocks);
        let mut ahead = VecDeque::new();
        while let Some(visited) = blocks.next().await {
            let visited = visited?;
            let is_leaf = visited.kind != Kind::Interior;
            ahead.push_back(visited);
            if is_leaf {
                break;
            }
        }
        let mut pieces = VecDeque::new();
        if let Framing::Car(root) = &framing {
            pieces.push_back(car::header(root));
        }
        Ok(Self {
            blocks,
            ahead,
            framing,
            bounds: None,
            pieces,
        })
    }

    /// One block of which it is known what it holds.
    pub async fn one(store: &dyn ContentStore, cid: Cid, kind: Kind) -> Result<Self> {
        let block = store.block(&cid).await?;
        let block = block.ok_or(StoreError::Missing { cid })?;
        let visited = Visited {
            cid,
            data: Bytes::new(),
            block,
            kind,
        };
        Ok(Self {
            blocks: Box::pin(stream::empty()),
            ahead: VecDeque::from([visited]),
            framing: Framing::Block,
            bounds: None,
            pieces: VecDeque::new(),
        })
    }

    /// The length of the first block: of the whole answer, where that is one block.
    pub fn first_length(&self) -> usize {
        self.ahead.front().map_or(0, |visited| visited.block.len())
    }

    /// The first bytes of the file that will be written, to tell what they are.
    pub fn first_bytes(&self) -> Bytes {
        self.ahead
            .back()
            .map_or_else(Bytes::new, |visited| visited.data.clone())
    }

    /// The body. Dropped before its end, it gives back what its bounds hold.
    pub fn into_body(self, bounds: Bounds) -> Body {
        let sending = Self {
            bounds: Some(bounds),
            ..self
        };
        Body::from_stream(stream::try_unfold(sending, |mut sending| async move {
            let piece = sending.next().await;
            if let Err(cut) = &piece {
                cut.log();
            }
            piece.map(|piece| piece.map(|piece| (piece, sending)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        loop {
            match &self.bounds {
                Some(Bounds::Slot(slot)) => slot.moves()?,
                Some(Bounds::Pass(slot, pass)) => {
                    slot.moves()?;
                    pass.is_good()?;
                }
                Some(Bounds::Meter(..)) | None => {}
            }
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            let visited = match self.ahead.pop_front() {
                Some(visited) => visited,
                None => match self.blocks.next().await {
                    Some(visited) => visited?,
                    None => {
                        if let Some(Bounds::Meter(response, _)) = &mut self.bounds {
                            response.complete();
                        }
                        return Ok(None);
                    }
                },
            };
            if let Some(Bounds::Meter(response, film)) = &mut self.bounds {
                response.reserve(film.leaf(visited.kind)).await?;
                if matches!(self.framing, Framing::Block) {
                    // Its length is known, so nobody asks for what comes after it. A client that it does not reach asks for it again.
                    response.complete();
                }
            }
            self.frame(visited);
        }
    }

    fn frame(&mut self, visited: Visited) {
        match &self.framing {
            Framing::Car(_) => {
                let head = car::before_block(&visited.cid, visited.block.len());
                self.pieces.extend([head, visited.block]);
            }
            Framing::Bytes(range) => {
                let bytes = visited.within(range);
                if !bytes.is_empty() {
                    self.pieces.push_back(bytes);
                }
            }
            Framing::Block => self.pieces.push_back(visited.block),
        }
    }
}

impl Cut {
    fn log(&self) {
        match self {
            Self::Store(error) if error.is_ours() => {
                tracing::error!(%error, "an answer was cut off");
            }
            Self::Store(error) => tracing::warn!(%error, "an answer was cut off"),
            Self::Ended(_) | Self::Evicted(_) | Self::PassEnded(_) => {
                tracing::debug!(error = %self, "an answer was cut off")
            }
        }
    }
}

impl From<Evicted> for Error {
    fn from(error: Evicted) -> Self {
        Self::Unavailable {
            service: "media",
            detail: error.to_string(),
        }
    }
}
