//! Files on chain, by the operator's request.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolValue;
use serde_json::Value;

use crate::stack::{CREATOR, OPERATOR_TOKEN, Stack, until};

const CHUNK: usize = 24 * 1024 - 326;

/// A directory that belongs to the content's creator, who is not the operator.
async fn stack_with_directory() -> Stack {
    let mut stack = Stack::start().await;
    let code = include_str!("../../../contracts/tests/it/ethstorage/FlatDirectory.hex");
    let code: Bytes = code.trim().parse().unwrap();
    let arguments = (U256::ZERO, U256::from(130_044), Address::ZERO).abi_encode_params();
    let wallet = alloy::network::EthereumWallet::from(stack.chain.creator.clone());
    let url = format!("http://127.0.0.1:{}", stack.chain.port);
    let provider = ProviderBuilder::new()
        .wallet(wallet)
        .connect_http(url.parse().unwrap());
    let request = TransactionRequest::default().with_deploy_code([&code[..], &arguments].concat());
    let pending = provider.send_transaction(request).await.unwrap();
    let directory = pending
        .get_receipt()
        .await
        .unwrap()
        .contract_address
        .unwrap();
    let key = stack.data.path().join("web3.key");
    std::fs::write(&key, CREATOR).unwrap();
    stack.streamer.terminate();
    let (directory, key) = (directory.to_string(), key.to_str().unwrap().to_owned());
    let arguments = ["--web3-directory", &directory, "--web3-key-file", &key];
    let small = ["--web3-max-bytes", "100000"];
    stack
        .restart_streamer(&[&arguments[..], &small].concat())
        .await;
    stack
}

async fn post(stack: &Stack, token: &str, query: &str, name: &str, file: &[u8]) -> (u16, Value) {
    let head = format!(
        "--paystream\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    let form = [head.as_bytes(), file, b"\r\n--paystream--\r\n"].concat();
    let url = format!("{}/upload-content-web3{query}", stack.streamer.url);
    let request = stack.streamer.http.post(url).bearer_auth(token).body(form);
    let kind = "multipart/form-data; boundary=paystream";
    let response = request.header("content-type", kind).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_operator_stores_a_file_on_chain_after_seeing_what_it_costs() {
    let stack = stack_with_directory().await;
    let file: Vec<u8> = (0..2 * CHUNK + 3)
        .map(|index| (index % 251) as u8)
        .collect();
    let (status, estimate) = post(&stack, OPERATOR_TOKEN, "?estimate=true", "a.bin", &file).await;
    assert_eq!(status, 200, "{estimate}");
    assert_eq!(
        (&estimate["chunks"], &estimate["missing"]),
        (&3.into(), &3.into())
    );
    assert!(estimate["gas"].as_u64().unwrap() > 1_000_000, "{estimate}");

    let stored = until("it is stored", || async {
        let (status, answer) = post(&stack, OPERATOR_TOKEN, "", "a.bin", &file).await;
        assert!([201, 202].contains(&status), "{answer}");
        (status == 201).then_some(answer)
    })
    .await;
    assert_eq!(stored["missing"], 0);
    assert_eq!(stored["address"], estimate["address"]);
    let address = stored["address"].as_str().unwrap();
    assert!(
        address.starts_with("web3://0x") && address.ends_with(":31337/a.bin"),
        "{address}"
    );

    let (status, problem) = post(&stack, OPERATOR_TOKEN, "", "a.bin", b"another file").await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &"upload_conflict".into()),
        "{problem}"
    );
    let (status, answer) = post(
        &stack,
        OPERATOR_TOKEN,
        "?replace=true",
        "a.bin",
        b"another file",
    )
    .await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn what_cannot_be_stored_on_chain_is_refused() {
    let stack = stack_with_directory().await;
    let large = vec![0; 100_001];
    for (token, name, file, status) in [
        ("no token", "a.bin", &b"a"[..], 401),
        (OPERATOR_TOKEN, "../a", b"a", 400),
        (OPERATOR_TOKEN, "a.bin", b"", 400),
        (OPERATOR_TOKEN, "a.bin", &large, 413),
    ] {
        let (found, problem) = post(&stack, token, "", name, file).await;
        assert_eq!(found, status, "{problem}");
    }
    // This directory was made without EthStorage's storage contract.
    for query in ["?mode=blobs", "?mode=tape"] {
        let (found, problem) = post(&stack, OPERATOR_TOKEN, query, "a.bin", b"a").await;
        assert_eq!(
            (found, &problem["code"]),
            (400, &"malformed".into()),
            "{problem}"
        );
    }
}
