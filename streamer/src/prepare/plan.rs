//! What is to be done with a file: what is copied, what is made anew, and ffmpeg's arguments for it. Pure.
//!
//! Copied is what browsers play from Media Source Extensions as it is: H.264 with 8 bits and 4:2:0, with a keyframe every 2 seconds, and
//! AAC. All else becomes H.264 High and stereo AAC, at most 1080 lines (columns, for a portrait) and 60 pictures a second.

use std::time::Duration;

use super::confine::Limits;
use super::probe::{Audio, Keyframes, Source, Video};
use super::run::PrepareError;

/// Keyframes of a file that is copied are at most this far apart: 2 s, and a picture at 1/1.001 of its rate.
const FURTHEST_APART: f64 = 2.01;
/// Keyframes that are made: the next picture after this is one, so that at 10 a second and more they are at most 2 s apart.
const MADE_APART: f64 = 1.9;
/// The sides of what is made.
const LONG_SIDE: f64 = 1920.0;
const SHORT_SIDE: f64 = 1080.0;
/// The largest picture that is copied (H.264 level 5.2), and the largest that is taken (8K).
const MAX_COPIED_PIXELS: u64 = 4096 * 2304;
const MAX_PIXELS: u64 = 8192 * 4352;
const MAX_RATE: f64 = 60.0;
/// The longest video that is taken.
const MAX_SECONDS: f64 = 12.0 * 3600.0;
/// The most pixels of all pictures together that are made anew: 12 hours of 1080 lines at 50 pictures a second, or 3 of 2160 lines.
const MAX_MADE: f64 = 12.0 * 3600.0 * 50.0 * 1920.0 * 1080.0;
/// The longest time that a file may hold a place.
const MAX_WALL: f64 = 6.0 * 3600.0;
/// How long a poster may take.
const POSTER: Duration = Duration::from_secs(120);
const MIB: f64 = 1024.0 * 1024.0;

/// What becomes of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Picture {
    Copied,
    Made {
        width: u32,
        height: u32,
        /// From high dynamic range, of this kind, to what every screen shows.
        tone: Option<Tone>,
        deinterlaced: bool,
        /// Thinned out to this many a second.
        thinned: Option<f64>,
    },
}

/// A transfer function of high dynamic range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Pq,
    Hlg,
}

/// What becomes of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    None,
    Copied,
    Made,
}

/// What is done with a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub picture: Picture,
    pub sound: Sound,
    pub limits: Limits,
}

/// Decides. `keyframes` is `None` where nobody looked, because the picture cannot be copied anyway.
pub(super) fn plan(
    source: &Source,
    keyframes: Option<Keyframes>,
    bytes: u64,
    memory: u64,
) -> Result<Plan, PrepareError> {
    let video = &source.video;
    let pixels = u64::from(video.width) * u64::from(video.height);
    if pixels > MAX_PIXELS {
        return Err(PrepareError::NotAVideo(format!(
            "its picture is too large: {} by {}",
            video.width, video.height
        )));
    }
    let seconds = source
        .seconds
        .or(keyframes.map(|keyframes| keyframes.seconds));
    if seconds.is_some_and(|seconds| seconds > MAX_SECONDS) {
        return Err(PrepareError::NotAVideo(
            "it is longer than 12 hours".to_owned(),
        ));
    }
    let cut = keyframes
        .is_some_and(|keyframes| keyframes.regular && keyframes.furthest_apart <= FURTHEST_APART);
    let picture = if cut && may_be_copied(source) {
        Picture::Copied
    } else {
        made(video)
    };
    if let Picture::Made { .. } = picture {
        // What a file says of its rate may be nonsense; the clock bounds it too.
        let rate = video.frames_per_second.unwrap_or(MAX_RATE).min(240.0);
        let all = pixels as f64 * rate * seconds.unwrap_or(0.0);
        if all > MAX_MADE {
            return Err(PrepareError::TooMuch(
                "it is too much to make ready to play: shorten it, or give it as H.264 with a keyframe every 2 seconds, which is taken as it is",
            ));
        }
    }
    let sound = match &source.audio {
        None => Sound::None,
        Some(audio) if plays_as_it_is(&source.format, audio) => Sound::Copied,
        Some(_) => Sound::Made,
    };
    Ok(Plan {
        picture,
        sound,
        limits: limits(seconds, bytes, memory),
    })
}

