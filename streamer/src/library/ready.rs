//! The videos that can be watched, in memory: found by content id and by CID.

use std::collections::{BTreeMap, HashMap};

use alloy::primitives::{Address, B256};
use cid::Cid;
use paystream_contracts::content_id;

use super::item::{Item, ItemId, State};

/// The items that are ready.
#[derive(Debug, Default)]
pub(super) struct Ready {
    items: HashMap<ItemId, Item>,
    /// Each CID once, with its text and the items that have it.
    by_cid: BTreeMap<Cid, (String, Vec<ItemId>)>,
}

impl Ready {
    pub(super) fn new(items: Vec<Item>) -> Self {
        let mut ready = Self::default();
        for item in &items {
            ready.note(item);
        }
        ready
    }

    /// Takes an item in, or puts it in its former place; one that is not ready is none of ours.
    pub(super) fn note(&mut self, item: &Item) {
        self.remove(item.item_id);
        let State::Ready(stored) = &item.state else {
            return;
        };
        let (_, ids) = self
            .by_cid
            .entry(stored.cid)
            .or_insert_with(|| (stored.cid_text(), Vec::new()));
        ids.push(item.item_id);
        self.items.insert(item.item_id, item.clone());
    }

    pub(super) fn remove(&mut self, item_id: ItemId) {
        let Some(item) = self.items.remove(&item_id) else {
            return;
        };
        let State::Ready(stored) = &item.state else {
            return;
        };
        if let Some((_, ids)) = self.by_cid.get_mut(&stored.cid) {
            ids.retain(|id| *id != item_id);
            if ids.is_empty() {
                self.by_cid.remove(&stored.cid);
            }
        }
    }

    /// The creator's own upload, else the operator's. What another creator uploaded is not theirs to sell: anybody can register its CID
    /// with terms of their own.
    ///
    /// A hash for each CID that is here: some 2 milliseconds for 1,000 videos, and nothing to keep in step.
    pub(super) fn stored(&self, creator: Address, id: B256) -> Option<Item> {
        let (cid, _) = self
            .by_cid
            .iter()
            .find(|(_, (text, _))| content_id(creator, text) == id)?;
        let items = self.with(cid);
        let free = items.iter().any(|item| item.free);
        let of = |owner| items.iter().position(|item| item.owner == owner);
        let at = of(Some(creator)).or_else(|| of(None))?;
        let mut item = items.into_iter().nth(at)?;
        item.free = free;
        Some(item)
    }

    /// Oldest first.
    pub(super) fn with(&self, cid: &Cid) -> Vec<Item> {
        let ids = self.by_cid.get(cid).map(|(_, ids)| ids.as_slice());
        let mut items: Vec<Item> = ids
            .unwrap_or_default()
            .iter()
            .filter_map(|id| self.items.get(id).cloned())
            .collect();
        items.sort_by_key(|item| (item.created_at, item.item_id));
        items
    }

    pub(super) fn needs(&self, file: &Cid) -> bool {
        self.by_cid.contains_key(file)
            || self.items.values().any(|item| match &item.state {
                State::Ready(stored) => {
                    stored.metadata.as_ref() == Some(file) || stored.picture.as_ref() == Some(file)
                }
                State::Uploading
                | State::Queued
                | State::Preparing
                | State::Adding
                | State::Failed(_)
                | State::Cancelled => false,
            })
    }

    pub(super) fn all(&self) -> Vec<Item> {
        self.items.values().cloned().collect()
    }
}
