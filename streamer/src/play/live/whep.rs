//! A WHEP client: the media connection of a session (docs/protocol.md, section 7).

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCSessionDescription,
};

use crate::media::Codec;
use crate::peer;
use crate::play::provider::Provider;
use crate::play::stop::Stop;

const GATHERING: Duration = Duration::from_secs(3);
/// Packets that may wait for the disk.
const QUEUE: usize = 8192;

/// A media connection.
pub(super) struct Whep {
    connection: Arc<dyn PeerConnection>,
    packets: mpsc::Receiver<(Packet, Instant)>,
    /// What each payload type carries.
    pub codecs: Vec<(u8, Codec)>,
}

struct Handler {
    gathered: watch::Sender<bool>,
    packets: mpsc::Sender<(Packet, Instant)>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered
            .send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let packets = self.packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    // What does not fit is a hole, and handled as one.
                    let _ = packets.try_send((packet, Instant::now()));
                }
            }
        });
    }
}

impl Whep {
    /// Connects with a session's media token.
    pub async fn connect(provider: &Provider, content: &str, token: &str) -> Result<Self, Stop> {
        let (gathered, mut has_gathered) = watch::channel(false);
        let (sender, packets) = mpsc::channel(QUEUE);
        let handler = Handler {
            gathered,
            packets: sender,
        };
        let broken = |error: webrtc::error::Error| Stop::Broken(format!("WebRTC: {error}"));
        let connection = build(provider, Arc::new(handler)).await.map_err(broken)?;
        let offer = connection.create_offer(None).await.map_err(broken)?;
        let set = connection.set_local_description(offer).await;
        set.map_err(broken)?;
        // Without every candidate the offer still works: the provider learns our address from our checks.
        let _ = tokio::time::timeout(GATHERING, has_gathered.wait_for(|gathered| *gathered)).await;
        let offer = connection.local_description().await;
        let offer = offer.context("no offer was made")?;
        let answer = provider.whep(content, token, offer.sdp).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(stop) => {
                // It has nothing to lose yet.
                let _ = connection.close().await;
                return Err(stop);
            }
        };
        let codecs = codecs(&answer);
        let answer = RTCSessionDescription::answer(answer).map_err(broken)?;
        let set = connection.set_remote_description(answer).await;
        set.map_err(broken)?;
        Ok(Self {
            connection,
            packets,
            codecs,
        })
    }

    /// The next packet. It may be cancelled.
    pub async fn next(&mut self) -> Result<(Packet, Instant), Stop> {
        let next = self.packets.recv().await;
        next.ok_or_else(|| Stop::Broken("the media connection is lost".to_owned()))
    }

    pub async fn close(self) {
        // The other side notices by itself.
        let _ = self.connection.close().await;
    }
}

async fn build(
    provider: &Provider,
    handler: Arc<Handler>,
) -> Result<Arc<dyn PeerConnection>, webrtc::error::Error> {
    let mut media = MediaEngine::default();
    media.register_default_codecs()?;
    let connection = peer::connection(provider.base(), media, [None; 3], handler).await?;
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let receive = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            ..Default::default()
        };
        connection
            .add_transceiver_from_kind(kind, Some(receive))
            .await?;
    }
    Ok(connection)
}

/// What an answer says of payload types, as far as it can be recorded.
fn codecs(sdp: &str) -> Vec<(u8, Codec)> {
    let mut codecs = Vec::new();
    let mut refused = false;
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            // Port 0 is a refused medium (RFC 3264, section 6).
            refused = media.split(' ').nth(1) == Some("0");
        }
        let Some((payload_type, name)) = line
            .strip_prefix("a=rtpmap:")
            .and_then(|map| map.split_once(' '))
        else {
            continue;
        };
        let known = [Codec::H264, Codec::Vp8, Codec::Opus];
        let codec = known.into_iter().find(|codec| {
            let wanted = codec.mime().split('/').nth(1).unwrap_or_default();
            let named = name.split('/').next().unwrap_or_default();
            named.eq_ignore_ascii_case(wanted)
        });
        if let (Ok(payload_type), Some(codec), false) = (payload_type.parse(), codec, refused) {
            codecs.push((payload_type, codec));
        }
    }
    codecs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_each_payload_type_carries() {
        let sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=rtpmap:102 H264/90000\r\n\
            a=rtpmap:103 rtx/90000\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
        assert_eq!(codecs(sdp), [(102, Codec::H264)]);
        let sdp = sdp.replace("m=audio 0", "m=audio 9");
        assert_eq!(codecs(&sdp), [(102, Codec::H264), (111, Codec::Opus)]);
    }
}