/// Whether the picture is of a kind that browsers play from an MP4 as it is; its keyframes are another question.
pub(super) fn may_be_copied(source: &Source) -> bool {
    let video = &source.video;
    matches!(source.format.as_str(), "mov" | "matroska")
        && video.codec == "h264"
        && video.pixel_format == "yuv420p"
        && matches!(
            video.profile.as_str(),
            "Constrained Baseline" | "Baseline" | "Main" | "High"
        )
        && video.rotation == 0
        && !video.interlaced
        && u64::from(video.width) * u64::from(video.height) <= MAX_COPIED_PIXELS
}

fn plays_as_it_is(format: &str, audio: &Audio) -> bool {
    matches!(format, "mov" | "matroska")
        && audio.codec == "aac"
        && matches!(audio.profile.as_str(), "LC" | "HE-AAC" | "HE-AACv2")
        && audio.channels <= 6
}

fn made(video: &Video) -> Picture {
    let wide = f64::from(video.width) * video.pixel_aspect.clamp(0.1, 10.0);
    let high = f64::from(video.height);
    let (wide, high) = if video.rotation % 180 == 90 {
        (high, wide)
    } else {
        (wide, high)
    };
    let (most_wide, most_high) = if wide >= high {
        (LONG_SIDE, SHORT_SIDE)
    } else {
        (SHORT_SIDE, LONG_SIDE)
    };
    let scale = (most_wide / wide).min(most_high / high).min(1.0);
    let even = |side: f64| ((side * scale / 2.0).round() as u32 * 2).max(16);
    Picture::Made {
        width: even(wide),
        height: even(high),
        tone: match video.transfer.as_str() {
            "smpte2084" => Some(Tone::Pq),
            "arib-std-b67" => Some(Tone::Hlg),
            _ => None,
        },
        deinterlaced: video.interlaced,
        thinned: video
            .frames_per_second
            .filter(|rate| *rate > MAX_RATE)
            .map(|_| MAX_RATE),
    }
}

/// In proportion to the file, so that an honest one always has enough.
fn limits(seconds: Option<f64>, bytes: u64, memory: u64) -> Limits {
    let seconds = seconds.unwrap_or(3600.0);
    let wall = Duration::from_secs_f64((120.0 + 20.0 * seconds).min(MAX_WALL));
    // What is made has at most 8 Mbit/s of picture and 0.16 of sound; what is copied is as large as it was.
    let output = bytes as f64 * 1.2 + seconds * 1.25 * MIB + 64.0 * MIB;
    Limits {
        wall,
        processor: wall * 4,
        memory,
        output: output as u64,
    }
}

/// What making a poster may use.
pub(super) fn poster(memory: u64) -> Limits {
    Limits {
        wall: POSTER,
        processor: POSTER,
        memory,
        output: 16 * MIB as u64,
    }
}

