//! Killed at any point, a deployment goes on where it was.

use tokio::task::JoinSet;

use crate::anvil::{Anvil, until};
use crate::run::Deployer;

/// After so many transactions have been sent, and so many of them are in blocks.
const POINTS: [(u64, u64); 6] = [(1, 0), (1, 1), (2, 1), (3, 2), (3, 3), (0, 0)];

#[tokio::test]
async fn a_deployment_killed_at_any_point_goes_on_and_sends_nothing_twice() {
    let mut runs = JoinSet::new();
    for (sent, mined) in POINTS {
        runs.spawn(killed_at(sent, mined));
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

async fn killed_at(sent: u64, mined: u64) {
    let anvil = Anvil::start().await;
    anvil.stop_mining().await;
    let deployer = Deployer::new(&anvil);
    let mut run = deployer.start(&["--broadcast"]);
    for count in 1..=sent {
        until("the next transaction is sent", || async {
            (anvil.known().await == count).then_some(())
        })
        .await;
        if count <= mined {
            anvil.mine().await;
        }
    }
    run.kill().await.unwrap();
    assert!(!deployer.record().exists());
    // With (1, 1) the second transaction may have been sent before the kill.
    assert!(anvil.sent().await == mined && anvil.known().await <= sent + 1);

    anvil.mine_by_itself().await;
    deployer.succeed(&["--broadcast"]).await;
    assert_eq!(
        anvil.sent().await,
        3,
        "killed after {sent} sent, {mined} mined"
    );
    let record = deployer.recorded();
    assert_eq!(
        record["block"],
        record["contracts"]["StreamRegistry"]["block"]
    );
    for contract in ["StreamRegistry", "EarningsSplitter", "PayoutSplitFactory"] {
        assert!(
            record["contracts"][contract]["transaction"].is_string(),
            "{record}"
        );
    }
    deployer.succeed(&["--check"]).await;
}
