//! Which connection a datagram is for, when all share one socket.
//!
//! A STUN request names its connection by our `ufrag`; everything else is known by its source address, which such a request has
//! taught us. An address may change (NAT rebinding); what comes from an unknown one is dropped.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

use super::{resource::ResourceId, stun};

/// A connection tries a few pairs of candidates; its oldest address is forgotten beyond this.
const MAX_ADDRESSES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Routes {
    by_ufrag: HashMap<String, ResourceId>,
    by_address: HashMap<SocketAddr, ResourceId>,
    known: HashMap<ResourceId, (String, VecDeque<SocketAddr>)>,
}

impl Routes {
    pub fn add(&mut self, resource: ResourceId, ufrag: String) {
        self.by_ufrag.insert(ufrag.clone(), resource);
        self.known.insert(resource, (ufrag, VecDeque::new()));
    }

    pub fn remove(&mut self, resource: ResourceId) {
        let Some((ufrag, addresses)) = self.known.remove(&resource) else {
            return;
        };
        self.by_ufrag.remove(&ufrag);
        for address in addresses {
            if self.by_address.get(&address) == Some(&resource) {
                self.by_address.remove(&address);
            }
        }
    }

    /// The connection for a datagram. An address passes from one connection to another only when the first is `silent`.
    pub fn find(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        silent: impl Fn(ResourceId) -> bool,
    ) -> Option<ResourceId> {
        let owner = self.by_address.get(&from).copied();
        let Some(ufrag) = stun::local_ufrag(datagram) else {
            return owner;
        };
        let named = *self.by_ufrag.get(ufrag)?;
        match owner {
            Some(owner) if owner == named => {}
            Some(owner) if !silent(owner) => {}
            _ => self.learn(from, named),
        }
        Some(named)
    }

    fn learn(&mut self, address: SocketAddr, resource: ResourceId) {
        let Some((_, addresses)) = self.known.get_mut(&resource) else {
            return;
        };
        if addresses.len() == MAX_ADDRESSES
            && let Some(oldest) = addresses.pop_front()
            && self.by_address.get(&oldest) == Some(&resource)
        {
            self.by_address.remove(&oldest);
        }
        addresses.push_back(address);
        self.by_address.insert(address, resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(ufrag: &str) -> Vec<u8> {
        let name = format!("{ufrag}:peer");
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend([0; 12]);
        message.extend([0, 6, 0, name.len() as u8]);
        message.extend(name.as_bytes());
        message
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_connection_is_known_by_its_ufrag_and_then_by_its_addresses() {
        let (one, two) = (ResourceId::random(), ResourceId::random());
        let mut routes = Routes::default();
        routes.add(one, "one".into());
        routes.add(two, "two".into());
        assert_eq!(
            routes.find(address(1), &[0x80, 0], |_| false),
            None,
            "an unknown address"
        );
        assert_eq!(routes.find(address(1), &request("other"), |_| false), None);
        assert_eq!(
            routes.find(address(1), &request("one"), |_| false),
            Some(one)
        );
        assert_eq!(routes.find(address(1), &[0x80, 0], |_| false), Some(one));
        assert_eq!(
            routes.find(address(2), &request("one"), |_| false),
            Some(one),
            "it moved"
        );
        assert_eq!(routes.find(address(2), &[0x80, 0], |_| false), Some(one));
        assert_eq!(
            routes.find(address(1), &request("two"), |_| false),
            Some(two)
        );
        assert_eq!(
            routes.find(address(1), &[0x80, 0], |_| false),
            Some(one),
            "its owner is alive"
        );
        assert_eq!(
            routes.find(address(1), &request("two"), |_| true),
            Some(two)
        );
        assert_eq!(
            routes.find(address(1), &[0x80, 0], |_| false),
            Some(two),
            "its owner was silent"
        );
        routes.remove(one);
        assert_eq!(routes.find(address(2), &[0x80, 0], |_| false), None);
        assert_eq!(routes.find(address(1), &[0x80, 0], |_| false), Some(two));
    }

    #[test]
    fn a_connection_keeps_a_bounded_number_of_addresses() {
        let one = ResourceId::random();
        let mut routes = Routes::default();
        routes.add(one, "one".into());
        for port in 1..=1000 {
            assert_eq!(
                routes.find(address(port), &request("one"), |_| false),
                Some(one)
            );
        }
        assert_eq!(routes.by_address.len(), MAX_ADDRESSES);
    }
}