/// ffmpeg's arguments between the input and the output. `tones` tells whether its `zscale` is there.
pub(super) fn arguments(plan: &Plan, source: &Source, tones: bool) -> Vec<String> {
    let mut arguments = Arguments(Vec::new());
    arguments.add(&["-map", &format!("0:{}", source.video.index)]);
    if let (Some(audio), Sound::Copied | Sound::Made) = (&source.audio, plan.sound) {
        arguments.add(&["-map", &format!("0:{}", audio.index)]);
    }
    arguments.add(&["-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"]);
    match plan.picture {
        Picture::Copied => arguments.add(&["-c:v", "copy"]),
        Picture::Made { width, height, .. } => {
            let rate = source.video.frames_per_second.unwrap_or(30.0).min(MAX_RATE);
            let kbps = (f64::from(width) * f64::from(height) * rate * 0.12 / 1000.0)
                .clamp(500.0, 8000.0) as u32;
            arguments.add(&["-vf", &filters(plan.picture, tones)]);
            arguments.add(&[
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-profile:v",
                "high",
            ]);
            arguments.add(&["-pix_fmt", "yuv420p", "-crf", "21", "-threads", "4"]);
            arguments.add(&["-maxrate", &format!("{kbps}k")]);
            arguments.add(&["-bufsize", &format!("{}k", kbps * 2)]);
            arguments.add(&["-sc_threshold", "0", "-g", "600", "-forced-idr", "1"]);
            let forced =
                format!("expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{MADE_APART}))");
            arguments.add(&["-force_key_frames", &forced]);
            arguments.add(&["-color_range", "tv"]);
        }
    }
    match plan.sound {
        Sound::None => {}
        Sound::Copied => arguments.add(&["-c:a", "copy"]),
        Sound::Made => {
            arguments.add(&["-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2"]);
        }
    }
    // The index in front is ours: ffmpeg writes one for each track. A fragment has at least a second, so that the index stays small.
    arguments.add(&[
        "-max_muxing_queue_size",
        "4096",
        "-min_frag_duration",
        "1000000",
    ]);
    arguments.add(&[
        "-movflags",
        "+frag_keyframe+delay_moov+default_base_moof+skip_trailer",
    ]);
    arguments.add(&["-f", "mp4"]);
    arguments.0
}

struct Arguments(Vec<String>);

impl Arguments {
    fn add(&mut self, more: &[&str]) {
        self.0.extend(more.iter().map(|word| (*word).to_owned()));
    }
}

