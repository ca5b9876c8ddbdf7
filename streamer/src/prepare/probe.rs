//! What a file is, from ffprobe: its form, its picture, its sound, and how far its keyframes are apart.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::confine::{FORMATS, Limits, Shown, confined, read_from};
use super::run::{PrepareError, failed, start};

/// How long looking at a file may take.
const LOOK: Duration = Duration::from_secs(60);
/// How long reading all of its packets may take.
const READ_ALL: Duration = Duration::from_secs(600);
/// The most that ffprobe may say of a file's streams.
const MAX_WORDS: u64 = 1 << 20;
/// ffprobe's packets of one line each.
const MAX_LINE: usize = 256;

/// What ffprobe is asked of a file.
pub(crate) const QUESTIONS: [&str; 4] = [
    "-show_entries",
    "stream=index,codec_type,codec_name,profile,pix_fmt,width,height,sample_aspect_ratio,avg_frame_rate,color_transfer,field_order,channels\
     :stream_disposition=attached_pic,timed_thumbnails:stream_side_data=rotation:format=format_name,duration",
    "-of",
    "json",
];

/// A file's picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Video {
    pub index: u32,
    pub codec: String,
    pub profile: String,
    pub pixel_format: String,
    pub width: u32,
    pub height: u32,
    /// Width of a pixel by its height.
    pub pixel_aspect: f64,
    /// By how many degrees players turn it: 0, 90, 180 or 270.
    pub rotation: u32,
    pub frames_per_second: Option<f64>,
    pub transfer: String,
    pub interlaced: bool,
}

/// A file's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audio {
    pub index: u32,
    pub codec: String,
    pub profile: String,
    pub channels: u32,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    /// The demuxer that reads it.
    pub format: String,
    pub seconds: Option<f64>,
    pub video: Video,
    pub audio: Option<Audio>,
}

/// How a file's picture is cut by its keyframes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Keyframes {
    /// The longest time without one.
    pub furthest_apart: f64,
    /// Whether the first packet is one, and every packet has its time.
    pub regular: bool,
    /// When the picture ends.
    pub seconds: f64,
}

#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<ProbedStream>,
    #[serde(default)]
    format: ProbedFormat,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ProbedStream {
    index: u32,
    codec_type: String,
    codec_name: String,
    profile: String,
    pix_fmt: String,
    width: u32,
    height: u32,
    sample_aspect_ratio: String,
    avg_frame_rate: String,
    color_transfer: String,
    field_order: String,
    channels: u32,
    disposition: Disposition,
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Disposition {
    attached_pic: u8,
    timed_thumbnails: u8,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ProbedFormat {
    format_name: String,
    duration: Option<String>,
}

fn look(memory: u64, wall: Duration) -> Limits {
    Limits {
        wall,
        processor: wall,
        memory,
        output: 0,
    }
}

/// Looks at a file.
pub(super) async fn probe(file: &Path, memory: u64) -> Result<Source, PrepareError> {
    let limits = look(memory, LOOK);
    let shown = Shown {
        input: file,
        output: None,
    };
    let mut command = confined("ffprobe", limits, shown);
    command.args(QUESTIONS);
    read_from(&mut command, FORMATS, file);
    let mut running = start(command, "ffprobe")?;
    let mut words = Vec::new();
    let done = async {
        (&mut running.stdout)
            .take(MAX_WORDS)
            .read_to_end(&mut words)
            .await?;
        // A longer answer is none, and whoever goes on writing it must not wait for a reader.
        drop(running.stdout);
        running.child.wait().await
    };
    let status = tokio::time::timeout(limits.wall, done)
        .await
        .map_err(|_| PrepareError::TooSlow)??;
    if !status.success() {
        return Err(failed(
            running.words.await.unwrap_or_default(),
            "it is not a video of a form that is taken (MP4, MOV, MKV, WebM, TS, AVI, OGG, FLV)",
        ));
    }
    understand(&words)
}

/// What ffprobe says of a file when it is asked the [`QUESTIONS`].
///
/// # Errors
/// `NotAVideo`.
pub(crate) fn understand(json: &[u8]) -> Result<Source, PrepareError> {
    let refuse = |why: &str| PrepareError::NotAVideo(why.to_owned());
    let probed: Probed =
        serde_json::from_slice(json).map_err(|_| refuse("it cannot be understood"))?;
    let of_kind = |kind: &'static str| {
        probed.streams.iter().filter(move |stream| {
            stream.codec_type == kind
                && stream.disposition.attached_pic == 0
                && stream.disposition.timed_thumbnails == 0
                && !stream.codec_name.is_empty()
                && stream.codec_name != "unknown"
        })
    };
    let sound = of_kind("audio").find(|stream| stream.channels > 0);
    let Some(picture) = of_kind("video").find(|stream| stream.width > 0 && stream.height > 0)
    else {
        return Err(refuse(if sound.is_some() {
            "there is only sound in it, and no picture"
        } else {
            "there is no picture in it"
        }));
    };
    let rotation = picture
        .side_data_list
        .iter()
        .find_map(|data| data.rotation)
        .filter(|degrees| degrees.is_finite())
        .map_or(0, |degrees| {
            ((degrees / 90.0).round() as i64 * 90).rem_euclid(360) as u32
        });
    let format = probed.format.format_name.split(',').next();
    Ok(Source {
        format: format.unwrap_or_default().to_owned(),
        seconds: probed
            .format
            .duration
            .and_then(|text| text.parse().ok())
            .filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0),
        video: Video {
            index: picture.index,
            codec: picture.codec_name.clone(),
            profile: picture.profile.clone(),
            pixel_format: picture.pix_fmt.clone(),
            width: picture.width,
            height: picture.height,
            pixel_aspect: ratio(&picture.sample_aspect_ratio, ':').unwrap_or(1.0),
            rotation,
            frames_per_second: ratio(&picture.avg_frame_rate, '/'),
            transfer: picture.color_transfer.clone(),
            interlaced: !matches!(picture.field_order.as_str(), "" | "progressive" | "unknown"),
        },
        audio: sound.map(|sound| Audio {
            index: sound.index,
            codec: sound.codec_name.clone(),
            profile: sound.profile.clone(),
            channels: sound.channels,
        }),
    })
}

