//! Who may read a CID, and under which meter.
//!
//! | what | who | meter |
//! |---|---|---|
//! | a free video: its root, or in raw any of its blocks | everybody | none |
//! | posters, metadata, announcements | everybody | none |
//! | a priced video: its root, or in raw any of its blocks | a session on it | the session's |
//! | the same | who has bought a view of it | none |
//! | anything else, and priced videos without a token | nobody: 404, or 402 with the offer | |

use std::sync::Arc;

use alloy::primitives::B256;
use cid::Cid;
use jiff::Timestamp;
use paystream_contracts::content_id;
use serde::Deserialize;

use super::form::Form;
use crate::app::App;
use crate::error::{Code, Result, refused};
use crate::library::{Item, State};
use crate::session::Reading;
use crate::store;
use crate::stored::{Film, MEMBERS};

/// The largest document: an announcement, or what is said of a video.
const MAX_DOCUMENT: usize = 16 * 1024;
/// The kinds of documents (docs/protocol.md, sections 8 and 12.1).
const DOCUMENTS: [&str; 2] = ["paystream/announcement", "paystream/video"];
/// The multihash that is the block itself.
const IDENTITY: u64 = 0;

/// How something may be read.
pub(super) enum Access {
    /// By everybody.
    Free,
    /// By whoever bought the view.
    Bought {
        /// The pass.
        pass: String,
    },
    /// Under the meter of a session.
    Metered {
        /// The session's.
        reading: Arc<Reading>,
        /// The video.
        film: Arc<Film>,
    },
    /// Not without a session that pays for this content.
    ForPayment(B256),
}

/// Decides how a CID may be read in this form by whoever has this token.
///
/// # Errors
/// `not_found` when there is nothing to read for anybody; when the store or the Ethereum node fails.
pub(super) async fn decide(
    app: &App,
    cid: Cid,
    form: &Form,
    token: Option<&str>,
) -> Result<Access> {
    let items = app.library.ready_with(&cid);
    if items.iter().any(|item| item.free) {
        return Ok(Access::Free);
    }
    if let Some(access) = by_token(app, cid, form, token).await? {
        return Ok(access);
    }
    if !items.is_empty() {
        let owners = items.iter().filter_map(|item| item.owner);
        let registered = owners.map(|owner| content_id(owner, &cid.to_string()));
        let known = app.films.content_of(&cid);
        for content in registered.chain(known) {
            match app.served_content(content).await {
                Ok(_) => return Ok(Access::ForPayment(content)),
                Err(error) if error.code() == Code::UnknownContent => {}
                Err(error) => return Err(error),
            }
        }
        return Err(nothing());
    }
    // Such a CID holds its block itself: who has it needs nothing from here, and no file of ours is searched for it.
    if cid.hash().code() == IDENTITY {
        return Err(nothing());
    }
    if is_public(app, cid).await? || is_of_a_free_video(app, cid, form).await? {
        return Ok(Access::Free);
    }
    Err(nothing())
}

async fn by_token(app: &App, cid: Cid, form: &Form, token: Option<&str>) -> Result<Option<Access>> {
    let Some(token) = token else {
        return Ok(None);
    };
    if let Some(reading) = app.sessions.reading(token) {
        let Some(root) = reading.root() else {
            return Ok(None);
        };
        if !holds(app, root, cid, form).await? {
            return Ok(None);
        }
        let film = app.films.film(root).await?;
        return Ok(Some(Access::Metered { reading, film }));
    }
    let Some(pass) = app.passes.grant(token, Timestamp::now()) else {
        return Ok(None);
    };
    match app.stored(pass.content).await? {
        Some((_, stored)) if holds(app, stored.cid, cid, form).await? => {
            let pass = token.to_owned();
            Ok(Some(Access::Bought { pass }))
        }
        Some(_) | None => Ok(None),
    }
}

/// Whether a block may be read as one of a file's.
async fn holds(app: &App, root: Cid, cid: Cid, form: &Form) -> Result<bool> {
    Ok(root == cid || (*form == Form::Raw && app.films.index(root).await?.find(&cid).is_some()))
}

async fn is_public(app: &App, cid: Cid) -> Result<bool> {
    let about_a_video = |item: &Item| match &item.state {
        State::Ready(stored) => stored.picture == Some(cid) || stored.metadata == Some(cid),
        _ => false,
    };
    if app.library.all_ready().iter().any(about_a_video) {
        return Ok(true);
    }
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "type")]
        kind: String,
    }
    let document = match store::document(&app.store, &cid, MAX_DOCUMENT).await {
        Ok(Some(document)) => document,
        Ok(None) => return Err(nothing()),
        // Part of a file, or too large: no document.
        Err(store::StoreError::TooLarge { .. } | store::StoreError::Unsound { .. }) => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(serde_json::from_slice::<Document>(&document)
        .is_ok_and(|document| DOCUMENTS.contains(&document.kind.as_str())))
}

async fn is_of_a_free_video(app: &App, cid: Cid, form: &Form) -> Result<bool> {
    if *form != Form::Raw {
        return Ok(false);
    }
    let items = app.library.all_ready().into_iter();
    let roots = items.filter_map(|item| match item.state {
        State::Ready(stored) if item.free => Some(stored.cid),
        _ => None,
    });
    for root in roots.take(MEMBERS) {
        if app.films.has(root, &cid).await {
            return Ok(true);
        }
    }
    Ok(false)
}

fn nothing() -> crate::error::Error {
    refused(
        Code::NotFound,
        "this provider does not have that CID, or does not serve it",
    )
}
