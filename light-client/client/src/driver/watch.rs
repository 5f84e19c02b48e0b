//! The verified values of watched accounts, carried from block to block.
//!
//! ```text
//! proof at block N --> value(N) --[N+1: absent under accounts root]--> value(N+1) --[N+2: changed, proven]--> value(N+2)
//! ```
//!
//! A value is the head's only if every block since its proof was checked for this account. One block that was not, and the value is dropped: then it is *unknown*, not unchanged.

use std::collections::VecDeque;

use alloy_primitives::{Address, B256, U256};
use sidelight_core::{
    header::VerifiedHeader, state::Account, update::WatchedAccount, wire::Filter,
};

/// Checked blocks that are kept, so that a proof that arrives late can catch up.
const KEPT_STEPS: usize = 64;

/// The value of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WatchedValue {
    /// `None`: proven absent.
    pub(crate) account: Option<Account>,
    /// The filter's slots.
    pub(crate) slots: Vec<(U256, U256)>,
    /// The block that it is true after.
    pub(crate) at: B256,
    /// The block whose proof or diff last said something of it.
    pub(crate) since: u64,
    /// Who sent that.
    pub(crate) source: String,
}

#[derive(Debug)]
struct Step {
    number: u64,
    hash: B256,
    parent: B256,
    accounts: Vec<WatchedAccount>,
    source: String,
}

/// All watched values.
#[derive(Debug, Default)]
pub(crate) struct WatchSet {
    values: Vec<(Address, WatchedValue)>,
    steps: VecDeque<Step>,
}

impl WatchedValue {
    pub(crate) fn slot(&self, slot: U256) -> Option<U256> {
        self.slots
            .iter()
            .find(|(known, _)| *known == slot)
            .map(|(_, value)| *value)
    }
}

impl WatchSet {
    /// A verified block moved the head; without `accounts` nothing is known of what it did to them.
    pub(crate) fn advance(
        &mut self,
        header: &VerifiedHeader,
        accounts: Option<&[WatchedAccount]>,
        source: &str,
    ) {
        let Some(accounts) = accounts else {
            return self.clear();
        };
        let step = Step {
            number: header.number(),
            hash: header.hash(),
            parent: header.header().parent_hash,
            accounts: accounts.to_vec(),
            source: source.into(),
        };
        self.values
            .retain_mut(|(address, value)| step.apply(*address, value));
        self.steps.push_back(step);
        if self.steps.len() > KEPT_STEPS {
            self.steps.pop_front();
        }
    }

    /// A value that was proven after some block, brought up to the newest one.
    pub(crate) fn insert(&mut self, address: Address, mut value: WatchedValue) {
        let place = self.steps.iter().position(|step| step.parent == value.at);
        let later = self.steps.iter().skip(place.unwrap_or(self.steps.len()));
        for step in later {
            if !step.apply(address, &mut value) {
                return;
            }
        }
        self.values.retain(|(known, _)| *known != address);
        self.values.push((address, value));
    }

    /// The value after the block `head`.
    pub(crate) fn get(&self, address: Address, head: B256) -> Option<&WatchedValue> {
        let (_, value) = self.values.iter().find(|(known, _)| *known == address)?;
        (value.at == head).then_some(value)
    }

    /// The head moved to another branch, or other accounts are watched.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.steps.clear();
    }

    /// The watched account whose value after `head` is not known, if there is one.
    pub(crate) fn first_unknown(
        &self,
        filter: &Filter,
        head: B256,
    ) -> Option<(Address, Vec<U256>)> {
        let unknown = filter
            .accounts()
            .iter()
            .find(|account| self.get(account.address, head).is_none())?;
        Some((unknown.address, unknown.slots.clone()))
    }
}

