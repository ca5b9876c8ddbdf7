use serde_json::json;

use crate::stack::{Opened, Stack};

#[tokio::test]
async fn a_killed_streamer_loses_no_acknowledged_payment_and_still_closes() {
    let mut stack = Stack::with(&["--max-messages-per-second", "1000"]).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    for sequence in 1..=50 {
        socket
            .pay(&opened, sequence, u64::from(sequence) * 1000)
            .await;
    }
    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let (mut socket, started) = opened.session(&stack.streamer).await;
    assert_eq!(
        (&started["sequence"], &started["paid_sat"]),
        (&json!(50), &json!("50000"))
    );
    socket.pay(&opened, 51, 51_000).await;
    socket.send(&json!({"type": "leave"})).await;
    let end = socket.expect("end").await;
    let closing = stack
        .bitcoin
        .confirmed(end["closing_txid"].as_str().unwrap())
        .await;
    assert_eq!(
        closing.output[0].value.to_sat() + closing.output[1].value.to_sat(),
        51_000
    );
}

#[tokio::test]
async fn a_close_that_was_journalled_before_a_kill_is_broadcast_after_it() {
    let mut stack = Stack::start().await;
    let mut opened = Opened::open(&stack.streamer, stack.chain.content).await;
    opened.fund(&stack.streamer, &stack.bitcoin, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    // The funding is not confirmed yet, so the node refuses the close and it has to be kept.
    socket.send(&json!({"type": "leave"})).await;
    let end = socket.expect("end").await;
    stack.streamer.kill();
    stack.bitcoin.mine(1).await;
    stack.restart_streamer(&[]).await;
    stack
        .bitcoin
        .confirmed(end["closing_txid"].as_str().unwrap())
        .await;
    opened.becomes(&stack.streamer, "closed").await;
}

#[tokio::test]
async fn a_channel_that_nobody_comes_back_to_after_a_kill_is_closed() {
    let mut stack = Stack::start().await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    stack.streamer.kill();
    stack.restart_streamer(&["--idle-close-seconds", "1"]).await;
    opened.becomes(&stack.streamer, "closing").await;
    stack.bitcoin.mine(1).await;
    opened.becomes(&stack.streamer, "closed").await;
}

#[tokio::test]
async fn a_streamer_that_is_told_to_stop_ends_its_sessions_and_closes_what_was_paid() {
    let mut stack = Stack::start().await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    let resting = Opened::funded(&stack, 100_000).await;
    let (mut left, _) = resting.session(&stack.streamer).await;
    left.pay(&resting, 1, 10_000).await;
    drop(left);
    assert!(stack.streamer.terminate());
    let end = socket.expect("end").await;
    assert_eq!(end["reason"], json!("shutdown"));
    assert!(end["closing_txid"].is_string());
    stack.restart_streamer(&[]).await;
    stack.bitcoin.mine(1).await;
    for channel in [&opened, &resting] {
        channel.becomes(&stack.streamer, "closed").await;
        assert_eq!(channel.show(&stack.streamer).await["paid_sat"], "10000");
    }
}
