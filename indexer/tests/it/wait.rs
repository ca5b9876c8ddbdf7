//! Waiting for conditions.

use std::time::{Duration, Instant};

/// How long any condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until `condition` answers something.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
