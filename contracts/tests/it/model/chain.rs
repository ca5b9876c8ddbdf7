//! The contracts and a token on a real chain: what is sent there, and what is read back.

use std::collections::{BTreeMap, BTreeSet};

use alloy::consensus::Transaction as _;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::client::BatchRequest;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent, SolInterface};
use paystream_contracts::{EarningsSplitter, StreamRegistry};
use serde_json::{Value, json};

use super::cast::{AGREEING, Cast, REFUSING};
use super::reference::{Call, ChannelRow, ETHER, Input, Reference, Refusal, Skipped, Usd};
use crate::anvil::{Anvil, DEPLOYER};
use crate::token;

/// More than any call here takes.
const GAS: u64 = 3_000_000;
const GAS_PRICE: u128 = 2_000_000_000;

/// `PUSH0 PUSH0 REVERT`.
const REFUSES: &[u8] = &[0x5f, 0x5f, 0xfd];

/// Answers everything with `isValidSignature`'s own selector.
const AGREES: &[u8] = &[
    0x63, 0x16, 0x26, 0xba, 0x7e, 0x60, 0xe0, 0x1b, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3,
];

pub struct Chain {
    anvil: Anvil,
    pub registry: Address,
    /// The state that every sequence begins with.
    pub origin: Reference,
    snapshot: String,
}

/// What became of a transaction.
pub struct Outcome {
    pub fee: U256,
    pub result: Result<Vec<Skipped>, Refusal>,
}

/// Everything that is compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Balances {
    pub ether: BTreeMap<Address, U256>,
    pub tokens: BTreeMap<Address, U256>,
    pub allowances: BTreeMap<Address, U256>,
    pub nonces: BTreeMap<Address, U256>,
    pub earned: BTreeMap<(Address, Address), U256>,
    pub channels: BTreeMap<B256, ChannelRow>,
}

impl Chain {
    pub async fn start(cast: &Cast) -> Self {
        let anvil = Anvil::with(&[]).await;
        let provider = &anvil.provider;
        let registry = StreamRegistry::deploy_builder(provider).from(DEPLOYER);
        let registry = registry.deploy().await.unwrap();
        let splitter = EarningsSplitter::deploy_builder(provider, registry).from(DEPLOYER);
        let splitter = splitter.deploy().await.unwrap();
        let code = TransactionRequest::default()
            .from(DEPLOYER)
            .with_deploy_code(token::code());
        let receipt = provider.send_transaction(code).await.unwrap();
        let receipt = receipt.get_receipt().await.unwrap();
        let token = receipt.contract_address.unwrap();
        anvil.set_code(REFUSING, REFUSES).await;
        anvil.set_code(AGREEING, AGREES).await;
        let mut chain = Self {
            registry,
            origin: Reference {
                now: 0,
                chain_id: provider.get_chain_id().await.unwrap(),
                splitter,
                token,
                refusing: [REFUSING, splitter, registry, token].into(),
                agreeing: AGREEING,
                ether: BTreeMap::new(),
                tokens: BTreeMap::new(),
                allowances: BTreeMap::new(),
                permit_nonces: BTreeMap::new(),
                used_authorizations: BTreeSet::new(),
                contents: BTreeMap::new(),
                streams: BTreeSet::new(),
                nonces: BTreeMap::new(),
                channels: BTreeMap::new(),
                earned: BTreeMap::new(),
            },
            anvil,
            snapshot: String::new(),
        };
        chain.fund(cast).await;
        chain.snapshot().await;
        chain
    }

    /// Everybody has something: the first two almost without bound, the last so little that it runs out.
    async fn fund(&mut self, cast: &Cast) {
        let provider = &self.anvil.provider;
        let token = Usd::new(self.origin.token, provider);
        let poor = cast.senders.len() - 1;
        for (index, account) in cast.accounts(self.origin.splitter).into_iter().enumerate() {
            if account == self.origin.splitter {
                continue;
            }
            let tokens = if index < 2 {
                U256::MAX >> 10
            } else {
                U256::from(900_000_000)
            };
            let tokens = if index == poor {
                U256::from(20_000_000)
            } else {
                tokens
            };
            let mint = token.mint(account, tokens).from(DEPLOYER);
            mint.send().await.unwrap().get_receipt().await.unwrap();
            self.origin.tokens.insert(account, tokens);
            if index > poor {
                continue;
            }
            let ether = if index < 2 {
                U256::MAX >> 10
            } else {
                U256::from(10).pow(U256::from(22))
            };
            self.anvil
                .call("anvil_setBalance", json!([account, ether]))
                .await;
            self.anvil
                .call("anvil_impersonateAccount", json!([account]))
                .await;
            let allowance = if index % 2 == 0 {
                U256::MAX
            } else {
                U256::from(150_000_000)
            };
            let approve = token.approve(self.origin.splitter, allowance).from(account);
            approve.send().await.unwrap().get_receipt().await.unwrap();
            self.origin.allowances.insert(account, allowance);
            let ether = provider.get_balance(account).await.unwrap();
            self.origin.ether.insert(account, ether);
        }
        let latest = provider
            .get_block(Default::default())
            .await
            .unwrap()
            .unwrap();
        self.origin.now = latest.header.timestamp;
    }

    async fn snapshot(&mut self) {
        let id = self.anvil.call("evm_snapshot", json!([])).await;
        self.snapshot = id.as_str().unwrap().to_owned();
    }

    /// Undoes everything since the beginning; a snapshot is good for one time.
    pub async fn rewind(&mut self) {
        let good = self.anvil.call("evm_revert", json!([self.snapshot])).await;
        assert_eq!(good, Value::Bool(true));
        self.snapshot().await;
    }

