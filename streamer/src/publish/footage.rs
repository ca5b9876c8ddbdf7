//! The prepared file as RTP: one ffmpeg in real time, to two ports of ours on loopback.

use std::{net::Ipv4Addr, path::Path, process::Stdio, time::Duration};

use bytes::Bytes;
use rtc::{rtp, shared::marshal::Unmarshal};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UdpSocket,
    process::{Child, ChildStderr, Command},
    task::JoinHandle,
};

use super::{PublishError, prepare::missing};

/// The payload types that ffmpeg is told to write, and that we offer.
pub(super) const VIDEO_PAYLOAD_TYPE: u8 = 102;
pub(super) const AUDIO_PAYLOAD_TYPE: u8 = 111;

const LARGEST_PACKET: usize = 2048;
/// A player that is silent for so long has failed.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// A running player.
pub(super) struct Footage {
    player: Child,
    /// Its last words. They are read all the time: a full pipe would stop it.
    words: JoinHandle<String>,
    video: UdpSocket,
    audio: UdpSocket,
    /// So that ffmpeg's reports have somewhere to go, and nothing here answers them.
    _reports: UdpSocket,
}

/// What the player has next.
#[derive(Debug)]
pub(super) enum Next {
    Video(rtp::Packet),
    Audio(rtp::Packet),
    End,
}

impl Footage {
    /// Plays a prepared file, over and over unless `once`.
    pub async fn play(prepared: &Path, audio: bool, once: bool) -> Result<Self, PublishError> {
        let (video, sound, reports) = (bind().await?, bind().await?, bind().await?);
        let rtcp = reports.local_addr()?.port();
        let target = |socket: &UdpSocket| -> Result<String, PublishError> {
            Ok(format!(
                "rtp://{}?pkt_size=1200&rtcpport={rtcp}",
                socket.local_addr()?
            ))
        };
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re"]);
        if !once {
            command.args(["-stream_loop", "-1"]);
        }
        command.arg("-i").arg(prepared);
        command.args(["-map", "0:v:0", "-c:v", "copy"]);
        command.args([
            "-payload_type",
            &VIDEO_PAYLOAD_TYPE.to_string(),
            "-f",
            "rtp",
            &target(&video)?,
        ]);
        if audio {
            command.args([
                "-map",
                "0:a:0",
                "-c:a",
                "copy",
                "-payload_type",
                &AUDIO_PAYLOAD_TYPE.to_string(),
                "-f",
                "rtp",
                &target(&sound)?,
            ]);
        }
        let mut player = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| missing("ffmpeg", error))?;
        let words = tokio::spawn(last_line(player.stderr.take()));
        Ok(Footage {
            player,
            words,
            video,
            audio: sound,
            _reports: reports,
        })
    }

    /// Forgets what was played while nobody was connected.
    pub fn skip_stale(&mut self) {
        let mut buffer = [0; LARGEST_PACKET];
        while self.video.try_recv(&mut buffer).is_ok() || self.audio.try_recv(&mut buffer).is_ok() {
        }
    }

    /// The next packet, in real time.
    pub async fn next(&mut self) -> Result<Next, PublishError> {
        let (mut video, mut audio) = ([0; LARGEST_PACKET], [0; LARGEST_PACKET]);
        loop {
            let (packet, is_video) = tokio::select! {
                received = self.video.recv(&mut video) => (parse(&video[..received?]), true),
                received = self.audio.recv(&mut audio) => (parse(&audio[..received?]), false),
                () = tokio::time::sleep(LONGEST_SILENCE) => {
                    return Err(PublishError::Ffmpeg(format!("nothing was played for {} s", LONGEST_SILENCE.as_secs())));
                }
                status = self.player.wait() => {
                    if status?.success() {
                        return Ok(Next::End);
                    }
                    let words = (&mut self.words).await.unwrap_or_default();
                    return Err(PublishError::Ffmpeg(words));
                }
            };
            match packet {
                Some(packet) if is_video => return Ok(Next::Video(packet)),
                Some(packet) => return Ok(Next::Audio(packet)),
                None => {}
            }
        }
    }
}

async fn last_line(stderr: Option<ChildStderr>) -> String {
    let mut last = "without a word".to_owned();
    let Some(stderr) = stderr else { return last };
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(%line, "ffmpeg");
        last = line;
    }
    last
}

async fn bind() -> Result<UdpSocket, PublishError> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    // A keyframe arrives as one burst; the kernel may grant less.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(2 << 20);
    Ok(UdpSocket::from_std(socket)?)
}

fn parse(datagram: &[u8]) -> Option<rtp::Packet> {
    rtp::Packet::unmarshal(&mut Bytes::copy_from_slice(datagram)).ok()
}
