//! How the command shows that it publishes in the creator's name: a token, or the key that obtains tokens (protocol, section 8).

use alloy::{
    primitives::hex,
    signers::{Signer, local::PrivateKeySigner},
};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{PublishError, PublishOptions};

/// A token, or what obtains one.
pub(super) enum Credential {
    Token(String),
    Key(Box<PrivateKeySigner>),
}

impl Credential {
    pub fn load(options: &PublishOptions) -> Result<Self, PublishError> {
        let wrong = |detail: String| Err(PublishError::Credential(detail));
        match (&options.token, &options.creator_key_file) {
            (Some(token), _) => Ok(Credential::Token(token.clone())),
            (None, Some(file)) => {
                let text = match std::fs::read_to_string(file) {
                    Ok(text) => text,
                    Err(error) => return wrong(format!("{}: {error}", file.display())),
                };
                match text.trim().parse() {
                    Ok(key) => Ok(Credential::Key(Box::new(key))),
                    Err(_) => wrong(format!(
                        "{}: not a private key (0x and 64 hex digits are expected)",
                        file.display()
                    )),
                }
            }
            (None, None) => wrong("publishing needs --token or --creator-key-file".to_owned()),
        }
    }

    /// A token that is good now.
    pub async fn token(
        &self,
        http: &reqwest::Client,
        whip_url: &Url,
    ) -> Result<String, PublishError> {
        let key = match self {
            Credential::Token(token) => return Ok(token.clone()),
            Credential::Key(key) => key,
        };
        let (base, content) = split(whip_url)?;
        let challenge: Challenge = post(
            http,
            &base,
            "v1/publish-challenges",
            json!({"content_id": content, "address": key.address()}),
        )
        .await?;
        let signature = key.sign_message(challenge.message.as_bytes()).await;
        let signature = signature.map_err(|error| PublishError::Credential(error.to_string()))?;
        let proof = json!({"message": challenge.message, "signature": hex::encode_prefixed(signature.as_bytes())});
        let token: Token = post(http, &base, "v1/publish-tokens", proof).await?;
        Ok(token.token)
    }
}

#[derive(Deserialize)]
struct Challenge {
    message: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn post<T: serde::de::DeserializeOwned>(
    http: &reqwest::Client,
    base: &Url,
    path: &str,
    body: serde_json::Value,
) -> Result<T, PublishError> {
    let url = base
        .join(path)
        .map_err(|_| PublishError::NotWhip(base.clone()))?;
    let response = http
        .post(url)
        .json(&body)
        .send()
        .await
        .map_err(PublishError::Offline)?;
    if !response.status().is_success() {
        return Err(PublishError::refusal(response).await);
    }
    response
        .json()
        .await
        .map_err(|error| PublishError::Answer(error.to_string()))
}

/// The streamer's public URL, ending with a slash, and the content id.
fn split(whip_url: &Url) -> Result<(Url, String), PublishError> {
    let wrong = || PublishError::NotWhip(whip_url.clone());
    let (before, content) = whip_url
        .path()
        .trim_end_matches('/')
        .rsplit_once("/whip/")
        .ok_or_else(wrong)?;
    if content.is_empty() || content.contains('/') {
        return Err(wrong());
    }
    let mut base = whip_url.clone();
    base.set_path(&format!("{before}/"));
    base.set_query(None);
    Ok((base, content.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whip_address_splits_into_the_public_url_and_the_content() {
        let parts = |text: &str| {
            split(&text.parse().expect("a URL"))
                .map(|(base, content)| (base.to_string(), content))
                .ok()
        };
        assert_eq!(
            parts("http://a:1/whip/0x12"),
            Some(("http://a:1/".into(), "0x12".into()))
        );
        assert_eq!(
            parts("https://a/b/whip/0x12/"),
            Some(("https://a/b/".into(), "0x12".into()))
        );
        assert_eq!(parts("https://a/whep/0x12"), None);
        assert_eq!(parts("https://a/whip/"), None);
        assert_eq!(parts("https://a/whip/x/y"), None);
    }
}