/// Reads all packets of the picture.
pub(super) async fn keyframes(
    file: &Path,
    source: &Source,
    memory: u64,
) -> Result<Keyframes, PrepareError> {
    let limits = look(memory, READ_ALL);
    let shown = Shown {
        input: file,
        output: None,
    };
    let mut command = confined("ffprobe", limits, shown);
    command.args([
        "-select_streams",
        &source.video.index.to_string(),
        "-show_entries",
        "packet=pts_time,dts_time,duration_time,flags",
        "-of",
        "compact=p=0:nk=0",
    ]);
    read_from(&mut command, &source.format, file);
    let mut running = start(command, "ffprobe")?;
    let read = async {
        let mut gaps = Gaps::default();
        let mut lines = BufReader::new(&mut running.stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await? > 0 {
            if line.len() > MAX_LINE {
                return Err(PrepareError::NotAVideo("its packets are odd".to_owned()));
            }
            gaps.packet(&String::from_utf8_lossy(&line));
            line.clear();
        }
        Ok(gaps)
    };
    let gaps = tokio::time::timeout(limits.wall, read)
        .await
        .map_err(|_| PrepareError::TooSlow)??;
    drop(running.stdout);
    let status = tokio::time::timeout(limits.wall, running.child.wait())
        .await
        .map_err(|_| PrepareError::TooSlow)??;
    if !status.success() {
        return Err(failed(
            running.words.await.unwrap_or_default(),
            "it breaks off",
        ));
    }
    Ok(gaps.finish())
}

/// Adds up what packets say, one line each: `pts_time=1.0|dts_time=0.9|duration_time=0.04|flags=K_`.
#[derive(Default)]
struct Gaps {
    first: Option<f64>,
    last_key: Option<f64>,
    end: f64,
    furthest: f64,
    irregular: bool,
}

impl Gaps {
    fn packet(&mut self, line: &str) {
        let field = |name: &str| {
            line.trim()
                .split('|')
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let time = |name| field(name).and_then(|text| text.parse::<f64>().ok());
        let key = field("flags").is_some_and(|flags| flags.starts_with('K'));
        let Some(at) = time("pts_time") else {
            self.irregular = true;
            return;
        };
        if self.first.is_none() {
            self.first = Some(at);
            self.irregular |= !key;
        }
        if key {
            if let Some(last) = self.last_key {
                self.furthest = self.furthest.max(at - last);
                self.irregular |= at <= last;
            }
            self.last_key = Some(at);
        }
        self.end = self.end.max(at + time("duration_time").unwrap_or(0.0));
    }

    fn finish(self) -> Keyframes {
        let last = self.last_key.map_or(0.0, |last| self.end - last);
        Keyframes {
            furthest_apart: self.furthest.max(last),
            regular: !self.irregular && self.last_key.is_some(),
            seconds: self.first.map_or(0.0, |first| self.end - first),
        }
    }
}

/// ffprobe writes ratios as two whole numbers.
fn ratio(text: &str, between: char) -> Option<f64> {
    let (above, below) = text.split_once(between)?;
    let ratio = above.parse::<f64>().ok()? / below.parse::<f64>().ok()?;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_two_whole_numbers() {
        assert_eq!(ratio("24/1", '/'), Some(24.0));
        assert_eq!(ratio("0/0", '/'), None);
        assert_eq!(ratio("0:1", ':'), None);
        assert_eq!(ratio("x", ':'), None);
    }

    #[test]
    fn keyframes_are_as_far_apart_as_the_longest_time_without_one() {
        let mut gaps = Gaps::default();
        for line in [
            "pts_time=0.5|dts_time=0.0|duration_time=0.5|flags=K_",
            "pts_time=1.5|dts_time=0.5|duration_time=0.5|flags=__",
            "pts_time=2.0|dts_time=0.5|duration_time=0.5|flags=K_",
            "pts_time=5.0|dts_time=1.0|duration_time=0.5|flags=__\n",
        ] {
            gaps.packet(line);
        }
        let keyframes = gaps.finish();
        assert_eq!(keyframes.furthest_apart, 3.5);
        assert_eq!(keyframes.seconds, 5.0);
        assert!(keyframes.regular);
    }

    #[test]
    fn a_picture_that_begins_without_a_keyframe_or_has_packets_without_a_time_is_irregular() {
        for line in ["pts_time=0.0|flags=__", "pts_time=N/A|flags=K_"] {
            let mut gaps = Gaps::default();
            gaps.packet(line);
            assert!(!gaps.finish().regular, "{line}");
        }
    }

    #[test]
    fn a_cover_is_no_video() {
        let json = br#"{"streams":[{"index":0,"codec_type":"audio","codec_name":"mp3","channels":2},
            {"index":1,"codec_type":"video","codec_name":"mjpeg","width":300,"height":300,"disposition":{"attached_pic":1}}],
            "format":{"format_name":"mov,mp4"}}"#;
        let error = understand(json).unwrap_err();
        assert!(error.to_string().contains("only sound"), "{error}");
    }
}
