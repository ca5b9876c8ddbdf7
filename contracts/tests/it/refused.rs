//! What is refused, each with nothing sent.

use alloy::primitives::Address;
use paystream_contracts::deploy::{Plan, SALT};
use serde_json::json;

use crate::anvil::{Anvil, DEPLOYER};
use crate::run::Deployer;

#[tokio::test]
async fn the_main_network_is_refused_whatever_it_is_called() {
    let anvil = Anvil::with(&["--chain-id", "1"]).await;
    for network in ["sepolia", "local", "mainnet"] {
        let deployer = Deployer::on(&anvil, network);
        deployer.fail(&["--broadcast"], "main network").await;
        assert!(!deployer.record().exists());
    }
    assert_eq!(anvil.known().await, 0);
}

#[tokio::test]
async fn a_chain_that_is_not_the_one_named_is_refused() {
    let anvil = Anvil::start().await;
    let deployer = Deployer::on(&anvil, "local");
    deployer
        .fail(
            &["--broadcast"],
            "the node is on chain 11155111, but local is chain 31337",
        )
        .await;
    assert_eq!(anvil.known().await, 0);
}

#[tokio::test]
async fn a_chain_without_the_deterministic_deployer_is_refused() {
    let anvil = Anvil::with(&["--disable-default-create2-deployer"]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer
        .fail(&["--broadcast"], "no deterministic deployer at 0x4e59b448")
        .await;
    assert_eq!(anvil.known().await, 0);
}

#[tokio::test]
async fn an_account_that_cannot_pay_is_told_what_it_needs() {
    let anvil = Anvil::start().await;
    anvil
        .call("anvil_setBalance", json!([DEPLOYER, "0x1"]))
        .await;
    let deployer = Deployer::new(&anvil);
    for arguments in [&[][..], &["--broadcast"]] {
        deployer.fail(arguments, "has 1 wei").await;
    }
    assert_eq!(anvil.known().await, 0);
}

#[tokio::test]
async fn foreign_code_at_an_address_stops_everything_before_it_begins() {
    let anvil = Anvil::start().await;
    let deployer = Deployer::new(&anvil);
    anvil.set_code(Plan::new(SALT).splitter.address, &[0]).await;
    for arguments in [&[][..], &["--broadcast"], &["--check"]] {
        deployer
            .fail(arguments, "the code of EarningsSplitter at")
            .await;
    }
    assert_eq!(anvil.known().await, 0);
    assert!(!deployer.record().exists());
}

#[tokio::test]
async fn a_single_changed_byte_is_noticed() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.succeed(&["--broadcast"]).await;
    for contract in Plan::new(SALT).contracts() {
        let good = anvil.code(contract.address).await;
        let mut bad = good.to_vec();
        // In the metadata at the end, which no immutable is in and no call reaches.
        let last = bad.len() - 3;
        bad[last] ^= 1;
        anvil.set_code(contract.address, &bad).await;
        let says = format!("the code of {} at", contract.name);
        for arguments in [&["--check"][..], &["--broadcast"], &[]] {
            deployer.fail(arguments, &says).await;
        }
        anvil.set_code(contract.address, &good).await;
        deployer.succeed(&["--check"]).await;
    }
    assert_eq!(anvil.known().await, 3);
}

#[tokio::test]
async fn a_splitter_for_another_registry_is_noticed() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.succeed(&["--broadcast"]).await;
    let plan = Plan::new(SALT);
    replace(&anvil, plan.splitter.address, plan.registry.address).await;
    deployer.fail(&["--check"], "to registry(), not").await;
}

#[tokio::test]
async fn a_factory_that_clones_something_else_is_noticed() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.succeed(&["--broadcast"]).await;
    let plan = Plan::new(SALT);
    anvil.set_code(plan.split_address(), &[0]).await;
    deployer
        .fail(&["--check"], "the code of PayoutSplit at")
        .await;
    replace(&anvil, plan.split_factory.address, plan.split_address()).await;
    deployer
        .fail(&["--check"], "to implementation(), not")
        .await;
}

/// Puts another address wherever the code at `contract` has `value`: what an immutable would look like.
async fn replace(anvil: &Anvil, contract: Address, value: Address) {
    let mut code = anvil.code(contract).await.to_vec();
    let places: Vec<usize> = (0..code.len() - 19)
        .filter(|&at| code[at..at + 20] == value[..])
        .collect();
    assert!(!places.is_empty());
    for at in places {
        code[at..at + 20].copy_from_slice(&[7; 20]);
    }
    anvil.set_code(contract, &code).await;
}

#[tokio::test]
async fn a_record_that_disagrees_is_never_overwritten() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    let deployment = Plan::new(SALT).deployment(31_337, 0);
    let cases = [
        ("not a record".to_owned(), "is not a deployment record"),
        (json!(deployment).to_string(), "the chain has no code there"),
        (with("chainId", json!(5)), "is of chain 5, not of 31337"),
        (
            with("registry", json!(DEPLOYER)),
            "the StreamRegistry at 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        ),
    ];
    for (text, says) in cases {
        deployer.file("record.json", &text);
        for arguments in [&["--broadcast"][..], &[]] {
            deployer.fail(arguments, says).await;
        }
        assert_eq!(std::fs::read_to_string(deployer.record()).unwrap(), text);
    }
    assert_eq!(anvil.known().await, 0);
}

#[tokio::test]
async fn a_record_whose_block_would_hide_events_is_noticed() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.succeed(&["--broadcast"]).await;
    deployer.file("record.json", &with("block", json!(3)));
    deployer
        .fail(&["--check"], "nothing happened before block 3")
        .await;
}

/// The record of a development chain, with one field changed.
fn with(field: &str, value: serde_json::Value) -> String {
    let mut record = json!(Plan::new(SALT).deployment(31_337, 0));
    record[field] = value;
    record.to_string()
}

#[tokio::test]
async fn a_key_is_never_repeated_in_an_error() {
    let anvil = Anvil::start().await;
    let deployer = Deployer::new(&anvil);
    let secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff8z";
    let file = deployer.file("bad-key", secret);
    let output = deployer
        .fail(
            &["--broadcast", "--key-file", &file],
            "does not hold a private key",
        )
        .await;
    assert!(!output.contains("ac0974"), "{output}");
}

#[tokio::test]
async fn the_path_of_the_nodes_address_is_never_shown() {
    let anvil = Anvil::start().await;
    let deployer = Deployer::new(&anvil).at("http://127.0.0.1:1/v3/token");
    let output = deployer.fail(&["--broadcast"], "the node failed").await;
    assert!(
        output.contains("127.0.0.1:1") && !output.contains("token"),
        "{output}"
    );
}

#[tokio::test]
async fn a_development_chain_has_no_explorer_to_verify_at() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.fail(&["--verify"], "is not at").await;
    deployer.succeed(&["--broadcast"]).await;
    deployer.fail(&["--verify"], "no explorer knows it").await;
}
