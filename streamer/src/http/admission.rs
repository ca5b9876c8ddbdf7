//! How many requests are worked on at a time.
//!
//! A request holds its place until its answer begins. The socket of a session gives its place back with the upgrade, and
//! from then on counts among the sessions only; so a house full of viewers can still ask for offers and fund channels.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::error::{Code, problem};

/// Is answered at any time: a supervisor that asks whether the process runs is not to take a rush for its death.
const ALWAYS: &str = "/health";

/// The places of requests.
#[derive(Debug, Clone)]
pub(super) struct Admission(Arc<Semaphore>);

impl Admission {
    /// So many places.
    pub(super) fn new(places: u32) -> Self {
        Self(Arc::new(Semaphore::new(places as usize)))
    }
}

/// Turns a request away when all places are taken; nobody waits in a queue whose end the client would not see.
pub(super) async fn admit(
    State(Admission(places)): State<Admission>,
    request: Request,
    next: Next,
) -> Response {
    if request.uri().path() == ALWAYS {
        return next.run(request).await;
    }
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => problem(
            Code::Unavailable,
            "the provider has too many requests at once; try again".to_owned(),
            None,
        ),
    }
}
