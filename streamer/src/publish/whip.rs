//! A WHIP client (RFC 9725): one connection to a streamer.

use std::{sync::Arc, time::Duration};

use reqwest::header::{CONTENT_TYPE, LOCATION};
use rtc::{
    media_stream::MediaStreamTrack,
    peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS},
    rtp_transceiver::rtp_sender::{
        RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
        RTCRtpEncodingParameters, RtpCodecKind,
    },
};
use tokio::sync::watch;
use url::Url;
use webrtc::{
    media_stream::track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState, RTCSessionDescription,
    },
};

use super::{
    PublishError,
    footage::{AUDIO_PAYLOAD_TYPE, Footage, Next, VIDEO_PAYLOAD_TYPE},
};
use crate::peer;

const CONNECTING: Duration = Duration::from_secs(15);
const GATHERING: Duration = Duration::from_secs(3);

/// Why sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The file has been played.
    Footage,
    /// The streamer is gone.
    Connection,
}

/// A connection that is up.
pub(super) struct Whip {
    connection: Arc<dyn PeerConnection>,
    state: watch::Receiver<RTCPeerConnectionState>,
    video: Outlet,
    audio: Outlet,
    resource: Resource,
}

/// A track of ours.
struct Outlet {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
}

/// What the streamer made for us. It is deleted when we go, in whatever way.
struct Resource {
    http: reqwest::Client,
    url: Option<Url>,
    token: String,
}

struct Changes {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Changes {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered
            .send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }
}

impl Whip {
    /// Offers, posts, and waits until media can flow.
    pub async fn connect(
        http: &reqwest::Client,
        url: &Url,
        token: &str,
        with_audio: bool,
    ) -> Result<Self, PublishError> {
        let (gathered, mut has_gathered) = watch::channel(false);
        let (state, mut changes) = watch::channel(RTCPeerConnectionState::New);
        let connection = build(url, with_audio, Arc::new(Changes { gathered, state })).await?;
        let video = Outlet::new(RtpCodecKind::Video);
        let audio = Outlet::new(RtpCodecKind::Audio);
        connection
            .add_track(video.track.clone() as Arc<dyn TrackLocal>)
            .await?;
        if with_audio {
            connection
                .add_track(audio.track.clone() as Arc<dyn TrackLocal>)
                .await?;
        }
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        // Without every candidate the offer still works: the streamer learns our address from our checks.
        let _ = tokio::time::timeout(GATHERING, has_gathered.wait_for(|gathered| *gathered)).await;
        let offer = connection
            .local_description()
            .await
            .ok_or_else(|| PublishError::Answer("no offer was made".to_owned()))?;

        let request = http
            .post(url.clone())
            .bearer_auth(token)
            .header(CONTENT_TYPE, "application/sdp")
            .body(offer.sdp);
        let response = request.send().await.map_err(PublishError::Offline)?;
        if !response.status().is_success() {
            let refusal = PublishError::refusal(response).await;
            // It has nothing to lose yet.
            let _ = connection.close().await;
            return Err(refusal);
        }
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let location = location.and_then(|location| url.join(location).ok());
        let resource = Resource {
            http: http.clone(),
            url: location,
            token: token.to_owned(),
        };
        let answer = response.text().await.map_err(PublishError::Offline)?;
        connection
            .set_remote_description(RTCSessionDescription::answer(answer)?)
            .await?;

        let up = changes.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        if tokio::time::timeout(CONNECTING, up).await.is_err() {
            let _ = connection.close().await;
            return Err(PublishError::Unconnected(CONNECTING.as_secs()));
        }
        Ok(Whip {
            connection,
            state: changes,
            video,
            audio,
            resource,
        })
    }

    /// Sends the footage until it ends or the streamer is gone.
    pub async fn send(mut self, footage: &mut Footage) -> Result<Ended, PublishError> {
        footage.skip_stale();
        let ended = self.pump(footage).await;
        self.resource.delete().await;
        // The other side notices by itself.
        let _ = self.connection.close().await;
        ended
    }

