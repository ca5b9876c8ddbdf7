//! One channel in memory: its record as it is on disk, who holds it, and the lock under which it changes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::record::Record;
use crate::session::SessionControl;
use crate::stored::Debt;

/// The session that holds a channel, if one does.
pub type SessionSlot = Mutex<Option<Arc<SessionControl>>>;

/// One channel.
pub struct Channel {
    pub(super) current: watch::Sender<Arc<Record>>,
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) client: Option<IpAddr>,
    used: Mutex<Instant>,
    told: Mutex<HashMap<&'static str, String>>,
    debt: Mutex<Debt>,
    replayed: Mutex<Duration>,
    /// The session that holds it.
    pub session: SessionSlot,
}

impl Channel {
    pub(super) fn new(record: Record, client: Option<IpAddr>) -> Arc<Self> {
        Arc::new(Self {
            current: watch::Sender::new(Arc::new(record)),
            turn: tokio::sync::Mutex::default(),
            client,
            used: Mutex::new(Instant::now()),
            told: Mutex::default(),
            debt: Mutex::default(),
            replayed: Mutex::default(),
            session: Mutex::default(),
        })
    }

    /// The record, as it is on disk.
    #[must_use]
    pub fn record(&self) -> Arc<Record> {
        self.current.borrow().clone()
    }

    /// Follows the record.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Record>> {
        self.current.subscribe()
    }

    /// Notes that the channel is in use.
    pub fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long it has been out of use.
    #[must_use]
    pub fn unused_for(&self) -> Duration {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }

    /// What sessions left unpaid here. A streamer that starts again has forgotten it.
    #[must_use]
    pub fn debt(&self) -> Debt {
        *self.debt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a session leaves unpaid.
    pub fn leave_debt(&self, left: Debt) {
        let mut debt = self.debt.lock().unwrap_or_else(PoisonError::into_inner);
        *debt = debt.and(left);
    }

    /// What was replayed of a live stream here for nothing. A streamer that starts again has forgotten it.
    #[must_use]
    pub fn replayed(&self) -> Duration {
        *self.replayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was replayed in all, this session's included.
    pub fn note_replayed(&self, replayed: Duration) {
        *self.replayed.lock().unwrap_or_else(PoisonError::into_inner) = replayed;
    }

    /// The session that holds the channel now.
    #[must_use]
    pub fn holder(&self) -> Option<Arc<SessionControl>> {
        self.session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether this is something else than what was said last of a matter: what a look at the chain finds once a second is worth
    /// a line in the log once.
    pub(crate) fn is_news(&self, matter: &'static str, what: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.get(matter).is_none_or(|before| before != what);
        if news {
            told.insert(matter, what.to_owned());
        }
        news
    }
}
