//! Uploads over HTTP, to the real streamer.

use std::path::{Path, PathBuf};
use std::process::Command;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stack::{OPERATOR_TOKEN, Stack, Streamer, until};

fn video(folder: &Path, seconds: u32) -> PathBuf {
    let path = folder.join(format!("{seconds}.mp4"));
    let source = format!("testsrc2=size=640x360:rate=30:duration={seconds}");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &source])
        .args(["-c:v", "mpeg4", "-b:v", "3M"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    path
}

async fn token(streamer: &Streamer, account: &PrivateKeySigner) -> String {
    let body = json!({"address": account.address(), "purpose": "upload"});
    let (_, challenge) = streamer.post("/v1/challenges", &body).await;
    let message = challenge["message"].as_str().unwrap();
    let signature = account.sign_message_sync(message.as_bytes()).unwrap();
    let body = json!({"message": message, "signature": signature.to_string()});
    let (_, granted) = streamer.post("/v1/tokens", &body).await;
    granted["token"].as_str().unwrap().to_owned()
}

/// Speaks tus.
async fn tus(
    streamer: &Streamer,
    token: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Response {
    let mut request = streamer
        .http
        .request(method, format!("{}{path}", streamer.url))
        .bearer_auth(token)
        .header("Tus-Resumable", "1.0.0")
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn create(streamer: &Streamer, token: &str, length: u64) -> Response {
    let length = length.to_string();
    let headers = [
        ("Upload-Length", length.as_str()),
        ("Upload-Metadata", "title QSB0aXRsZQ==,filename YS5tcDQ="),
    ];
    tus(
        streamer,
        token,
        Method::POST,
        "/v1/uploads",
        &headers,
        Vec::new(),
    )
    .await
}

async fn begin(streamer: &Streamer, token: &str, length: u64) -> String {
    let response = create(streamer, token, length).await;
    assert_eq!(response.status(), 201);
    assert!(response.headers().contains_key("upload-expires"));
    response.headers()["location"].to_str().unwrap().to_owned()
}

async fn patch(
    streamer: &Streamer,
    token: &str,
    path: &str,
    offset: u64,
    body: Vec<u8>,
) -> Response {
    let offset = offset.to_string();
    let headers = [
        ("Upload-Offset", offset.as_str()),
        ("Content-Type", "application/offset+octet-stream"),
    ];
    tus(streamer, token, Method::PATCH, path, &headers, body).await
}

async fn offset(streamer: &Streamer, token: &str, path: &str) -> u64 {
    let response = tus(streamer, token, Method::HEAD, path, &[], Vec::new()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let text = response.headers()["upload-offset"].to_str().unwrap();
    text.parse().unwrap()
}

async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap().to_owned())
}

fn item(path: &str) -> String {
    path.replace("/v1/uploads/", "/v1/items/")
}

async fn becomes(streamer: &Streamer, token: &str, path: &str, state: &str) -> Value {
    let path = item(path);
    let what = format!("{path} is {state}");
    until(&what, || async {
        let (status, item) = streamer.get_as(token, &path).await;
        assert_eq!(status, 200);
        assert!(state == "failed" || item["state"] != "failed", "{item}");
        (item["state"] == state).then_some(item)
    })
    .await
}

#[tokio::test]
async fn an_upload_and_its_preparation_go_on_after_the_line_and_the_streamer_were_cut() {
    let mut stack = Stack::start().await;
    let bytes = std::fs::read(video(stack.data.path(), 60)).unwrap();
    let length = bytes.len() as u64;
    let path = begin(&stack.streamer, OPERATOR_TOKEN, length).await;

    // A third is sent of what is promised, and the line is cut.
    let address = stack.streamer.url.strip_prefix("http://").unwrap();
    let mut line = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {OPERATOR_TOKEN}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let third = bytes.len() / 3;
    line.write_all(&bytes[..third]).await.unwrap();
    line.shutdown().await.unwrap();
    // The answer comes when the bytes are safe.
    let _ = line.read_to_end(&mut Vec::new()).await;
    drop(line);
    let kept = offset(&stack.streamer, OPERATOR_TOKEN, &path).await;
    assert_eq!(kept, third as u64);

    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let streamer = &stack.streamer;
    assert_eq!(offset(streamer, OPERATOR_TOKEN, &path).await, kept);
    let rest = bytes[third..].to_vec();
    let response = patch(streamer, OPERATOR_TOKEN, &path, kept, rest).await;
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["upload-offset"], length.to_string());
    becomes(streamer, OPERATOR_TOKEN, &path, "preparing").await;

    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let streamer = &stack.streamer;
    let ready = becomes(streamer, OPERATOR_TOKEN, &path, "ready").await;
    assert_eq!(ready["title"], "A title");
    assert_eq!(ready["duration_ms"], 60_000);
    assert_eq!(ready["progress_permille"], 1000);
    let late = patch(streamer, OPERATOR_TOKEN, &path, length, vec![1]).await;
    assert_eq!(problem(late).await, (409, "upload_conflict".to_owned()));

    let response = tus(
        streamer,
        OPERATOR_TOKEN,
        Method::DELETE,
        &path,
        &[],
        Vec::new(),
    )
    .await;
    assert_eq!(response.status(), 204);
    assert_eq!(streamer.get_as(OPERATOR_TOKEN, &item(&path)).await.0, 404);
    let left = std::fs::read_dir(stack.data.path().join("streamer/uploads")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn creators_upload_within_their_quotas_and_see_their_own_alone() {
    let arguments = [
        "--creator-quota-bytes",
        "20000000000",
        "--creator-quota-items",
        "2",
        "--max-upload-bytes",
        "15000000000",
        "--max-store-bytes",
        "100000000000",
    ];
    let stack = Stack::with(&arguments).await;
    let streamer = &stack.streamer;
    let mine = token(streamer, &PrivateKeySigner::random()).await;
    let other = token(streamer, &PrivateKeySigner::random()).await;

    // Ten gigabytes are declared and one kilobyte comes: it takes up one kilobyte.
    let path = begin(streamer, &mine, 10_000_000_000).await;
    let response = patch(streamer, &mine, &path, 0, vec![7; 1000]).await;
    assert_eq!(response.status(), 204);
    assert_eq!(offset(streamer, &mine, &path).await, 1000);
    let id = path.strip_prefix("/v1/uploads/").unwrap();
    let file = stack.data.path().join("streamer/uploads").join(id);
    let metadata = std::fs::metadata(file).unwrap();
    assert_eq!(metadata.len(), 1000);
    assert!(std::os::unix::fs::MetadataExt::blocks(&metadata) * 512 <= 8192);

    let is = |status: u16, code: &str| (status, code.to_owned());
    let wrong = patch(streamer, &mine, &path, 5, vec![1]).await;
    assert_eq!(problem(wrong).await, is(409, "upload_conflict"));
    let large = create(streamer, &mine, 15_000_000_001).await;
    assert_eq!(problem(large).await, is(413, "too_large"));
    let empty = create(streamer, &mine, 0).await;
    assert_eq!(problem(empty).await, is(422, "unprocessable_video"));
    let small = begin(streamer, &mine, 4).await;
    let more = patch(streamer, &mine, &small, 0, vec![1; 5]).await;
    assert_eq!(problem(more).await, is(413, "too_large"));
    let third = create(streamer, &mine, 4).await;
    assert_eq!(problem(third).await, is(507, "quota_exceeded"));

    // Of another's item nobody is told that it is there.
    for method in [Method::HEAD, Method::DELETE] {
        let response = tus(streamer, &other, method, &path, &[], Vec::new()).await;
        assert_eq!(response.status(), 404);
    }
    let foreign = patch(streamer, &other, &path, 1000, vec![1]).await;
    assert_eq!(problem(foreign).await, is(404, "not_found"));
    assert_eq!(streamer.get_as(&other, &item(&path)).await.0, 404);
    for (token, count) in [(mine.as_str(), 2), (&other, 0), (OPERATOR_TOKEN, 2)] {
        let (_, list) = streamer.get_as(token, "/v1/items").await;
        assert_eq!(list["items"].as_array().unwrap().len(), count);
    }
    let free = streamer
        .http
        .post(format!("{}{}/free", streamer.url, item(&path)))
        .json(&json!({"free": true}));
    let refused = free.try_clone().unwrap().bearer_auth(&mine).send().await;
    assert_eq!(refused.unwrap().status(), 403);
    let given = free.bearer_auth(OPERATOR_TOKEN).send().await.unwrap();
    assert_eq!(given.json::<Value>().await.unwrap()["free"], true);

    // Cancelling gives the room back.
    let deleted = tus(streamer, &mine, Method::DELETE, &small, &[], Vec::new()).await;
    assert_eq!(deleted.status(), 204);
    begin(streamer, &mine, 4).await;
    let unsigned = tus(
        streamer,
        "nobody",
        Method::POST,
        "/v1/uploads",
        &[],
        Vec::new(),
    )
    .await;
    assert_eq!(unsigned.status(), 401);
}

#[tokio::test]
async fn the_protocol_is_told_to_clients_and_browsers_and_what_is_abandoned_goes() {
    let stack = Stack::with(&["--upload-expiry-seconds", "1"]).await;
    let streamer = &stack.streamer;
    let url = format!("{}/v1/uploads", streamer.url);
    let options = streamer.http.request(Method::OPTIONS, &url);
    let told = options.try_clone().unwrap().send().await.unwrap();
    assert_eq!(told.status(), 204);
    assert_eq!(told.headers()["tus-version"], "1.0.0");
    assert_eq!(
        told.headers()["tus-extension"],
        "creation,expiration,termination"
    );
    let preflight = options
        .header("Origin", "https://a.example")
        .header("Access-Control-Request-Method", "PATCH")
        .header(
            "Access-Control-Request-Headers",
            "upload-offset,tus-resumable,authorization",
        );
    let preflight = preflight.send().await.unwrap();
    let allowed = |name: &str| preflight.headers()[name].to_str().unwrap().to_lowercase();
    assert!(allowed("access-control-allow-methods").contains("patch"));
    for name in [
        "upload-offset",
        "upload-length",
        "upload-metadata",
        "tus-resumable",
    ] {
        assert!(
            allowed("access-control-allow-headers").contains(name),
            "{name}"
        );
    }
    let path = begin(streamer, OPERATOR_TOKEN, 10).await;
    let simple = streamer
        .http
        .head(format!("{}{path}", streamer.url))
        .header("Origin", "https://a.example")
        .bearer_auth(OPERATOR_TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(simple.status(), 412);
    assert_eq!(simple.headers()["tus-version"], "1.0.0");
    let exposed = simple.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap();
    for name in [
        "location",
        "upload-offset",
        "upload-length",
        "tus-resumable",
    ] {
        assert!(exposed.to_lowercase().contains(name), "{name}");
    }
    until("the abandoned upload is gone", || async {
        let (status, _) = streamer.get_as(OPERATOR_TOKEN, &item(&path)).await;
        (status == 404).then_some(())
    })
    .await;
}

/// A form as browsers and curl send it.
async fn form(streamer: &Streamer, token: &str, about: Option<&str>, file: &[u8]) -> (u16, Value) {
    let response = sent(streamer, token, about, file, "").await;
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The same, with the client's preference.
async fn sent(
    streamer: &Streamer,
    token: &str,
    about: Option<&str>,
    file: &[u8],
    prefer: &str,
) -> Response {
    let mut body = Vec::new();
    if let Some(about) = about {
        body.extend(
            format!("--b\r\nContent-Disposition: form-data; name=\"json_data\"\r\n\r\n{about}\r\n")
                .into_bytes(),
        );
    }
    body.extend(
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../x.mp4\"\r\n\r\n",
    );
    body.extend(file);
    body.extend(b"\r\n--b--\r\n");
    streamer
        .http
        .post(format!("{}/upload-content", streamer.url))
        .bearer_auth(token)
        .header("Content-Type", "multipart/form-data; boundary=b")
        .header("Prefer", prefer)
        .body(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_form_whose_video_takes_longer_is_answered_with_its_item() {
    let stack = Stack::start().await;
    let streamer = &stack.streamer;
    let bytes = std::fs::read(video(stack.data.path(), 20)).unwrap();
    let response = sent(streamer, OPERATOR_TOKEN, None, &bytes, "wait=1").await;
    assert_eq!(response.status(), 202);
    let seconds: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..60).contains(&seconds));
    let path = response.headers()["location"].to_str().unwrap().to_owned();
    let item: Value = response.json().await.unwrap();
    assert_eq!(
        path,
        format!("/v1/items/{}", item["item_id"].as_str().unwrap())
    );
    assert_eq!(item["cid"], Value::Null);
    let ready = becomes(streamer, OPERATOR_TOKEN, &path, "ready").await;
    assert!(ready["cid"].as_str().unwrap().starts_with("baf"));
}

#[tokio::test]
async fn a_form_is_answered_with_the_cid_when_the_video_is_ready() {
    let stack = Stack::start().await;
    let streamer = &stack.streamer;
    let creator = token(streamer, &PrivateKeySigner::random()).await;
    let bytes = std::fs::read(video(stack.data.path(), 3)).unwrap();
    let about = r#"{"title": "A film", "description": "Of something"}"#;
    let (status, ready) = form(streamer, &creator, Some(about), &bytes).await;
    assert_eq!(status, 201, "{ready}");
    assert!(ready["cid"].as_str().unwrap().starts_with("baf"));
    assert_eq!(
        (&ready["title"], &ready["state"]),
        (&json!("A film"), &json!("ready"))
    );
    assert_eq!(ready["duration_ms"], 3000);
    let (_, untitled) = form(streamer, &creator, None, &bytes).await;
    assert_eq!(untitled["title"], "../x.mp4");

    let code = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap().to_owned());
    let is = |status: u16, code: &str| (status, code.to_owned());
    let cases = [
        (
            Some(about),
            b"not a video".as_slice(),
            is(422, "unprocessable_video"),
        ),
        (Some(about), b"".as_slice(), is(422, "unprocessable_video")),
        (Some("{"), b"x".as_slice(), is(400, "malformed")),
        (
            Some(r#"{"free": true}"#),
            b"x".as_slice(),
            is(403, "forbidden"),
        ),
    ];
    for (about, file, expected) in cases {
        assert_eq!(code(form(streamer, &creator, about, file).await), expected);
    }
    let given = form(streamer, OPERATOR_TOKEN, Some(r#"{"free": true}"#), &bytes).await;
    assert_eq!(given.1["free"], true);
    assert_eq!(given.1["owner"], Value::Null);
    let json = streamer
        .http
        .post(format!("{}/upload-content", streamer.url))
        .bearer_auth(&creator)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(problem(json).await, is(415, "unsupported_media_type"));
}
