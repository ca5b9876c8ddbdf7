//! From a request's body to the disk, a piece at a time.

use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::Uploads;
use super::pace::Pace;
use super::turn::Turn;
use crate::error::{Code, Error, Result, refused};
use crate::library::Item;

/// A body as it arrives; an error is the client's connection breaking off.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, axum::Error>> + Send>>;

/// A sender that sends nothing for so long, or too little while we wait for it, is cut off. However long the whole takes is its own affair.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(30);
/// After so many bytes what has come is made safe.
const CHECKPOINT: u64 = 8 << 20;

/// Why the receiving stopped.
enum End {
    Whole,
    Interrupted,
    Refused(Error),
}

impl Uploads {
    /// Writes a body to the end of an upload, up to `length` bytes in all; whatever happens, what was written is safe and noted when this returns.
    pub(super) async fn receive(
        &self,
        mut item: Item,
        length: u64,
        mut body: Body,
        turn: &Turn,
    ) -> Result<Item> {
        let mut file = self.at_end(&item).await?;
        let mut unsafe_bytes = 0;
        let mut room = self.room(item.owner).await?;
        let patience = self.bounds.patience;
        let mut pace = Pace::new(patience);
        let end = loop {
            let asked = Instant::now();
            let next = tokio::select! {
                () = turn.interrupted.cancelled() => break End::Interrupted,
                next = tokio::time::timeout(patience, body.next()) => next,
            };
            let piece = match next {
                Ok(Some(Ok(piece))) => piece,
                Ok(None) => break End::Whole,
                Ok(Some(Err(_))) => {
                    break End::Refused(refused(Code::Malformed, "the body breaks off"));
                }
                Err(_) => {
                    break End::Refused(refused(
                        Code::TooSlow,
                        format!("nothing came for {} s", patience.as_secs()),
                    ));
                }
            };
            let waited = asked.elapsed();
            let more = piece.len() as u64;
            if item.received + unsafe_bytes + more > length {
                break End::Refused(match item.length {
                    Some(length) => refused(
                        Code::TooLarge,
                        format!("this upload has {length} bytes, and more came"),
                    ),
                    None => self.too_large(),
                });
            }
            if unsafe_bytes + more > room.bytes {
                break End::Refused(room.exceeded());
            }
            if let Err(error) = file.write_all(&piece).await {
                break End::Refused(self.failed(error));
            }
            unsafe_bytes += more;
            let whole = item.received + unsafe_bytes == length;
            if !pace.keeps(waited, more) && !whole {
                break End::Refused(refused(
                    Code::TooSlow,
                    "the bytes come too slowly; the upload can be gone on with on a better line",
                ));
            }
            if unsafe_bytes >= CHECKPOINT {
                self.checkpoint(&mut item, &mut file, unsafe_bytes).await?;
                unsafe_bytes = 0;
                room = self.room(item.owner).await?;
            }
        };
        // A write that failed may have left a part of its piece behind the last that is counted; the next one cuts it off.
        self.checkpoint(&mut item, &mut file, unsafe_bytes).await?;
        match end {
            End::Whole => Ok(item),
            End::Interrupted => Err(refused(
                Code::UploadConflict,
                "another request went on with this upload",
            )),
            End::Refused(error) => Err(error),
        }
    }

    async fn checkpoint(&self, item: &mut Item, file: &mut File, more: u64) -> Result<()> {
        let synced = async {
            file.flush().await?;
            file.sync_data().await
        };
        synced.await.map_err(|error| self.failed(error))?;
        item.received += more;
        item.touched_at = Timestamp::now();
        self.library
            .received(item.item_id, item.received, item.touched_at)
            .await
    }

    /// The upload's file, cut to what is known to be safe.
    async fn at_end(&self, item: &Item) -> Result<File> {
        let open = async {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(self.path(item.item_id))
                .await?;
            let there = file.metadata().await?.len();
            if there < item.received {
                return Ok(None);
            }
            if there > item.received {
                file.set_len(item.received).await?;
            }
            file.seek(std::io::SeekFrom::Start(item.received)).await?;
            Ok(Some(file))
        };
        let file = open.await.map_err(|error| self.failed(error))?;
        file.ok_or_else(|| {
            Error::Damaged(format!(
                "the upload {}: bytes that were safe are gone",
                item.item_id
            ))
        })
    }
}
