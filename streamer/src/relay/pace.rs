//! How many new relays a client may ask for: simulating one costs the node something, also when it is refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Result, refused};

/// New relays of one client in a window.
const MAX: u32 = 30;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are remembered; when there are more, those whose window has passed are forgotten.
const MAX_CLIENTS: usize = 4096;

/// Counts by client.
#[derive(Default)]
pub struct Pace(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Pace {
    /// Counts one more.
    ///
    /// # Errors
    /// `rate_limited` when the client has asked for too many.
    pub fn take(&self, client: IpAddr) -> Result<()> {
        self.take_at(client, Instant::now())
    }

    fn take_at(&self, client: IpAddr, now: Instant) -> Result<()> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |begun: Instant| now.saturating_duration_since(begun) < WINDOW;
        if clients.len() >= MAX_CLIENTS {
            clients.retain(|_, (begun, _)| fresh(*begun));
        }
        let full = clients.len() >= MAX_CLIENTS && !clients.contains_key(&client);
        let (begun, count) = clients.entry(client).or_insert((now, 0));
        if !fresh(*begun) {
            (*begun, *count) = (now, 0);
        }
        if full || *count >= MAX {
            return Err(refused(
                Code::RateLimited,
                "too many payments to send from this address; try again in a minute",
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
        let (pace, now) = (Pace::default(), Instant::now());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..MAX {
            pace.take_at(one, now).unwrap();
        }
        assert!(pace.take_at(one, now).is_err());
        pace.take_at(other, now).unwrap();
        pace.take_at(one, now + WINDOW).unwrap();
    }
}
