//! Passes: what a bought view opens (docs/protocol.md, section 13), until 24 hours after its block's time.
//!
//! Nothing is persisted: what is on chain is, and a viewer who signs again gets another pass for the same view.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::error::{Code, Result, refused};
use crate::media::{Engine, Viewer};
use crate::session::MediaGrant;
use crate::sign_in::random_hex;

/// How long a view opens its content.
pub const VIEW_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Passes at a time.
const MAX_PASSES: usize = 16_384;
/// Passes of one view at a time: another device, a page that was opened anew. The oldest gives way.
const MAX_OF_A_VIEW: usize = 4;
/// How often expired passes are looked for.
const SWEEP: Duration = Duration::from_secs(5);

struct Pass {
    viewer: Address,
    grant: MediaGrant,
    issued: Timestamp,
    expires: Timestamp,
}

/// The passes given out.
#[derive(Default)]
pub struct Passes(Mutex<HashMap<String, Pass>>);

impl Passes {
    /// Gives out a pass, and answers what it took the place of.
    ///
    /// # Errors
    /// `rate_limited` when too many are out.
    pub fn issue(
        &self,
        content: B256,
        viewer: Address,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(String, Option<MediaGrant>)> {
        let mut passes = self.lock();
        let of_view = |pass: &Pass| pass.grant.content == content && pass.viewer == viewer;
        let mut former: Vec<_> = passes
            .iter()
            .filter(|(_, pass)| of_view(pass))
            .map(|(token, pass)| (pass.issued, token.clone()))
            .collect();
        former.sort();
        let replaced = if former.len() >= MAX_OF_A_VIEW {
            passes.remove(&former[0].1).map(|pass| pass.grant)
        } else {
            None
        };
        if passes.len() >= MAX_PASSES {
            return Err(refused(Code::RateLimited, "too many passes are out"));
        }
        let gate = Viewer::new();
        gate.set_limit(Duration::MAX);
        let grant = MediaGrant {
            content,
            viewer: Arc::new(gate),
            resource: Arc::default(),
        };
        let token = random_hex::<32>();
        let pass = Pass {
            viewer,
            grant,
            issued: now,
            expires,
        };
        passes.insert(token.clone(), pass);
        Ok((token, replaced))
    }

    /// What a pass opens, while it is good.
    #[must_use]
    pub fn grant(&self, token: &str, now: Timestamp) -> Option<MediaGrant> {
        self.lock()
            .get(token)
            .filter(|pass| pass.expires > now)
            .map(|pass| pass.grant.clone())
    }

    /// Whether this token is a good pass for this content.
    #[must_use]
    pub fn opens(&self, token: &str, content: B256, now: Timestamp) -> bool {
        self.grant(token, now)
            .is_some_and(|grant| grant.content == content)
    }

    /// Whether the pass of a grant is still good.
    #[must_use]
    pub fn holds(&self, grant: &MediaGrant, now: Timestamp) -> bool {
        self.lock()
            .values()
            .any(|pass| pass.expires > now && Arc::ptr_eq(&pass.grant.viewer, &grant.viewer))
    }

    /// How many are out.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Takes back what has expired.
    fn expire(&self, now: Timestamp) -> Vec<MediaGrant> {
        self.lock()
            .extract_if(|_, pass| pass.expires <= now)
            .map(|(_, pass)| pass.grant)
            .collect()
    }

    /// Ends the media of passes that expire, until it is cancelled.
    pub async fn run(self: Arc<Self>, media: Engine, stop: CancellationToken) {
        let mut sweeps = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = sweeps.tick() => {}
            }
            for grant in self.expire(Timestamp::now()) {
                end(&media, &grant);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pass>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the media of a pass.
pub fn end(media: &Engine, grant: &MediaGrant) {
    grant.viewer.set_gate(false);
    let resource = grant
        .resource
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(resource) = resource {
        media.remove(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: B256 = B256::repeat_byte(1);
    const VIEWER: Address = Address::repeat_byte(2);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_pass_opens_its_content_until_it_expires_and_no_other() {
        let passes = Passes::default();
        let (token, _) = passes.issue(CONTENT, VIEWER, at(100), at(0)).unwrap();
        assert!(passes.opens(&token, CONTENT, at(99)));
        assert!(!passes.opens(&token, B256::ZERO, at(99)));
        assert!(!passes.opens(&token, CONTENT, at(100)));
        assert!(!passes.opens("", CONTENT, at(0)));
        let grant = passes.grant(&token, at(0)).unwrap();
        assert!(grant.viewer.is_open());
        assert!(grant.viewer.limit() > VIEW_LIFE);
        assert!(passes.expire(at(99)).is_empty());
        assert_eq!(passes.expire(at(100)).len(), 1);
        assert_eq!(passes.count(), 0);
    }

    #[test]
    fn a_view_has_four_passes_at_most_and_the_oldest_gives_way() {
        let passes = Passes::default();
        let issue = |now| passes.issue(CONTENT, VIEWER, at(1000), at(now)).unwrap();
        let tokens: Vec<_> = (0..5).map(issue).collect();
        assert!(!passes.opens(&tokens[0].0, CONTENT, at(5)));
        assert!(tokens[4].1.is_some());
        for (token, _) in &tokens[1..] {
            assert!(passes.opens(token, CONTENT, at(5)));
        }
        let other = Address::repeat_byte(9);
        let (_, replaced) = passes.issue(CONTENT, other, at(1000), at(6)).unwrap();
        assert!(replaced.is_none());
    }
}
