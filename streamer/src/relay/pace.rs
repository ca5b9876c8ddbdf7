//! How often a client may ask for what costs this provider something, also when it is refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Result, refused};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Clients that are remembered. The one whose window began first gives way.
const MAX_CLIENTS: usize = 4096;

/// Counts by client.
pub struct Pace {
    /// Of one client in a window.
    max: u32,
    window: Duration,
    /// What is counted, for who asks too often.
    what: &'static str,
    clients: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Pace {
    /// New transactions to send for others.
    #[must_use]
    pub fn of_relays() -> Self {
        Self::new(30, MINUTE, "transactions to send")
    }

    /// Views to look for. A page asks every 1.5 s until its view is on chain, and several viewers may share an address.
    #[must_use]
    pub fn of_passes() -> Self {
        Self::new(240, MINUTE, "passes asked for")
    }

    /// Challenges to sign, and signed ones, which a node may have to be asked about.
    #[must_use]
    pub fn of_sign_ins() -> Self {
        Self::new(120, MINUTE, "sign-ins")
    }

    /// Announcements to keep.
    #[must_use]
    pub fn of_announcements() -> Self {
        Self::new(60, HOUR, "announcements")
    }

    fn new(max: u32, window: Duration, what: &'static str) -> Self {
        Self {
            max,
            window,
            what,
            clients: Mutex::default(),
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// `rate_limited` when the client has asked for too many.
    pub fn take(&self, client: IpAddr) -> Result<()> {
        self.take_at(client, Instant::now())
    }

    fn take_at(&self, client: IpAddr, now: Instant) -> Result<()> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |begun: Instant| now.saturating_duration_since(begun) < self.window;
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, (begun, _)| fresh(*begun));
            let oldest = clients.iter().min_by_key(|(_, (begun, _))| *begun);
            if let Some(oldest) = oldest.map(|(client, _)| *client)
                && clients.len() >= MAX_CLIENTS
            {
                clients.remove(&oldest);
            }
        }
        let (begun, count) = clients.entry(client).or_insert((now, 0));
        if !fresh(*begun) {
            (*begun, *count) = (now, 0);
        }
        if *count >= self.max {
            return Err(refused(
                Code::RateLimited,
                format!("too many {} from this address; try again later", self.what),
            ));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_so_many_in_a_minute_and_others_are_not_held_up() {
        let (pace, now) = (Pace::of_relays(), Instant::now());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..pace.max {
            pace.take_at(one, now).unwrap();
        }
        assert!(pace.take_at(one, now).is_err());
        pace.take_at(other, now).unwrap();
        pace.take_at(one, now + pace.window).unwrap();
    }

    #[test]
    fn a_newcomer_is_let_in_when_the_table_is_full_and_who_asks_too_often_stays_out() {
        let (pace, begin) = (Pace::of_relays(), Instant::now());
        let later = begin + Duration::from_secs(1);
        let client = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        pace.take_at(client(0), begin).unwrap();
        for _ in 0..pace.max {
            pace.take_at(client(1), later).unwrap();
        }
        for number in 2..=MAX_CLIENTS {
            pace.take_at(client(number), later).unwrap();
        }
        assert_eq!(pace.clients.lock().unwrap().len(), MAX_CLIENTS);
        assert!(!pace.clients.lock().unwrap().contains_key(&client(0)));
        assert!(pace.take_at(client(1), later).is_err());
    }
}
