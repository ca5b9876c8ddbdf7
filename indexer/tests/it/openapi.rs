//! The committed OpenAPI document, from which the page's client is generated.

#[test]
fn the_committed_openapi_document_is_the_one_that_the_api_serves() {
    let committed: serde_json::Value =
        serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let served = serde_json::to_value(paystream_indexer::api::openapi()).unwrap();
    assert!(
        committed == served,
        "run: cargo run -p paystream-indexer -- openapi > indexer/openapi.json"
    );
}
