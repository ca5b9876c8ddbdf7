//! Keys: the seed of the channel keys and the operator's Ethereum key.
//!
//! The seed is made on the first start and kept in a file that only its owner may read. Channel `n` has the key at
//! `m/7920'/<network>'/n'`, all hardened, so that one key given away says nothing about the others.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use bitcoin::bip32::{ChildNumber, Xpriv};
use bitcoin::secp256k1::{All, PublicKey, Secp256k1, SecretKey};
use paystream_channel::Network;

use crate::error::{Error, Result};

/// Bytes of the seed.
const SEED_BYTES: usize = 32;
/// The purpose of the derivation path.
const PURPOSE: u32 = 7920;

/// Derives the provider's key of each channel.
pub struct ChannelKeys {
    account: Xpriv,
    secp: Secp256k1<All>,
}

impl fmt::Debug for ChannelKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChannelKeys(redacted)")
    }
}

impl ChannelKeys {
    /// Reads the seed in `data_dir/seed`, or makes it.
    ///
    /// # Errors
    /// When the file cannot be read or written, is not a seed, or may be read by others.
    pub fn load_or_create(data_dir: &Path, network: Network) -> Result<Self> {
        let path = data_dir.join("seed");
        let failed = |source| Error::File {
            path: path.clone(),
            source,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => {
                let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(Error::Config(format!(
                        "{} may be read by others (mode {:o}): make it 0600",
                        path.display(),
                        mode & 0o777
                    )));
                }
                text
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut seed = [0u8; SEED_BYTES];
                rand::fill(&mut seed[..]);
                let text = hex::encode(seed);
                let partial = data_dir.join("seed.partial");
                let failed = |source| Error::File {
                    path: partial.clone(),
                    source,
                };
                let mut file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&partial)
                    .map_err(failed)?;
                file.write_all(text.as_bytes()).map_err(failed)?;
                file.sync_all().map_err(failed)?;
                fs::rename(&partial, &path).map_err(failed)?;
                fs::File::open(data_dir)
                    .and_then(|folder| folder.sync_all())
                    .map_err(failed)?;
                text
            }
            Err(error) => return Err(failed(error)),
        };
        let seed = hex::decode(text.trim())
            .ok()
            .filter(|seed| seed.len() == SEED_BYTES)
            .ok_or_else(|| {
                Error::Config(format!(
                    "{} is not a seed of {SEED_BYTES} bytes in hex",
                    path.display()
                ))
            })?;
        Self::from_seed(&seed, network)
    }

    fn from_seed(seed: &[u8], network: Network) -> Result<Self> {
        let secp = Secp256k1::new();
        let number = match network {
            Network::Bitcoin => 0,
            Network::Testnet4 => 1,
            Network::Signet => 2,
            Network::Regtest => 3,
        };
        let account = Xpriv::new_master(bitcoin::NetworkKind::Main, seed)
            .and_then(|master| {
                let path = [
                    ChildNumber::from_hardened_idx(PURPOSE)?,
                    ChildNumber::from_hardened_idx(number)?,
                ];
                master.derive_priv(&secp, &path)
            })
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self { account, secp })
    }

    /// The secret key of the channel with this index.
    ///
    /// # Errors
    /// When the index is 2^31 or more.
    pub fn secret(&self, index: u32) -> Result<SecretKey> {
        let child = ChildNumber::from_hardened_idx(index)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let key = self
            .account
            .derive_priv(&self.secp, &[child])
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok(key.private_key)
    }

    /// The public key of the channel with this index.
    ///
    /// # Errors
    /// When the index is 2^31 or more.
    pub fn public(&self, index: u32) -> Result<PublicKey> {
        Ok(PublicKey::from_secret_key(&self.secp, &self.secret(index)?))
    }
}

/// Reads an Ethereum private key (0x and 64 hex digits) from a file.
///
/// # Errors
/// When the file cannot be read or holds no key; the error never quotes the file.
pub fn read_operator_key(path: &Path) -> Result<PrivateKeySigner> {
    let text = fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    text.trim().parse().map_err(|_| {
        Error::Config(format!(
            "{} does not hold a private key (0x and 64 hex digits)",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_made_once_and_gives_the_same_keys_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = ChannelKeys::load_or_create(folder.path(), Network::Regtest).unwrap();
        let again = ChannelKeys::load_or_create(folder.path(), Network::Regtest).unwrap();
        assert_eq!(first.public(7).unwrap(), again.public(7).unwrap());
        assert_ne!(first.public(7).unwrap(), first.public(8).unwrap());
        let mode = fs::metadata(folder.path().join("seed"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn another_network_has_other_keys() {
        let folder = tempfile::tempdir().unwrap();
        let regtest = ChannelKeys::load_or_create(folder.path(), Network::Regtest).unwrap();
        let signet = ChannelKeys::load_or_create(folder.path(), Network::Signet).unwrap();
        assert_ne!(regtest.public(0).unwrap(), signet.public(0).unwrap());
    }

    #[test]
    fn a_seed_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        ChannelKeys::load_or_create(folder.path(), Network::Regtest).unwrap();
        fs::set_permissions(
            folder.path().join("seed"),
            fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        let error = ChannelKeys::load_or_create(folder.path(), Network::Regtest).unwrap_err();
        assert!(error.to_string().contains("0600"));
    }
}
