//! Places for requests that send bytes: so many in all, of one network a part of them, and a few more that creators never take from the operator.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Code, Result, refused};

/// Of all places, a network may take this part.
const PART_OF_A_NETWORK: usize = 4;
/// Beside all places, the operator has these.
const OF_THE_OPERATOR: usize = 2;

/// The places.
pub(super) struct Places {
    most: usize,
    /// Who has how many; nobody has none.
    taken: Mutex<HashMap<Option<IpAddr>, usize>>,
}

/// A place; it is given back when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    client: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A place for a client's network; for the operator (`None`) any that is free, or one of the operator's own.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn take(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match client {
            Some(_) => self.most,
            None => self.most + OF_THE_OPERATOR,
        };
        if taken.values().sum::<usize>() >= all {
            return Err(refused(
                Code::RateLimited,
                "this provider takes no more uploads at once; try again",
            ));
        }
        let own = taken.get(&client).copied().unwrap_or(0);
        let most = (self.most / PART_OF_A_NETWORK).max(1);
        if client.is_some() && own >= most {
            return Err(refused(
                Code::RateLimited,
                format!("this provider takes {most} uploads at once from one network; try again"),
            ));
        }
        taken.insert(client, own + 1);
        Ok(Place {
            places: Arc::clone(self),
            client,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let taken = self.places.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_part_and_the_operator_what_is_free() {
        let places = Places::new(8);
        let from = |host: u8| places.take(Some(IpAddr::from([192, 0, 2, host])));
        let (first, _second) = (from(1).unwrap(), from(1).unwrap());
        let Err(refusal) = from(1) else {
            panic!("a third was taken");
        };
        assert_eq!(refusal.code(), Code::RateLimited);
        let _other = from(2).unwrap();
        drop(first);
        let _third = from(1).unwrap();
        let operator: Vec<_> = (0..9).map_while(|_| places.take(None).ok()).collect();
        assert_eq!(operator.len(), 7);
        assert!(from(3).is_err());
        drop(operator);
        assert!(from(3).is_ok());
    }

    #[test]
    fn creators_who_take_all_places_leave_the_operators_own() {
        for most in [1, 8] {
            let places = Places::new(most);
            let from = |host: u8| places.take(Some(IpAddr::from([192, 0, 2, host]))).ok();
            let creators: Vec<_> = (0..=255).filter_map(from).collect();
            assert_eq!(creators.len(), most);
            let operator: Vec<_> = (0..9).map_while(|_| places.take(None).ok()).collect();
            assert_eq!(operator.len(), OF_THE_OPERATOR);
        }
    }

    #[test]
    fn nobody_is_remembered_who_has_no_place() {
        let places = Places::new(1);
        for host in 0..10 {
            places.take(Some(IpAddr::from([192, 0, 2, host]))).unwrap();
        }
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
