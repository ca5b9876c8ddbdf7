use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};

use crate::stack::token::compile;
use crate::stack::{OPERATOR_TOKEN, Stack, Streamer};

/// Signs in, and answers what the streamer answered.
pub async fn sign_in(streamer: &Streamer, account: &PrivateKeySigner) -> (u16, Value) {
    let body = json!({"address": account.address(), "purpose": "upload"});
    let (status, challenge) = streamer.post("/v1/challenges", &body).await;
    assert_eq!(status, 200, "{challenge}");
    streamer
        .post("/v1/tokens", &signed(&challenge, account))
        .await
}

fn signed(challenge: &Value, account: &PrivateKeySigner) -> Value {
    let message = challenge["message"].as_str().unwrap();
    let signature = account.sign_message_sync(message.as_bytes()).unwrap();
    json!({"message": message, "signature": signature.to_string()})
}

#[tokio::test]
async fn an_account_signs_in_once_per_challenge_and_the_operator_by_the_token_file() {
    let stack = Stack::start().await;
    let streamer = &stack.streamer;
    let account = PrivateKeySigner::random();
    let (status, token) = sign_in(streamer, &account).await;
    assert_eq!(status, 200, "{token}");
    let token = token["token"].as_str().unwrap();

    // What is the operator's is not the account's.
    for (token, expected) in [(OPERATOR_TOKEN, 200), (token, 403), ("no token", 401)] {
        let (status, answer) = streamer.get_as(token, "/v1/channels").await;
        assert_eq!(status, expected, "{answer}");
    }
    assert_eq!(streamer.get("/v1/channels").await.0, 401);

    // A challenge is good once, for its account and its purpose.
    let ask = json!({"address": account.address(), "purpose": "upload"});
    let (_, challenge) = streamer.post("/v1/challenges", &ask).await;
    let stranger = PrivateKeySigner::random();
    let body = signed(&challenge, &stranger);
    assert_eq!(streamer.post("/v1/tokens", &body).await.0, 401);
    let body = signed(&challenge, &account);
    assert_eq!(streamer.post("/v1/tokens", &body).await.0, 401);
    let content = stack.chain.content;
    let ask = json!({"address": account.address(), "purpose": "view", "content_id": content});
    let (_, challenge) = streamer.post("/v1/challenges", &ask).await;
    let resource = format!("- urn:paystream:view:{content}");
    assert!(challenge["message"].as_str().unwrap().ends_with(&resource));
    let body = signed(&challenge, &account);
    assert_eq!(streamer.post("/v1/tokens", &body).await.0, 401);

    for bad in [
        json!({"address": account.address(), "purpose": "view"}),
        json!({"address": account.address(), "purpose": "upload", "content_id": content}),
        json!({"address": "0x12", "purpose": "upload"}),
        json!({"address": account.address(), "purpose": "everything"}),
    ] {
        let (status, problem) = streamer.post("/v1/challenges", &bad).await;
        assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    }
}

#[tokio::test]
async fn an_account_that_is_a_contract_signs_in_by_its_code_and_only_with_its_owners_key() {
    let stack = Stack::start().await;
    let streamer = &stack.streamer;
    let (owner, stranger) = (PrivateKeySigner::random(), PrivateKeySigner::random());
    // The wallet of the contracts' own tests; its constructor takes the owner.
    let code = compile("signers", "WalletSigner");
    let code = [&code[..], owner.address().into_word().as_slice()].concat();
    let request = TransactionRequest::default().with_deploy_code(code);
    let sent = stack.chain.provider.send_transaction(request).await;
    let receipt = sent.unwrap().get_receipt().await.unwrap();
    let wallet = receipt.contract_address.unwrap();

    let exchange = async |account: Address, signer: &PrivateKeySigner| {
        let ask = json!({"address": account, "purpose": "upload"});
        let (status, challenge) = streamer.post("/v1/challenges", &ask).await;
        assert_eq!(status, 200, "{challenge}");
        let body = signed(&challenge, signer);
        streamer.post("/v1/tokens", &body).await
    };
    assert_eq!(exchange(wallet, &stranger).await.0, 401);
    let (status, token) = exchange(wallet, &owner).await;
    assert_eq!(status, 200, "{token}");
    // It is the wallet that has signed in, and not its owner.
    let token = token["token"].as_str().unwrap();
    let (status, items) = streamer.get_as(token, "/v1/items").await;
    assert_eq!(status, 200, "{items}");
    assert_eq!(exchange(owner.address(), &stranger).await.0, 401);
    // Code that knows nothing of signatures takes none.
    let registry = stack.chain.deployed.registry;
    assert_eq!(exchange(registry, &owner).await.0, 401);
}

#[tokio::test]
async fn who_signs_in_too_often_is_refused_and_others_are_not() {
    let stack = Stack::with(&["--trust-forwarded-for"]).await;
    let streamer = &stack.streamer;
    let account = PrivateKeySigner::random();
    let post = async |client: &str, path: &str, body: &Value| {
        let request = streamer.http.post(format!("{}{path}", streamer.url));
        let request = request.header("x-forwarded-for", client).json(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap())
    };
    let ask = json!({"address": account.address(), "purpose": "upload"});
    let nonsense = json!({"message": "hello", "signature": "0x"});
    for _ in 0..60 {
        assert_eq!(post("192.0.2.1", "/v1/challenges", &ask).await.0, 200);
        assert_eq!(post("192.0.2.1", "/v1/tokens", &nonsense).await.0, 401);
    }
    let publish = json!({"address": account.address(), "content_id": stack.chain.content});
    for (path, body) in [
        ("/v1/challenges", &ask),
        ("/v1/tokens", &nonsense),
        ("/v1/publish-challenges", &publish),
        ("/v1/publish-tokens", &nonsense),
    ] {
        let (status, problem) = post("192.0.2.1", path, body).await;
        assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
    }
    let (status, challenge) = post("192.0.2.2", "/v1/challenges", &ask).await;
    assert_eq!(status, 200, "{challenge}");
    let body = signed(&challenge, &account);
    let (status, token) = post("192.0.2.2", "/v1/tokens", &body).await;
    assert_eq!(status, 200, "{token}");
}
