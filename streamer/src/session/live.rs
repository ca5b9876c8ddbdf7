//! A running session: feeds the meter and does what it says.
//!
//! The order of a payment: verify, journal, receipt, and only then does the media thread get a higher limit.

mod money;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use paystream_channel::ChannelState;
use tokio::sync::watch;

use self::money::most;
use super::message::{ClientMessage, EndReason, ServerMessage, WarningCode};
use super::reading::Reading;
use super::registry::{MediaGrant, SessionControl};
use super::socket::{Incoming, Socket};
use crate::app::App;
use crate::channels::{Channel, Record};
use crate::error::{Code, Result, refused};
use crate::media::Viewer;
use crate::meter::{ChannelCondition, Delivery, Effect, MediaCondition, Meter, Settings, Warning};
use crate::sign_in::random_hex;

/// How often the meter is read when nothing else happens.
const LOOK: Duration = Duration::from_millis(100);
/// How often the viewer is pinged.
const PING: Duration = Duration::from_secs(20);
/// A viewer of stored video who owes nothing may read nothing for so many times the idle time.
const PAUSE: u32 = 30;
/// Blocks before the last payment at which the viewer is warned of the expiry.
const EXPIRY_NEAR: u32 = 6;

/// A session that has started.
pub(super) struct Live {
    app: Arc<App>,
    content: B256,
    channel: Arc<Channel>,
    record: watch::Receiver<Arc<Record>>,
    control: Arc<SessionControl>,
    grant: MediaGrant,
    token: String,
    settings: Settings,
    reading: Arc<Reading>,
    started: Instant,
    note_again_at: Instant,
    preview_before_ms: u64,
    warned_expiry: bool,
    shown: Option<(ChannelState, u32)>,
}

/// How the loop goes on.
enum Next {
    On,
    End(EndReason),
    Gone,
}

impl Live {
    /// Takes the channel over from the session that holds it, if one does.
    ///
    /// # Errors
    /// `payment_required` when earlier sessions left too much unpaid; unavailable when nobody can tell what the content is.
    pub(super) async fn begin(app: Arc<App>, content: B256, channel: Arc<Channel>) -> Result<Self> {
        let root = if app.is_live(content) {
            None
        } else {
            app.stored(content).await?.map(|(_, stored)| stored.cid)
        };
        let delivery = match root {
            Some(_) => Delivery::Blocks,
            None => Delivery::Stream,
        };
        let control = Arc::new(SessionControl::default());
        loop {
            let holder = {
                let mut slot = channel
                    .session
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if slot.is_none() {
                    *slot = Some(Arc::clone(&control));
                }
                slot.clone()
            };
            match holder {
                Some(holder) if !Arc::ptr_eq(&holder, &control) => {
                    holder.end(EndReason::Replaced);
                    holder.finished().await;
                }
                Some(_) | None => break,
            }
        }
        let debt = channel.debt();
        if debt.left(app.config.tick_ms).is_none() {
            release(&channel, &control);
            return Err(refused(
                Code::PaymentRequired,
                "earlier sessions of this channel left too much video unpaid; open another channel",
            ));
        }
        channel.touch();
        let record = channel.subscribe();
        let now = channel.record();
        let preview_ms = app.config.preview_seconds * 1000;
        let settings = Settings {
            delivery,
            tick_ms: app.config.tick_ms,
            msat_per_second: now.terms.msat_per_second,
            base_sat: now.paid_sat(),
            credit_ms: now.credit_ms,
            preview_ms: preview_ms.saturating_sub(now.preview_used_ms),
            debt,
        };
        let reading = Reading::new(root, Meter::new(settings));
        let grant = MediaGrant {
            content,
            viewer: Arc::new(Viewer::given_before(channel.replayed())),
            resource: Arc::new(Mutex::new(None)),
        };
        let token = random_hex::<32>();
        app.sessions.insert(
            token.clone(),
            grant.clone(),
            Arc::clone(&reading),
            Arc::clone(&control),
        );
        Ok(Self {
            app,
            content,
            channel,
            record,
            control,
            grant,
            token,
            settings,
            reading,
            started: Instant::now(),
            note_again_at: Instant::now(),
            preview_before_ms: now.preview_used_ms,
            warned_expiry: false,
            shown: None,
        })
    }

