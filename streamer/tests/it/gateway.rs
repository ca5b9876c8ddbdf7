//! The cases of the public gateway-conformance suite for raw and CAR answers that concern files, restated for free content; and what is
//! beside them.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};

use crate::stack::{Car, Plan, Stack, StoredFilm};

const PLAN: Plan = Plan {
    seconds: 8,
    msat_per_second: 20_000,
    free: true,
};

struct Gateway<'a> {
    stack: &'a Stack,
    film: &'a StoredFilm,
}

impl Gateway<'_> {
    async fn get(
        &self,
        query: &str,
        headers: &[(reqwest::header::HeaderName, &str)],
    ) -> reqwest::Response {
        let url = format!(
            "{}/ipfs/{}{query}",
            self.stack.streamer.url, self.film.film.root
        );
        let mut request = self.stack.streamer.http.get(url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await.unwrap()
    }

    async fn blocks(&self, query: &str) -> Vec<String> {
        let response = self.get(query, &[]).await;
        assert_eq!(response.status(), 200, "{query}");
        Car::new(response).cids().await
    }

    /// The interior blocks and the leaves from one to another, as a CAR has them.
    fn expected(&self, leaves: std::ops::Range<usize>) -> Vec<String> {
        let all = self.film.leaves();
        let wanted = &all[leaves];
        self.film
            .blocks
            .iter()
            .filter(|block| {
                block.kind == paystream_streamer::store::dag::Kind::Interior
                    || wanted.iter().any(|(cid, _)| *cid == block.cid)
            })
            .map(|block| block.cid.to_string())
            .collect()
    }
}

fn has(headers: &HeaderMap, name: &str, value: &str) {
    assert_eq!(headers[name], value, "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn free_content_is_served_as_a_trustless_gateway_serves_it() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let gateway = Gateway {
        stack: &stack,
        film: &film,
    };
    raw_blocks(&gateway).await;
    cars(&gateway).await;
    entity_bytes(&gateway).await;
    caching(&gateway).await;
    plain_bytes(&gateway).await;
    refusals(&gateway).await;
    many_readers(&gateway).await;
    missing_and_damaged_blocks(&gateway).await;
}

async fn raw_blocks(gateway: &Gateway<'_>) {
    let root = &gateway.film.blocks[0];
    for (query, accept) in [("?format=raw", "*/*"), ("", "application/vnd.ipld.raw")] {
        let response = gateway.get(query, &[(ACCEPT, accept)]).await;
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        has(&headers, "content-type", "application/vnd.ipld.raw");
        has(&headers, "content-length", &root.block.len().to_string());
        has(
            &headers,
            "content-disposition",
            &format!("attachment; filename=\"{}.bin\"", root.cid),
        );
        has(&headers, "x-content-type-options", "nosniff");
        has(&headers, "x-ipfs-path", &format!("/ipfs/{}", root.cid));
        has(&headers, "x-ipfs-roots", &root.cid.to_string());
        has(
            &headers,
            "cache-control",
            "public, max-age=29030400, immutable",
        );
        has(&headers, "etag", &format!("\"{}.raw\"", root.cid));
        assert_eq!(response.bytes().await.unwrap(), root.block);
    }
    let named = gateway.get("?format=raw&filename=foobar.bin", &[]).await;
    has(
        named.headers(),
        "content-disposition",
        "attachment; filename=\"foobar.bin\"",
    );
    let url = &gateway.stack.streamer.url;
    for block in &gateway.film.blocks {
        let raw = reqwest::get(format!("{url}/ipfs/{}?format=raw", block.cid))
            .await
            .unwrap();
        assert_eq!(raw.bytes().await.unwrap(), block.block);
    }
}

