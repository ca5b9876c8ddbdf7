use std::io::Cursor;
use std::process::Command;

use super::*;
use crate::stored::timeline::Timeline;

/// What ffmpeg writes with our flags, from a test picture and a tone.
fn written(sound: bool) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25:duration=6.2",
    ]);
    if sound {
        command.args(["-f", "lavfi", "-i", "sine=duration=6.5"]);
    }
    command.args([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-bf",
        "2",
        "-g",
        "50",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
    ]);
    command.args([
        "-min_frag_duration",
        "1000000",
        "-movflags",
        "+frag_keyframe+delay_moov+default_base_moof+skip_trailer",
    ]);
    assert!(command.arg(&path).status().unwrap().success());
    std::fs::read(path).unwrap()
}

fn assembled(bytes: &[u8]) -> (Indexed, Vec<u8>) {
    let indexed = index(&mut Cursor::new(bytes)).unwrap();
    let mut file = indexed.head.clone();
    file.extend(&bytes[usize::try_from(indexed.fragments_begin).unwrap()..]);
    assert_eq!(indexed.size, file.len() as u64);
    (indexed, file)
}

#[test]
fn a_prepared_file_has_one_index_in_front_that_viewers_read() {
    for sound in [false, true] {
        let (indexed, file) = assembled(&written(sound));
        let times = file.windows(4).filter(|bytes| bytes == b"sidx").count();
        assert_eq!(times, 1);
        let timeline = Timeline::parse(&file, indexed.size).unwrap();
        assert_eq!(timeline.duration_ms(), indexed.duration_ms);
        assert_eq!(timeline.media_begin(), indexed.head.len() as u64);
        assert_eq!(timeline.at(indexed.size), indexed.duration_ms);
        assert_eq!(indexed.longest_ms, 2000);
        let codecs = if sound { ", mp4a.40.2\"" } else { "\"" };
        assert!(indexed.mime_type.starts_with("video/mp4; codecs=\"avc1."));
        assert!(indexed.mime_type.ends_with(codecs), "{}", indexed.mime_type);
        assert_eq!((indexed.width, indexed.height), (320, 180));
    }
}

#[test]
fn the_sound_that_outlasts_the_picture_belongs_to_the_duration() {
    let (silent, _) = assembled(&written(false));
    assert_eq!(silent.duration_ms, 6200);
    let (indexed, _) = assembled(&written(true));
    assert!(
        (6400..6600).contains(&indexed.duration_ms),
        "{}",
        indexed.duration_ms
    );
}

#[test]
fn what_breaks_off_or_is_no_mp4_is_an_error_and_never_a_panic() {
    let bytes = written(true);
    for length in (0..bytes.len()).step_by(97) {
        // Cut between two fragments it is a shorter film; cut anywhere else it is none.
        let _ = index(&mut Cursor::new(&bytes[..length]));
    }
    for length in 0..2000.min(bytes.len()) {
        assert!(
            index(&mut Cursor::new(&bytes[..length])).is_err(),
            "{length}"
        );
    }
    for position in 0..2000 {
        let mut bytes = bytes.clone();
        bytes[position] ^= 0xff;
        let _ = index(&mut Cursor::new(&bytes));
    }
}
