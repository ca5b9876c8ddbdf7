//! Recording a live stream (docs/protocol.md, sections 5.2 and 7): paid by the tick, no further than our own clock and what has arrived say.

mod frames;
mod matroska;
mod recording;
mod whep;

use std::time::{Duration, Instant};

use bitcoin::Amount;
use paystream_channel::due_paid;

pub(super) use self::recording::Recording;
use self::whep::Whep;
use super::session::Session;
use super::spending::Channel;
use super::stop::{Failures, Stop};

/// Media that is paid for, at the most, after the last that arrived.
const GRACE_MS: u64 = 6000;
/// How long nothing may arrive.
const STALL: Duration = Duration::from_secs(20);

/// Records until there is as much as was asked for.
///
/// # Errors
/// When the stream ends or the provider asks for what is not owed.
pub(super) async fn record(channel: &mut Channel, recording: &mut Recording) -> anyhow::Result<()> {
    let mut failures = Failures::default();
    loop {
        let stop = match Session::start(channel).await {
            Ok(mut session) => match watch(&mut session, channel, recording).await {
                Ok(()) => return Ok(()),
                Err(Stop::Broken(why)) => match session.last_words(channel).await {
                    Some(end) => Stop::Final(end),
                    None => Stop::Broken(why),
                },
                Err(stop) => stop,
            },
            Err(error) => Stop::Broken(format!("{error:#}")),
        };
        failures.count(stop, recording.ms()).await?;
    }
}

async fn watch(
    session: &mut Session,
    channel: &mut Channel,
    recording: &mut Recording,
) -> Result<(), Stop> {
    let content = channel.terms.content_id.to_string();
    let mut whep = Whep::connect(&channel.provider, &content, &session.token).await?;
    recording.connect(&whep.codecs);
    let played = play(&mut whep, session, channel, recording).await;
    whep.close().await;
    played
}

async fn play(
    whep: &mut Whep,
    session: &mut Session,
    channel: &mut Channel,
    recording: &mut Recording,
) -> Result<(), Stop> {
    let grace = due_paid(Amount::ZERO, GRACE_MS, 0, channel.terms.msat_per_second)
        .map_err(anyhow::Error::from)?;
    // What had been paid when the recording last grew. Packets whose time stands still bring nothing.
    let mut seen = channel.paid;
    let mut stall = std::pin::pin!(tokio::time::sleep(STALL));
    let mut told = Instant::now();
    while !recording.is_whole() {
        tokio::select! {
            next = whep.next() => {
                let (packet, arrived) = next?;
                let before = recording.ms();
                recording.packet(packet, arrived)?;
                if recording.ms() > before {
                    seen = channel.paid;
                    stall.as_mut().reset(tokio::time::Instant::now() + STALL);
                }
            }
            message = session.next() => session.note(message?, channel)?,
            () = &mut stall => return Err(Stop::Broken("nothing arrives".to_owned())),
        }
        let arrived = seen.checked_add(grace).unwrap_or(Amount::MAX_MONEY);
        let limit = session.clock_limit(channel)?.min(arrived);
        session.answer(channel, limit).await?;
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            eprintln!(
                "{} of {} s recorded, {} sat paid",
                recording.ms() / 1000,
                recording.seconds(),
                channel.paid.to_sat()
            );
        }
    }
    Ok(())
}