/// ffmpeg turns the picture by itself, before these.
fn filters(picture: Picture, tones: bool) -> String {
    let Picture::Made {
        width,
        height,
        tone,
        deinterlaced,
        thinned,
    } = picture
    else {
        return String::new();
    };
    let mut chain = Vec::new();
    if deinterlaced {
        chain.push("yadif=deint=interlaced".to_owned());
    }
    if let Some(rate) = thinned {
        chain.push(format!("fps={rate}"));
    }
    match tone.filter(|_| tones) {
        Some(tone) => {
            let transfer = match tone {
                Tone::Pq => "smpte2084",
                Tone::Hlg => "arib-std-b67",
            };
            chain.push(format!("scale={width}:{height}"));
            chain.push(format!(
                "zscale=tin={transfer}:min=2020_ncl:pin=2020:t=linear:npl=100,format=gbrpf32le,zscale=p=709,tonemap=hable:desat=0,\
                 zscale=t=709:m=709:p=709:r=limited"
            ));
        }
        None => chain.push(format!("scale={width}:{height}:out_range=tv")),
    }
    chain.push("format=yuv420p".to_owned());
    chain.push("setsar=1".to_owned());
    chain.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            format: "mov".to_owned(),
            seconds: Some(10.0),
            video: Video {
                index: 0,
                codec: "h264".to_owned(),
                profile: "High".to_owned(),
                pixel_format: "yuv420p".to_owned(),
                width: 1920,
                height: 1080,
                pixel_aspect: 1.0,
                rotation: 0,
                frames_per_second: Some(24.0),
                transfer: String::new(),
                interlaced: false,
            },
            audio: Some(Audio {
                index: 1,
                codec: "aac".to_owned(),
                profile: "LC".to_owned(),
                channels: 2,
            }),
        }
    }

    const CUT: Keyframes = Keyframes {
        furthest_apart: 2.0,
        regular: true,
        seconds: 10.0,
    };

    fn planned(source: &Source, keyframes: Keyframes) -> Plan {
        plan(source, Some(keyframes), 1_000_000, 1 << 32).unwrap()
    }

    fn size(plan: &Plan) -> (u32, u32) {
        match plan.picture {
            Picture::Made { width, height, .. } => (width, height),
            Picture::Copied => panic!("it is copied"),
        }
    }

    #[test]
    fn what_plays_as_it_is_is_copied() {
        let plan = planned(&source(), CUT);
        assert_eq!((plan.picture, plan.sound), (Picture::Copied, Sound::Copied));
    }

    #[test]
    fn the_sound_alone_is_made_anew_when_the_picture_plays_as_it_is() {
        let mut source = source();
        source.audio.as_mut().unwrap().codec = "opus".to_owned();
        let plan = planned(&source, CUT);
        assert_eq!((plan.picture, plan.sound), (Picture::Copied, Sound::Made));
    }

    #[test]
    fn a_picture_that_browsers_or_the_index_cannot_take_is_made_anew() {
        let alter: [fn(&mut Source); 6] = [
            |source| source.video.codec = "hevc".to_owned(),
            |source| source.video.pixel_format = "yuv420p10le".to_owned(),
            |source| source.video.profile = "High 4:2:2".to_owned(),
            |source| source.video.rotation = 90,
            |source| source.video.interlaced = true,
            |source| source.format = "mpegts".to_owned(),
        ];
        for alter in alter {
            let mut source = source();
            alter(&mut source);
            assert_ne!(planned(&source, CUT).picture, Picture::Copied, "{source:?}");
        }
        let far = Keyframes {
            furthest_apart: 2.1,
            ..CUT
        };
        let irregular = Keyframes {
            regular: false,
            ..CUT
        };
        for keyframes in [far, irregular] {
            assert_eq!(size(&planned(&source(), keyframes)), (1920, 1080));
        }
    }

    #[test]
    fn a_portrait_stays_one_and_every_side_is_even_and_bounded() {
        let cases = [
            ((3840, 2160), 0, 1.0, (1920, 1080)),
            ((2160, 3840), 0, 1.0, (1080, 1920)),
            ((3840, 2160), 90, 1.0, (1080, 1920)),
            ((1080, 1080), 0, 1.0, (1080, 1080)),
            ((641, 359), 0, 1.0, (642, 360)),
            ((720, 576), 0, 16.0 / 15.0, (768, 576)),
            ((8000, 20), 0, 1.0, (1920, 16)),
        ];
        for ((width, height), rotation, pixel_aspect, expected) in cases {
            let mut source = source();
            source.video.codec = "vp9".to_owned();
            source.video.width = width;
            source.video.height = height;
            source.video.rotation = rotation;
            source.video.pixel_aspect = pixel_aspect;
            assert_eq!(size(&planned(&source, CUT)), expected);
        }
    }

    #[test]
    fn no_file_holds_a_place_for_longer_than_six_hours_or_has_more_made_of_it_than_that_allows() {
        let mut film = source();
        film.video.codec = "hevc".to_owned();
        film.seconds = Some(11.0 * 3600.0);
        assert_eq!(planned(&film, CUT).limits.wall.as_secs_f64(), MAX_WALL);
        (film.video.width, film.video.height) = (3840, 2160);
        film.video.frames_per_second = Some(60.0);
        let refused = plan(&film, Some(CUT), 1, 1).unwrap_err();
        assert!(matches!(refused, PrepareError::TooMuch(_)), "{refused}");
        film.video.codec = "h264".to_owned();
        assert_eq!(planned(&film, CUT).picture, Picture::Copied);
        film.seconds = Some(10.0);
        assert_eq!(planned(&film, CUT).limits.wall.as_secs(), 320);
    }

    #[test]
    fn what_is_too_large_or_too_long_is_refused() {
        let mut large = source();
        large.video.width = 65_535;
        let mut long = source();
        long.seconds = Some(50_000.0);
        for source in [large, long] {
            assert!(matches!(
                plan(&source, Some(CUT), 1, 1),
                Err(PrepareError::NotAVideo(_))
            ));
        }
    }
}
