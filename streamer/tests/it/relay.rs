use alloy::primitives::Address;
use serde_json::{Value, json};

use crate::stack::token::{PRICE, in_an_hour};
use crate::stack::{Proxy, Sends, Stack, Streamer, Token, until};

async fn post(streamer: &Streamer, payment: &Value) -> (u16, Value) {
    streamer.post("/api/record-view", payment).await
}

/// Posts a good payment and waits until it is on chain.
async fn confirmed(streamer: &Streamer, payment: &Value) -> Value {
    let (status, relay) = post(streamer, payment).await;
    assert!(status == 200 || status == 202, "{relay}");
    settled(streamer, &relay).await
}

async fn settled(streamer: &Streamer, relay: &Value) -> Value {
    let path = format!("/api/record-view/{}", relay["relay_id"].as_str().unwrap());
    until("the relay is settled", || async {
        let (_, relay) = streamer.get(&path).await;
        (relay["state"] != "pending").then_some(relay)
    })
    .await
}

#[tokio::test]
async fn a_view_is_paid_once_however_often_its_signature_is_posted() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let viewer = token.viewer(3).await;
    let payment = token.view(&viewer);
    let posts = (0..10).map(|_| post(&stack.streamer, &payment));
    let answers = futures::future::join_all(posts).await;
    for (status, relay) in &answers {
        assert!(matches!(status, 200 | 202), "{relay}");
        assert_eq!(relay["relay_id"], answers[0].1["relay_id"]);
        assert_eq!(relay["transaction"], answers[0].1["transaction"]);
    }
    let relay = settled(&stack.streamer, &answers[0].1).await;
    assert_eq!(relay["state"], "confirmed");
    assert_eq!(token.views(viewer.address()).await, 1);
    assert_eq!(token.balance(viewer.address()).await, 2 * PRICE);

    // At any time, and after a restart; also when somebody has made another signature of it.
    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    assert_eq!(post(&stack.streamer, &payment).await, (200, relay.clone()));
    let mut forged = payment.clone();
    forged["signature"] = json!(format!("0x{}1b", "11".repeat(64)));
    assert_eq!(post(&stack.streamer, &forged).await, (200, relay));

    // Another salt is another payment; so is the other method.
    let relay = confirmed(&stack.streamer, &token.view(&viewer)).await;
    assert_eq!(relay["state"], "confirmed", "{relay}");
    let permitted = token.permitted(&viewer, token.streamer_account).await;
    let relay = confirmed(&stack.streamer, &permitted).await;
    assert_eq!(relay["state"], "confirmed", "{relay}");
    assert_eq!(post(&stack.streamer, &permitted).await, (200, relay));
    assert_eq!(token.views(viewer.address()).await, 3);
    assert_eq!(token.balance(viewer.address()).await, 0);
}

#[tokio::test]
async fn a_payment_that_is_wrong_is_refused_and_nothing_is_sent() {
    let stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let (streamer, us) = (&stack.streamer, token.streamer_account);
    let viewer = token.viewer(1).await;
    let stranger = Address::repeat_byte(9);
    let good = token.view(&viewer);
    let changed = |pointer: &str, value: Value| {
        let mut payment = good.clone();
        *payment.pointer_mut(pointer).unwrap() = value;
        payment
    };
    let now = in_an_hour() - 3600;
    let poor = token.viewer(0).await;
    let other = token.viewer(1).await;
    let ether = stack.chain.content;
    for (what, payment, expected, why) in [
        (
            "another price",
            token.authorization(&viewer, PRICE - 1, us, in_an_hour()),
            (403, "forbidden"),
            "price",
        ),
        (
            "expired",
            token.authorization(&viewer, PRICE, us, now - 1),
            (403, "forbidden"),
            "expired",
        ),
        (
            "another provider",
            token.authorization(&viewer, PRICE, stranger, in_an_hour()),
            (403, "forbidden"),
            "",
        ),
        (
            "another provider",
            token.permitted(&viewer, stranger).await,
            (403, "forbidden"),
            "provider",
        ),
        ("no money", token.view(&poor), (403, "forbidden"), ""),
        (
            "another viewer",
            changed("/viewer", json!(other.address())),
            (403, "forbidden"),
            "",
        ),
        (
            "a forged signature",
            changed("/signature", json!(format!("0x{}1b", "11".repeat(64)))),
            (403, "forbidden"),
            "",
        ),
        (
            "a content in ether",
            changed("/content_id", json!(ether)),
            (403, "forbidden"),
            "ether",
        ),
        (
            "no such content",
            changed("/content_id", json!(token.content ^ token.content)),
            (404, "unknown_content"),
            "",
        ),
        (
            "a number that is none",
            changed("/price", json!("1.5")),
            (400, "malformed"),
            "price",
        ),
        ("no method", json!({}), (400, "malformed"), ""),
    ] {
        let (status, problem) = post(streamer, &payment).await;
        let code = problem["code"].as_str().unwrap_or_default();
        assert_eq!((status, code), expected, "{what}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(why),
            "{what}: {problem}"
        );
    }
    assert_eq!(token.views(viewer.address()).await, 0);
    assert_eq!(token.balance(viewer.address()).await, PRICE);
    let nothing = format!("/api/record-view/0x{}", "00".repeat(32));
    assert_eq!(streamer.get(&nothing).await.0, 404);
    assert_eq!(streamer.get("/api/record-view/12").await.0, 400);
}

