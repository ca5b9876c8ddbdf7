//! Who may publish: EIP-4361 challenges that a content's creator signs, and the tokens they are exchanged for.
//!
//! A challenge is composed here, byte by byte, and found again by its text; so a signature under any other text is
//! worth nothing, whatever it says. It is good once and for five minutes. Tables are bounded; nothing is persisted: after a
//! restart a publisher signs again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::{Address, B256, Signature};
use jiff::Timestamp;

use crate::error::{Code, Result, refused};

/// How long a challenge may be answered.
const CHALLENGE_LIFE: Duration = Duration::from_secs(300);
/// How long a token is good.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);
/// Challenges, and tokens, at a time.
const MAX_ENTRIES: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Grant {
    content: B256,
    address: Address,
    expires: Timestamp,
}

/// The pending challenges and the tokens given out.
#[derive(Default)]
pub struct PublishAuth {
    challenges: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Grant>>,
}

/// Where this provider is, for the challenge's text.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Host and port of the public URL.
    pub domain: &'a str,
    /// The public URL.
    pub uri: &'a str,
    /// The chain of the registry.
    pub chain_id: u64,
}

impl PublishAuth {
    /// Composes a challenge for an account that says it is the content's creator.
    ///
    /// # Errors
    /// `rate_limited` when too many are pending.
    pub fn challenge(
        &self,
        site: Site<'_>,
        content: B256,
        address: Address,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let expires = now + CHALLENGE_LIFE;
        let message = format!(
            "{domain} wants you to sign in with your Ethereum account:\n{address}\n\nPublish a live stream of this content.\n\n\
             URI: {uri}\nVersion: 1\nChain ID: {chain}\nNonce: {nonce}\nIssued At: {now:.0}\nExpiration Time: {expires:.0}\n\
             Resources:\n- urn:paystream:content:{content}",
            domain = site.domain,
            uri = site.uri,
            chain = site.chain_id,
            nonce = random_hex::<16>(),
        );
        insert(
            &self.challenges,
            message.clone(),
            Grant {
                content,
                address,
                expires,
            },
            now,
        )?;
        Ok((message, expires))
    }

    /// Uses up a challenge: the content and account it was made for.
    ///
    /// # Errors
    /// `unauthorized` when there is no such challenge (any more) or the signature is not that account's.
    pub fn answer(
        &self,
        message: &str,
        signature: &[u8],
        now: Timestamp,
    ) -> Result<(B256, Address)> {
        let grant = lock(&self.challenges)
            .remove(message)
            .filter(|grant| grant.expires > now);
        let grant = grant.ok_or_else(|| {
            refused(
                Code::Unauthorized,
                "this challenge is unknown, used or expired",
            )
        })?;
        let signer = Signature::from_raw(signature)
            .ok()
            .filter(|signature| signature.normalize_s().is_none())
            .and_then(|signature| signature.recover_address_from_msg(message).ok());
        if signer != Some(grant.address) {
            return Err(refused(
                Code::Unauthorized,
                format!("the signature is not that of {}", grant.address),
            ));
        }
        Ok((grant.content, grant.address))
    }

    /// Gives out a token to publish a content.
    ///
    /// # Errors
    /// `rate_limited` when too many are out.
    pub fn issue(
        &self,
        content: B256,
        address: Address,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let token = random_hex::<32>();
        let expires = now + TOKEN_LIFE;
        insert(
            &self.tokens,
            token.clone(),
            Grant {
                content,
                address,
                expires,
            },
            now,
        )?;
        Ok((token, expires))
    }

    /// The account that was given this token for this content.
    ///
    /// # Errors
    /// `unauthorized` when the token is unknown, expired or for another content.
    pub fn check(&self, token: &str, content: B256, now: Timestamp) -> Result<Address> {
        let grant = lock(&self.tokens).get(token).copied();
        match grant {
            Some(grant) if grant.content == content && grant.expires > now => Ok(grant.address),
            Some(_) | None => Err(refused(
                Code::Unauthorized,
                "a publish token for this content is needed",
            )),
        }
    }
}

