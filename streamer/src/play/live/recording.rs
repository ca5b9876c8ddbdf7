//! What is recorded of a live stream: frames of both tracks on one clock, in one file that is called `<FILE>.partial` until it has what was asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rtc::rtp::Packet;

use super::frames::{Assembly, Frame};
use super::matroska::{Matroska, Track, VideoFormat};
use crate::media::Codec;

/// So long frames are held at the begin of each connection, to learn how the clocks of its tracks stand to each other.
const HOLD: Duration = Duration::from_millis(1500);
/// The most that is held.
const MOST_HELD: usize = 64 << 20;

/// A track of the present connection.
struct Source {
    track: Track,
    payload_type: u8,
    clock_rate: i64,
    assembly: Assembly,
    /// The least delay seen: arrival less media time. What the provider had in its cache arrives at once; the newest of it is in time.
    offset_ms: i64,
}

/// A recording on its way.
pub(in crate::play) struct Recording {
    to: PathBuf,
    partial: PathBuf,
    seconds: u64,
    file: Option<File>,
    output: Option<Matroska<BufWriter<File>>>,
    sources: Vec<Source>,
    /// When the first frame of this connection came, and where it stands in the file.
    begun: Option<Instant>,
    base_ms: u64,
    /// What has to be added to a frame's delayed time, once it is known.
    shift_ms: Option<i64>,
    held: Vec<(usize, Frame)>,
    held_bytes: usize,
    end_ms: u64,
}

impl Recording {
    /// What is to be recorded. Nothing is written yet.
    ///
    /// # Errors
    /// When the file exists.
    pub fn begin(to: &Path, seconds: u64) -> anyhow::Result<Self> {
        ensure!(!to.try_exists()?, "{} exists already", to.display());
        let mut partial = to.as_os_str().to_owned();
        partial.push(".partial");
        Ok(Self {
            to: to.to_owned(),
            partial: PathBuf::from(partial),
            seconds,
            file: None,
            output: None,
            sources: Vec::new(),
            begun: None,
            base_ms: 0,
            shift_ms: None,
            held: Vec::new(),
            held_bytes: 0,
            end_ms: 0,
        })
    }

    /// Looks whether the file can be made, before money moves.
    ///
    /// # Errors
    /// When something of an earlier recording is in its place.
    pub fn has_room(&self) -> anyhow::Result<()> {
        match fs::metadata(&self.partial) {
            Ok(found) => self.is_vacant(found.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| self.partial.display().to_string()),
        }
    }

