//! Files that go from one store to the other.

use paystream_streamer::store::{QUIET, export, import};

use super::footage::{Footage, VECTORS, footage};
use super::{KuboNode, bytes, embedded};

#[tokio::test]
async fn a_file_that_was_added_here_is_read_by_kubo() {
    let (folder, store) = embedded();
    let node = KuboNode::start().await;
    let added = store.add(Box::pin(Footage::new(50_000_000)), QUIET).await;
    let cid = added.unwrap().cid;
    let car = folder.path().join("file.car");
    let output = tokio::fs::File::create(&car).await.unwrap();
    let blocks = export(store, cid, output, QUIET).await.unwrap();
    assert_eq!(blocks, 191 + 3);
    let imported = node.run(&["dag", "import", "--stats", car.to_str().unwrap()]);
    let imported = String::from_utf8(imported).unwrap();
    assert!(imported.contains(&cid.to_string()), "{imported}");
    let read = node.run(&["cat", &cid.to_string()]);
    assert!(read == footage(50_000_000));
}

#[tokio::test]
async fn a_file_that_was_added_by_kubo_is_read_here() {
    let (folder, store) = embedded();
    let node = KuboNode::start().await;
    let content = footage(1_000_000);
    let file = folder.path().join("file");
    std::fs::write(&file, &content).unwrap();
    let ours = [
        "--cid-version=1",
        "--raw-leaves",
        "--chunker=size-262144",
        "--max-file-links=174",
    ];
    let layouts: [&[&str]; 4] = [
        &ours,
        &["--cid-version=0", "--raw-leaves=false"],
        &["--cid-version=1", "--chunker=rabin-1000-20000-50000"],
        &[
            "--cid-version=1",
            "--trickle",
            "--raw-leaves=false",
            "--chunker=size-5000",
        ],
    ];
    for layout in layouts {
        let add = [&["add", "--quieter"], layout, &[file.to_str().unwrap()]].concat();
        let cid = String::from_utf8(node.run(&add)).unwrap();
        let cid: cid::Cid = cid.trim().parse().unwrap();
        if layout == ours {
            assert_eq!(cid.to_string(), VECTORS[0].1);
        }
        let car = node.run(&["dag", "export", "--progress=false", &cid.to_string()]);
        let roots = import(&*store, &car[..], QUIET).await.unwrap();
        assert_eq!(roots, [cid]);
        assert!(store.is_pinned(&cid).await.unwrap());
        let read = bytes(&store, cid, 0..u64::MAX).await.unwrap();
        assert!(read == content, "{layout:?}");
        let part = bytes(&store, cid, 654_321..765_432).await.unwrap();
        assert!(part == content[654_321..765_432], "{layout:?}");
    }
}