type Table = Mutex<HashMap<String, Grant>>;

fn lock(table: &Table) -> std::sync::MutexGuard<'_, HashMap<String, Grant>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

fn insert(table: &Table, key: String, grant: Grant, now: Timestamp) -> Result<()> {
    let mut table = lock(table);
    if table.len() >= MAX_ENTRIES {
        table.retain(|_, grant| grant.expires > now);
        if table.len() >= MAX_ENTRIES {
            return Err(refused(
                Code::RateLimited,
                "too many pending requests to publish",
            ));
        }
    }
    table.insert(key, grant);
    Ok(())
}

/// So many random bytes in hex.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0u8; N];
    rand::fill(&mut bytes[..]);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;

    use super::*;

    const SITE: Site<'static> = Site {
        domain: "streamer.example",
        uri: "https://streamer.example",
        chain_id: 1,
    };

    fn now() -> Timestamp {
        "2026-01-31T20:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_account_that_was_challenged_gets_a_token_once() {
        let (auth, signer) = (PublishAuth::default(), PrivateKeySigner::random());
        let (message, _) = auth
            .challenge(SITE, B256::ZERO, signer.address(), now())
            .unwrap();
        let signature = signer
            .sign_message_sync(message.as_bytes())
            .unwrap()
            .as_bytes();
        assert_eq!(
            auth.answer(&message, &signature, now()).unwrap(),
            (B256::ZERO, signer.address())
        );
        assert_eq!(
            auth.answer(&message, &signature, now()).unwrap_err().code(),
            Code::Unauthorized
        );
    }

    #[test]
    fn another_account_an_expired_challenge_or_an_invented_one_is_refused() {
        let (auth, signer) = (PublishAuth::default(), PrivateKeySigner::random());
        let other = PrivateKeySigner::random();
        let sign = |signer: &PrivateKeySigner, text: &str| {
            signer
                .sign_message_sync(text.as_bytes())
                .unwrap()
                .as_bytes()
        };
        let (message, _) = auth
            .challenge(SITE, B256::ZERO, signer.address(), now())
            .unwrap();
        assert_eq!(
            auth.answer(&message, &sign(&other, &message), now())
                .unwrap_err()
                .code(),
            Code::Unauthorized
        );
        let (message, expires) = auth
            .challenge(SITE, B256::ZERO, signer.address(), now())
            .unwrap();
        assert_eq!(
            auth.answer(&message, &sign(&signer, &message), expires)
                .unwrap_err()
                .code(),
            Code::Unauthorized
        );
        assert_eq!(
            auth.answer("hello", &sign(&signer, "hello"), now())
                .unwrap_err()
                .code(),
            Code::Unauthorized
        );
    }

    #[test]
    fn a_token_is_good_for_its_content_until_it_expires() {
        let auth = PublishAuth::default();
        let (token, expires) = auth.issue(B256::ZERO, Address::ZERO, now()).unwrap();
        assert!(auth.check(&token, B256::ZERO, now()).is_ok());
        assert!(auth.check(&token, B256::repeat_byte(1), now()).is_err());
        assert!(auth.check(&token, B256::ZERO, expires).is_err());
        assert!(auth.check("", B256::ZERO, now()).is_err());
    }

    #[test]
    fn pending_challenges_are_bounded() {
        let auth = PublishAuth::default();
        for _ in 0..MAX_ENTRIES {
            auth.challenge(SITE, B256::ZERO, Address::ZERO, now())
                .unwrap();
        }
        let error = auth
            .challenge(SITE, B256::ZERO, Address::ZERO, now())
            .unwrap_err();
        assert_eq!(error.code(), Code::RateLimited);
        assert!(
            auth.challenge(SITE, B256::ZERO, Address::ZERO, now() + CHALLENGE_LIFE)
                .is_ok()
        );
    }
}
