//! One WebRTC connection on the sans-IO core of webrtc-rs: datagrams in, datagrams and media out, no socket and no clock.
//!
//! ICE-lite, mDNS off, our candidates as announced. The rest of the engine knows nothing of `rtc`, so that the stack under it can be replaced.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtc::{
    ice::{
        candidate::{CandidateConfig, candidate_host::CandidateHostConfig},
        mdns::MulticastDnsMode,
    },
    interceptor::{
        Attribute, Interceptor, Packet as Intercepted, Registry, Slot, StreamInfo, TaggedPacket,
    },
    media_stream::MediaStreamTrack,
    peer_connection::{
        RTCPeerConnection, RTCPeerConnectionBuilder,
        configuration::{
            interceptor_registry::{
                configure_nack, configure_rtcp_reports, configure_twcc_receiver_only,
            },
            media_engine::{MIME_TYPE_RTX, MediaEngine},
            setting_engine::SettingEngineBuilder,
        },
        event::{RTCPeerConnectionEvent, RTCTrackEvent},
        message::{RTCMessage, TaggedRTCMessage},
        sdp::RTCSessionDescription,
        state::RTCPeerConnectionState,
        transport::RTCIceCandidate,
    },
    rtcp::payload_feedbacks::{
        full_intra_request::FullIntraRequest, picture_loss_indication::PictureLossIndication,
    },
    rtp,
    rtp_transceiver::{
        RTCRtpReceiverId, RTCRtpSenderId,
        rtp_sender::{
            RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
            RTCRtpEncodingParameters, RtpCodecKind,
        },
    },
    sansio::Protocol,
    shared::{TaggedBytesMut, TransportContext, TransportProtocol, error::Error as StackError},
};

use super::{codec::Codec, error::MediaError, offer::Format, packet::Outgoing, track::Received};

/// Longest sleep of a connection that asks for nothing.
const IDLE: Duration = Duration::from_secs(60);

/// Which of the two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Video,
    Audio,
}

/// What a connection has to say after it was drained.
#[derive(Debug)]
pub(super) enum Event {
    Connected,
    Closed,
    Media(Kind, Received),
    KeyframeWanted,
}

/// What the two sides agreed on.
#[derive(Clone, Debug)]
pub(super) struct Formats {
    pub video: Option<Format>,
    pub audio: Option<Format>,
}

#[derive(Clone, Copy, Debug)]
struct Sending {
    sender: RTCRtpSenderId,
    ssrc: u32,
    payload_type: u8,
}

/// One connection.
pub(super) struct Peer {
    connection: RTCPeerConnection,
    candidates: Vec<SocketAddr>,
    formats: Formats,
    video: Option<Sending>,
    audio: Option<Sending>,
    receiving: Option<(RTCRtpReceiverId, u32)>,
    closed: bool,
}

impl Peer {
    /// Answers an offer: the connection, and the SDP answer.
    ///
    /// # Errors
    /// [`MediaError::MalformedSdp`] when the stack cannot use the offer.
    pub fn answer(
        sdp: &str,
        formats: Formats,
        sends: bool,
        candidates: &[SocketAddr],
        now: Instant,
    ) -> Result<(Self, String), MediaError> {
        let connection = build(&formats, sends, now)?;
        let mut peer = Peer {
            connection,
            candidates: candidates.to_vec(),
            formats,
            video: None,
            audio: None,
            receiving: None,
            closed: false,
        };
        if sends {
            peer.video = peer
                .formats
                .video
                .clone()
                .map(|format| add_track(&mut peer.connection, &format))
                .transpose()?;
            peer.audio = peer
                .formats
                .audio
                .clone()
                .map(|format| add_track(&mut peer.connection, &format))
                .transpose()?;
        }
        let unusable = |error: StackError| MediaError::MalformedSdp(error.to_string());
        let offer = RTCSessionDescription::offer(sdp.to_owned()).map_err(unusable)?;
        peer.connection
            .set_remote_description(now, offer)
            .map_err(unusable)?;
        for candidate in candidates {
            let base_config = CandidateConfig {
                network: "udp".to_owned(),
                address: candidate.ip().to_string(),
                port: candidate.port(),
                component: 1,
                ..Default::default()
            };
            let host = CandidateHostConfig {
                base_config,
                ..Default::default()
            }
            .new_candidate_host()?;
            peer.connection
                .add_local_candidate(RTCIceCandidate::from(&host).to_json()?)?;
        }
        let answer = peer.connection.create_answer(None).map_err(unusable)?;
        peer.connection
            .set_local_description(now, answer)
            .map_err(unusable)?;
        let answer = peer
            .connection
            .local_description()
            .ok_or_else(|| MediaError::MalformedSdp("it leads to no answer".to_owned()))?;
        Ok((peer, answer.sdp))
    }

