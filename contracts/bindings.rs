//! Generated from forge's artefacts; the contracts' own documentation is in `src/interfaces`.

#![allow(missing_docs, clippy::too_many_arguments)]

use alloy::sol;

sol!(
    #[sol(rpc, abi, all_derives)]
    StreamRegistry,
    concat!(
        env!("OUT_DIR"),
        "/out/StreamRegistry.sol/StreamRegistry.json"
    )
);

sol!(
    #[sol(rpc, abi, all_derives)]
    EarningsSplitter,
    concat!(
        env!("OUT_DIR"),
        "/out/EarningsSplitter.sol/EarningsSplitter.json"
    )
);

sol!(
    #[sol(rpc, abi, all_derives)]
    PayoutSplitFactory,
    concat!(
        env!("OUT_DIR"),
        "/out/PayoutSplitFactory.sol/PayoutSplitFactory.json"
    )
);

sol!(
    #[sol(rpc, abi, all_derives)]
    PayoutSplit,
    concat!(env!("OUT_DIR"), "/out/PayoutSplit.sol/PayoutSplit.json")
);
