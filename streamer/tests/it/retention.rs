//! Finished channels leave the journal.

use serde_json::json;

use crate::stack::{Opened, Stack, until};

/// Waits until the streamer has looked at the present end of the chain.
async fn seen(stack: &Stack) {
    let height = format!("height {}", stack.bitcoin.height().await);
    until("the streamer sees the tip", || async {
        let ready = stack.streamer.get("/ready").await.1;
        (ready["bitcoin"]["detail"] == json!(height)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_closed_channel_is_kept_until_its_close_is_buried_and_then_forgotten_for_good() {
    let mut stack = Stack::with(&["--keep-finished-days", "0"]).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let kept = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    socket.send(&json!({"type": "leave"})).await;
    socket.expect("end").await;
    stack.bitcoin.mine(1).await;
    opened.becomes(&stack.streamer, "closed").await;

    // The closing transaction is 99 blocks deep now.
    stack.bitcoin.mine(98).await;
    seen(&stack).await;
    assert_eq!(opened.show(&stack.streamer).await["state"], "closed");
    stack.bitcoin.mine(1).await;
    seen(&stack).await;
    assert_eq!(opened.show(&stack.streamer).await["state"], "closed");

    let path = format!("/v1/channels/{}", opened.id);
    stack.bitcoin.mine(5).await;
    seen(&stack).await;
    stack.bitcoin.mine(101).await;
    until("the channel is forgotten", || async {
        (stack.streamer.get(&path).await.0 == 404).then_some(())
    })
    .await;
    assert_eq!(
        kept.show(&stack.streamer).await["channel_id"],
        json!(kept.id)
    );

    assert!(stack.streamer.terminate());
    stack.restart_streamer(&[]).await;
    assert_eq!(stack.streamer.get(&path).await.0, 404);
    assert_eq!(
        kept.show(&stack.streamer).await["channel_id"],
        json!(kept.id)
    );
    Opened::open(&stack.streamer, stack.chain.content).await;
}
