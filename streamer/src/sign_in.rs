//! Who signs in, and for what: EIP-4361 challenges that an account signs, and the tokens they are exchanged for
//! (docs/protocol.md, sections 8 and 14).
//!
//! A challenge is composed here, byte by byte, and found again by its text; so a signature under any other text is
//! worth nothing, whatever it says. It is good once and for five minutes. Tables are bounded, and so is what one client
//! may have pending and one account may hold. In a full table the oldest entry of the client that has most gives way: so nobody keeps
//! others out, and whoever fills it, with however many accounts, pushes out their own. Nothing is
//! persisted: after a restart an account signs in again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::primitives::{Address, B256, Signature};
use jiff::Timestamp;

use crate::config::Config;
use crate::error::{Code, Error, Result, refused};

/// How long a challenge may be answered.
const CHALLENGE_LIFE: Duration = Duration::from_secs(300);
/// How long a token is good.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);
/// Challenges, and tokens, at a time. The oldest of the client that has most gives way.
const MAX_ENTRIES: usize = 4096;
/// Tokens of one account at a time: its devices, and the contents that it publishes. The oldest gives way.
const MAX_TOKENS_OF_AN_ACCOUNT: usize = 8;
/// Challenges that one client may have pending.
const MAX_PENDING_OF_A_CLIENT: usize = 64;

/// What an account signs in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To publish a live stream of this content.
    Publish(B256),
    /// To upload, and to use what it has uploaded.
    Upload,
    /// To watch a view of this content that is on chain.
    View(B256),
}

impl Purpose {
    /// What the person reads in the wallet.
    fn statement(self) -> &'static str {
        match self {
            Self::Publish(_) => "Publish a live stream of this content.",
            Self::Upload => "Upload videos to this provider, and manage them.",
            Self::View(_) => "Watch the view of this content that this account has paid for.",
        }
    }

    /// The resource of the message.
    fn resource(self) -> String {
        match self {
            Self::Publish(content) => format!("urn:paystream:content:{content}"),
            Self::Upload => "urn:paystream:upload".to_owned(),
            Self::View(content) => format!("urn:paystream:view:{content}"),
        }
    }
}

/// Who was challenged, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// What it is for.
    pub purpose: Purpose,
    /// The account.
    pub address: Address,
}

/// A challenge, or a token.
struct Entry {
    grant: Grant,
    /// Who asked for it.
    client: IpAddr,
    expires: Timestamp,
}

type Table = HashMap<String, Entry>;

/// The pending challenges and the tokens given out.
#[derive(Default)]
pub struct SignIn {
    challenges: Mutex<Table>,
    tokens: Mutex<Table>,
}

/// Where this provider is, for the challenge's text.
#[derive(Debug, Clone)]
pub struct Site {
    /// Host and port of the public URL.
    pub domain: String,
    /// The public URL.
    pub uri: String,
    /// The chain of the registry.
    pub chain_id: u64,
}

impl Site {
    /// The streamer with these settings.
    #[must_use]
    pub fn of(config: &Config, chain_id: u64) -> Self {
        let url = &config.public_url;
        let host = url.host_str().unwrap_or_default();
        Self {
            domain: url
                .port()
                .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            uri: config.public_base(),
            chain_id,
        }
    }
}

impl SignIn {
    /// Composes a challenge for an account that wants to sign in.
    ///
    /// # Errors
    /// `rate_limited` when this client has too many pending.
    pub fn challenge(
        &self,
        site: &Site,
        grant: Grant,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let expires = now + CHALLENGE_LIFE;
        let message = format!(
            "{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{statement}\n\n\
             URI: {uri}\nVersion: 1\nChain ID: {chain}\nNonce: {nonce}\nIssued At: {now:.0}\nExpiration Time: {expires:.0}\n\
             Resources:\n- {resource}",
            domain = site.domain,
            address = grant.address,
            statement = grant.purpose.statement(),
            uri = site.uri,
            chain = site.chain_id,
            nonce = random_hex::<16>(),
            resource = grant.purpose.resource(),
        );
        let mut challenges = lock(&self.challenges);
        challenges.retain(|_, pending| pending.expires > now);
        let of_client = challenges
            .values()
            .filter(|pending| pending.client == client)
            .count();
        if of_client >= MAX_PENDING_OF_A_CLIENT {
            return Err(refused(
                Code::RateLimited,
                "too many challenges are pending; answer one, or wait five minutes",
            ));
        }
        make_room(&mut challenges);
        let entry = Entry {
            grant,
            client,
            expires,
        };
        challenges.insert(message.clone(), entry);
        Ok((message, expires))
    }

