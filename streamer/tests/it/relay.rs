use std::path::{Path, PathBuf};

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::SqliteRow;

use crate::stack::token::{PRICE, in_an_hour};
use crate::stack::{OPERATOR_TOKEN, PROVIDER, Proxy, Sends, Stack, Streamer, Token, until};

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
            (pending(&journal(&stack)).await == 1).then_some(())
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

fn journal(stack: &Stack) -> PathBuf {
    stack.data.path().join("streamer/relays.sqlite")
}

/// A row of the journal, read as any other program may.
async fn row(journal: &Path, query: &'static str) -> SqliteRow {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(journal)
        .read_only(true);
    let connection = sqlx::SqliteConnection::connect_with(&options).await;
    let mut connection = connection.unwrap();
    sqlx::query(query).fetch_one(&mut connection).await.unwrap()
}

/// What the journal has pending.
async fn pending(journal: &Path) -> i64 {
    use sqlx::Row;
    let row = row(
        journal,
        "select count(*) from relays where state = 'pending'",
    );
    row.await.get(0)
}

/// The nonce and the cost of the newest relay.
async fn newest(journal: &Path) -> (u64, U256) {
    use sqlx::Row;
    let query = "select nonce, cost_wei from relays join attempts using (relay_id) order by relays.rowid desc, attempts.rowid desc";
    let row = row(journal, query).await;
    let cost: String = row.get("cost_wei");
    (
        row.get::<i64, _>("nonce").try_into().unwrap(),
        cost.parse().unwrap(),
    )
}

/// Sends what the newest relay sends, from another account.
async fn copy(stack: &Stack) -> B256 {
    use sqlx::Row;
    let query = "select target, data from relays order by rowid desc limit 1";
    let row = row(&journal(stack), query).await;
    let to: Address = row.get::<String, _>("target").parse().unwrap();
    let request = TransactionRequest::default()
        .with_to(to)
        .with_input(row.get::<Vec<u8>, _>("data"));
    let sent = stack.chain.provider.send_transaction(request).await;
    let receipt = sent.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    receipt.transaction_hash
}

/// Posts a payment that the node never gets to see.
async fn lost(stack: &Stack, proxy: &Proxy, payment: &Value) {
    proxy.set(Sends::Lost);
    let (status, relay) = post(&stack.streamer, payment).await;
    assert_eq!(status, 202, "{relay}");
}

#[tokio::test]
async fn a_view_that_a_copy_of_its_payment_paid_has_not_failed() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let proxy = Proxy::start(stack.chain.port).await;
    stack.chain.rpc_port = proxy.port;
    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let viewer = token.viewer(2).await;
    let permitted = token.permitted(&viewer, token.streamer_account).await;
    proxy.answer_ranges_of(3);
    for payment in [token.view(&viewer), permitted] {
        lost(&stack, &proxy, &payment).await;
        let copy = copy(&stack).await;
        // Now ours is mined, and reverts.
        proxy.set(Sends::Pass);
        let relay = confirmed(&stack.streamer, &payment).await;
        assert_eq!(relay["state"], "confirmed", "{relay}");
        assert_eq!(relay["transaction"], json!(copy));
        assert_eq!(relay["detail"], Value::Null);
    }
    assert_eq!(token.views(viewer.address()).await, 2);
    assert_eq!(token.balance(viewer.address()).await, 0);
}

#[tokio::test]
async fn a_payment_that_the_node_fails_at_holds_up_no_other() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let proxy = Proxy::start(stack.chain.port).await;
    stack.chain.rpc_port = proxy.port;
    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let (one, other) = (token.viewer(1).await, token.viewer(1).await);
    stack.chain.call("evm_setAutomine", json!([false])).await;
    let (status, first) = post(&stack.streamer, &token.view(&one)).await;
    assert_eq!(status, 202, "{first}");
    let (status, second) = post(&stack.streamer, &token.view(&other)).await;
    assert_eq!(status, 202, "{second}");
    proxy.refuse(first["transaction"].as_str());
    stack.chain.call("evm_mine", json!([])).await;
    let relay = settled(&stack.streamer, &second).await;
    assert_eq!(relay["state"], "confirmed", "{relay}");
    let path = format!("/api/record-view/{}", first["relay_id"].as_str().unwrap());
    assert_eq!(stack.streamer.get(&path).await.1["state"], "pending");
    proxy.refuse(None);
    let relay = settled(&stack.streamer, &first).await;
    assert_eq!(relay["state"], "confirmed", "{relay}");
}

#[tokio::test]
async fn a_payment_whose_nonce_another_transaction_took_is_sent_with_the_next_one() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let proxy = Proxy::start(stack.chain.port).await;
    stack.chain.rpc_port = proxy.port;
    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let key: PrivateKeySigner = PROVIDER.parse().unwrap();
    let url = format!("http://127.0.0.1:{}", stack.chain.port);
    let elsewhere = ProviderBuilder::new()
        .wallet(EthereumWallet::from(key.clone()))
        .connect_http(url.parse().unwrap());
    for is_copied in [false, true] {
        let viewer = token.viewer(1).await;
        let payment = token.view(&viewer);
        lost(&stack, &proxy, &payment).await;
        let (nonce, _) = newest(&journal(&stack)).await;
        let copied = match is_copied {
            true => Some(copy(&stack).await),
            false => None,
        };
        let request = TransactionRequest::default()
            .with_to(key.address())
            .with_nonce(nonce);
        let sent = elsewhere.send_transaction(request).await;
        assert!(sent.unwrap().get_receipt().await.unwrap().status());
        proxy.set(Sends::Pass);
        let relay = confirmed(&stack.streamer, &payment).await;
        assert_eq!(relay["state"], "confirmed", "{relay}");
        if let Some(copied) = copied {
            assert_eq!(relay["transaction"], json!(copied));
        }
        assert_eq!(token.views(viewer.address()).await, 1);
        assert_eq!(token.balance(viewer.address()).await, 0);
    }
}

