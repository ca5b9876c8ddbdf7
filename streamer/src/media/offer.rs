//! What an SDP offer can be used for, found before the WebRTC stack sees it.
//!
//! Only what decides the choice of codecs is read here; the rest is the stack's.

use std::collections::HashMap;

use super::{codec::Codec, error::MediaError};

/// A browser's offer is about 6 kB; nobody needs ten times that.
const MAX_BYTES: usize = 64 << 10;
const MAX_SECTIONS: usize = 16;

/// A payload type of an offer that we can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub codec: Codec,
    pub payload_type: u8,
    pub fmtp: String,
    /// The payload type of its retransmissions.
    pub rtx: Option<u8>,
}

/// The usable parts of an offer, in the order of its preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub video: Vec<Format>,
    pub audio: Vec<Format>,
    pub has_video: bool,
    pub has_audio: bool,
}

impl Offer {
    /// The format in which a publisher will send: the first of its own that we know.
    pub fn ingest_video(&self) -> Option<&Format> {
        self.video
            .iter()
            .find(|format| format.codec == Codec::Vp8 || is_baseline(&format.fmtp))
    }

    /// The format in which a viewer takes a stream of this codec.
    pub fn playback(&self, codec: Codec) -> Option<&Format> {
        let formats = if codec == Codec::Opus {
            &self.audio
        } else {
            &self.video
        };
        let mut fits = formats.iter().filter(|format| format.codec == codec);
        let exact = fits.clone().find(|format| {
            format
                .fmtp
                .to_ascii_lowercase()
                .contains("profile-level-id=42e0")
        });
        exact
            .or_else(|| fits.clone().find(|format| is_baseline(&format.fmtp)))
            .or_else(|| fits.next())
    }
}

