//! More requests than the streamer works on at a time.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stack::{Opened, Socket, Stack, Streamer, until};

/// A request whose body never ends.
async fn unfinished(streamer: &Streamer) -> TcpStream {
    let address = streamer.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/channels HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn requests_beyond_the_bound_are_turned_away_and_sockets_take_no_place_among_them() {
    let stack = Stack::with(&["--max-requests", "2"]).await;
    let streamer = &stack.streamer;
    let offer = format!("/v1/contents/{}/offer", stack.chain.content);
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(Socket::connect(streamer).await);
    }
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut session, _) = opened.session(streamer).await;

    let crowd = [unfinished(streamer).await, unfinished(streamer).await];
    let refused = until("a request is turned away", || async {
        let url = format!("{}{offer}", streamer.url);
        let response = streamer.http.get(url).send().await.unwrap();
        (response.status() == 503).then_some(response)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "unavailable");
    assert_eq!(streamer.get("/health").await.0, 200);
    session.pay(&opened, 1, 10_000).await;

    drop(crowd);
    until("requests are answered again", || async {
        (streamer.get(&offer).await.0 == 200).then_some(())
    })
    .await;
    for (socket, nonce) in &mut sockets {
        assert_eq!(nonce.len(), 64);
        assert_eq!(socket.refused(&json!({"type": "dance"})).await, "malformed");
    }
}
