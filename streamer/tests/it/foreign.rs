//! The funding is spent by a transaction that is not the streamer's close.

use bitcoin::OutPoint;
use paystream_channel::{Network, complete_closing};
use paystream_streamer::keys::ChannelKeys;

use crate::stack::{Opened, Stack, Watcher, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_spend_of_the_funding_stops_the_video_and_says_so() {
    let stack = Stack::start().await;
    let (streamer, content) = (&stack.streamer, stack.chain.content);
    let _publisher = stack.publish(content).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, started) = opened.session(streamer).await;
    let watcher = Watcher::join(streamer, content, &started).await;
    socket.pay(&opened, 1, 9_000).await;
    socket.pay(&opened, 2, 30_000).await;
    watcher.sees_more().await;

    // Before its expiry both keys spend the output. A second program on a copy of the seed could do it, with an older payment.
    let folder = stack.data.path().join("streamer");
    let keys = ChannelKeys::load_or_create(&folder, Network::Regtest).unwrap();
    let secret = keys.secret(0).unwrap();
    let funding = opened.funding.as_ref().unwrap();
    let older = opened.signed(1, 9_000);
    let foreign = complete_closing(&opened.terms, funding, &older, &secret, &[]).unwrap();
    stack.bitcoin.send(&foreign).await;

    let shown = loop {
        let shown = socket.expect("channel").await;
        if shown["channel"]["state"] != "open" {
            break shown;
        }
    };
    assert_eq!(shown["channel"]["state"], "lost", "{shown}");
    let end = socket.expect("end").await;
    assert_eq!(end["reason"], "lost");
    assert!(end["closing_txid"].is_null(), "{end}");
    let at_end = watcher.0.packets();
    until("the media connection has ended", || async {
        (!watcher.0.connected()).then_some(())
    })
    .await;
    assert!(
        watcher.0.packets() <= at_end + 40,
        "only what was on its way arrives after the end"
    );
    stack.bitcoin.mine(1).await;
    assert_eq!(opened.show(streamer).await["state"], "lost");
}

#[tokio::test]
async fn funding_that_is_taken_back_before_it_confirms_ends_the_session() {
    let stack = Stack::start().await;
    let mut opened = Opened::open(&stack.streamer, stack.chain.content).await;
    opened.fund(&stack.streamer, &stack.bitcoin, 100_000).await;
    let (mut socket, _) = opened.session(&stack.streamer).await;
    socket.pay(&opened, 1, 10_000).await;
    let OutPoint { txid, vout } = opened.funding.as_ref().unwrap().outputs()[0].outpoint();
    stack.bitcoin.take_back(OutPoint { txid, vout }).await;
    assert_eq!(socket.expect("end").await["reason"], "lost");
    opened.becomes(&stack.streamer, "lost").await;
}