#[tokio::test]
async fn a_payment_that_is_reorganised_away_is_sent_again_and_made_once() {
    let stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let viewer = token.viewer(1).await;
    let before = stack.chain.call("evm_snapshot", json!([])).await;
    let payment = token.view(&viewer);
    let relay = confirmed(&stack.streamer, &payment).await;
    assert_eq!(relay["state"], "confirmed", "{relay}");
    assert_eq!(token.views(viewer.address()).await, 1);
    let reverted = stack.chain.call("evm_revert", json!([before])).await;
    assert_eq!(reverted, json!(true));
    assert_eq!(token.views(viewer.address()).await, 0);
    until("the view is on chain again", || async {
        (token.views(viewer.address()).await == 1).then_some(())
    })
    .await;
    let relay = settled(&stack.streamer, &relay).await;
    assert_eq!(relay["state"], "confirmed", "{relay}");
    assert_eq!(token.balance(viewer.address()).await, 0);
}

#[tokio::test]
async fn the_first_payment_that_no_block_takes_is_sent_again_with_a_higher_fee_and_the_next_waits()
{
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
    let (status, second) = post(&stack.streamer, &token.view(&viewer)).await;
    assert_eq!(status, 202, "{second}");
    let transaction = async |relay: &Value| {
        let path = format!("/api/record-view/{}", relay["relay_id"].as_str().unwrap());
        let (status, relay) = stack.streamer.get(&path).await;
        assert_eq!(status, 202);
        relay["transaction"].clone()
    };
    for time in 1..=2 {
        let before = transaction(&first).await;
        until(
            &format!("the fee is raised for the {time}th time"),
            || async { (transaction(&first).await != before).then_some(()) },
        )
        .await;
    }
    assert_eq!(transaction(&second).await, second["transaction"]);
    stack.chain.call("evm_mine", json!([])).await;
    for relay in [&first, &second] {
        let relay = settled(&stack.streamer, relay).await;
        assert_eq!(relay["state"], "confirmed");
    }
    assert_eq!(token.views(viewer.address()).await, 2);
    assert_eq!(token.balance(viewer.address()).await, 0);
}

#[tokio::test]
async fn what_is_on_its_way_counts_and_viewers_do_not_use_up_what_is_for_creators() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    let viewer = token.viewer(3).await;
    stack.chain.call("evm_setAutomine", json!([false])).await;
    let (status, first) = post(&stack.streamer, &token.view(&viewer)).await;
    assert_eq!(status, 202, "{first}");
    let (_, cost) = newest(&journal(&stack)).await;
    let one_and_a_half = cost + cost / U256::from(2);
    let account = token.streamer_account;
    let had = stack.chain.provider.get_balance(account).await.unwrap();

    // The ether is there for one of them.
    let set = async |wei: U256| {
        let parameters = json!([account, wei]);
        stack.chain.call("anvil_setBalance", parameters).await;
    };
    set(one_and_a_half).await;
    let (status, problem) = post(&stack.streamer, &token.view(&viewer)).await;
    assert_eq!(status, 429, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("no ether"));
    set(had).await;

    // Half of the day's bound is there for one of them.
    let daily = (one_and_a_half * U256::from(2)).to_string();
    stack.streamer.kill();
    stack
        .restart_streamer(&["--relay-daily-gas-wei", &daily])
        .await;
    let (status, problem) = post(&stack.streamer, &token.view(&viewer)).await;
    assert_eq!(status, 429, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("in a day"));
    let (_, signed_in) = crate::sign_in::sign_in(&stack.streamer, &stack.chain.creator).await;
    let creators = signed_in["token"].as_str().unwrap();
    let body = json!({"content_id": stack.chain.content});
    let (status, answer) = stack.streamer.post_as(creators, "/register", &body).await;
    assert_eq!(status, 202, "{answer}");
    stack.chain.call("evm_mine", json!([])).await;
    assert_eq!(settled(&stack.streamer, &first).await["state"], "confirmed");
}

#[tokio::test]
async fn a_stream_that_a_creator_asks_for_is_paid_out_of_the_days_bound_and_the_operators_is_not() {
    let stack = Stack::with(&["--relay-daily-gas-wei", "0"]).await;
    let (_, signed_in) = crate::sign_in::sign_in(&stack.streamer, &stack.chain.creator).await;
    let creators = signed_in["token"].as_str().unwrap();
    let body = json!({"content_id": stack.chain.content});
    for (token, path, expected) in [
        (creators, "/register", 429),
        (OPERATOR_TOKEN, "/register", 200),
        (creators, "/deregister", 429),
        (OPERATOR_TOKEN, "/deregister", 200),
    ] {
        let (status, answer) = stack.streamer.post_as(token, path, &body).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
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