#[tokio::test]
async fn a_kill_between_the_journal_and_the_node_neither_loses_a_payment_nor_makes_two() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let proxy = Proxy::start(stack.chain.port).await;
    stack.chain.rpc_port = proxy.port;
    for sends in [Sends::Held, Sends::PassUnanswered] {
        stack.streamer.kill();
        stack.restart_streamer(&[]).await;
        let viewer = token.viewer(1).await;
        let payment = token.view(&viewer);
        proxy.set(sends);
        let (http, url) = (stack.streamer.http.clone(), stack.streamer.url.clone());
        let body = payment.clone();
        let sent = tokio::spawn(async move {
            let request = http.post(format!("{url}/api/record-view")).json(&body);
            request.send().await
        });
        // A repeat is answered from the journal while the first post still waits for the node.
        until("the payment is written down", || async {
            let journal = stack.data.path().join("streamer/relays.sqlite");
            (pending(&journal).await == 1).then_some(())
        })
        .await;
        if sends == Sends::PassUnanswered {
            until("the view is on chain", || async {
                (token.views(viewer.address()).await == 1).then_some(())
            })
            .await;
        }
        stack.streamer.kill();
        sent.abort();
        proxy.set(Sends::Pass);
        stack.restart_streamer(&[]).await;
        let relay = confirmed(&stack.streamer, &payment).await;
        assert_eq!(relay["state"], "confirmed", "{sends:?}: {relay}");
        assert_eq!(token.views(viewer.address()).await, 1);
        assert_eq!(token.balance(viewer.address()).await, 0);
    }
}

/// What the journal has pending, read as any other program may.
async fn pending(journal: &std::path::Path) -> i64 {
    use sqlx::Connection;
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(journal)
        .read_only(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    sqlx::query_scalar("select count(*) from relays where state = 'pending'")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_payment_that_no_block_takes_is_sent_again_with_a_higher_fee() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    stack.streamer.kill();
    stack
        .restart_streamer(&["--replace-after-seconds", "1"])
        .await;
    let viewer = token.viewer(2).await;
    stack.chain.call("evm_setAutomine", json!([false])).await;
    let (status, first) = post(&stack.streamer, &token.view(&viewer)).await;
    assert_eq!(status, 202, "{first}");
    let path = format!("/api/record-view/{}", first["relay_id"].as_str().unwrap());
    until("the fee is raised", || async {
        let (status, relay) = stack.streamer.get(&path).await;
        assert_eq!(status, 202);
        (relay["transaction"] != first["transaction"]).then_some(())
    })
    .await;
    stack.chain.call("evm_mine", json!([])).await;
    let relay = settled(&stack.streamer, &first).await;
    assert_eq!(relay["state"], "confirmed");
    assert_eq!(token.views(viewer.address()).await, 1);
    assert_eq!(token.balance(viewer.address()).await, PRICE);
}

#[tokio::test]
async fn what_the_operator_does_not_pay_for_is_not_sent() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let viewer = token.viewer(1).await;
    let payment = token.view(&viewer);
    let (listed, other) = (
        token.address.to_string(),
        Address::repeat_byte(9).to_string(),
    );
    let dear = format!("{listed}:{}", PRICE / 10 + 1);
    for (flag, value, status) in [
        ("--relay-daily-gas-wei", "0", 429),
        ("--relay-token", other.as_str(), 403),
        ("--relay-token", dear.as_str(), 403),
        ("--max-fee-per-gas-gwei", "200", 202),
    ] {
        stack.streamer.kill();
        stack.restart_streamer(&[flag, value]).await;
        let (answered, body) = post(&stack.streamer, &payment).await;
        let answered = if answered == 200 { 202 } else { answered };
        assert_eq!(answered, status, "{flag} {value}: {body}");
    }
    assert_eq!(token.views(viewer.address()).await, 1);
}