    /// Sends a call in a block of its own, at this time.
    pub async fn send(&self, cast: &Cast, call: &Call, now: u64) -> Outcome {
        self.anvil
            .call("evm_setNextBlockTimestamp", json!([now]))
            .await;
        let provider = &self.anvil.provider;
        let key = cast.senders.iter().find(|key| key.address() == call.sender);
        let wallet = EthereumWallet::from(key.unwrap().clone());
        let (to, input) = match &call.input {
            Input::Registry(input) => (self.registry, input.abi_encode()),
            Input::Splitter(input) => (self.origin.splitter, input.abi_encode()),
        };
        let request = TransactionRequest::default()
            .with_chain_id(self.origin.chain_id)
            .with_nonce(provider.get_transaction_count(call.sender).await.unwrap())
            .with_gas_limit(GAS)
            .with_gas_price(GAS_PRICE)
            .with_to(to)
            .with_value(call.value)
            .with_input(input);
        let signed = request.build(&wallet).await.unwrap();
        assert_eq!(signed.value(), call.value);
        let raw = Bytes::from(signed.encoded_2718());
        let receipt = self.anvil.call("eth_sendRawTransactionSync", json!([raw]));
        let receipt: TransactionReceipt = serde_json::from_value(receipt.await).unwrap();
        Outcome {
            fee: U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price),
            result: if receipt.status() {
                Ok(skipped(&receipt))
            } else {
                Err(self.refusal(receipt.transaction_hash).await)
            },
        }
    }

    /// What a transaction that failed returned.
    async fn refusal(&self, transaction: B256) -> Refusal {
        let params = json!([transaction, {"tracer": "callTracer"}]);
        let trace = self.anvil.call("debug_traceTransaction", params).await;
        let output = trace["output"].as_str().unwrap_or("0x");
        Refusal(output.parse().unwrap())
    }

    /// Reads everything that is compared, in one request.
    pub async fn balances(&self, cast: &Cast, channels: impl Iterator<Item = B256>) -> Balances {
        let (splitter, token) = (self.origin.splitter, self.origin.token);
        let client = self.anvil.provider.client();
        let mut batch = BatchRequest::new(client);
        let mut call = |to: Address, input: Vec<u8>| {
            let request = json!([{"to": to, "input": Bytes::from(input)}, "latest"]);
            batch
                .add_call::<Value, Bytes>("eth_call", &request)
                .unwrap()
        };
        let accounts = cast.accounts(splitter);
        let mut waiting = Vec::new();
        for account in accounts.iter().copied() {
            let (owner, spender) = (account, splitter);
            waiting.push((
                account,
                call(token, Usd::balanceOfCall { account }.abi_encode()),
                call(token, Usd::allowanceCall { owner, spender }.abi_encode()),
                call(
                    splitter,
                    EarningsSplitter::noncesCall { account }.abi_encode(),
                ),
                [ETHER, token].map(|token| {
                    let input = EarningsSplitter::earnedCall { token, account };
                    (token, call(splitter, input.abi_encode()))
                }),
            ));
        }
        let rows: Vec<_> = channels
            .map(|id| {
                let input = EarningsSplitter::channelStateCall { channelId: id };
                (id, call(splitter, input.abi_encode()))
            })
            .collect();
        let ether: Vec<_> = accounts
            .iter()
            .map(|account| {
                let params = json!([account, "latest"]);
                let answer = batch.add_call::<Value, U256>("eth_getBalance", &params);
                (*account, answer.unwrap())
            })
            .collect();
        batch.send().await.unwrap();

        let word = |bytes: Bytes| U256::from_be_slice(&bytes);
        let mut read = Balances::default();
        for (account, tokens, allowance, nonce, earned) in waiting {
            read.tokens.insert(account, word(tokens.await.unwrap()));
            read.allowances
                .insert(account, word(allowance.await.unwrap()));
            read.nonces.insert(account, word(nonce.await.unwrap()));
            for (token, amount) in earned {
                let amount = word(amount.await.unwrap());
                read.earned.insert((token, account), amount);
            }
        }
        for (account, balance) in ether {
            read.ether.insert(account, balance.await.unwrap());
        }
        for (id, state) in rows {
            let state = state.await.unwrap();
            let state = EarningsSplitter::channelStateCall::abi_decode_returns(&state).unwrap();
            let row = ChannelRow {
                deposit: state.deposit.to(),
                settled: state.settled.to(),
                closed: state.closed,
            };
            read.channels.insert(id, row);
        }
        read
    }
}

impl Balances {
    /// What the reference says that is to be read.
    pub fn expected(state: &Reference, cast: &Cast, channels: impl Iterator<Item = B256>) -> Self {
        let accounts = cast.accounts(state.splitter);
        let of = |amounts: &BTreeMap<Address, U256>| {
            let rows = accounts.iter();
            rows.map(|account| (*account, amounts.get(account).copied().unwrap_or_default()))
                .collect()
        };
        let earned = [ETHER, state.token].into_iter().flat_map(|token| {
            let rows = accounts.iter().map(move |account| (token, *account));
            rows.map(|row| (row, state.earned.get(&row).copied().unwrap_or_default()))
        });
        Self {
            ether: of(&state.ether),
            tokens: of(&state.tokens),
            allowances: of(&state.allowances),
            nonces: of(&state.nonces),
            earned: earned.collect(),
            channels: channels
                .map(|id| (id, state.channels.get(&id).copied().unwrap_or_default()))
                .collect(),
        }
    }
}

fn skipped(receipt: &TransactionReceipt) -> Vec<Skipped> {
    let logs = receipt.logs().iter();
    logs.filter_map(|log| EarningsSplitter::SettlementSkipped::decode_log(&log.inner).ok())
        .map(|log| (log.channelId, log.reason.0))
        .collect()
}