    /// The account and the purpose that a challenge was made for, which stays as good as it was.
    ///
    /// # Errors
    /// `unauthorized` when there is no such challenge (any more).
    pub fn look(&self, message: &str, now: Timestamp) -> Result<Grant> {
        lock(&self.challenges)
            .get(message)
            .filter(|pending| pending.expires > now)
            .map(|pending| pending.grant)
            .ok_or_else(unknown)
    }

    /// Uses up a challenge: the account and the purpose it was made for. Whether the account signed it is still to be seen.
    ///
    /// # Errors
    /// `unauthorized` when there is no such challenge (any more).
    pub fn take(&self, message: &str, now: Timestamp) -> Result<Grant> {
        lock(&self.challenges)
            .remove(message)
            .filter(|pending| pending.expires > now)
            .map(|pending| pending.grant)
            .ok_or_else(unknown)
    }

    /// Gives out a token to a client.
    pub fn issue(&self, grant: Grant, client: IpAddr, now: Timestamp) -> (String, Timestamp) {
        let (token, expires) = (random_hex::<32>(), now + TOKEN_LIFE);
        let mut tokens = lock(&self.tokens);
        tokens.retain(|_, token| token.expires > now);
        let of_account = |token: &Entry| token.grant.address == grant.address;
        if tokens.values().filter(|token| of_account(token)).count() >= MAX_TOKENS_OF_AN_ACCOUNT {
            remove_oldest(&mut tokens, of_account);
        }
        make_room(&mut tokens);
        let entry = Entry {
            grant,
            client,
            expires,
        };
        tokens.insert(token.clone(), entry);
        (token, expires)
    }

    /// The account that was given this token for this purpose.
    #[must_use]
    pub fn holder(&self, token: &str, purpose: Purpose, now: Timestamp) -> Option<Address> {
        lock(&self.tokens)
            .get(token)
            .filter(|held| held.grant.purpose == purpose && held.expires > now)
            .map(|held| held.grant.address)
    }

    /// The account that was given this token to publish this content.
    ///
    /// # Errors
    /// `unauthorized` when the token is unknown, expired or for another content.
    pub fn publisher(&self, token: &str, content: B256, now: Timestamp) -> Result<Address> {
        self.holder(token, Purpose::Publish(content), now)
            .ok_or_else(|| {
                refused(
                    Code::Unauthorized,
                    "a publish token for this content is needed",
                )
            })
    }
}

/// The account whose key signed a message (EIP-191), when the signature is one of a key and has a low `s`.
#[must_use]
pub fn signer_of(message: &str, signature: &[u8]) -> Option<Address> {
    Signature::from_raw(signature)
        .ok()
        .filter(|signature| signature.normalize_s().is_none())
        .and_then(|signature| signature.recover_address_from_msg(message).ok())
}

