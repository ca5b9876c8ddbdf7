//! `paystream-distribute`: everybody gets what is theirs, once, wherever a run is interrupted.

mod world;

use std::path::Path;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use paystream_contracts::deploy::Waiting;
use paystream_contracts::distribute::{DistributeError, Journal, Payer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::anvil::{DEPLOYER, until};
use crate::run::KEY;
use world::{ETHER_PRICE, HALF_A_TOKEN, World};

#[tokio::test]
async fn a_dry_run_lists_who_is_owed_what_and_sends_nothing() {
    let world = World::new().await;
    let before = world.anvil.known().await;
    let output = world.succeed(&["--csv", &world.path("dry.csv")]).await;
    for account in [world.creator, world.provider, world.split, world.refusing] {
        assert!(output.contains(&account.to_string()), "{output}");
    }
    assert!(output.contains("DRY RUN: nothing was sent"), "{output}");
    assert!(output.contains("1 other token(s)"), "{output}");
    assert_eq!(world.anvil.known().await, before);
    assert!(world.file("dry.csv").contains("to pay"));
    assert!(!std::path::Path::new(&world.path("journal")).exists());
}

#[tokio::test]
async fn a_second_run_pays_nothing_again_and_everybody_has_exactly_their_share() {
    let world = World::new().await;
    let before = world.anvil.sent().await;
    let output = world.execute(&[]).await;
    // Three claims in ether, of four (the fourth is refused), and the split.
    assert_eq!(world.anvil.sent().await, before + 4, "{output}");
    world.everybody_has_their_ether().await;
    assert!(output.contains("refused"), "{output}");

    let again = world.execute(&[]).await;
    assert_eq!(world.anvil.sent().await, before + 4, "{again}");
    world.everybody_was_paid_once().await;
    assert!(again.contains("0 transaction(s) ended"), "{again}");
    // The report of the second run knows the first one's transactions.
    let csv = world.file("csv");
    assert_eq!(csv.matches(",paid,0x").count(), 4, "{csv}");
    assert_eq!(csv.matches("refused: ").count(), 1, "{csv}");
}

#[tokio::test]
async fn a_recipient_that_refuses_ether_holds_up_nobody_and_stays_owed() {
    let world = World::new().await;
    let owed = world.earned(world.refusing).await;
    assert!(owed > U256::ZERO);
    world.execute(&["--batch", "1"]).await;
    world.everybody_has_their_ether().await;
    assert_eq!(world.earned(world.refusing).await, owed);

    // It has come to its senses.
    world.anvil.set_code(world.refusing, &[]).await;
    world.execute(&[]).await;
    assert_eq!(world.ether_of(world.refusing).await, owed);
}

#[tokio::test]
async fn a_token_is_paid_when_it_is_named_and_not_before() {
    let world = World::new().await;
    world.execute(&[]).await;
    assert_eq!(world.tokens_of(world.creator).await, U256::ZERO);
    let token = world.token.to_string();
    let minimum = format!("{token}=0.5");
    let output = world.execute(&["--token", &token, "--min", &minimum]).await;
    // 70 % and 30 % of half a token: neither reaches the minimum.
    assert!(output.contains("below --min"), "{output}");
    assert_eq!(world.tokens_of(world.creator).await, U256::ZERO);

    // What nobody knows the worth of is not paid by accident.
    let says = "needs a least amount";
    world.fail(&["--execute", "--token", &token], says).await;
    let says = "--token does not";
    world.fail(&["--execute", "--min", &minimum], says).await;
    assert_eq!(world.tokens_of(world.creator).await, U256::ZERO);

    let minimum = format!("{token}=0");
    let output = world.execute(&["--token", &token, "--min", &minimum]).await;
    assert!(output.contains("0.35  USDC"), "{output}");
    let share = U256::from(HALF_A_TOKEN * 7 / 10);
    assert_eq!(world.tokens_of(world.creator).await, share);
    assert_eq!(
        world.tokens_of(world.provider).await,
        U256::from(HALF_A_TOKEN) - share
    );
}

#[tokio::test]
async fn ether_that_is_not_worth_its_gas_waits_unless_a_minimum_says_otherwise() {
    let world = World::new().await;
    world
        .anvil
        .call(
            "anvil_setNextBlockBaseFeePerGas",
            serde_json::json!([U256::from(10).pow(U256::from(14))]),
        )
        .await;
    world.anvil.mine().await;
    let output = world.succeed(&[]).await;
    assert!(
        output.contains("costs more gas than it is worth"),
        "{output}"
    );
    let output = world.succeed(&["--min", "ether=0"]).await;
    assert!(
        !output.contains("costs more gas than it is worth"),
        "{output}"
    );
    let output = world.succeed(&["--min", "ether=1000"]).await;
    assert!(output.contains("below --min"), "{output}");
}

/// One transaction at a time: after so many have been sent, and so many of them are in blocks.
const POINTS: [(u64, u64); 6] = [(1, 0), (1, 1), (2, 1), (3, 3), (4, 3), (4, 4)];

#[tokio::test]
async fn a_run_killed_at_any_point_is_gone_on_with_and_nobody_is_paid_twice() {
    let mut runs = JoinSet::new();
    for (sent, mined) in POINTS {
        runs.spawn(killed_at(sent, mined));
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

async fn killed_at(sent: u64, mined: u64) {
    let world = World::new().await;
    let anvil = &world.anvil;
    let before = anvil.sent().await;
    anvil.stop_mining().await;
    let mut run = world.start(&["--execute", "--batch", "1"]);
    for count in 1..=sent {
        until("the next transaction is sent", || async {
            (anvil.known().await == before + count).then_some(())
        })
        .await;
        if count <= mined {
            anvil.mine().await;
        }
    }
    run.kill().await.unwrap();
    anvil.mine_by_itself().await;
    world.execute(&[]).await;
    let point = format!("killed after {sent} sent, {mined} mined");
    assert_eq!(anvil.sent().await, before + 4, "{point}");
    assert_eq!(world.claims().await, 3, "{point}");
    world.everybody_has_their_ether().await;
    let csv = world.file("csv");
    assert_eq!(csv.matches(",paid,0x").count(), 4, "{point}: {csv}");
}

#[tokio::test]
async fn a_journal_that_is_lost_costs_nobody_anything() {
    let world = World::new().await;
    world.execute(&[]).await;
    std::fs::remove_file(world.path("journal")).unwrap();
    let before = world.anvil.sent().await;
    world.execute(&[]).await;
    assert_eq!(world.anvil.sent().await, before);
    assert_eq!(world.claims().await, 3);
}

/// A run that is killed when it has sent its first transaction, which is in no block; and that transaction's nonce.
async fn interrupted(world: &World) -> u64 {
    let anvil = &world.anvil;
    let nonce = anvil.sent().await;
    anvil.stop_mining().await;
    let mut run = world.start(&["--execute", "--batch", "1"]);
    until("the first transaction is sent", || async {
        (anvil.known().await == nonce + 1).then_some(())
    })
    .await;
    run.kill().await.unwrap();
    nonce
}

/// How many transactions with this nonce were signed.
fn signed(world: &World, nonce: u64) -> usize {
    let journal = world.file("journal");
    let lines = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["sent"]["nonce"] == json!(nonce))
        .count()
}

#[tokio::test]
async fn a_transaction_that_gas_has_become_too_dear_for_is_signed_again_and_pays_once() {
    let world = World::new().await;
    let anvil = &world.anvil;
    let nonce = interrupted(&world).await;
    let dear = U256::from(50_000_000_000_u64);
    let set = "anvil_setNextBlockBaseFeePerGas";
    anvil.call(set, json!([dear])).await;
    anvil.mine().await;
    assert_eq!(anvil.sent().await, nonce);
    let bound = ["--execute", "--max-fee-gwei", "30"];
    world.fail(&bound, "--max-fee-gwei is 30").await;
    assert_eq!(signed(&world, nonce), 1);

    anvil.mine_by_itself().await;
    world.execute(&[]).await;
    assert_eq!(signed(&world, nonce), 2);
    assert_eq!(anvil.sent().await, nonce + 4);
    world.everybody_was_paid_once().await;
    // All is known of both.
    assert_eq!(world.file("csv").matches(",paid,0x").count(), 4);
    let again = world.execute(&[]).await;
    assert!(again.contains("0 transaction(s) ended"), "{again}");
}

/// A run that was killed when it had sent its first transaction, which leaves a block's maker nothing; its nonce, and what it offers.
async fn leaves_nothing(world: &World) -> (u64, U256) {
    let anvil = &world.anvil;
    let nonce = interrupted(world).await;
    let block = anvil.call("eth_getBlockByNumber", json!(["pending", true]));
    let fee = block.await["transactions"][0]["maxFeePerGas"].clone();
    anvil.call("anvil_dropAllTransactions", json!([])).await;
    let set = "anvil_setNextBlockBaseFeePerGas";
    anvil.call(set, json!([fee])).await;
    anvil.mine().await;
    (nonce, serde_json::from_value(fee).unwrap())
}

#[tokio::test]
async fn a_transaction_that_a_block_can_take_is_waited_for_when_more_would_be_too_dear() {
    let world = World::new().await;
    let anvil = &world.anvil;
    let (nonce, fee) = leaves_nothing(&world).await;
    let mut journal = Journal::open(Path::new(&world.path("journal")), 31_337).unwrap();
    let waiting = Waiting {
        patience: Duration::from_secs(1),
        ..Waiting::on_development_chain()
    };
    let payer = Payer::new(&anvil.provider, &world.deployment, waiting, fee.to());
    let signer: PrivateKeySigner = KEY.parse().unwrap();
    let waited = payer.resume(&mut journal, &signer, |_| {}).await;
    assert!(
        matches!(waited, Err(DistributeError::NotMined { .. })),
        "{waited:?}"
    );
    drop(journal);
    assert_eq!(signed(&world, nonce), 1);
    assert_eq!(anvil.known().await, nonce + 1);

    anvil.mine_by_itself().await;
    world.execute(&[]).await;
    assert_eq!(anvil.sent().await, nonce + 4);
    world.everybody_was_paid_once().await;
}

#[tokio::test]
async fn a_transaction_that_leaves_a_blocks_maker_nothing_is_signed_again_and_pays_once() {
    let world = World::new().await;
    let anvil = &world.anvil;
    let (nonce, _) = leaves_nothing(&world).await;
    let mut run = world.start(&["--execute"]);
    until("it is signed again", || async {
        (signed(&world, nonce) == 2).then_some(())
    })
    .await;
    anvil.mine_by_itself().await;
    assert!(run.wait().await.unwrap().success());
    assert_eq!(anvil.sent().await, nonce + 4);
    world.everybody_was_paid_once().await;
}

#[tokio::test]
async fn a_transaction_that_the_account_could_not_pay_for_is_taken_up_when_it_can() {
    let world = World::new().await;
    let anvil = &world.anvil;
    let nonce = interrupted(&world).await;
    anvil.call("anvil_dropAllTransactions", json!([])).await;
    let had = anvil.provider.get_balance(DEPLOYER).await.unwrap();
    let set = async |wei: U256| {
        let parameters = json!([DEPLOYER, wei]);
        anvil.call("anvil_setBalance", parameters).await;
    };
    set(U256::ZERO).await;
    world.fail(&["--execute"], "has 0 wei").await;
    set(had).await;
    anvil.mine_by_itself().await;
    world.execute(&[]).await;
    assert_eq!(anvil.sent().await, nonce + 4);
    world.everybody_was_paid_once().await;
}

#[tokio::test]
async fn a_payment_whose_nonce_somebody_else_took_is_made_with_another_one() {
    let world = World::new().await;
    let anvil = &world.anvil;
    let nonce = interrupted(&world).await;
    anvil.call("anvil_dropAllTransactions", json!([])).await;
    let request = TransactionRequest::default()
        .with_from(DEPLOYER)
        .with_to(DEPLOYER)
        .with_nonce(nonce);
    let pending = anvil.provider.send_transaction(request).await.unwrap();
    anvil.mine_by_itself().await;
    assert!(pending.get_receipt().await.unwrap().status());
    world.execute(&[]).await;
    assert_eq!(anvil.sent().await, nonce + 5);
    world.everybody_was_paid_once().await;
    let csv = world.file("csv");
    assert_eq!(
        csv.matches("another transaction took its nonce").count(),
        1,
        "{csv}"
    );
}

#[tokio::test]
async fn an_account_that_cannot_pay_the_gas_is_told_what_it_needs() {
    let world = World::new().await;
    let key = format!("0x{}", "11".repeat(32));
    std::fs::write(world.path("poor"), key).unwrap();
    let arguments = ["--execute", "--key-file", &world.path("poor")];
    let output = world.fail(&arguments, "has 0 wei").await;
    assert!(output.contains("may cost"), "{output}");
    assert_eq!(world.claims().await, 0);
}

#[tokio::test]
async fn the_splits_recipients_get_their_shares_to_the_wei() {
    let world = World::new().await;
    world.execute(&[]).await;
    let creators = ETHER_PRICE - ETHER_PRICE * U256::from(3) / U256::from(10);
    let (three, two) = world.recipients;
    let five = U256::from(5);
    assert_eq!(world.ether_of(three).await, creators * U256::from(3) / five);
    assert_eq!(world.ether_of(two).await, creators * U256::from(2) / five);
    let rest = world.anvil.provider.get_balance(world.split).await.unwrap();
    assert!(rest < U256::from(2), "{rest}");
}