    async fn pump(&mut self, footage: &mut Footage) -> Result<Ended, PublishError> {
        loop {
            let next = tokio::select! {
                next = footage.next() => next?,
                changed = self.state.wait_for(is_down) => {
                    tracing::debug!(state = ?changed.map(|state| *state), "the connection ended");
                    return Ok(Ended::Connection);
                }
            };
            let sent = match next {
                Next::Video(packet) => self.video.write(packet).await,
                Next::Audio(packet) => self.audio.write(packet).await,
                Next::End => return Ok(Ended::Footage),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a packet was not sent");
            }
        }
    }
}

fn is_down(state: &RTCPeerConnectionState) -> bool {
    matches!(
        state,
        RTCPeerConnectionState::Disconnected
            | RTCPeerConnectionState::Failed
            | RTCPeerConnectionState::Closed
    )
}

impl Outlet {
    fn new(kind: RtpCodecKind) -> Self {
        let ssrc = rand::random();
        let (codec, payload_type) = codec(kind);
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            codec,
            ..Default::default()
        };
        let name = format!("{kind}");
        let track = MediaStreamTrack::new(
            "paystream".to_owned(),
            name.clone(),
            name,
            kind,
            vec![encoding],
        );
        Outlet {
            track: Arc::new(TrackLocalStaticRTP::new(track)),
            ssrc,
            payload_type,
        }
    }

    async fn write(&self, mut packet: rtc::rtp::Packet) -> Result<(), webrtc::error::Error> {
        packet.header.ssrc = self.ssrc;
        packet.header.payload_type = self.payload_type;
        self.track.write_rtp(packet).await
    }
}

impl Resource {
    async fn delete(&mut self) {
        if let Some(url) = self.url.take() {
            let request = self
                .http
                .delete(url)
                .bearer_auth(&self.token)
                .timeout(Duration::from_secs(2));
            if let Err(error) = request.send().await {
                tracing::debug!(%error, "the streamer was not told that we go");
            }
        }
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        if let (Some(url), Ok(runtime)) = (self.url.take(), tokio::runtime::Handle::try_current()) {
            let request = self
                .http
                .delete(url)
                .bearer_auth(&self.token)
                .timeout(Duration::from_secs(2));
            runtime.spawn(async move {
                // We are being stopped; the streamer notices our silence otherwise.
                let _ = request.send().await;
            });
        }
    }
}

async fn build(
    url: &Url,
    with_audio: bool,
    handler: Arc<Changes>,
) -> Result<Arc<dyn PeerConnection>, PublishError> {
    let mut media = MediaEngine::default();
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        if kind == RtpCodecKind::Video || with_audio {
            let (rtp_codec, payload_type) = codec(kind);
            media.register_codec(
                RTCRtpCodecParameters {
                    rtp_codec,
                    payload_type,
                },
                kind,
            )?;
        }
    }
    // A publisher is to notice within seconds that nobody hears it.
    let timeouts = [3, 6, 1].map(|seconds| Some(Duration::from_secs(seconds)));
    Ok(peer::connection(url, media, timeouts, handler).await?)
}

fn codec(kind: RtpCodecKind) -> (RTCRtpCodec, u8) {
    let feedback = |kind: &str, parameter: &str| RTCPFeedback {
        typ: kind.to_owned(),
        parameter: parameter.to_owned(),
    };
    if kind == RtpCodecKind::Video {
        let codec = RTCRtpCodec {
            mime_type: MIME_TYPE_H264.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
                .to_owned(),
            rtcp_feedback: vec![feedback("nack", ""), feedback("nack", "pli")],
        };
        return (codec, VIDEO_PAYLOAD_TYPE);
    }
    let codec = RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    };
    (codec, AUDIO_PAYLOAD_TYPE)
}
