//! Random sequences of real transactions against a reference that knows nothing of Solidity.
//!
//! After each transaction the two agree on whether it went through or with which error, arguments included, it was
//! refused; on what a settlement left out and why; and, to the smallest unit, on every balance in ether and in a token,
//! every row of the ledger and the state of every channel. A sequence that they disagree about is made shorter before it
//! is shown. `PROPTEST_CASES` says how many sequences there are.

mod action;
mod cast;
mod chain;
mod plan;
mod reference;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alloy::primitives::B256;
use alloy::sol_types::SolInterface;
use paystream_contracts::EarningsSplitter::EarningsSplitterErrors;
use paystream_contracts::StreamRegistry::StreamRegistryErrors;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

use action::{Step, sequence};
use cast::Cast;
use chain::{Balances, Chain, Outcome};
use plan::Planner;
use reference::{Call, ETHER, Input, Reference, Refusal, Skipped, Usd};

/// Sequences in a run that is not told otherwise.
const CASES: u32 = 40;

#[test]
fn the_contracts_and_a_reference_model_agree_on_all_money() {
    let cases = std::env::var("PROPTEST_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        max_shrink_time: 90_000,
        ..Config::default()
    };
    let (cast, runtime) = (Cast::new(), Runtime::new().unwrap());
    let chain = std::cell::RefCell::new(runtime.block_on(Chain::start(&cast)));
    let tally = std::cell::RefCell::new(Tally::default());
    let result = TestRunner::new(config).run(&sequence(), |steps| {
        let (mut chain, mut tally) = (chain.borrow_mut(), tally.borrow_mut());
        runtime.block_on(play(&mut chain, &cast, &steps, &mut tally))
    });
    println!("{}", tally.borrow());
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Plays a sequence on both.
async fn play(
    chain: &mut Chain,
    cast: &Cast,
    steps: &[Step],
    tally: &mut Tally,
) -> Result<(), TestCaseError> {
    chain.rewind().await;
    let mut state = chain.origin.clone();
    let mut planner = Planner {
        cast,
        channels: Vec::new(),
    };
    let mut story = String::new();
    tally.sequences += 1;
    for step in steps {
        let now = planner.time(&state, &step.wait);
        let call = planner.call(&state, step, now);
        let expected = state.play(&call, now);
        let seen = chain.send(cast, &call, now).await;
        *state.ether.get_mut(&call.sender).unwrap() -= seen.fee;
        let told = tell(&expected);
        writeln!(story, "at {now}: {call:?}\n    {told}").unwrap();
        tally.count(&call, &told);
        let differs = compare(chain, cast, &state, &planner, &expected, &seen).await;
        if let Some(differs) = differs {
            return Err(TestCaseError::fail(format!("{differs}\n\n{story}")));
        }
    }
    Ok(())
}

/// What the two do not agree on.
async fn compare(
    chain: &Chain,
    cast: &Cast,
    state: &Reference,
    planner: &Planner<'_>,
    expected: &Result<Vec<Skipped>, Refusal>,
    seen: &Outcome,
) -> Option<String> {
    if *expected != seen.result {
        let (expected, seen) = (tell(expected), tell(&seen.result));
        return Some(format!("the model: {expected}\nthe chain: {seen}"));
    }
    let ids: Vec<B256> = (planner.channels.iter())
        .map(|channel| state.channel_id(channel))
        .collect();
    let model = Balances::expected(state, cast, ids.iter().copied());
    let read = chain.balances(cast, ids.iter().copied()).await;
    if model != read {
        return Some(format!("the model: {model:#?}\nthe chain: {read:#?}"));
    }
    solvency(state, planner, &read)
}

/// The splitter holds all the ether that it owes and no more. Of the token it may hold more: a channel whose payer is the
/// splitter itself gives back to it.
fn solvency(state: &Reference, planner: &Planner<'_>, read: &Balances) -> Option<String> {
    let channels: BTreeMap<B256, _> = (planner.channels.iter())
        .map(|channel| (state.channel_id(channel), channel))
        .collect();
    let owed = |token| state.owed(token, channels.values().copied());
    let (ether, tokens) = (owed(ETHER), owed(state.token));
    let (has_ether, has_tokens) = (read.ether[&state.splitter], read.tokens[&state.splitter]);
    (ether != has_ether || tokens > has_tokens).then(|| {
        format!("owed: {ether} wei, {tokens} of the token; held: {has_ether}, {has_tokens}")
    })
}

fn tell(result: &Result<Vec<Skipped>, Refusal>) -> String {
    let error = match result {
        Ok(skipped) if skipped.is_empty() => return "goes through".to_owned(),
        Ok(skipped) => {
            let reasons = skipped.iter().map(|(id, selector)| {
                let name = EarningsSplitterErrors::name_by_selector(*selector);
                format!("{id}: {}", name.unwrap_or("?"))
            });
            let reasons: Vec<String> = reasons.collect();
            return format!("goes through, but for {}", reasons.join(", "));
        }
        Err(Refusal(error)) => error,
    };
    if let Ok(known) = EarningsSplitterErrors::abi_decode(error) {
        return format!("{known:?}");
    }
    if let Ok(known) = StreamRegistryErrors::abi_decode(error) {
        return format!("{known:?}");
    }
    let known = Usd::UsdErrors::abi_decode(error);
    known.map_or_else(
        |_| format!("reverts with {error}"),
        |known| format!("{known:?}"),
    )
}

/// What was played, so that one sees what a run is worth.
#[derive(Default)]
struct Tally {
    sequences: u64,
    transactions: u64,
    refused: u64,
    kinds: BTreeMap<String, [u64; 2]>,
    refusals: BTreeMap<String, u64>,
}

impl Tally {
    fn count(&mut self, call: &Call, told: &str) {
        let kind = match &call.input {
            Input::Registry(input) => format!("{input:?}"),
            Input::Splitter(input) => format!("{input:?}"),
        };
        let good = told.starts_with("goes through");
        let kind = kind.split('(').next().unwrap_or_default().to_owned();
        self.transactions += 1;
        self.kinds.entry(kind).or_default()[usize::from(!good)] += 1;
        if !good {
            self.refused += 1;
            let name = told.split(['(', ' ']).next().unwrap_or_default();
            *self.refusals.entry(name.to_owned()).or_default() += 1;
            return;
        }
        for reason in told.split(": ").skip(1) {
            let name = reason.split(',').next().unwrap_or_default();
            *self.refusals.entry(format!("skipped {name}")).or_default() += 1;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sequences, transactions, refused) = (self.sequences, self.transactions, self.refused);
        writeln!(
            f,
            "{sequences} sequences, {transactions} transactions, {refused} refused"
        )?;
        for (kind, [good, refused]) in &self.kinds {
            writeln!(f, "  {kind}: {good} went through, {refused} refused")?;
        }
        for (name, count) in &self.refusals {
            writeln!(f, "  {name}: {count}")?;
        }
        Ok(())
    }
}