async fn cars(gateway: &Gateway<'_>) {
    let all = gateway.expected(0..gateway.film.leaves().len());
    for query in [
        "?format=car",
        "?format=car&dag-scope=all",
        "?format=car&dag-scope=entity",
        "?format=car&dag-scope=entity&entity-bytes=0:*",
        "?format=car&car-order=unk",
    ] {
        assert_eq!(gateway.blocks(query).await, all, "{query}");
    }
    assert_eq!(
        gateway.blocks("?format=car&dag-scope=block").await,
        all[..1]
    );
    for (accept, expected) in [
        ("application/vnd.ipld.car", "dups=n"),
        (
            "application/vnd.ipld.car; version=1; order=dfs; dups=n",
            "dups=n",
        ),
        (
            "application/vnd.ipld.car; version=1; order=dfs; dups=y",
            "dups=y",
        ),
        ("application/vnd.ipld.car; version=1; order=unk", "dups=n"),
    ] {
        let response = gateway.get("", &[(ACCEPT, accept)]).await;
        assert_eq!(response.status(), 200);
        let kind = format!("application/vnd.ipld.car; version=1; order=dfs; {expected}");
        has(response.headers(), "content-type", &kind);
        has(response.headers(), "x-content-type-options", "nosniff");
        let cid = gateway.film.film.root;
        has(
            response.headers(),
            "content-disposition",
            &format!("attachment; filename=\"{cid}.car\""),
        );
        assert_eq!(Car::new(response).cids().await, all);
    }
}

async fn entity_bytes(gateway: &Gateway<'_>) {
    let leaves = gateway.film.leaves();
    let (size, count) = (gateway.film.film.size, leaves.len());
    let second = leaves[1].1.clone();
    for (bytes, expected) in [
        ("0:0".to_owned(), 0..1),
        ("0:*".to_owned(), 0..count),
        (format!("{}:*", second.start), 1..count),
        (format!("{}:{}", second.start, second.end - 1), 1..2),
        (format!("{}:{}", second.start, second.end), 1..3),
        (format!("{}:-{}", second.start, size - second.end + 1), 1..2),
        ("-5:*".to_owned(), count - 1..count),
        (format!("-{}:*", size * 3), 0..count),
        (format!("-{}:-{size}", size * 3), 0..1),
        (format!("5:{}", size * 3), 0..count),
        (format!("{}:*", size), 0..0),
    ] {
        let blocks = gateway
            .blocks(&format!(
                "?format=car&dag-scope=entity&entity-bytes={bytes}"
            ))
            .await;
        if expected.is_empty() {
            assert_eq!(blocks, gateway.expected(0..0)[..1], "{bytes}");
        } else {
            assert_eq!(blocks, gateway.expected(expected), "{bytes}");
        }
    }
}

async fn caching(gateway: &Gateway<'_>) {
    for query in [
        "",
        "?format=raw",
        "?format=car",
        "?format=car&entity-bytes=0:5",
    ] {
        let url = format!(
            "{}/ipfs/{}{query}",
            gateway.stack.streamer.url, gateway.film.film.root
        );
        let head = gateway.stack.streamer.http.head(&url).send().await.unwrap();
        assert_eq!(head.status(), 200, "{query}");
        let etag = head.headers()["etag"].to_str().unwrap().to_owned();
        let kind = head.headers()["content-type"].clone();
        let get = gateway.get(query, &[]).await;
        assert_eq!(get.headers()["etag"], etag.as_str());
        assert_eq!(get.headers()["content-type"], kind);
        assert_eq!(
            get.headers().get("content-length"),
            head.headers().get("content-length")
        );
        assert!(head.bytes().await.unwrap().is_empty());
        for known in [
            etag.clone(),
            format!("W/{}", etag.trim_start_matches("W/")),
            "*".to_owned(),
        ] {
            let again = gateway.get(query, &[(IF_NONE_MATCH, &known)]).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{query} {known}");
            has(again.headers(), "etag", &etag);
            assert!(again.bytes().await.unwrap().is_empty());
        }
        let other = gateway.get(query, &[(IF_NONE_MATCH, "\"another\"")]).await;
        assert_eq!(other.status(), 200);
    }
}

