//! Why reading stops, and how often it is tried again.

use std::time::Duration;

use anyhow::anyhow;

/// Attempts that may break one after the other with nothing gained.
const MOST_FAILURES: u32 = 6;
/// Attempts in all: each session may round up to a whole satoshi (docs/protocol.md, section 12.4).
const MOST_ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(500);

/// Why reading or a session stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// A new session may go on.
    Broken(String),
    /// Nothing goes on.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

/// How often it broke since something was gained.
#[derive(Default)]
pub(super) struct Failures {
    count: u32,
    all: u32,
    had: u64,
}

impl Failures {
    /// Waits before the next attempt; `have` only grows, and tells whether something was gained.
    ///
    /// # Errors
    /// When there is no next attempt.
    pub async fn count(&mut self, stop: Stop, have: u64) -> anyhow::Result<()> {
        let why = match stop {
            Stop::Broken(why) => why,
            Stop::Final(error) => return Err(error),
        };
        if have > self.had {
            (self.count, self.had) = (0, have);
        }
        self.count += 1;
        self.all += 1;
        if self.count > MOST_FAILURES || self.all > MOST_ATTEMPTS {
            return Err(anyhow!("given up: {why}"));
        }
        eprintln!("{why}; trying again");
        tokio::time::sleep(PAUSE * 2u32.pow(self.count)).await;
        Ok(())
    }
}
