//! Making a file streamable, once: what browsers play over RTP, with a keyframe every second.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::PublishError;
use crate::prepare::probe::{QUESTIONS, Source, understand};

const MAX_FRAMES_PER_SECOND: f64 = 30.0;

/// Looks at a file of the person who runs the command: any that ffprobe reads.
pub(super) async fn probe(file: &Path) -> Result<Source, PublishError> {
    let not_a_video = |detail: String| PublishError::NotAVideo {
        file: file.to_owned(),
        detail,
    };
    let mut command = Command::new("ffprobe");
    command
        .args(["-v", "error"])
        .args(QUESTIONS)
        .arg(file)
        .kill_on_drop(true);
    let output = command
        .output()
        .await
        .map_err(|error| missing("ffprobe", error))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(not_a_video(
            words
                .lines()
                .last()
                .unwrap_or("ffprobe cannot read it")
                .to_owned(),
        ));
    }
    understand(&output.stdout).map_err(|error| not_a_video(error.to_string()))
}

/// Writes the streamable form of `file` into `folder`.
pub(super) async fn prepare(
    file: &Path,
    source: &Source,
    folder: &Path,
) -> Result<PathBuf, PublishError> {
    let prepared = folder.join("prepared.mkv");
    let rate = source.video.frames_per_second;
    let rate = rate.map_or(MAX_FRAMES_PER_SECOND, |rate| {
        rate.min(MAX_FRAMES_PER_SECOND)
    });
    let filter = format!(
        "scale='min(1280,iw)':'min(720,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2,fps={rate:.3},format=yuv420p"
    );
    let sound = source.audio.as_ref();
    let sound = sound.map(|sound| format!("0:{}", sound.index));
    let keyframe_every = format!("{}", rate.round().max(1.0));
    let mut command = Command::new("ffmpeg");
    command
        .args([
            "-hide_banner",
            "-loglevel",
            "error",
            "-nostdin",
            "-y",
            "-progress",
            "pipe:1",
            "-i",
        ])
        .arg(file)
        .args(["-map", &format!("0:{}", source.video.index)])
        .args(sound.iter().flat_map(|sound| ["-map", sound.as_str()]))
        .args(["-vf", &filter])
        .args([
            "-c:v",
            "libx264",
            "-profile:v",
            "baseline",
            "-level",
            "3.1",
            "-preset",
            "veryfast",
            "-bf",
            "0",
        ])
        .args(["-b:v", "2000k", "-maxrate", "2500k", "-bufsize", "2500k"])
        .args([
            "-g",
            &keyframe_every,
            "-keyint_min",
            &keyframe_every,
            "-sc_threshold",
            "0",
        ])
        // Parameter sets in the stream itself: whoever joins later needs them, and no filter may run while a file is looped.
        .args(["-x264-params", "repeat-headers=1"])
        .args([
            "-c:a", "libopus", "-b:a", "96k", "-ar", "48000", "-ac", "2", "-f", "matroska",
        ])
        .arg(&prepared)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| missing("ffmpeg", error))?;
    let stdout = child.stdout.take();
    let showing = tokio::spawn(show_progress(stdout, source.seconds));
    let output = child.wait_with_output().await?;
    // Progress is for the eye alone.
    let _ = showing.await;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(PublishError::Ffmpeg(
            words.lines().last().unwrap_or("without a word").to_owned(),
        ));
    }
    Ok(prepared)
}

async fn show_progress(stdout: Option<tokio::process::ChildStdout>, seconds: Option<f64>) {
    let Some(stdout) = stdout else { return };
    let mut lines = BufReader::new(stdout).lines();
    let mut shown = 0;
    while let Ok(Some(line)) = lines.next_line().await {
        let done = line
            .strip_prefix("out_time_us=")
            .and_then(|micros| micros.trim().parse::<f64>().ok());
        let (Some(done), Some(seconds)) = (done, seconds) else {
            continue;
        };
        let percent = (done / 10_000.0 / seconds.max(0.001)).clamp(0.0, 100.0) as u32;
        if percent >= shown + 10 {
            shown = percent;
            tracing::info!(percent, "preparing the video");
        }
    }
    let _ = std::io::stderr().flush();
}

pub(super) fn missing(program: &'static str, error: std::io::Error) -> PublishError {
    if error.kind() == std::io::ErrorKind::NotFound {
        PublishError::NoFfmpeg(program)
    } else {
        PublishError::Io(error)
    }
}
