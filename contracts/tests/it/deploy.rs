//! What a deployment does when nothing goes wrong.

use alloy::primitives::TxHash;
use alloy::providers::Provider;
use paystream_contracts::deploy::{Plan, SALT, survey};
use paystream_contracts::{EarningsSplitter, PayoutSplitFactory};

use crate::anvil::{Anvil, DEPLOYER};
use crate::run::Deployer;

#[tokio::test]
async fn a_dry_run_tells_the_addresses_and_sends_nothing() {
    let anvil = Anvil::start().await;
    let deployer = Deployer::new(&anvil);
    let output = deployer.succeed(&[]).await;
    assert!(output.contains("DRY RUN: nothing was sent"), "{output}");
    for contract in Plan::new(SALT).contracts() {
        assert!(output.contains(&contract.address.to_string()), "{output}");
        assert!(anvil.code(contract.address).await.is_empty());
    }
    assert_eq!(anvil.known().await, 0);
    assert_eq!(anvil.provider.get_block_number().await.unwrap(), 0);
    assert!(!deployer.record().exists());
}

#[tokio::test]
async fn the_record_says_what_is_on_the_chain() {
    let anvil = Anvil::start().await;
    anvil.mine_by_itself().await;
    let deployer = Deployer::new(&anvil);
    deployer.succeed(&["--broadcast"]).await;

    let (deployment, plan) = (deployer.deployment(), Plan::new(SALT));
    assert_eq!(deployment, plan.deployment(11_155_111, deployment.block));
    assert_eq!(survey(&anvil.provider, &plan).await.unwrap(), [true; 3]);
    let splitter = EarningsSplitter::new(deployment.splitter, &anvil.provider);
    assert_eq!(
        splitter.registry().call().await.unwrap(),
        deployment.registry
    );
    let factory = PayoutSplitFactory::new(deployment.split_factory, &anvil.provider);
    let split = factory.implementation().call().await.unwrap();
    assert!(!anvil.code(split).await.is_empty());

    let record = deployer.recorded();
    let mut first = u64::MAX;
    for contract in plan.contracts() {
        let recorded = &record["contracts"][contract.name];
        let transaction: TxHash = recorded["transaction"].as_str().unwrap().parse().unwrap();
        let receipt = anvil.provider.get_transaction_receipt(transaction).await;
        let receipt = receipt.unwrap().unwrap();
        assert!(receipt.status() && receipt.from == DEPLOYER);
        assert_eq!(recorded["block"].as_u64(), receipt.block_number);
        assert_eq!(recorded["address"], contract.address.to_string());
        first = first.min(receipt.block_number.unwrap());
        let estimate = contract.gas_bound();
        assert!(
            receipt.gas_used <= estimate,
            "{} of {estimate}",
            receipt.gas_used
        );
    }
    assert_eq!(deployment.block, first);
    let argument = &record["contracts"]["EarningsSplitter"]["constructorArguments"]["registry_"];
    assert_eq!(*argument, deployment.registry.to_string());
    assert!(
        record["compiler"]["version"]
            .as_str()
            .unwrap()
            .starts_with("0.8.")
    );
    assert_eq!(record["compiler"]["settings"]["evmVersion"], "cancun");
    assert!(record["clean"].is_boolean());
    deployer.succeed(&["--check"]).await;
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.succeed(&["--broadcast"]).await;
    let record = std::fs::read(deployer.record()).unwrap();
    let block = anvil.provider.get_block_number().await.unwrap();

    let output = deployer.succeed(&["--broadcast"]).await;
    assert!(output.contains("Nothing to do"), "{output}");
    let output = deployer.succeed(&[]).await;
    assert!(output.contains("Nothing to do"), "{output}");
    assert_eq!(anvil.known().await, 3);
    assert_eq!(anvil.provider.get_block_number().await.unwrap(), block);
    assert_eq!(std::fs::read(deployer.record()).unwrap(), record);
}

#[tokio::test]
async fn a_record_that_was_lost_is_found_again_on_the_chain() {
    let anvil = Anvil::with(&[]).await;
    anvil.call("anvil_mine", serde_json::json!(["0x11"])).await;
    let deployer = Deployer::on(&anvil, "local");
    deployer.succeed(&["--broadcast"]).await;
    assert_eq!(deployer.deployment().block, 18);
    let record = deployer.recorded();
    std::fs::remove_file(deployer.record()).unwrap();
    anvil.call("anvil_mine", serde_json::json!(["0x25"])).await;

    deployer.fail(&["--check"], "there is no record").await;
    deployer.succeed(&["--broadcast"]).await;
    assert_eq!(deployer.recorded(), record);
    assert_eq!(anvil.known().await, 3);
}

#[tokio::test]
async fn a_keystore_made_by_cast_signs() {
    let anvil = Anvil::with(&[]).await;
    let deployer = Deployer::on(&anvil, "local");
    let keystore = deployer.file("keystore", include_str!("keystore.json"));
    let wrong = deployer.file("wrong", "another password\n");
    let password = deployer.file("password", "a password\n");
    let with = |password: &str| -> Vec<String> {
        [
            "--broadcast",
            "--keystore",
            &keystore,
            "--password-file",
            password,
        ]
        .map(str::to_owned)
        .into()
    };
    let arguments = with(&wrong);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    deployer.fail(&arguments, "does not open").await;
    assert_eq!(anvil.known().await, 0);
    let arguments = with(&password);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    deployer.succeed(&arguments).await;
    assert_eq!(anvil.sent().await, 3);
}