async fn plain_bytes(gateway: &Gateway<'_>) {
    let bytes = &gateway.film.bytes;
    let size = bytes.len();
    let whole = gateway.get("", &[]).await;
    has(whole.headers(), "content-type", "video/mp4");
    has(whole.headers(), "accept-ranges", "bytes");
    has(whole.headers(), "content-length", &size.to_string());
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=262143-262144", 262_143..262_145),
        ("bytes=1000000-", 1_000_000..size),
        ("bytes=-300000", size - 300_000..size),
    ] {
        let part = gateway.get("", &[(RANGE, range)]).await;
        assert_eq!(part.status(), 206, "{range}");
        let said = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
        has(part.headers(), "content-range", &said);
        assert_eq!(part.bytes().await.unwrap(), bytes[expected]);
    }
    let beyond = gateway.get("", &[(RANGE, "bytes=999999999-")]).await;
    assert_eq!(beyond.status(), 416);
    has(
        beyond.headers(),
        "content-range",
        &format!("bytes */{size}"),
    );
    let stale = [(RANGE, "bytes=0-0"), (IF_RANGE, "\"another\"")];
    assert_eq!(gateway.get("", &stale).await.status(), 200);
    let picture = format!(
        "{}/ipfs/{}",
        gateway.stack.streamer.url, gateway.film.picture
    );
    let picture = reqwest::get(picture).await.unwrap();
    has(picture.headers(), "content-type", "image/jpeg");
}

async fn refusals(gateway: &Gateway<'_>) {
    let cid = gateway.film.film.root;
    let identity = "bafkqaf3imvwgy3zaneqgc3janfxgy2lomvscay3jmqfa";
    let blake = "bafykbzaceaknfxnn4xw6y4ytqrkiu3ylqwgcwtqs4svzx7vnjkdxagk5dl2se";
    for (path, status) in [
        ("not-a-cid".to_owned(), 400),
        (blake.to_owned(), 400),
        (identity.to_owned(), 404),
        (
            "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".to_owned(),
            404,
        ),
        (format!("{cid}/a/path"), 404),
        (format!("{cid}?format=tar"), 406),
        (format!("{cid}?format=car&car-version=2"), 406),
        (format!("{cid}?format=car&entity-bytes=5"), 400),
        (format!("{cid}?format=car&dag-scope=some"), 400),
    ] {
        let url = format!("{}/ipfs/{path}", gateway.stack.streamer.url);
        let response = reqwest::get(url).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        has(
            response.headers(),
            "content-type",
            "application/problem+json",
        );
    }
}

async fn many_readers(gateway: &Gateway<'_>) {
    let url = format!(
        "{}/ipfs/{}?format=car",
        gateway.stack.streamer.url, gateway.film.film.root
    );
    let blocks = gateway.film.blocks.len();
    let readers = (0..50).map(|_| {
        let request = gateway.stack.streamer.http.get(&url).send();
        async move { Car::new(request.await.unwrap()).cids().await.len() }
    });
    let read = futures::future::join_all(readers).await;
    assert_eq!(read, [blocks; 50]);
}

async fn missing_and_damaged_blocks(gateway: &Gateway<'_>) {
    let leaves = gateway.film.leaves();
    let (cid, bytes) = leaves[2].clone();
    let block = gateway
        .film
        .blocks
        .iter()
        .find(|block| block.cid == cid)
        .unwrap();
    gateway.stack.damage(&block.block);
    // What does not need the block is served as before.
    let before = format!("?format=car&entity-bytes=0:{}", bytes.start - 1);
    assert_eq!(gateway.blocks(&before).await, gateway.expected(0..2));
    let behind = format!("?format=car&entity-bytes={}:*", bytes.end);
    assert_eq!(
        gateway.blocks(&behind).await,
        gateway.expected(3..leaves.len())
    );
    // A stream that comes upon it is cut off, and does not end as if it were whole.
    let mut car = Car::new(gateway.get("?format=car", &[]).await);
    let mut whole = 0;
    while let Ok(Some(_)) = car.next().await {
        whole += 1;
    }
    assert!(whole < gateway.film.blocks.len());
    assert!(gateway.get("", &[]).await.bytes().await.is_err());
    let raw = format!("{}/ipfs/{cid}?format=raw", gateway.stack.streamer.url);
    let refused = reqwest::get(raw).await.unwrap();
    assert_eq!(refused.status(), 502);
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "content_damaged");
}