    /// Makes the file.
    ///
    /// # Errors
    /// When another run writes it, something is in it, or it cannot be written.
    pub fn create(&mut self) -> anyhow::Result<()> {
        let name = || self.partial.display().to_string();
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false);
        let file = file.open(&self.partial).with_context(name)?;
        ensure!(file.try_lock().is_ok(), "another run writes {}", name());
        self.is_vacant(file.metadata().with_context(name)?.len())?;
        self.file = Some(file);
        Ok(())
    }

    fn is_vacant(&self, length: u64) -> anyhow::Result<()> {
        ensure!(
            length == 0,
            "{} holds an earlier recording: rename or remove it. A live recording does not go on where another ended",
            self.partial.display()
        );
        Ok(())
    }

    /// What was asked for.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// The media that is there.
    pub fn ms(&self) -> u64 {
        self.end_ms
    }

    pub fn is_whole(&self) -> bool {
        self.end_ms >= self.seconds.saturating_mul(1000)
    }

    /// A new connection, whose clocks are others, with these codecs by payload type.
    pub(super) fn connect(&mut self, codecs: &[(u8, Codec)]) {
        self.sources = codecs
            .iter()
            .map(|(payload_type, codec)| Source {
                track: match codec {
                    Codec::H264 | Codec::Vp8 => Track::Video,
                    Codec::Opus => Track::Audio,
                },
                payload_type: *payload_type,
                clock_rate: i64::from(codec.clock_rate()),
                assembly: Assembly::new(*codec),
                offset_ms: i64::MAX,
            })
            .collect();
        self.held.clear();
        self.held_bytes = 0;
        (self.begun, self.shift_ms) = (None, None);
        self.base_ms = self.end_ms;
    }

    /// Takes a packet. What it brought of the media shows in [`Self::ms`].
    pub(super) fn packet(&mut self, packet: Packet, arrived: Instant) -> anyhow::Result<()> {
        let payload_type = packet.header.payload_type;
        let mut sources = self.sources.iter_mut().enumerate();
        let Some((index, source)) = sources.find(|(_, source)| source.payload_type == payload_type)
        else {
            return Ok(());
        };
        for frame in source.assembly.push(packet) {
            self.frame(index, frame, arrived)?;
        }
        Ok(())
    }

    fn frame(&mut self, index: usize, frame: Frame, arrived: Instant) -> anyhow::Result<()> {
        let begun = *self.begun.get_or_insert(arrived);
        if self.shift_ms.is_some() {
            return self.write(index, &frame);
        }
        let since = arrived.saturating_duration_since(begun);
        let source = &mut self.sources[index];
        let delay = since.as_millis() as i64 - frame.ticks * 1000 / source.clock_rate;
        source.offset_ms = source.offset_ms.min(delay);
        self.held_bytes += frame.data.len();
        ensure!(
            self.held_bytes <= MOST_HELD,
            "the stream begins with too much"
        );
        self.held.push((index, frame));
        if since >= HOLD {
            self.release()?;
        }
        Ok(())
    }

    /// The clocks are known: what was held is written, from the first picture on.
    fn release(&mut self) -> anyhow::Result<()> {
        let held = std::mem::take(&mut self.held);
        let has_video = held
            .iter()
            .any(|(index, _)| self.sources[*index].track == Track::Video);
        let firsts = held
            .iter()
            .filter(|(index, _)| !has_video || self.sources[*index].track == Track::Video);
        let first = firsts.map(|(index, frame)| self.place(*index, frame)).min();
        let base = i64::try_from(self.base_ms).unwrap_or(i64::MAX);
        self.shift_ms = Some(base.saturating_sub(first.unwrap_or(0)));
        if self.output.is_none() {
            let key = held
                .iter()
                .find(|(index, frame)| frame.key && self.sources[*index].track == Track::Video);
            let format: Option<VideoFormat> = match key {
                Some((index, frame)) => {
                    let format = self.sources[*index].assembly.format(frame);
                    Some(format.context("the stream's pictures are not understood")?)
                }
                None => None,
            };
            let audio = self
                .sources
                .iter()
                .any(|source| source.track == Track::Audio);
            let file = self.file.take().context("the file was not made")?;
            let output = BufWriter::with_capacity(1 << 18, file);
            let output = Matroska::begin(output, format.as_ref(), audio);
            self.output = Some(output.with_context(|| self.partial.display().to_string())?);
        }
        for (index, frame) in held {
            self.write(index, &frame)?;
        }
        Ok(())
    }

    /// Where a frame stands on the clock that all tracks of the connection share.
    fn place(&self, index: usize, frame: &Frame) -> i64 {
        let source = &self.sources[index];
        let offset = if source.offset_ms == i64::MAX {
            0
        } else {
            source.offset_ms
        };
        (frame.ticks * 1000 / source.clock_rate).saturating_add(offset)
    }

    fn write(&mut self, index: usize, frame: &Frame) -> anyhow::Result<()> {
        let shift = self.shift_ms.unwrap_or(0);
        // Sound from before the first picture is left out.
        let Ok(ms) = u64::try_from(self.place(index, frame).saturating_add(shift)) else {
            return Ok(());
        };
        if ms < self.base_ms {
            return Ok(());
        }
        let track = self.sources[index].track;
        if let Some(output) = &mut self.output {
            let written = output.frame(track, ms, frame.key, &frame.data);
            written.with_context(|| self.partial.display().to_string())?;
        }
        self.end_ms = self.end_ms.max(ms);
        Ok(())
    }

    /// Writes what is left; a file that has what was asked for gets its name.
    ///
    /// # Errors
    /// When it is not whole, or cannot be written.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        if let Some(output) = self.output.take() {
            let file = output.finish()?.into_inner();
            file.map_err(|error| error.into_error())?.sync_all()?;
        }
        ensure!(
            self.is_whole(),
            "{} of {} s were recorded; they are in {}",
            self.end_ms / 1000,
            self.seconds,
            self.partial.display()
        );
        ensure!(
            !self.to.try_exists()?,
            "{} exists already",
            self.to.display()
        );
        fs::rename(&self.partial, &self.to).with_context(|| self.to.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::process::Command;

    use bytes::Bytes;
    use rtc::shared::marshal::Unmarshal;

    use super::*;

    /// Runs one of ffmpeg's programs on a file, without a complaint.
    fn ffmpeg(program: &str, file: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        let command = command.args(["-v", "error", "-i"]).arg(file);
        let output = command.args(arguments).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.success() && complaint.is_empty(),
            "{complaint}"
        );
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_stream_of_vp8_is_recorded_so_that_every_picture_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("show.mkv");
        let mut recording = Recording::begin(&to, 2).unwrap();
        recording.create().unwrap();
        recording.connect(&[(96, Codec::Vp8)]);

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let target = format!("rtp://{}?pkt_size=1200", socket.local_addr().unwrap());
        let pictures = "testsrc2=size=322x182:rate=25:duration=8";
        let mut player = Command::new("ffmpeg")
            .args(["-v", "quiet", "-nostdin", "-re", "-f", "lavfi", "-i"])
            .args([pictures, "-c:v", "libvpx", "-deadline", "realtime"])
            .args(["-g", "25", "-payload_type", "96", "-f", "rtp", &target])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut buffer = [0; 2048];
        while !recording.is_whole() {
            let length = socket.recv(&mut buffer).unwrap();
            let packet = Packet::unmarshal(&mut Bytes::copy_from_slice(&buffer[..length]));
            recording.packet(packet.unwrap(), Instant::now()).unwrap();
        }
        player.kill().unwrap();
        player.wait().unwrap();
        recording.finish().unwrap();

        let entries = "stream=codec_name,width,height:format=duration";
        let asked = ["-show_entries", entries, "-of", "csv=p=0"];
        let probed = ffmpeg("ffprobe", &to, &asked);
        let (stream, duration) = probed.trim().split_once('\n').unwrap();
        assert_eq!(stream, "vp8,322,182");
        let duration: f64 = duration.parse().unwrap();
        assert!((1.9..3.0).contains(&duration), "{probed}");
        ffmpeg("ffmpeg", &to, &["-xerror", "-f", "null", "-"]);
    }

    #[test]
    fn an_earlier_recording_is_neither_emptied_nor_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (to, partial) = (
            folder.path().join("show.mkv"),
            folder.path().join("show.mkv.partial"),
        );
        let mut recording = Recording::begin(&to, 4).unwrap();
        recording.has_room().unwrap();
        assert!(!partial.exists(), "nothing is made before it is needed");

        fs::write(&partial, "an hour").unwrap();
        for refused in [recording.has_room(), recording.create()] {
            let why = refused.unwrap_err().to_string();
            assert!(why.contains("rename or remove it"), "{why}");
        }
        assert_eq!(fs::read(&partial).unwrap(), b"an hour");

        fs::write(&partial, "").unwrap();
        recording.has_room().unwrap();
        recording.create().unwrap();
        let mut second = Recording::begin(&to, 4).unwrap();
        let why = second.create().unwrap_err().to_string();
        assert!(why.contains("another run writes"), "{why}");
    }
}
