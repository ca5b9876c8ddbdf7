//! Files in a real `FlatDirectory`, on a real chain. `FlatDirectory.hex` is the bytecode that the npm package
//! ethstorage-sdk 4.2.4 (ISC) deploys, of EthStorage's evm-large-storage at 05edb096616e380d0c55f9e46319428882989f6b.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256, address};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolValue;
use paystream_contracts::deploy::Waiting;
use paystream_contracts::ethstorage::{
    BLOB_CHUNK_SIZE, CHUNK_SIZE, Directory, EthStorageError, FileName, Mode,
};

use crate::anvil::{Anvil, DEPLOYER, until};

mod blobs;

const STRANGER: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");

async fn deploy(anvil: &Anvil, storage: Address) -> Address {
    let code: Bytes = include_str!("ethstorage/FlatDirectory.hex")
        .trim()
        .parse()
        .unwrap();
    // As the package does it: everything as code, chunks of a blob's size at most.
    let arguments = (U256::ZERO, U256::from(BLOB_CHUNK_SIZE), storage).abi_encode_params();
    create(anvil, [&code[..], &arguments].concat().into()).await
}

async fn create(anvil: &Anvil, code: Bytes) -> Address {
    let request = TransactionRequest::default()
        .from(DEPLOYER)
        .with_deploy_code(code);
    let pending = anvil.provider.send_transaction(request).await.unwrap();
    let receipt = pending.get_receipt().await.unwrap();
    assert!(receipt.status());
    receipt.contract_address.unwrap()
}

async fn directory(anvil: &Anvil) -> Directory<DynProvider> {
    let address = deploy(anvil, Address::ZERO).await;
    open(anvil, address, DEPLOYER).await.unwrap()
}

async fn open(
    anvil: &Anvil,
    address: Address,
    account: Address,
) -> Result<Directory<DynProvider>, EthStorageError> {
    let waiting = Waiting::on_development_chain();
    Directory::open(anvil.provider.clone(), address, account, waiting).await
}

fn file(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

fn name(text: &str) -> FileName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_file_is_stored_chunk_by_chunk_and_read_back() {
    let anvil = Anvil::with(&[]).await;
    let directory = directory(&anvil).await;
    let (film, name) = (file(2 * CHUNK_SIZE + 5), name("film.mp4"));
    let estimate = directory
        .estimate(&name, &film, Mode::Calldata, false)
        .await
        .unwrap();
    assert_eq!((estimate.chunks, estimate.missing), (3, 3));

    let before = anvil.sent().await;
    let mut told = Vec::new();
    let stored = directory
        .store(&name, &film, Mode::Calldata, false, |done, all| {
            told.push((done, all))
        })
        .await
        .unwrap();
    assert_eq!(anvil.sent().await, before + 3);
    assert_eq!(told, [(1, 3), (2, 3), (3, 3)]);
    assert_eq!((stored.chunks, stored.written), (3, 3));
    assert!(stored.address.starts_with("web3://0x") && stored.address.ends_with(":31337/film.mp4"));
    assert!(stored.cost_wei > U256::ZERO && stored.cost_wei <= estimate.cost_wei);

    // A repetition finds everything and sends nothing.
    let again = directory
        .store(&name, &film, Mode::Calldata, false, |_, _| {})
        .await
        .unwrap();
    assert_eq!((again.written, again.cost_wei), (0, U256::ZERO));
    assert_eq!(anvil.sent().await, before + 3);
    assert_eq!(
        directory
            .estimate(&name, &film, Mode::Calldata, false)
            .await
            .unwrap()
            .missing,
        0
    );
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_with_the_chunk_that_is_missing() {
    let anvil = Anvil::with(&[]).await;
    let directory = directory(&anvil).await;
    let (film, name) = (file(4 * CHUNK_SIZE), name("film.mp4"));
    let before = anvil.sent().await;
    anvil.stop_mining().await;
    let upload = tokio::spawn({
        let (directory, film, name) = (directory.clone(), film.clone(), name.clone());
        async move {
            directory
                .store(&name, &film, Mode::Calldata, false, |_, _| {})
                .await
        }
    });
    for count in 1..=3 {
        until("the next chunk is sent", || async {
            (anvil.known().await == before + count).then_some(())
        })
        .await;
        if count < 3 {
            anvil.mine().await;
        }
    }
    // Two chunks are in blocks, and one is on its way.
    upload.abort();
    anvil.mine_by_itself().await;
    let stored = directory
        .store(&name, &film, Mode::Calldata, false, |_, _| {})
        .await
        .unwrap();
    assert_eq!((stored.chunks, stored.written), (4, 1));
    assert_eq!(anvil.sent().await, before + 4);
}

#[tokio::test]
async fn another_file_of_the_same_name_is_replaced_only_when_told() {
    let anvil = Anvil::with(&[]).await;
    let directory = directory(&anvil).await;
    let (long, name) = (file(3 * CHUNK_SIZE), name("film.mp4"));
    directory
        .store(&name, &long, Mode::Calldata, false, |_, _| {})
        .await
        .unwrap();
    let mut other = long.clone();
    other[CHUNK_SIZE] ^= 1;
    let beginning = &long[..CHUNK_SIZE + 9];
    for film in [&other[..], beginning, &long[..CHUNK_SIZE]] {
        let refused = directory
            .store(&name, film, Mode::Calldata, false, |_, _| {})
            .await
            .unwrap_err();
        assert!(
            matches!(refused, EthStorageError::NameTaken { .. }),
            "{refused}"
        );
    }
    let stored = directory
        .store(&name, &other, Mode::Calldata, true, |_, _| {})
        .await
        .unwrap();
    assert_eq!((stored.chunks, stored.written), (3, 1));
    let stored = directory
        .store(&name, beginning, Mode::Calldata, true, |_, _| {})
        .await
        .unwrap();
    assert_eq!((stored.chunks, stored.written), (2, 1));
}

#[tokio::test]
async fn what_is_no_directory_and_what_is_somebody_elses_is_refused() {
    let anvil = Anvil::with(&[]).await;
    let address = deploy(&anvil, Address::ZERO).await;
    let refused = open(&anvil, address, STRANGER).await.unwrap_err();
    assert!(
        matches!(refused, EthStorageError::NotOwner { .. }),
        "{refused}"
    );
    let refused = open(&anvil, STRANGER, DEPLOYER).await.unwrap_err();
    assert!(matches!(refused, EthStorageError::Call { .. }), "{refused}");
    let directory = open(&anvil, address, DEPLOYER).await.unwrap();
    let refused = directory
        .store(&name("nothing"), &[], Mode::Calldata, false, |_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(refused, EthStorageError::Empty), "{refused}");
    anvil
        .call("anvil_setBalance", serde_json::json!([DEPLOYER, "0x1"]))
        .await;
    let refused = directory
        .store(&name("film"), &file(9), Mode::Calldata, false, |_, _| {})
        .await
        .unwrap_err();
    assert!(
        matches!(refused, EthStorageError::BalanceTooLow { .. }),
        "{refused}"
    );
}
