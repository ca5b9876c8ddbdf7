//! Values that are expensive to make, kept while there is room.

use std::sync::{Arc, Mutex, PoisonError};

use cid::Cid;
use tokio::sync::OnceCell;

use crate::error::Result;

/// Values by CID, made once each, the oldest let go first. Whoever wants a value that is being made waits for it.
#[derive(Debug)]
pub(super) struct Kept<T> {
    most: usize,
    cells: Mutex<Vec<(Cid, Cell<T>)>>,
}

type Cell<T> = Arc<OnceCell<Arc<T>>>;

impl<T> Kept<T> {
    /// Room for so many.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            cells: Mutex::default(),
        }
    }

    /// The value of a CID, made if there is none.
    ///
    /// # Errors
    /// As making it; then nothing is kept.
    pub async fn get<F: Future<Output = Result<T>>>(
        &self,
        cid: Cid,
        make: impl FnOnce() -> F,
    ) -> Result<Arc<T>> {
        let cell = self.cell(cid);
        cell.get_or_try_init(|| async { make().await.map(Arc::new) })
            .await
            .cloned()
    }

    /// Lets a value go.
    pub fn forget(&self, cid: &Cid) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|(known, _)| known != cid);
    }

    /// The cell of a CID, which moves to the end of the queue.
    fn cell(&self, cid: Cid) -> Cell<T> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = match cells.iter().position(|(known, _)| *known == cid) {
            Some(place) => cells.remove(place).1,
            None => Cell::default(),
        };
        if cells.len() >= self.most {
            cells.remove(0);
        }
        cells.push((cid, Arc::clone(&cell)));
        cell
    }
}
