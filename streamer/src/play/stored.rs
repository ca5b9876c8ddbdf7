//! Reading a stored video (docs/protocol.md, section 12): each block is checked against its CID, then written, then paid for, in this order.

mod car;
mod download;
mod kept;

use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use cid::Cid;

use self::car::Car;
pub(super) use self::download::Download;
use super::provider::{Provider, why_not};
use super::session::Session;
use super::spending::Channel;
use super::stop::{Failures, Stop};
use crate::store::block;
use crate::store::dag::Walk;

/// How long nothing may come, while the provider is paid.
const STALL: Duration = Duration::from_secs(60);
/// How long the last due may take.
const LAST_DUE: Duration = Duration::from_secs(5);

/// Reads a file that is free to all, to its end.
///
/// # Errors
/// When it cannot be had, or a block is not what its CID says.
pub(super) async fn read_free(provider: &Provider, mut download: Download) -> anyhow::Result<()> {
    let mut failures = Failures::default();
    loop {
        match read(provider, &mut download, None).await {
            Ok(()) => break download.finish(),
            Err(stop) => failures.count(stop, download.kept()).await?,
        }
    }
}

/// Reads a file and pays for it, to its end.
///
/// # Errors
/// When it cannot be had, a block is not what its CID says, or the provider asks for what is not owed. Nothing is signed after that.
pub(super) async fn read_paid(
    channel: &mut Channel,
    download: &mut Download,
) -> anyhow::Result<()> {
    let provider = channel.provider.clone();
    let mut failures = Failures::default();
    loop {
        let session = Session::start(channel).await;
        let stop = match session {
            Ok(mut session) => {
                match read(&provider, download, Some((&mut session, &mut *channel))).await {
                    Ok(()) => return settle(&mut session, channel, download).await,
                    // What ended the answer is often said on the socket.
                    Err(Stop::Broken(why)) => match session.last_words(channel).await {
                        Some(end) => Stop::Final(end),
                        None => Stop::Broken(why),
                    },
                    Err(stop) => stop,
                }
            }
            Err(error) => Stop::Broken(format!("{error:#}")),
        };
        failures.count(stop, download.kept()).await?;
    }
}

/// One answer, from where the file stands to its end.
async fn read(
    provider: &Provider,
    download: &mut Download,
    mut paying: Option<(&mut Session, &mut Channel)>,
) -> Result<(), Stop> {
    let root = download.root;
    let token = paying.as_ref().map(|(session, _)| session.token.clone());
    let token = token.as_deref();
    download.begin_session(token.is_some());
    kept::verify(provider, download, token).await?;
    let from = download.kept();
    if download.size().is_some_and(|size| from >= size) {
        return Ok(());
    }
    let query = format!("format=car&car-dups=y&dag-scope=entity&entity-bytes={from}:*");
    let answer = provider.blocks(&root, &query, token).await;
    let mut car = Car::new(answer.map_err(why_not)?);
    let mut walk = Walk::new(root, from..u64::MAX);
    let mut stall = std::pin::pin!(tokio::time::sleep(STALL));
    loop {
        let message = async {
            match &mut paying {
                Some((session, _)) => session.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            block = car.next() => {
                let Some((cid, block)) = block? else {
                    return match walk.wants() {
                        None => Ok(()),
                        Some(cid) => Err(Stop::Broken(format!("the answer ends without block {cid}"))),
                    };
                };
                stall.as_mut().reset(tokio::time::Instant::now() + STALL);
                take(download, &mut walk, cid, block)?;
            }
            message = message => {
                let message = message?;
                if let Some((session, channel)) = &mut paying {
                    session.note(message, channel)?;
                }
            }
            () = &mut stall => return Err(Stop::Broken("nothing comes".to_owned())),
        }
        if let Some((session, channel)) = &mut paying {
            let limit = session.price(channel, download.checked_ms())?;
            session.answer(channel, limit).await?;
            download.tell(Some(channel.paid));
        } else {
            download.tell(None);
        }
    }
}

/// A block in its place, checked, and written if it holds something of the file.
fn take(download: &mut Download, walk: &mut Walk, cid: Cid, bytes: Bytes) -> Result<(), Stop> {
    let wanted = walk.wants();
    if wanted != Some(cid) {
        let wanted = wanted.map_or_else(|| "the end".to_owned(), |cid| cid.to_string());
        return Err(Stop::Final(anyhow!(
            "the provider sent block {cid} where {wanted} comes next; it was not paid for"
        )));
    }
    block::check(&cid, &bytes).map_err(|error| {
        anyhow!("{error}: the provider sent a wrong block, and it was not paid for")
    })?;
    let visited = walk.accept(bytes).map_err(anyhow::Error::from)?;
    if let Some(size) = walk.size() {
        download.learn_size(size)?;
    }
    if let Some(visited) = visited {
        download.take(&visited)?;
    }
    Ok(())
}

/// The last block has come, and its due is on its way.
async fn settle(
    session: &mut Session,
    channel: &mut Channel,
    download: &Download,
) -> anyhow::Result<()> {
    let owed = session.price(channel, download.checked_ms())?;
    let paying = async {
        while !session.has_paid(owed) || channel.paid < owed {
            let message = session.next().await?;
            session.note(message, channel)?;
            session.answer(channel, owed).await?;
        }
        Ok::<(), Stop>(())
    };
    // All is there: what is not asked for is not owed.
    match tokio::time::timeout(LAST_DUE, paying).await {
        Ok(Err(Stop::Final(error))) => eprintln!("{error:#}"),
        Ok(Err(Stop::Broken(why))) => eprintln!("{why}"),
        Ok(Ok(())) | Err(_) => {}
    }
    Ok(())
}