    /// Runs to the end; `None` when the viewer is gone.
    pub(super) async fn run(mut self, socket: &mut Socket) -> Option<EndReason> {
        let end = self.converse(socket).await;
        // Nothing more is delivered before what is left over is counted.
        self.grant.viewer.set_gate(false);
        self.with_meter(|_| ());
        self.channel.note_replayed(self.grant.viewer.given());
        self.channel.leave_debt(self.reading.end());
        let resource = self
            .grant
            .resource
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.app.sessions.remove(&self.token, &self.control);
        if let Some(resource) = resource {
            self.app.media.remove(resource);
        }
        let closing_txid = self.settle(end).await;
        self.channel.touch();
        release(&self.channel, &self.control);
        if let Some(reason) = end {
            // What became of the channel comes before the end; a viewer who is gone by now misses both.
            self.show_channel(socket).await;
            socket
                .send(&ServerMessage::End {
                    reason,
                    closing_txid,
                })
                .await;
        }
        end
    }

    async fn converse(&mut self, socket: &mut Socket) -> Option<EndReason> {
        let record = self.channel.record();
        let started = ServerMessage::Started {
            session_id: random_hex::<16>(),
            media_token: self.token.clone(),
            tick_ms: self.settings.tick_ms,
            sequence: record
                .payment
                .as_ref()
                .map_or(0, |payment| payment.sequence),
            paid_sat: record.paid_sat().to_string(),
            credit_ms: self.settings.credit_ms,
        };
        if !socket.send(&started).await || !self.show_channel(socket).await {
            return None;
        }
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ping = tokio::time::interval(PING);
        let viewer = Arc::clone(&self.grant.viewer);
        let reading = Arc::clone(&self.reading);
        let control = Arc::clone(&self.control);
        loop {
            let next_due = self.next_due();
            let next = tokio::select! {
                reason = control.asked_to_end() => Next::End(reason),
                incoming = socket.next() => self.hear(socket, incoming).await,
                changed = self.record.changed() => match changed {
                    Ok(()) if self.show_channel(socket).await => Next::On,
                    Ok(()) | Err(_) => Next::Gone,
                },
                () = viewer.changed() => Next::On,
                () = reading.news() => Next::On,
                () = tokio::time::sleep(next_due.unwrap_or(LOOK)), if next_due.is_some() => Next::On,
                _ = look.tick() => Next::On,
                _ = ping.tick() => if socket.ping().await { Next::On } else { Next::Gone },
            };
            match next {
                Next::On => {}
                Next::End(reason) => return Some(reason),
                Next::Gone => return None,
            }
            match self.step(socket).await {
                Next::On => {}
                Next::End(reason) => return Some(reason),
                Next::Gone => return None,
            }
        }
    }

    /// Sends the channel when its state or its confirmations differ from what the viewer was told last; a payment is answered with
    /// its receipt alone.
    async fn show_channel(&mut self, socket: &mut Socket) -> bool {
        let record = self.record.borrow_and_update().clone();
        let channel = Box::new(self.app.book.view(&record));
        let shown = Some((channel.state, channel.confirmations));
        if shown == self.shown {
            return true;
        }
        self.shown = shown;
        socket.send(&ServerMessage::Channel { channel }).await
    }

    async fn hear(&mut self, socket: &mut Socket, incoming: Incoming) -> Next {
        let error = match incoming {
            Incoming::Gone => return Next::Gone,
            Incoming::Flood => {
                let error = refused(Code::RateLimited, "too many messages a second");
                socket.send_error(&error).await;
                return Next::End(EndReason::ProtocolError);
            }
            Incoming::Bad(error) => error,
            Incoming::Message(ClientMessage::Start { .. }) => {
                refused(Code::AlreadyStarted, "this socket has its session already")
            }
            Incoming::Message(ClientMessage::Leave) => return Next::End(EndReason::Left),
            Incoming::Message(ClientMessage::Payment(payment)) => {
                match self.pay(socket, payment).await {
                    Ok(next) => return next,
                    Err(error) => error,
                }
            }
        };
        if socket.send_error(&error).await {
            Next::On
        } else {
            Next::Gone
        }
    }

