//! The two ends of one viewer's gate: the session says how much may be watched, the media thread says how much was.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    mailbox::{Mailbox, Message},
    meter,
    resource::ResourceId,
};

/// A viewer's gate and meter, shared by its session and the media thread.
///
/// Media flows while the gate is open and [`delivered`](Self::delivered) is below the limit. A new viewer's gate is open and its limit
/// zero, so nothing flows before [`set_limit`](Self::set_limit). The media thread itself stops at the limit, so that no delay of the
/// session gives anything away: at most the frame that reaches the limit goes over it, and by at most 250 ms.
///
/// Delivered time is the advance of the video's timestamps over the frames that were forwarded live, each clipped to one second; in
/// a stream without video, that of the audio's. What was dropped, held back, or replayed from the cache on joining and resuming
/// is not counted. One viewer may have several connections one after another (a second WHEP POST): the time adds up.
///
/// What is replayed is bounded on its own: 16 seconds, or the first replay if that is longer, and a quarter of what is delivered. Then a
/// picture begins at the next keyframe. A viewer without a limit, who has paid for all, is under no such bound.
#[derive(Debug, Default)]
pub struct Viewer {
    shut: AtomicBool,
    limit_us: AtomicU64,
    delivered_us: AtomicU64,
    replayed_us: AtomicU64,
    connected: AtomicBool,
    change: Notify,
    /// Where the media thread hears of changes. Never held while anything waits.
    link: Mutex<Option<(Mailbox, ResourceId)>>,
}

impl Viewer {
    /// A viewer to whom nothing flows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A viewer to whom so much was [given](Self::given) before.
    pub fn given_before(given: Duration) -> Self {
        Self {
            replayed_us: AtomicU64::new(micros(given)),
            ..Self::default()
        }
    }

    /// What was replayed from the cache and is not made up for by what was delivered.
    pub fn given(&self) -> Duration {
        meter::given(self.replayed(), self.delivered())
    }

    /// Opens or shuts the gate, whatever the limit says.
    pub fn set_gate(&self, open: bool) {
        if self.shut.swap(!open, Ordering::SeqCst) == open {
            self.poke();
        }
    }

    /// How much media may be delivered in all, counted as [`delivered`](Self::delivered) is.
    pub fn set_limit(&self, media: Duration) {
        let micros = micros(media);
        if self.limit_us.swap(micros, Ordering::SeqCst) != micros {
            self.poke();
        }
    }

    /// The limit that was set last.
    pub fn limit(&self) -> Duration {
        Duration::from_micros(self.limit_us.load(Ordering::SeqCst))
    }

    /// Media delivered so far.
    pub fn delivered(&self) -> Duration {
        Duration::from_micros(self.delivered_us.load(Ordering::SeqCst))
    }

    /// Whether media may flow now: the gate is open and something is left of the limit.
    pub fn is_open(&self) -> bool {
        !self.shut.load(Ordering::SeqCst) && self.delivered() < self.limit()
    }

    /// Whether the media connection stands.
    pub fn connected(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }

    /// Waits for a change of `connected`, for the limit to be reached, or for another 100 ms or so delivered. For one waiter; a
    /// change between two calls is not lost.
    pub async fn changed(&self) {
        self.change.notified().await;
    }

    pub(super) fn is_gate_open(&self) -> bool {
        !self.shut.load(Ordering::SeqCst)
    }

    pub(super) fn notify(&self) {
        self.change.notify_one();
    }

    pub(super) fn set_connected(&self, connected: bool) {
        if self.connected.swap(connected, Ordering::SeqCst) != connected {
            self.notify();
        }
    }

    /// Counts a frame that is about to be forwarded, if it may be.
    pub(super) fn spend(&self, time: Duration) -> bool {
        if self.shut.load(Ordering::SeqCst) || !meter::admits(self.delivered(), self.limit(), time)
        {
            return false;
        }
        self.delivered_us.fetch_add(micros(time), Ordering::SeqCst);
        true
    }

    /// Counts a replay from the cache, if there may be one. Only the media thread calls it.
    pub(super) fn replay(&self, time: Duration) -> bool {
        let bounded = self.limit_us.load(Ordering::SeqCst) != u64::MAX;
        if bounded && !meter::may_replay(self.replayed(), self.delivered(), time) {
            return false;
        }
        self.replayed_us.fetch_add(micros(time), Ordering::SeqCst);
        true
    }

    fn replayed(&self) -> Duration {
        Duration::from_micros(self.replayed_us.load(Ordering::SeqCst))
    }

    /// Ties the viewer to its connection, and answers the one before.
    pub(super) fn attach(
        &self,
        mailbox: Mailbox,
        resource: ResourceId,
    ) -> Option<(Mailbox, ResourceId)> {
        self.lock().replace((mailbox, resource))
    }

    /// Unties the viewer from a connection that ended, unless another has taken its place.
    pub(super) fn detach(&self, resource: ResourceId) {
        let mut link = self.lock();
        if link.as_ref().is_some_and(|(_, linked)| *linked == resource) {
            *link = None;
            drop(link);
            self.set_connected(false);
        }
    }

    fn poke(&self) {
        if let Some((mailbox, resource)) = self.lock().as_ref() {
            mailbox.send(Message::Poke(*resource));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Mailbox, ResourceId)>> {
        self.link
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_joins_again_and_again_is_replayed_no_more_than_is_given_for_nothing() {
        let (gop, mut given, mut replays) = (Duration::from_secs(2), Duration::ZERO, 0);
        for _ in 0..100 {
            // Another session of the channel each time, in which a frame is paid for.
            let viewer = Viewer::given_before(given);
            viewer.set_limit(Duration::from_millis(40));
            assert!(viewer.spend(Duration::from_millis(40)));
            replays += u32::from(viewer.replay(gop));
            given = viewer.given();
        }
        assert_eq!(replays, 8);
        // Of a stream whose keyframes are far apart too, everybody sees the first picture at once.
        let (long, viewer) = (Duration::from_secs(40), Viewer::new());
        assert!(viewer.replay(long));
        assert!(!viewer.replay(gop));
        assert!(!Viewer::given_before(viewer.given()).replay(gop));
        let bought = Viewer::given_before(given);
        bought.set_limit(Duration::MAX);
        assert!((0..100).all(|_| bought.replay(gop)));
    }
}