    /// Takes a datagram that arrived on the announced address `local`.
    pub fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: Option<SocketAddr>,
        datagram: &[u8],
    ) {
        let fits = |candidate: &&SocketAddr| candidate.is_ipv4() == from.is_ipv4();
        let Some(local_addr) = local
            .filter(|local| self.candidates.contains(local))
            .or_else(|| self.candidates.iter().find(fits).copied())
        else {
            return;
        };
        let transport = TransportContext {
            local_addr,
            peer_addr: from,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        // What the stack cannot read it drops; the peer is told by the protocols themselves.
        let _ = self.connection.handle_read(TaggedBytesMut {
            now,
            transport,
            message: BytesMut::from(datagram),
        });
    }

    /// Queues a packet for the viewer.
    pub fn send(&mut self, now: Instant, kind: Kind, packet: Outgoing) {
        let Some(track) = (match kind {
            Kind::Video => self.video,
            Kind::Audio => self.audio,
        }) else {
            return;
        };
        let header = rtp::Header {
            version: 2,
            sequence_number: packet.seq,
            timestamp: packet.ts,
            marker: packet.marker,
            ssrc: track.ssrc,
            payload_type: track.payload_type,
            ..Default::default()
        };
        if let Some(mut sender) = self.connection.rtp_sender(track.sender) {
            // It fails only while the connection is not up, and then nothing is due.
            let _ = sender.write_rtp(
                now,
                rtp::Packet {
                    header,
                    payload: packet.payload,
                },
            );
        }
    }

    /// Asks the publisher for a keyframe.
    pub fn request_keyframe(&mut self, now: Instant) {
        let Some((receiver, ssrc)) = self.receiving else {
            return;
        };
        if let Some(mut receiver) = self.connection.rtp_receiver(receiver) {
            let _ = receiver.write_rtcp(
                now,
                vec![Box::new(PictureLossIndication {
                    sender_ssrc: 0,
                    media_ssrc: ssrc,
                })],
            );
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        let _ = self.connection.handle_timeout(now);
    }

    /// Says goodbye; what is to be sent comes out of the next drain.
    pub fn close(&mut self) {
        let _ = self.connection.close();
    }

    /// Takes out everything that waits, and answers when the connection wants to be called again.
    pub fn drain(
        &mut self,
        now: Instant,
        mut transmit: impl FnMut(SocketAddr, &[u8]),
        events: &mut Vec<Event>,
    ) -> Instant {
        loop {
            while let Some(datagram) = self.connection.poll_write() {
                transmit(datagram.transport.peer_addr, &datagram.message);
            }
            let mut progressed = false;
            while let Some(event) = self.connection.poll_event() {
                progressed = true;
                self.handle(event, events);
            }
            while let Some(TaggedRTCMessage { message, .. }) = self.connection.poll_read() {
                progressed = true;
                match message {
                    RTCMessage::RtpPacket(_, packet) => events.extend(self.received(packet)),
                    RTCMessage::RtcpPacket(..) => events.push(Event::KeyframeWanted),
                    _ => {}
                }
            }
            if !progressed {
                return self.connection.poll_timeout().unwrap_or(now + IDLE);
            }
        }
    }

    fn handle(&mut self, event: RTCPeerConnectionEvent, events: &mut Vec<Event>) {
        match event {
            RTCPeerConnectionEvent::OnConnectionStateChangeEvent(
                RTCPeerConnectionState::Connected,
            ) => events.push(Event::Connected),
            RTCPeerConnectionEvent::OnConnectionStateChangeEvent(
                RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed,
            ) if !self.closed => {
                self.closed = true;
                events.push(Event::Closed);
            }
            RTCPeerConnectionEvent::OnTrack(RTCTrackEvent::OnOpen(track)) => {
                let is_video = self
                    .connection
                    .rtp_receiver(track.receiver_id)
                    .is_some_and(|receiver| receiver.track().kind() == RtpCodecKind::Video);
                if is_video {
                    self.receiving = Some((track.receiver_id, track.ssrc));
                }
            }
            _ => {}
        }
    }

    fn received(&self, packet: rtp::Packet) -> Option<Event> {
        let of = |format: &Option<Format>| {
            format
                .as_ref()
                .is_some_and(|format| format.payload_type == packet.header.payload_type)
        };
        let kind = if of(&self.formats.video) {
            Kind::Video
        } else if of(&self.formats.audio) {
            Kind::Audio
        } else {
            return None;
        };
        // Browsers probe the path with empty packets.
        if packet.payload.is_empty() {
            return None;
        }
        let header = &packet.header;
        let received = Received {
            ssrc: header.ssrc,
            seq: header.sequence_number,
            ts: header.timestamp,
            marker: header.marker,
            payload: packet.payload,
        };
        Some(Event::Media(kind, received))
    }
}

fn build(formats: &Formats, sends: bool, now: Instant) -> Result<RTCPeerConnection, MediaError> {
    let mut media = MediaEngine::default();
    for format in formats.video.iter().chain(&formats.audio) {
        let kind = kind_of(format.codec);
        media.register_codec(
            RTCRtpCodecParameters {
                rtp_codec: parameters(format),
                payload_type: format.payload_type,
            },
            kind,
        )?;
        if let Some(rtx) = format.rtx {
            let rtp_codec = RTCRtpCodec {
                mime_type: MIME_TYPE_RTX.to_owned(),
                clock_rate: format.codec.clock_rate(),
                channels: 0,
                sdp_fmtp_line: format!("apt={}", format.payload_type),
                rtcp_feedback: Vec::new(),
            };
            media.register_codec(
                RTCRtpCodecParameters {
                    rtp_codec,
                    payload_type: rtx,
                },
                kind,
            )?;
        }
    }
    let mut registry = configure_rtcp_reports(configure_nack(Registry::new(), &mut media));
    if !sends {
        registry = configure_twcc_receiver_only(registry, &mut media)?;
    }
    let settings = SettingEngineBuilder::new()
        .with_lite(true)
        .with_include_loopback_candidate(true)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .build();
    let connection = RTCPeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_setting_engine(settings)
        .with_interceptor_registry(registry.with(Slot::from(14_000), KeyframeRequests::default()))
        .build(now)?;
    Ok(connection)
}

fn add_track(connection: &mut RTCPeerConnection, format: &Format) -> Result<Sending, MediaError> {
    let ssrc = rand::random();
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec: parameters(format),
        ..Default::default()
    };
    let track = MediaStreamTrack::new(
        "paystream".to_owned(),
        format!("track-{ssrc}"),
        "paystream".to_owned(),
        kind_of(format.codec),
        vec![encoding],
    );
    let sender = connection.add_track(track)?;
    Ok(Sending {
        sender,
        ssrc,
        payload_type: format.payload_type,
    })
}

