use super::*;
use crate::store::{Embedded, QUIET};

const QUOTA: u64 = 1 << 30;

fn remove_files(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            remove_files(&path);
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[tokio::test]
async fn whose_a_block_is_is_read_from_the_store_once() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = folder.path().join("blocks");
    let store: Arc<dyn ContentStore> = Arc::new(Embedded::open(blocks.clone(), QUOTA).unwrap());
    let bytes: Vec<u8> = (0..900_000u32).flat_map(u32::to_le_bytes).collect();
    let file = store.add(Box::pin(&bytes[..]), QUIET).await.unwrap().cid;
    let other = store.add(Box::pin(&bytes[1..]), QUIET).await.unwrap().cid;
    let films = Films::new(Arc::clone(&store));
    let leaves: Vec<Cid> = films.index(file).await.unwrap().0.keys().copied().collect();
    assert!(leaves.len() > 10);
    assert!(films.has(file, &leaves[0]).await);
    remove_files(&blocks);
    for leaf in &leaves {
        assert!(films.has(file, leaf).await, "it is known without the store");
    }
    assert!(!films.has(file, &other).await);
    // What cannot be read has no blocks, is no error, and is not tried again at once.
    assert!(!films.has(other, &leaves[0]).await);
    store.add(Box::pin(&bytes[1..]), QUIET).await.unwrap();
    assert!(!films.has(other, &other).await);
}