/// H.264 baseline and constrained baseline have no B-frames, which browsers do not play over RTP. Without a profile it is baseline
/// (RFC 6184, section 8.1).
fn is_baseline(fmtp: &str) -> bool {
    parameter(fmtp, "profile-level-id").is_none_or(|profile| profile.starts_with("42"))
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Reads an offer.
///
/// # Errors
/// [`MediaError::MalformedSdp`] when it is none, is too long, or has no media that could be used.
pub(super) fn parse(sdp: &str) -> Result<Offer, MediaError> {
    let refuse = |detail: &str| Err(MediaError::MalformedSdp(detail.to_owned()));
    if sdp.len() > MAX_BYTES {
        return refuse("it is longer than 64 KiB");
    }
    if !sdp.starts_with("v=0") {
        return refuse("it does not begin with v=0");
    }
    let mut offer = Offer::default();
    let sections: Vec<&str> = sdp.split("\nm=").collect();
    if sections.len() > MAX_SECTIONS + 1 {
        return refuse("it has more than 16 media sections");
    }
    for (needle, what) in [
        ("a=ice-ufrag:", "no ICE credentials"),
        ("a=ice-pwd:", "no ICE credentials"),
        ("a=fingerprint:", "no DTLS fingerprint"),
    ] {
        if !lines(sdp).any(|line| line.starts_with(needle)) {
            return refuse(what);
        }
    }
    if lines(sdp).any(|line| line == "a=setup:holdconn") {
        return refuse("a=setup:holdconn cannot be answered");
    }
    for section in &sections[1..] {
        if section.starts_with("video ") && !offer.has_video {
            offer.has_video = true;
            offer.video = formats(section, &[Codec::H264, Codec::Vp8]);
        } else if section.starts_with("audio ") && !offer.has_audio {
            offer.has_audio = true;
            offer.audio = formats(section, &[Codec::Opus]);
        }
    }
    if !offer.has_video && !offer.has_audio {
        return refuse("it has neither video nor audio");
    }
    Ok(offer)
}

fn lines(section: &str) -> impl Iterator<Item = &str> {
    section.lines().map(|line| line.trim_end_matches('\r'))
}

fn formats(section: &str, codecs: &[Codec]) -> Vec<Format> {
    let mut names: HashMap<u8, &str> = HashMap::new();
    let mut fmtps: HashMap<u8, &str> = HashMap::new();
    for line in lines(section) {
        let attribute = |name: &str| {
            line.strip_prefix(name)?
                .split_once(' ')
                .and_then(|(number, rest)| Some((number.parse().ok()?, rest)))
        };
        if let Some((number, name)) = attribute("a=rtpmap:") {
            names.insert(number, name);
        } else if let Some((number, fmtp)) = attribute("a=fmtp:") {
            fmtps.insert(number, fmtp);
        }
    }
    let order = section
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(3)
        .filter_map(|number| number.parse().ok());
    order
        .filter_map(|payload_type: u8| {
            let name = names.get(&payload_type)?;
            let codec = *codecs.iter().find(|codec| {
                let (subtype, rate) = (
                    codec.mime().split('/').nth(1).unwrap_or_default(),
                    codec.clock_rate().to_string(),
                );
                let mut parts = name.split('/');
                parts
                    .next()
                    .is_some_and(|part| part.eq_ignore_ascii_case(subtype))
                    && parts.next() == Some(&rate)
            })?;
            let fmtp = fmtps.get(&payload_type).copied().unwrap_or_default();
            if codec == Codec::H264 && parameter(fmtp, "packetization-mode") != Some("1") {
                return None;
            }
            let apt = payload_type.to_string();
            let rtx = names
                .iter()
                .filter(|(_, name)| name.to_ascii_lowercase().starts_with("rtx/"))
                .map(|(number, _)| *number)
                .find(|number| {
                    fmtps.get(number).and_then(|fmtp| parameter(fmtp, "apt")) == Some(apt.as_str())
                });
            Some(Format {
                codec,
                payload_type,
                fmtp: fmtp.to_owned(),
                rtx,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00\r\n\
        a=rtpmap:111 opus/48000/2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105 106\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
        a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f\r\n\
        a=rtpmap:103 H264/90000\r\na=fmtp:103 packetization-mode=0;profile-level-id=42e01f\r\n\
        a=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=1;profile-level-id=42001f\r\n\
        a=rtpmap:106 H264/90000\r\na=fmtp:106 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:105 rtx/90000\r\na=fmtp:105 apt=106\r\n";

    #[test]
    fn the_first_codec_that_we_know_is_taken_in_and_the_exact_profile_is_played() {
        let offer = parse(OFFER).expect("usable");
        let ingest = offer.ingest_video().expect("VP8");
        assert_eq!(
            (ingest.codec, ingest.payload_type, ingest.rtx),
            (Codec::Vp8, 96, Some(97))
        );
        let h264 = offer.playback(Codec::H264).expect("H.264");
        assert_eq!((h264.payload_type, h264.rtx), (106, Some(105)));
        assert_eq!(
            offer
                .playback(Codec::Opus)
                .map(|format| format.payload_type),
            Some(111)
        );
    }

    #[test]
    fn unusable_offers_say_why() {
        for (sdp, why) in [
            (String::new(), "v=0"),
            ("hello".into(), "v=0"),
            (format!("v=0{}", "x".repeat(MAX_BYTES)), "64 KiB"),
            ("v=0\r\n".into(), "ICE"),
            (OFFER.replace("a=fingerprint", "a=other"), "fingerprint"),
            (
                OFFER
                    .replace("m=audio", "m=text")
                    .replace("m=video", "m=text"),
                "neither",
            ),
            (format!("{OFFER}a=setup:holdconn\r\n"), "holdconn"),
            (
                format!("{OFFER}{}", "m=video 9 X 1\r\n".repeat(20)),
                "16 media",
            ),
        ] {
            let error = parse(&sdp).expect_err("unusable").to_string();
            assert!(error.contains(why), "{error} should contain {why}");
        }
    }

    proptest! {
        #[test]
        fn no_text_can_upset_it(text in ".*", at in 0usize..OFFER.len(), cut in 0usize..40) {
            let _ = parse(&text);
            let end = (at + cut).min(OFFER.len());
            let _ = parse(&format!("{}{text}{}", &OFFER[..at], &OFFER[end..]));
        }
    }
}
