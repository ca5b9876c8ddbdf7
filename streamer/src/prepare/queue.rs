//! Whose item is next: owners take turns, and each one's items go oldest first, so that nobody's hundred uploads hold up somebody else's one.

use std::collections::VecDeque;

use alloy::primitives::Address;

use crate::library::Item;

/// So many owners are remembered; one that has not had a turn for longer counts as one that has had none.
const REMEMBERED: usize = 256;

/// Who has had a turn, the latest last.
#[derive(Debug, Default)]
pub(super) struct Turns(VecDeque<Option<Address>>);

impl Turns {
    /// Takes the next of the items, which come oldest first, and notes whose turn it was.
    pub(super) fn take(&mut self, waiting: impl Iterator<Item = Item>) -> Option<Item> {
        let turn = |item: &Item| self.0.iter().position(|owner| *owner == item.owner);
        let next = waiting.min_by_key(|item| turn(item).map_or(0, |turn| turn + 1))?;
        self.0.retain(|owner| *owner != next.owner);
        self.0.push_back(next.owner);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::library::{ItemId, State};

    fn item(owner: Option<Address>) -> Item {
        Item {
            item_id: ItemId::random(),
            owner,
            title: String::new(),
            description: String::new(),
            file_name: String::new(),
            free: false,
            length: Some(1),
            received: 1,
            state: State::Queued,
            created_at: Timestamp::UNIX_EPOCH,
            touched_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn owners_take_turns_and_each_ones_items_go_oldest_first() {
        let (one, other) = (Some(Address::repeat_byte(1)), Some(Address::repeat_byte(2)));
        let mut waiting: Vec<Item> = [one, one, one, other, None, other].map(item).into();
        let given: Vec<ItemId> = waiting.iter().map(|item| item.item_id).collect();
        let mut turns = Turns::default();
        let mut taken = Vec::new();
        while let Some(next) = turns.take(waiting.iter().cloned()) {
            waiting.retain(|item| item.item_id != next.item_id);
            taken.push(given.iter().position(|id| *id == next.item_id).unwrap());
        }
        assert_eq!(taken, [0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn no_more_owners_are_remembered_than_there_is_room_for() {
        let mut turns = Turns::default();
        for _ in 0..2 * REMEMBERED {
            let owner = Some(Address::from(rand::random::<[u8; 20]>()));
            turns.take([item(owner)].into_iter()).unwrap();
        }
        assert_eq!(turns.0.len(), REMEMBERED);
    }
}
