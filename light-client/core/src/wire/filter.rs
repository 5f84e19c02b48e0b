//! What a client wants of each block. `docs/wire-format.md` section 2.

use crate::{
    limits::{MAX_FILTER_ACCOUNTS, MAX_FILTER_SLOTS},
    rlp::{DecodeError, Reader, check_size, write_list},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, U256};
use alloy_rlp::Encodable;

/// How much of each block a client takes and checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Signed headers only.
    Headers,
    /// Headers, and the changes of chosen accounts with proofs.
    #[default]
    Watch,
    /// Every block access list, applied to a partial state.
    Consistent,
}

impl Mode {
    /// The number on the wire.
    pub const fn to_number(self) -> u64 {
        match self {
            Self::Headers => 0,
            Self::Watch => 1,
            Self::Consistent => 2,
        }
    }

    /// The word used by people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Watch => "watch",
            Self::Consistent => "consistent",
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.value("mode")? {
            0 => Ok(Self::Headers),
            1 => Ok(Self::Watch),
            2 => Ok(Self::Consistent),
            got => Err(DecodeError::Unknown { what: "mode", got }),
        }
    }
}

/// One account of a filter, with the slots of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterAccount {
    /// The account.
    pub address: Address,
    /// Its slots, ascending.
    pub slots: Vec<U256>,
}

impl FilterAccount {
    fn add_slots(&mut self, slots: &[U256]) -> Result<(), DecodeError> {
        for slot in slots {
            if let Err(place) = self.slots.binary_search(slot) {
                self.slots.insert(place, *slot);
                check_size("filter.slots", MAX_FILTER_SLOTS, self.slots.len())?;
            }
        }
        Ok(())
    }
}

/// The accounts that a client watches: sorted, unique, within the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<FilterAccount>);

impl Filter {
    /// A filter of these accounts, in any order; slots of the same account are merged.
    pub fn new(
        accounts: impl IntoIterator<Item = (Address, Vec<U256>)>,
    ) -> Result<Self, DecodeError> {
        let mut sorted: Vec<FilterAccount> = Vec::new();
        for (address, slots) in accounts {
            let found = sorted.binary_search_by_key(&address, |account| account.address);
            let place = found.unwrap_or_else(|place| place);
            if found.is_err() {
                let slots = Vec::new();
                sorted.insert(place, FilterAccount { address, slots });
                check_size("filter", MAX_FILTER_ACCOUNTS, sorted.len())?;
            }
            if let Some(account) = sorted.get_mut(place) {
                account.add_slots(&slots)?;
            }
        }
        Ok(Self(sorted))
    }

    /// The accounts, ascending.
    pub fn accounts(&self) -> &[FilterAccount] {
        &self.0
    }

    /// The slots of `address`, if it is watched.
    pub fn slots(&self, address: Address) -> Option<&[U256]> {
        let found = self
            .0
            .binary_search_by_key(&address, |account| account.address)
            .ok()?;
        self.0.get(found).map(|account| account.slots.as_slice())
    }

    /// Whether nothing is watched.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            for account in &self.0 {
                write_list(out, |out| {
                    account.address.encode(out);
                    write_list(out, |out| {
                        account.slots.iter().for_each(|slot| slot.encode(out))
                    });
                });
            }
        });
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let accounts = reader.items("filter", MAX_FILTER_ACCOUNTS, |reader| {
            let mut list = reader.list("filter.account")?;
            let address = list.value("filter.address")?;
            let slots = read_slots(&mut list)?;
            list.finish()?;
            Ok(FilterAccount { address, slots })
        })?;
        check_ascending("filter", accounts.iter().map(|account| account.address))?;
        Ok(Self(accounts))
    }
}

/// Slots: ascending, unique, at most [`MAX_FILTER_SLOTS`].
pub(super) fn read_slots(reader: &mut Reader<'_>) -> Result<Vec<U256>, DecodeError> {
    let slots = reader.items("slots", MAX_FILTER_SLOTS, |item| item.value("slot"))?;
    check_ascending("slots", slots.iter())?;
    Ok(slots)
}

fn check_ascending<T: Ord>(
    what: &'static str,
    items: impl Iterator<Item = T> + Clone,
) -> Result<(), DecodeError> {
    let following = items.clone().skip(1);
    if items.zip(following).all(|(item, next)| item < next) {
        Ok(())
    } else {
        Err(DecodeError::Unordered { what })
    }
}
