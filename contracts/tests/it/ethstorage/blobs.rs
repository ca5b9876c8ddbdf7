//! Files in blobs, on a real chain that takes them. EthStorage's network is not there: a contract and a task of the test
//! stand in for it, which keep and answer what the chain's transactions really carried.

use alloy::eips::eip4844::Blob;
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::BlockNumberOrTag;
use alloy::signers::local::PrivateKeySigner;
use paystream_contracts::deploy::Waiting;
use paystream_contracts::ethstorage::{
    BLOB_CHUNK_SIZE, Directory, EthStorageError, Mode, decode_blob,
};
use serde_json::json;

use super::{create, deploy, file, name};
use crate::anvil::{Anvil, DEPLOYER};
use crate::token::compile;

/// Of anvil's first account.
const DEPLOYER_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

struct Network {
    anvil: Anvil,
    directory: Directory<DynProvider>,
}

impl Network {
    async fn start() -> Self {
        let anvil = Anvil::with(&[]).await;
        let storage = create(&anvil, compile("ethstorage", "EthStorageStandIn")).await;
        let address = deploy(&anvil, storage).await;
        let signer: PrivateKeySigner = DEPLOYER_KEY.parse().unwrap();
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(EthereumWallet::from(signer))
            .connect_http(anvil.url.parse().unwrap());
        let waiting = Waiting::on_development_chain();
        let directory = Directory::open(provider.erased(), address, DEPLOYER, waiting)
            .await
            .unwrap();
        Self { anvil, directory }
    }

    /// The blobs that the chain's transactions carried, each with its versioned hash.
    async fn blobs(&self) -> Vec<(B256, Blob)> {
        let provider = &self.anvil.provider;
        let mut blobs = Vec::new();
        for number in 0..=provider.get_block_number().await.unwrap() {
            let block = provider
                .get_block_by_number(BlockNumberOrTag::Number(number))
                .await;
            for transaction in block.unwrap().unwrap().transactions.hashes() {
                let carried = self
                    .anvil
                    .call("anvil_getBlobsByTransactionHash", json!([transaction]))
                    .await;
                let carried: Option<Vec<Bytes>> = serde_json::from_value(carried).unwrap();
                let sent = provider.get_transaction_by_hash(transaction).await;
                let sent = sent.unwrap().unwrap();
                let hashes = alloy::consensus::Transaction::blob_versioned_hashes(&sent);
                let carried = carried.unwrap_or_default();
                let carried = carried.iter().map(|blob| Blob::from_slice(blob));
                blobs.extend(hashes.unwrap_or_default().iter().copied().zip(carried));
            }
        }
        blobs
    }

    /// What EthStorage's nodes do: take the blobs, and answer their data.
    async fn serve(&self) {
        for (hash, blob) in self.blobs().await {
            let data = Bytes::from(decode_blob(&blob).unwrap());
            let address = Address::from_slice(&hash[..20]);
            self.anvil
                .call("anvil_setCode", json!([address, data]))
                .await;
        }
    }
}

#[tokio::test]
async fn a_file_is_stored_in_blobs_six_in_a_transaction_and_compared_by_their_hashes() {
    let network = Network::start().await;
    let (directory, anvil) = (&network.directory, &network.anvil);
    let (film, name) = (file(6 * BLOB_CHUNK_SIZE + 5), name("film.mp4"));
    let estimate = directory
        .estimate(&name, &film, Mode::Blobs, false)
        .await
        .unwrap();
    assert_eq!((estimate.chunks, estimate.missing), (7, 7));
    let storage = U256::from(7) * U256::from(10).pow(U256::from(15));
    assert!(estimate.cost_wei > storage, "{estimate:?}");

    let (before, had) = (
        anvil.sent().await,
        anvil.provider.get_balance(DEPLOYER).await.unwrap(),
    );
    let mut told = Vec::new();
    let stored = directory
        .store(&name, &film, Mode::Blobs, false, |done, all| {
            told.push((done, all))
        })
        .await
        .unwrap();
    assert_eq!(anvil.sent().await, before + 2);
    assert_eq!(told, [(6, 7), (7, 7)]);
    assert_eq!(
        (stored.chunks, stored.written, stored.is_read_back),
        (7, 7, false)
    );
    // What it says that it cost is what the account has less, to the wei.
    let has = anvil.provider.get_balance(DEPLOYER).await.unwrap();
    assert_eq!(had - has, stored.cost_wei);
    assert!(
        stored.cost_wei <= estimate.cost_wei,
        "{stored:?} {estimate:?}"
    );

    let carried = network.blobs().await;
    let carried: Vec<u8> = carried
        .iter()
        .flat_map(|(_, blob)| decode_blob(blob).unwrap())
        .collect();
    assert!(carried == film, "the chain's blobs hold the file");

    let again = directory
        .store(&name, &film, Mode::Blobs, false, |_, _| {})
        .await
        .unwrap();
    assert_eq!((again.written, again.cost_wei), (0, U256::ZERO));
    assert_eq!(anvil.sent().await, before + 2);
}

#[tokio::test]
async fn a_file_in_blobs_is_read_back_from_who_keeps_them() {
    let network = Network::start().await;
    let (film, name) = (file(BLOB_CHUNK_SIZE + 9), name("film.mp4"));
    let directory = network
        .directory
        .clone()
        .read_from(network.anvil.provider.clone());
    let (stored, ()) = tokio::join!(
        directory.store(&name, &film, Mode::Blobs, false, |_, _| {}),
        async {
            crate::anvil::until("both blobs are on the chain", || async {
                (network.blobs().await.len() == 2).then_some(())
            })
            .await;
            network.serve().await;
        },
    );
    assert!(stored.unwrap().is_read_back);
}

#[tokio::test]
async fn an_interrupted_upload_in_blobs_goes_on_and_a_shorter_file_takes_its_place() {
    let network = Network::start().await;
    let (directory, name) = (&network.directory, name("film.mp4"));
    let film = file(8 * BLOB_CHUNK_SIZE);
    let beginning = &film[..6 * BLOB_CHUNK_SIZE];
    directory
        .store(&name, beginning, Mode::Blobs, false, |_, _| {})
        .await
        .unwrap();
    let stored = directory
        .store(&name, &film, Mode::Blobs, false, |_, _| {})
        .await
        .unwrap();
    assert_eq!((stored.chunks, stored.written), (8, 2));

    let refused = directory
        .store(&name, beginning, Mode::Blobs, false, |_, _| {})
        .await
        .unwrap_err();
    assert!(
        matches!(refused, EthStorageError::NameTaken { .. }),
        "{refused}"
    );
    let stored = directory
        .store(&name, beginning, Mode::Blobs, true, |_, _| {})
        .await
        .unwrap();
    assert_eq!((stored.chunks, stored.written), (6, 0));
}

#[tokio::test]
async fn blobs_are_refused_where_they_cannot_be_kept() {
    let network = Network::start().await;
    let without = super::directory(&network.anvil).await;
    let (directory, film) = (&network.directory, file(9));
    let as_code = name("code");
    directory
        .store(&as_code, &film, Mode::Calldata, false, |_, _| {})
        .await
        .unwrap();
    let refused = directory
        .store(&as_code, &film, Mode::Blobs, true, |_, _| {})
        .await
        .unwrap_err();
    assert!(
        matches!(refused, EthStorageError::OtherMode { .. }),
        "{refused}"
    );

    let refused = without
        .estimate(&name("film"), &film, Mode::Blobs, false)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, EthStorageError::NoBlobs { .. }),
        "{refused}"
    );
}
