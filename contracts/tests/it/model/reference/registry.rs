//! Contents and streams.

use alloy::primitives::{Address, B256, U256};
use paystream_contracts::StreamRegistry::{self as registry, StreamRegistryCalls, Terms};

use super::{Content, Reference, Refusal, refuse};

impl Reference {
    pub(super) fn registry(
        &mut self,
        sender: Address,
        input: &StreamRegistryCalls,
    ) -> Result<(), Refusal> {
        use StreamRegistryCalls as Calls;
        match input {
            Calls::registerContent(call) => self.register(sender, &call.cid, &call.terms),
            Calls::updateTerms(call) => {
                self.active_content_of(sender, call.contentId)?;
                check_terms(&call.terms)?;
                let content = self.contents.get_mut(&call.contentId).unwrap();
                content.terms = call.terms.clone();
                Ok(())
            }
            Calls::deregisterContent(call) => {
                self.active_content_of(sender, call.contentId)?;
                self.contents.get_mut(&call.contentId).unwrap().active = false;
                Ok(())
            }
            Calls::registerStream(call) => {
                let length = call.url.len();
                if length == 0 || length > 512 {
                    let (length, maximum) = (U256::from(length), U256::from(512));
                    return refuse(registry::UrlLengthInvalid { length, maximum });
                }
                self.active_content(call.contentId)?;
                self.streams.insert((call.contentId, sender));
                Ok(())
            }
            Calls::deregisterStream(call) => {
                let (id, provider) = (call.contentId, sender);
                if self.streams.remove(&(id, provider)) {
                    return Ok(());
                }
                refuse(registry::StreamNotRegistered {
                    contentId: id,
                    provider,
                })
            }
            other => panic!("no transaction of the model: {other:?}"),
        }
    }

    /// The terms of an active content that the provider streams.
    pub(super) fn offer(&self, id: B256, provider: Address) -> Result<Terms, Refusal> {
        let content = self.active_content(id)?;
        if self.streams.contains(&(id, provider)) {
            return Ok(content.terms.clone());
        }
        refuse(registry::StreamNotRegistered {
            contentId: id,
            provider,
        })
    }

    fn register(&mut self, creator: Address, cid: &str, terms: &Terms) -> Result<(), Refusal> {
        if cid.is_empty() || cid.len() > 128 {
            let (length, maximum) = (U256::from(cid.len()), U256::from(128));
            return refuse(registry::CidLengthInvalid { length, maximum });
        }
        check_terms(terms)?;
        let id = paystream_contracts::content_id(creator, cid);
        if self.contents.get(&id).is_some_and(|known| known.active) {
            return refuse(registry::ContentAlreadyRegistered { contentId: id });
        }
        let (active, terms) = (true, terms.clone());
        let content = Content {
            creator,
            active,
            terms,
        };
        self.contents.insert(id, content);
        Ok(())
    }

    fn content(&self, id: B256) -> Result<&Content, Refusal> {
        match self.contents.get(&id) {
            Some(content) => Ok(content),
            None => refuse(registry::ContentNotFound { contentId: id }),
        }
    }

    fn active_content(&self, id: B256) -> Result<&Content, Refusal> {
        let content = self.content(id)?;
        if content.active {
            return Ok(content);
        }
        refuse(registry::ContentNotActive { contentId: id })
    }

    fn active_content_of(&self, account: Address, id: B256) -> Result<(), Refusal> {
        if self.content(id)?.creator != account {
            return refuse(registry::NotCreator {
                contentId: id,
                account,
            });
        }
        self.active_content(id).map(|_| ())
    }
}

fn check_terms(terms: &Terms) -> Result<(), Refusal> {
    if terms.creatorShareBps > 10_000 {
        return refuse(registry::CreatorShareAboveMaximum {
            creatorShareBps: U256::from(terms.creatorShareBps),
            maximum: U256::from(10_000),
        });
    }
    if terms.payout == Address::ZERO {
        return refuse(registry::PayoutIsZero {});
    }
    Ok(())
}
