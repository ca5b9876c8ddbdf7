//! The writer's transactions by themselves.

use alloy::primitives::{Address, B256, Bytes, U256};
use paystream_contracts::Deployment;
use paystream_indexer::chain::{BlockRef, Header, Position};
use paystream_indexer::error::Error;
use paystream_indexer::event::RawLog;
use paystream_indexer::projection::Change;
use paystream_indexer::store;
use paystream_indexer::store::write::{Batch, Writer};

use crate::indexer::contents_of;
use crate::postgres::Postgres;

const DEPLOYMENT: Deployment = Deployment {
    chain_id: 31_337,
    registry: Address::repeat_byte(1),
    splitter: Address::repeat_byte(2),
    split_factory: Address::repeat_byte(3),
    block: 10,
};

fn header(number: u64) -> Header {
    Header {
        block: BlockRef {
            number,
            hash: B256::with_last_byte(number as u8),
        },
        parent_hash: B256::with_last_byte(number as u8 - 1),
        timestamp: 1_700_000_000 + number,
    }
}

/// A block with one credit of the largest amount there is.
fn batch(number: u64, content_id: B256) -> Batch {
    let log = RawLog {
        block_number: number,
        log_index: 0,
        transaction_hash: B256::ZERO,
        address: DEPLOYMENT.splitter,
        topics: vec![B256::ZERO],
        data: Bytes::new(),
    };
    let credit = Change::Credit {
        token: Address::ZERO,
        account: Address::repeat_byte(3),
        content_id,
        amount: U256::MAX,
    };
    Batch {
        headers: vec![header(number)],
        logs: vec![(log, vec![credit])],
    }
}

#[tokio::test]
async fn a_step_from_another_head_or_with_a_bad_row_writes_nothing() {
    let postgres = Postgres::start().await;
    let database = postgres.database("indexer").await;
    let options = store::options(&database).unwrap();
    let mut writer = Writer::acquire(&options, &DEPLOYMENT).await.unwrap();
    let start = writer.position().await.unwrap();
    assert_eq!(start, Position::start(10));

    let first = start.extended(header(10).block, 0);
    writer
        .extend(&start, &first, &batch(10, B256::ZERO))
        .await
        .unwrap();
    let before = contents_of(&database).await;
    assert!(
        before
            .iter()
            .any(|(_, rows)| rows.contains(&U256::MAX.to_string()))
    );

    // The same step again, and one from a head that was never ours.
    let again = writer.extend(&start, &first, &batch(10, B256::ZERO)).await;
    assert!(matches!(again, Err(Error::HeadMoved)), "{again:?}");
    let elsewhere = Position {
        head_hash: Some(B256::ZERO),
        ..first
    };
    let next = first.extended(header(11).block, 0);
    let astray = writer
        .extend(&elsewhere, &next, &batch(11, B256::ZERO))
        .await;
    assert!(matches!(astray, Err(Error::HeadMoved)), "{astray:?}");
    let back = writer.roll_back(&elsewhere, &start).await;
    assert!(matches!(back, Err(Error::HeadMoved)), "{back:?}");

    // A block with the same log twice fails at its last row, after the head and the block were written.
    let mut doubled = batch(11, B256::ZERO);
    doubled.logs.extend(doubled.logs.clone());
    assert!(writer.extend(&first, &next, &doubled).await.is_err());
    assert_eq!(contents_of(&database).await, before);

    // And the writer goes on from where it was.
    writer
        .extend(&first, &next, &batch(11, B256::ZERO))
        .await
        .unwrap();
    writer.roll_back(&next, &first).await.unwrap();
    assert_eq!(contents_of(&database).await, before);
    assert_eq!(writer.position().await.unwrap(), first);
}

#[tokio::test]
async fn there_is_one_writer_until_it_is_gone() {
    let postgres = Postgres::start().await;
    let options = store::options(&postgres.database("indexer").await).unwrap();
    let first = Writer::acquire(&options, &DEPLOYMENT).await.unwrap();
    let second = Writer::acquire(&options, &DEPLOYMENT).await;
    assert!(matches!(second, Err(Error::Standby)), "{second:?}");
    drop(first);
    crate::wait::until("the lock is free", || async {
        Writer::acquire(&options, &DEPLOYMENT).await.ok()
    })
    .await;
    let other = Deployment {
        chain_id: 1,
        ..DEPLOYMENT
    };
    let refused = crate::wait::until("the lock is free again", || async {
        match Writer::acquire(&options, &other).await {
            Err(Error::Standby) => None,
            answer => Some(answer),
        }
    })
    .await;
    let expected = matches!(
        refused,
        Err(Error::OtherDeployment {
            chain_id: 31_337,
            ..
        })
    );
    assert!(expected, "{refused:?}");
}