fn kind_of(codec: Codec) -> RtpCodecKind {
    if codec == Codec::Opus {
        RtpCodecKind::Audio
    } else {
        RtpCodecKind::Video
    }
}

fn parameters(format: &Format) -> RTCRtpCodec {
    let feedback = |kind: &str, parameter: &str| RTCPFeedback {
        typ: kind.to_owned(),
        parameter: parameter.to_owned(),
    };
    let video = format.codec != Codec::Opus;
    RTCRtpCodec {
        mime_type: format.codec.mime().to_owned(),
        clock_rate: format.codec.clock_rate(),
        channels: if video { 0 } else { 2 },
        sdp_fmtp_line: format.fmtp.clone(),
        rtcp_feedback: if video {
            vec![
                feedback("ccm", "fir"),
                feedback("nack", ""),
                feedback("nack", "pli"),
            ]
        } else {
            Vec::new()
        },
    }
}

/// Lets requests for keyframes through to us; other feedback is the stack's own affair.
#[derive(Default)]
struct KeyframeRequests {
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for KeyframeRequests {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = StackError;
    type Time = Instant;

    fn handle_read(&mut self, mut tagged: TaggedPacket) -> Result<(), StackError> {
        if let Intercepted::Rtcp(packets) = &tagged.message.packet {
            let wanted = packets.iter().any(|packet| {
                let packet = packet.as_any();
                packet.is::<PictureLossIndication>() || packet.is::<FullIntraRequest>()
            });
            if !wanted {
                return Ok(());
            }
            tagged.message.add(Attribute::DeliverToApplication);
        }
        self.reads.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), StackError> {
        self.writes.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

impl Interceptor for KeyframeRequests {
    fn bind_local_stream(&mut self, _stream: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _stream: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _stream: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _stream: &StreamInfo) {}
}
