//! The key that pays for gas: from a file, and never printed.

use std::fs;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use anyhow::{Context, Result, bail};
use paystream_contracts::deploy::Network;

/// The first account of every development chain (`test test test test test test test test test test test junk`).
const DEVELOPMENT_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Where a key is, as the command line names it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// A file with the key itself.
    pub key_file: Option<&'a Path>,
    /// A keystore.
    pub keystore: Option<&'a Path>,
    /// The name of a keystore in foundry's folder.
    pub account: Option<&'a str>,
    /// A file with the keystore's password; without it, the terminal is asked.
    pub password_file: Option<&'a Path>,
}

/// The key that is named; on a development chain, without a name, the chain's own. Nothing when there is none.
pub fn signer(place: Place<'_>, network: Network) -> Result<Option<PrivateKeySigner>> {
    if let Some(path) = place.key_file {
        return plain(path).map(Some);
    }
    let keystore = match (place.keystore, place.account) {
        (Some(path), _) => Some(path.to_owned()),
        (None, Some(name)) => Some(account(name)?),
        (None, None) => None,
    };
    match keystore {
        Some(path) => decrypt(&path, place.password_file).map(Some),
        None if network.is_development => Ok(Some(DEVELOPMENT_KEY.parse()?)),
        None => Ok(None),
    }
}

fn plain(path: &Path) -> Result<PrivateKeySigner> {
    let text = read(path)?;
    // What the parser says may repeat what it read.
    let Ok(key) = text.trim().parse::<B256>() else {
        bail!(
            "{} does not hold a private key (0x and 64 hex digits)",
            path.display()
        );
    };
    PrivateKeySigner::from_bytes(&key)
        .ok()
        .with_context(|| format!("{} holds a number that is no private key", path.display()))
}

fn account(name: &str) -> Result<PathBuf> {
    if name.is_empty() || name.contains(['/', '\\']) {
        bail!("`{name}` is no name of an account; a file is named by --keystore");
    }
    let home = std::env::home_dir().context("there is no home folder to look for keystores in")?;
    let folder = home.join(".foundry").join("keystores");
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "there is no keystore {}: make it with `node_modules/.bin/cast wallet import {name} --interactive`",
            path.display()
        );
    }
    Ok(path)
}

fn decrypt(path: &Path, password_file: Option<&Path>) -> Result<PrivateKeySigner> {
    if !path.is_file() {
        bail!("there is no keystore {}", path.display());
    }
    let password = match password_file {
        Some(file) => read(file)?.trim_end_matches(['\r', '\n']).to_owned(),
        None => rpassword::prompt_password(format!("Password of {}: ", path.display()))
            .context("no terminal to ask for the keystore's password: use --password-file")?,
    };
    LocalSigner::decrypt_keystore(path, password)
        .with_context(|| format!("the keystore {} does not open", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
