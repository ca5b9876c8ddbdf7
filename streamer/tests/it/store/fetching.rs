//! `paystream-streamer pin`: content that others hold, and gateways that lie or give up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use paystream_streamer::store::{ContentStore, Gateways, QUIET, StoreError};
use url::Url;

use super::commands::{Command, command};
use super::footage::{Footage, footage};
use super::{KuboNode, bytes, embedded};

/// A gateway of a store that tampers with, or withholds, what it is told to.
async fn gateway(
    store: Arc<dyn ContentStore>,
    serve: impl Fn(usize, Vec<u8>) -> Option<Vec<u8>> + Clone + Send + Sync + 'static,
) -> (Url, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let block = move |Path(cid): Path<String>| {
        let (store, count, serve) = (Arc::clone(&store), Arc::clone(&count), serve.clone());
        async move {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let block = store.block(&cid.parse().unwrap()).await.unwrap().unwrap();
            serve(number, block.to_vec()).ok_or(StatusCode::BAD_GATEWAY)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/ipfs/{cid}", get(block));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url.parse().unwrap(), asked)
}

#[tokio::test]
async fn content_of_a_kubo_node_is_pinned_by_its_gateway() {
    let node = KuboNode::start().await;
    let source = node.store();
    let added = source.add(Box::pin(Footage::new(30_000_000)), QUIET).await;
    let cid = added.unwrap().cid;
    let folder = tempfile::tempdir().unwrap();
    let Command {
        success,
        stdout,
        stderr,
    } = command(&[
        "pin",
        &cid.to_string(),
        "--data-dir",
        folder.path().to_str().unwrap(),
        "--from",
        node.gateway.as_str(),
    ])
    .await;
    assert!(success, "{stderr}");
    assert_eq!(stdout.trim(), format!("pinned {cid}"));
    assert!(stderr.contains("116 blocks"), "{stderr}");
    let blocks = folder.path().join("blocks");
    let store = paystream_streamer::store::Embedded::open(blocks, u64::MAX);
    let store: Arc<dyn ContentStore> = Arc::new(store.unwrap());
    assert!(store.is_pinned(&cid).await.unwrap());
    assert!(bytes(&store, cid, 0..u64::MAX).await.unwrap() == footage(30_000_000));
}

#[tokio::test]
async fn a_gateway_that_lies_is_passed_over_for_one_that_does_not() {
    let (_source, source) = embedded();
    let added = source.add(Box::pin(Footage::new(3_000_000)), QUIET).await;
    let cid = added.unwrap().cid;
    let (liar, lies) = gateway(Arc::clone(&source), |_, mut block| {
        block[0] ^= 1;
        Some(block)
    })
    .await;
    let (honest, _) = gateway(source, |_, block| Some(block)).await;
    let (_target, target) = embedded();
    let alone = Gateways::new(vec![liar.clone()]).unwrap();
    let failed = alone.fetch(&*target, &cid, QUIET).await.unwrap_err();
    assert!(matches!(failed, StoreError::Remote { .. }), "{failed}");
    assert_eq!(target.block(&cid).await.unwrap(), None);
    let both = Gateways::new(vec![liar, honest]).unwrap();
    both.fetch(&*target, &cid, QUIET).await.unwrap();
    target.pin(&cid, QUIET).await.unwrap();
    assert!(lies.load(Ordering::SeqCst) > 10);
}

#[tokio::test]
async fn what_was_fetched_before_a_failure_is_not_fetched_again() {
    let (_source, source) = embedded();
    let added = source.add(Box::pin(Footage::new(8_000_000)), QUIET).await;
    let added = added.unwrap();
    let (weak, _) = gateway(Arc::clone(&source), |number, block| {
        (number < 20).then_some(block)
    })
    .await;
    let (strong, asked) = gateway(source, |_, block| Some(block)).await;
    let (_target, target) = embedded();
    let first = Gateways::new(vec![weak]).unwrap();
    assert!(first.fetch(&*target, &added.cid, QUIET).await.is_err());
    let second = Gateways::new(vec![strong]).unwrap();
    second.fetch(&*target, &added.cid, QUIET).await.unwrap();
    let asked = asked.load(Ordering::SeqCst) as u64;
    assert!(asked <= added.blocks - 16, "{asked} of {}", added.blocks);
    let read = bytes(&target, added.cid, 0..u64::MAX).await.unwrap();
    assert!(read == footage(8_000_000));
}