fn unknown() -> Error {
    refused(
        Code::Unauthorized,
        "this challenge is unknown, used or expired",
    )
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes room in a table that is full: of the clients that have most of it, the oldest entry gives way.
fn make_room(table: &mut Table) {
    if table.len() < MAX_ENTRIES {
        return;
    }
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for entry in table.values() {
        *counts.entry(entry.client).or_default() += 1;
    }
    let most = counts.values().copied().max();
    remove_oldest(table, |entry| counts.get(&entry.client).copied() == most);
}

/// Removes the oldest of these entries: what lives as long as all others and ends first.
fn remove_oldest(table: &mut Table, among: impl Fn(&Entry) -> bool) {
    let oldest = table
        .iter()
        .filter(|(_, entry)| among(entry))
        .map(|(key, entry)| (entry.expires, key))
        .min()
        .map(|(_, key)| key.clone());
    if let Some(oldest) = oldest {
        table.remove(&oldest);
    }
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

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn site() -> Site {
        Site {
            domain: "streamer.example".to_owned(),
            uri: "https://streamer.example".to_owned(),
            chain_id: 1,
        }
    }

    fn now() -> Timestamp {
        "2026-01-31T20:00:00Z".parse().unwrap()
    }

    fn grant(purpose: Purpose) -> Grant {
        Grant {
            purpose,
            address: Address::repeat_byte(7),
        }
    }

    #[test]
    fn a_challenge_is_an_eip_4361_message_that_names_its_purpose() {
        let content = B256::repeat_byte(1);
        for (purpose, resource) in [
            (
                Purpose::Publish(content),
                format!("urn:paystream:content:{content}"),
            ),
            (Purpose::Upload, "urn:paystream:upload".to_owned()),
            (
                Purpose::View(content),
                format!("urn:paystream:view:{content}"),
            ),
        ] {
            let (message, _) = SignIn::default()
                .challenge(&site(), grant(purpose), CLIENT, now())
                .unwrap();
            let lines: Vec<_> = message.lines().collect();
            assert_eq!(
                lines[0],
                "streamer.example wants you to sign in with your Ethereum account:"
            );
            assert_eq!(lines[1], Address::repeat_byte(7).to_string());
            assert_eq!(lines[5], "URI: https://streamer.example");
            assert_eq!(lines[7], "Chain ID: 1");
            assert_eq!(lines[9], "Issued At: 2026-01-31T20:00:00Z");
            assert_eq!(lines[10], "Expiration Time: 2026-01-31T20:05:00Z");
            assert_eq!(lines[12], format!("- {resource}"));
        }
    }

    #[test]
    fn a_challenge_is_good_once_and_until_it_expires() {
        let (sign_in, upload) = (SignIn::default(), grant(Purpose::Upload));
        let (message, expires) = sign_in.challenge(&site(), upload, CLIENT, now()).unwrap();
        assert_eq!(sign_in.take(&message, now()).unwrap(), upload);
        let again = sign_in.take(&message, now()).unwrap_err();
        assert_eq!(again.code(), Code::Unauthorized);
        let (message, _) = sign_in.challenge(&site(), upload, CLIENT, now()).unwrap();
        let late = sign_in.take(&message, expires).unwrap_err();
        assert_eq!(late.code(), Code::Unauthorized);
        assert!(sign_in.take("hello", now()).is_err());
    }

    #[test]
    fn a_signature_names_its_account_and_one_with_a_high_s_names_nobody() {
        let signer = PrivateKeySigner::random();
        let signature = signer.sign_message_sync(b"hello").unwrap();
        assert_eq!(
            signer_of("hello", &signature.as_bytes()),
            Some(signer.address())
        );
        assert_ne!(
            signer_of("hallo", &signature.as_bytes()),
            Some(signer.address())
        );
        let order = alloy::primitives::uint!(
            0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256
        );
        let high = Signature::new(signature.r(), order - signature.s(), !signature.v());
        assert_eq!(signer_of("hello", &high.as_bytes()), None);
        assert_eq!(signer_of("hello", &[]), None);
        assert_eq!(signer_of("hello", &[0; 65]), None);
    }

    #[test]
    fn a_token_is_good_for_its_purpose_until_it_expires() {
        let sign_in = SignIn::default();
        let content = B256::repeat_byte(1);
        let publish = grant(Purpose::Publish(content));
        let (token, expires) = sign_in.issue(publish, CLIENT, now());
        assert_eq!(
            sign_in.publisher(&token, content, now()).unwrap(),
            publish.address
        );
        assert!(sign_in.publisher(&token, B256::ZERO, now()).is_err());
        assert!(sign_in.publisher(&token, content, expires).is_err());
        assert!(sign_in.publisher("", content, now()).is_err());
        assert_eq!(sign_in.holder(&token, Purpose::Upload, now()), None);
    }

    #[test]
    fn pending_challenges_are_bounded_in_all_and_for_each_client() {
        let (sign_in, upload) = (SignIn::default(), grant(Purpose::Upload));
        let pending = |client, at| sign_in.challenge(&site(), upload, client, at);
        for _ in 0..MAX_PENDING_OF_A_CLIENT {
            pending(CLIENT, now()).unwrap();
        }
        assert_eq!(
            pending(CLIENT, now()).unwrap_err().code(),
            Code::RateLimited
        );
        let first = sign_in.challenge(&site(), upload, [192, 0, 2, 1].into(), now());
        let (first, _) = first.unwrap();
        let later = now() + Duration::from_secs(1);
        for number in MAX_PENDING_OF_A_CLIENT + 1..MAX_ENTRIES {
            let client = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            pending(client, later).unwrap();
        }
        // The table is full: nobody is kept out, and who has most gives way.
        sign_in.look(&first, later).unwrap();
        for _ in 0..MAX_PENDING_OF_A_CLIENT {
            pending([192, 0, 2, 2].into(), later).unwrap();
        }
        let (newest, _) = pending([192, 0, 2, 3].into(), later).unwrap();
        sign_in.look(&first, later).unwrap();
        sign_in.look(&newest, later).unwrap();
        assert_eq!(lock(&sign_in.challenges).len(), MAX_ENTRIES);
        assert!(pending(CLIENT, now() + CHALLENGE_LIFE).is_ok());
    }

    #[test]
    fn an_account_holds_eight_tokens_and_the_oldest_gives_way_to_the_next() {
        let sign_in = SignIn::default();
        let at = |second| now() + Duration::from_secs(second);
        let upload = grant(Purpose::Upload);
        let other = Grant {
            address: Address::repeat_byte(8),
            ..upload
        };
        let (others, _) = sign_in.issue(other, CLIENT, now());
        let tokens: Vec<_> = (1..=9)
            .map(|second| sign_in.issue(upload, CLIENT, at(second)).0)
            .collect();
        let holds = |token: &str| sign_in.holder(token, Purpose::Upload, at(10)).is_some();
        assert!(!holds(&tokens[0]));
        assert!(tokens[1..].iter().all(|token| holds(token)));
        assert!(holds(&others));
    }

    fn account(number: usize) -> Grant {
        let mut address = Address::ZERO;
        address[..8].copy_from_slice(&number.to_be_bytes());
        Grant {
            purpose: Purpose::Upload,
            address,
        }
    }

    #[test]
    fn when_all_tokens_are_out_the_oldest_gives_way_to_the_next() {
        let sign_in = SignIn::default();
        let mut first = None;
        for number in 0..=MAX_ENTRIES {
            let second = Duration::from_secs(u64::try_from(number).unwrap());
            let (token, _) = sign_in.issue(account(number), CLIENT, now() + second);
            first.get_or_insert(token);
        }
        assert_eq!(lock(&sign_in.tokens).len(), MAX_ENTRIES);
        let held = sign_in.holder(&first.unwrap(), Purpose::Upload, now());
        assert_eq!(held, None);
    }

    #[test]
    fn a_flood_from_one_client_signs_nobody_else_out() {
        let sign_in = SignIn::default();
        let other = grant(Purpose::Upload);
        let (token, _) = sign_in.issue(other, [192, 0, 2, 1].into(), now());
        let ask = sign_in.challenge(&site(), other, [192, 0, 2, 1].into(), now());
        let (pending, _) = ask.unwrap();
        let later = now() + Duration::from_secs(1);
        for number in 0..MAX_ENTRIES + 100 {
            sign_in.issue(account(number), CLIENT, later);
        }
        // The challenges are many networks', for each of which the bound on what is pending holds.
        for number in 0..MAX_ENTRIES + 100 {
            let network = u32::try_from(number / MAX_PENDING_OF_A_CLIENT).unwrap();
            let client = IpAddr::from(network.to_be_bytes());
            let _ = sign_in.challenge(&site(), account(number), client, later);
        }
        assert_eq!(lock(&sign_in.tokens).len(), MAX_ENTRIES);
        assert_eq!(lock(&sign_in.challenges).len(), MAX_ENTRIES);
        let held = sign_in.holder(&token, Purpose::Upload, later);
        assert_eq!(held, Some(other.address));
        assert_eq!(sign_in.look(&pending, later).unwrap(), other);
    }
}
