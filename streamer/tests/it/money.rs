use serde_json::json;

use crate::stack::{Opened, Stack, until};

#[tokio::test]
async fn a_channel_is_opened_funded_paid_left_and_closed_to_the_satoshi() {
    let stack = Stack::start().await;
    let (status, offer) = stack
        .streamer
        .get(&format!("/v1/contents/{}/offer", stack.chain.content))
        .await;
    assert_eq!(status, 200, "{offer}");
    assert_eq!(offer["rails"]["bitcoin"]["msat_per_second"], "20000");
    assert_eq!(
        offer["rails"]["bitcoin"]["creator_script"],
        stack.chain.creator_script.to_hex_string()
    );

    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, started) = opened.session(&stack.streamer).await;
    assert_eq!(
        (&started["sequence"], &started["paid_sat"]),
        (&json!(0), &json!("0"))
    );
    socket.pay(&opened, 1, 20).await;
    socket.pay(&opened, 2, 40_000).await;
    socket.send(&opened.payment(2, 40_000)).await;
    assert_eq!(
        socket.expect("receipt").await["sequence"],
        2,
        "an exact repeat gets its receipt again"
    );
    socket.send(&json!({"type": "leave"})).await;
    let shown = socket.expect("channel").await;
    assert_eq!(shown["channel"]["state"], "closing");
    let end = socket.expect("end").await;
    assert_eq!(end["reason"], "left");
    assert_eq!(end["closing_txid"], shown["channel"]["closing_txid"]);

    let closing = stack
        .bitcoin
        .confirmed(end["closing_txid"].as_str().unwrap())
        .await;
    let fee = opened.terms.fee.to_sat();
    let outputs: Vec<_> = closing
        .output
        .iter()
        .map(|output| (output.script_pubkey.clone(), output.value.to_sat()))
        .collect();
    assert_eq!(
        outputs,
        [
            (opened.terms.provider_script.clone(), 4_000),
            (stack.chain.creator_script.clone(), 36_000),
            (opened.terms.change_script.clone(), 100_000 - 40_000 - fee),
        ]
    );
    opened.becomes(&stack.streamer, "closed").await;
}

#[tokio::test]
async fn a_lost_socket_holds_the_session_and_a_new_one_goes_on() {
    let stack = Stack::start().await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 20).await;
    drop(socket);
    let (mut socket, started) = opened.session(&stack.streamer).await;
    assert_eq!(
        (
            &started["sequence"],
            &started["paid_sat"],
            &started["credit_ms"]
        ),
        (&json!(1), &json!("20"), &json!(1000))
    );
    let (mut second, _) = opened.session(&stack.streamer).await;
    assert_eq!(socket.expect("end").await["reason"], "replaced");
    second.pay(&opened, 2, 40).await;
}

#[tokio::test]
async fn an_unused_channel_with_a_payment_is_closed_by_the_provider() {
    let stack = Stack::with(&["--idle-close-seconds", "2"]).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    assert_eq!(socket.expect("end").await["reason"], "idle");
    opened.becomes(&stack.streamer, "closing").await;
    stack.bitcoin.mine(1).await;
    opened.becomes(&stack.streamer, "closed").await;
}

#[tokio::test]
async fn a_channel_near_its_expiry_takes_nothing_more_and_closes() {
    let stack = Stack::with(&["--channel-blocks", "220"]).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    let left = u64::from(opened.terms.stop_height()) - stack.bitcoin.height().await;
    stack.bitcoin.mine(u32::try_from(left).unwrap()).await;
    assert_eq!(socket.expect("end").await["reason"], "expired");
    stack.bitcoin.mine(1).await;
    opened.becomes(&stack.streamer, "closed").await;
}

#[tokio::test]
async fn a_reorganisation_of_the_funding_is_seen_and_so_is_its_return() {
    let stack = Stack::start().await;
    let opened = Opened::funded(&stack, 100_000).await;
    let block = stack
        .bitcoin
        .node
        .call("getbestblockhash", json!([]))
        .await
        .unwrap();
    stack
        .bitcoin
        .node
        .call("invalidateblock", json!([block]))
        .await
        .unwrap();
    opened.becomes(&stack.streamer, "unconfirmed").await;
    stack
        .bitcoin
        .node
        .call("reconsiderblock", json!([block]))
        .await
        .unwrap();
    opened.becomes(&stack.streamer, "open").await;
}

#[tokio::test]
async fn unconfirmed_funding_takes_payments_and_the_close_waits_for_its_confirmation() {
    let stack = Stack::start().await;
    let mut opened = Opened::open(&stack.streamer, stack.chain.content).await;
    opened.fund(&stack.streamer, &stack.bitcoin, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    socket.send(&json!({"type": "leave"})).await;
    let end = socket.expect("end").await;
    opened.becomes(&stack.streamer, "closing").await;
    stack.bitcoin.mine(1).await;
    stack
        .bitcoin
        .confirmed(end["closing_txid"].as_str().unwrap())
        .await;
    opened.becomes(&stack.streamer, "closed").await;
}

#[tokio::test]
async fn the_loss_and_return_of_the_bitcoin_node_is_survived() {
    let stack = Stack::start().await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    stack.bitcoin.stop();
    until("the streamer says that it is not ready", || async {
        (stack.streamer.ready().await == 503).then_some(())
    })
    .await;
    socket.pay(&opened, 1, 10_000).await;
    socket.send(&json!({"type": "leave"})).await;
    let end = socket.expect("end").await;
    stack.bitcoin.start_again().await;
    stack.streamer.becomes_ready().await;
    let closing = stack
        .bitcoin
        .confirmed(end["closing_txid"].as_str().unwrap())
        .await;
    assert_eq!(closing.output.len(), 3);
}