    /// The meter, told what the stream has delivered until now; what stored video has delivered it knows itself.
    fn with_meter<T>(&self, act: impl FnOnce(&mut Meter) -> T) -> T {
        let streamed = self.grant.viewer.delivered().as_millis();
        let streamed = u64::try_from(streamed).unwrap_or(u64::MAX);
        let is_stream = self.settings.delivery == Delivery::Stream;
        self.reading.with_meter(|meter| {
            if is_stream {
                meter.delivered(streamed);
            }
            act(meter)
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long until a due for stored video may be sent.
    fn next_due(&self) -> Option<Duration> {
        if self.settings.delivery == Delivery::Stream {
            return None;
        }
        let at = self.reading.next_due_at()?;
        Some(Duration::from_millis(at.saturating_sub(self.now_ms())))
    }

    fn media(&self) -> MediaCondition {
        match self.settings.delivery {
            Delivery::Blocks => self.reading.condition(),
            Delivery::Stream if !self.app.is_live(self.content) => MediaCondition::Offline,
            Delivery::Stream if self.grant.viewer.connected() => MediaCondition::Flowing,
            Delivery::Stream => MediaCondition::Waiting,
        }
    }

    /// A viewer of stored video who has paid for what it got and takes its time uses the channel, for a while.
    fn touch_while_paused(&self) {
        let pause = self.app.config.idle_close() * PAUSE;
        if self
            .reading
            .paid_up_since()
            .is_some_and(|since| since.elapsed() < pause)
        {
            self.channel.touch();
        }
    }

    async fn step(&mut self, socket: &mut Socket) -> Next {
        let record = self.channel.record();
        let condition = match self.app.book.state(&record) {
            ChannelState::Unconfirmed => ChannelCondition::Unconfirmed,
            ChannelState::Open => ChannelCondition::Open,
            ChannelState::AwaitingFunding
            | ChannelState::Closing
            | ChannelState::Closed
            | ChannelState::Lost => ChannelCondition::Closed,
        };
        let (media, now_ms) = (self.media(), self.now_ms());
        self.touch_while_paused();
        let (effects, note) = self.with_meter(|meter| {
            meter.channel(condition, most(&record));
            meter.media(media);
            (meter.tick(now_ms), meter.is_worth_a_note())
        });
        if note {
            self.note().await;
        }
        for effect in effects {
            let message = match effect {
                Effect::Limit(ms) => {
                    self.grant.viewer.set_limit(Duration::from_millis(ms));
                    continue;
                }
                Effect::Exhausted => return Next::End(EndReason::Exhausted),
                Effect::Gate { open, reason } => ServerMessage::Gate { open, reason },
                Effect::Due {
                    paid_sat,
                    covers_ms,
                    deadline_ms,
                } => ServerMessage::Due {
                    paid_sat: paid_sat.to_string(),
                    covers_ms,
                    deadline_ms,
                },
                Effect::Warn(warning) => warning_message(warning),
            };
            if !socket.send(&message).await {
                return Next::Gone;
            }
        }
        self.warn_of_expiry(socket, &record).await
    }

    async fn warn_of_expiry(&mut self, socket: &mut Socket, record: &Record) -> Next {
        let tip = self
            .app
            .chain
            .subscribe()
            .borrow()
            .as_ref()
            .map_or(0, |view| view.tip.height);
        if self.warned_expiry || tip.saturating_add(EXPIRY_NEAR) < record.terms.stop_height() {
            return Next::On;
        }
        self.warned_expiry = true;
        let detail = format!(
            "at height {} the provider takes no more payments and closes the channel",
            record.terms.stop_height()
        );
        let message = ServerMessage::Warning {
            code: WarningCode::ExpiryNear,
            detail,
        };
        if socket.send(&message).await {
            Next::On
        } else {
            Next::Gone
        }
    }
}

/// Gives the channel back, and tells those who wait for that.
fn release(channel: &Channel, control: &SessionControl) {
    *channel
        .session
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = None;
    control.finish();
}

fn warning_message(warning: Warning) -> ServerMessage {
    let (code, detail) = match warning {
        Warning::CapacityLow => (
            WarningCode::CapacityLow,
            "what is left in the channel lasts less than a minute",
        ),
        Warning::PaymentOverdue => (
            WarningCode::PaymentOverdue,
            "the media goes on when the payment comes",
        ),
        Warning::Preview => (
            WarningCode::Preview,
            "until the funding is confirmed only a preview is served",
        ),
    };
    ServerMessage::Warning {
        code,
        detail: detail.to_owned(),
    }
}
