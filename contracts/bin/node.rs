//! The Ethereum node, as both programs are told of it: its address may hold an access token, and is never shown whole.

use std::time::Duration;

use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::transports::http::reqwest;
use anyhow::{Result, bail};
use paystream_contracts::deploy::Network;
use url::Url;

/// The longest wait for a node's answer.
const ANSWER: Duration = Duration::from_secs(30);

/// The node that is named, or else the network's usual one. `variable` is the one of the environment that names it.
pub fn url(named: Option<&Url>, network: Network, variable: &str) -> Result<Url> {
    let url = match (named, network.rpc_url) {
        (Some(url), _) => url.clone(),
        (None, Some(usual)) => usual.parse()?,
        (None, None) => bail!("{} needs a node: --rpc-url, or {variable}", network.name),
    };
    if !["http", "https"].contains(&url.scheme()) {
        bail!("--rpc-url has to start with http:// or https://");
    }
    Ok(url)
}

/// Reads there.
pub fn connect(url: &Url) -> Result<DynProvider> {
    let client = client()?;
    let provider = ProviderBuilder::new().connect_reqwest(client, url.clone());
    Ok(provider.erased())
}

/// Asks it, with patience that ends.
pub fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(ANSWER).build()?)
}

/// All causes in one line. The transport repeats the node's address.
pub fn without_url(error: &anyhow::Error, url: Option<&Url>) -> String {
    let text = format!("{error:#}");
    match url {
        Some(url) => text.replace(url.as_str(), &format!("{} ", host(url))),
        None => text,
    }
}

/// What of the address may be shown.
pub fn host(url: &Url) -> String {
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or("?"))
}
