//! A viewer on the async layer of webrtc-rs, which counts what arrives.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rtc::{
    ice::mdns::MulticastDnsMode,
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit, rtp_sender::RtpCodecKind,
    },
};
use tokio::sync::watch;
use webrtc::{
    media_stream::track_remote::{TrackRemote, TrackRemoteEvent},
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
        RTCConfigurationBuilder, RTCIceGatheringState, RTCPeerConnectionState,
        RTCSessionDescription, Registry, SettingEngineBuilder, register_default_interceptors,
    },
};

#[derive(Default)]
struct Counts {
    packets: AtomicU64,
    /// Timestamps by unrolled sequence number: what was sent again arrives late, and perhaps twice.
    numbered: Mutex<BTreeMap<i64, u32>>,
    arrived: Mutex<Option<Instant>>,
}

impl Counts {
    fn count(&self, seq: u16, ts: u32) {
        self.packets.fetch_add(1, Ordering::SeqCst);
        *self.arrived.lock().expect("not poisoned") = Some(Instant::now());
        let mut numbered = self.numbered.lock().expect("not poisoned");
        let last = numbered.last_key_value().map_or(0, |(last, _)| *last);
        numbered.insert(last + i64::from(seq.wrapping_sub(last as u16) as i16), ts);
    }

    fn steps(&self, wrong: impl Fn((i64, u32), (i64, u32)) -> bool) -> usize {
        let numbered = self.numbered.lock().expect("not poisoned");
        let packets = numbered.iter().map(|(seq, ts)| (*seq, *ts));
        packets
            .clone()
            .zip(packets.skip(1))
            .filter(|(one, next)| wrong(*one, *next))
            .count()
    }
}

struct Handler {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    counts: Arc<Counts>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered
            .send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let counts = self.counts.clone();
        tokio::spawn(async move {
            if track.kind().await != RtpCodecKind::Video {
                return;
            }
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else {
                    continue;
                };
                counts.count(packet.header.sequence_number, packet.header.timestamp);
            }
        });
    }
}

pub struct Client {
    connection: Arc<dyn PeerConnection>,
    gathered: watch::Receiver<bool>,
    state: watch::Receiver<RTCPeerConnectionState>,
    counts: Arc<Counts>,
}

impl Client {
    pub async fn new() -> Self {
        let mut media = MediaEngine::default();
        media.register_default_codecs().expect("codecs");
        let registry =
            register_default_interceptors(Registry::new(), &mut media).expect("interceptors");
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .build();
        let (gathered_in, gathered) = watch::channel(false);
        let (state_in, state) = watch::channel(RTCPeerConnectionState::New);
        let counts = Arc::new(Counts::default());
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(media)
            .with_setting_engine(settings)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Handler {
                gathered: gathered_in,
                state: state_in,
                counts: counts.clone(),
            }))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .expect("a connection");
        for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..Default::default()
            };
            connection
                .add_transceiver_from_kind(kind, Some(receive))
                .await
                .expect("a transceiver");
        }
        Client {
            connection: Arc::new(connection),
            gathered,
            state,
            counts,
        }
    }

    pub async fn offer(&self) -> String {
        let offer = self.connection.create_offer(None).await.expect("an offer");
        self.connection
            .set_local_description(offer)
            .await
            .expect("our own offer");
        let mut gathered = self.gathered.clone();
        let complete = tokio::time::timeout(
            Duration::from_secs(5),
            gathered.wait_for(|gathered| *gathered),
        )
        .await;
        complete
            .expect("gathering ends")
            .expect("the connection lives");
        self.connection
            .local_description()
            .await
            .expect("an offer")
            .sdp
    }

    pub async fn accept(&self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).expect("an answer");
        self.connection
            .set_remote_description(answer)
            .await
            .expect("a good answer");
    }

    pub fn packets(&self) -> u64 {
        self.counts.packets.load(Ordering::SeqCst)
    }

    /// When the last packet of video arrived.
    pub fn last_arrival(&self) -> Option<Instant> {
        *self.counts.arrived.lock().expect("not poisoned")
    }

    /// Places in the sequence where packets are missing.
    pub fn holes(&self) -> usize {
        self.counts.steps(|(seq, _), (next, _)| next - seq != 1)
    }

    /// Packets whose timestamp is before that of the packet before them in the sequence.
    pub fn backward(&self) -> usize {
        self.counts
            .steps(|(_, ts), (_, next)| next.wrapping_sub(ts) >= 1 << 31)
    }

    pub fn connected(&self) -> bool {
        *self.state.borrow() == RTCPeerConnectionState::Connected
    }

    pub async fn close(&mut self) {
        self.connection.close().await.expect("closed");
    }
}