impl Step {
    /// Carries a value over this block. False if that cannot be done.
    fn apply(&self, address: Address, value: &mut WatchedValue) -> bool {
        if value.at != self.parent {
            return false;
        }
        match self
            .accounts
            .iter()
            .find(|account| account.address() == address)
        {
            None => return false,
            Some(WatchedAccount::Changed { account, slots, .. }) => {
                value.account = *account;
                if account.is_none() {
                    value
                        .slots
                        .iter_mut()
                        .for_each(|(_, value)| *value = U256::ZERO);
                }
                for (slot, new) in slots {
                    value.slots.retain(|(known, _)| known != slot);
                    value.slots.push((*slot, *new));
                }
                value.since = self.number;
                value.source.clone_from(&self.source);
            }
            Some(_) => {}
        }
        value.at = self.hash;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chain;

    const A: Address = Address::repeat_byte(1);

    fn value(at: &VerifiedHeader, balance: u64) -> WatchedValue {
        WatchedValue {
            account: Some(Account {
                balance: U256::from(balance),
                ..Account::default()
            }),
            slots: vec![(U256::ONE, U256::from(5))],
            at: at.hash(),
            since: at.number(),
            source: "a".into(),
        }
    }

    fn changed(balance: u64, slots: Vec<(U256, U256)>) -> WatchedAccount {
        WatchedAccount::Changed {
            entry: alloy_eip7928::AccountChanges {
                address: A,
                ..Default::default()
            },
            account: Some(Account {
                balance: U256::from(balance),
                ..Account::default()
            }),
            slots,
        }
    }

    const UNCHANGED: WatchedAccount = WatchedAccount::Unchanged { address: A };

    #[test]
    fn a_value_is_carried_over_checked_blocks_and_changed_by_them() {
        let (_, headers) = chain(3, &[]);
        let mut set = WatchSet::default();
        set.insert(A, value(&headers[0], 7));
        set.advance(&headers[1], Some(&[UNCHANGED]), "b");
        assert_eq!(set.get(A, headers[1].hash()).unwrap().since, 0);
        set.advance(
            &headers[2],
            Some(&[changed(9, vec![(U256::ONE, U256::from(6))])]),
            "b",
        );
        let now = set.get(A, headers[2].hash()).unwrap();
        assert_eq!(
            (
                now.account.unwrap().balance,
                now.slot(U256::ONE).unwrap(),
                now.since
            ),
            (U256::from(9), U256::from(6), 2)
        );
        assert!(
            set.get(A, headers[1].hash()).is_none(),
            "an old head has no value here"
        );
    }

    #[test]
    fn a_block_that_was_not_checked_makes_the_value_unknown() {
        let (_, headers) = chain(3, &[]);
        let mut set = WatchSet::default();
        set.insert(A, value(&headers[0], 7));
        set.advance(&headers[1], None, "b");
        set.advance(&headers[2], Some(&[UNCHANGED]), "b");
        assert!(set.get(A, headers[2].hash()).is_none());
        // The same if a block is left out altogether, or does not speak of the account.
        set.insert(A, value(&headers[1], 7));
        assert!(set.get(A, headers[2].hash()).is_some());
        set.advance(&headers[3], Some(&[]), "b");
        assert!(set.get(A, headers[3].hash()).is_none());
    }

    #[test]
    fn a_late_proof_catches_up_with_what_was_checked_meanwhile() {
        let (_, headers) = chain(3, &[]);
        let mut set = WatchSet::default();
        set.advance(&headers[1], Some(&[changed(8, vec![])]), "b");
        set.advance(&headers[2], Some(&[UNCHANGED]), "b");
        set.insert(A, value(&headers[0], 7));
        assert_eq!(
            set.get(A, headers[2].hash())
                .unwrap()
                .account
                .unwrap()
                .balance,
            U256::from(8)
        );
        let filter =
            Filter::new([(A, vec![]), (Address::repeat_byte(2), vec![U256::ONE])]).unwrap();
        assert_eq!(
            set.first_unknown(&filter, headers[2].hash()),
            Some((Address::repeat_byte(2), vec![U256::ONE]))
        );
    }
}
