//! Real footage through the real streamer: a publisher in the creator's name, and a viewer's media connection.

use alloy::primitives::B256;
use paystream_streamer::publish::{PublishError, PublishOptions, publish};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::ethereum::CREATOR;
use super::{Stack, Streamer, until};
use crate::media::client::Client;
use crate::media::clip;

/// Publishes until it is dropped.
pub struct Publisher(JoinHandle<Result<(), PublishError>>);

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stack {
    /// Publishes a content, and waits until it is live.
    pub async fn publish(&self, content: B256) -> Publisher {
        let key = self.data.path().join("creator.key");
        std::fs::write(&key, CREATOR).unwrap();
        let file = clip(self.data.path());
        let options = PublishOptions {
            file,
            whip_url: format!("{}/whip/{content}", self.streamer.url)
                .parse()
                .unwrap(),
            token: None,
            creator_key_file: Some(key),
            once: false,
        };
        let publisher = Publisher(tokio::spawn(publish(options)));
        let offer = format!("/v1/contents/{content}/offer");
        until("the stream is live", || async {
            (self.streamer.get(&offer).await.1["live"] == Value::Bool(true)).then_some(())
        })
        .await;
        publisher
    }
}

/// The media connection of a session.
pub struct Watcher(pub Client);

impl Watcher {
    /// Connects with the token of a session that has started, and waits until the connection stands.
    pub async fn join(streamer: &Streamer, content: B256, started: &Value) -> Self {
        let client = Client::new().await;
        let response = streamer
            .http
            .post(format!("{}/whep/{content}", streamer.url))
            .bearer_auth(started["media_token"].as_str().unwrap())
            .header("content-type", "application/sdp")
            .body(client.offer().await)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
        client.accept(response.text().await.unwrap()).await;
        until("the viewer is connected", || async {
            client.connected().then_some(())
        })
        .await;
        Self(client)
    }

    /// Waits until more frames have arrived.
    pub async fn sees_more(&self) {
        let before = self.0.packets();
        until("more frames arrive", || async {
            (self.0.packets() > before + 50).then_some(())
        })
        .await;
    }
}
