//! `paystream-indexer`: see the library.

fn main() {
    println!(
        "{}",
        paystream_indexer::api::openapi()
            .to_pretty_json()
            .expect("the document is plain data")
    );
}
