//! Accounts, storage and code, proven against the state root of a signed header.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::Value as Json;
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    header::VerifiedHeader,
    proof::{verify_account_proof, verify_code, verify_storage_proof},
    state::Account,
    wire::{Filter, ProofResponse, Request, Response},
};

use super::{BlockId, Known, Origin};
use crate::{
    driver::{Client, Inner, WatchedValue, misfit},
    dto::{AccountView, Labelled, Mode, SlotView, Trust, TrustLevel},
    error::{ClientError, proof_fault},
    files::{
        verify_file,
        write::{self, ProvenSlot},
    },
    view,
};

/// Up to so many slots each label repeats the account's path; more would make the object large.
const FULL_LABELS: usize = 8;
/// Up to so many slots are drawn at all.
const DRAWN_SLOTS: usize = 32;

/// An account and slots of it that a proof has been checked for.
#[derive(Clone, Debug)]
pub(crate) struct ProvenAccount {
    pub(crate) known: Known,
    pub(crate) address: Address,
    pub(crate) account: Option<Account>,
    pub(crate) nodes: Vec<Bytes>,
    pub(crate) slots: Vec<ProvenSlot>,
    pub(crate) origin: Origin,
}

impl Client {
    /// An account and slots of it after a block, each value labelled.
    pub async fn account(
        &self,
        address: Address,
        slots: &[U256],
        block: BlockId,
    ) -> Result<AccountView, ClientError> {
        let known = self.inner.find(block).await?;
        if let Some(view) = self.inner.watched_view(&known, address, slots) {
            return Ok(view);
        }
        let proven = self.inner.prove(known, address, slots).await?;
        Ok(self.inner.view_proven(&proven, slots))
    }

    /// An account's code after a block; empty for an account without code.
    pub async fn code(
        &self,
        address: Address,
        block: BlockId,
    ) -> Result<Labelled<Bytes>, ClientError> {
        let known = self.inner.find(block).await?;
        let account = match self.inner.watched_value(&known, address, &[]) {
            Some(value) => value.account,
            None => self.inner.prove(known.clone(), address, &[]).await?.account,
        };
        let code_hash = account.unwrap_or_default().code_hash;
        let (code, origin) = self.inner.prove_code(code_hash, &known).await?;
        let checks = vec![
            "the account is proven against the state root".into(),
            format!("the code's hash is the account's, {code_hash}"),
        ];
        let trust = self
            .inner
            .label(&known, TrustLevel::Consistent, checks, None, &origin);
        Ok(Labelled { value: code, trust })
    }

    /// An `eth_getProof` result (EIP-1186) that has been verified.
    pub async fn proof(
        &self,
        address: Address,
        slots: &[U256],
        block: BlockId,
    ) -> Result<Labelled<Json>, ClientError> {
        let known = self.inner.find(block).await?;
        let proven = self.inner.prove(known, address, slots).await?;
        let slots = proven.in_order(slots);
        let value = write::eip1186(address, proven.account.as_ref(), &proven.nodes, &slots);
        Ok(Labelled {
            value,
            trust: self.inner.label_account(&proven),
        })
    }

    /// The text of a proof file that anyone can judge, `docs/wire-format.md` section 5.
    pub async fn save_proof(
        &self,
        address: Address,
        slots: &[U256],
        block: BlockId,
    ) -> Result<String, ClientError> {
        let known = self.inner.find(block).await?;
        let proven = self.inner.prove(known, address, slots).await?;
        let header = &proven.known.header;
        let (Some(signed), Some(signer)) = (header.signed(), header.signer()) else {
            return Err(ClientError::NotSupported(
                "a proof file for the genesis block, which nobody has signed".into(),
            ));
        };
        let proof = write::eip1186(
            address,
            proven.account.as_ref(),
            &proven.nodes,
            &proven.in_order(slots),
        );
        let text = write::write_proof(&self.inner.trust.rules, &signed, signer, proof);
        // A header inside of a run may carry no signature of its own; such a file would be worth nothing to anyone else.
        let verdict = verify_file(&text, Some(header.state_root()));
        match verdict.ok {
            true => Ok(text),
            false => Err(ClientError::NotSupported(format!(
                "a proof file for this block: {}",
                verdict.reason.unwrap_or_default()
            ))),
        }
    }
}

impl Inner {
    /// Asks for an account and slots of it until a proof holds.
    pub(crate) async fn prove(
        self: &Arc<Self>,
        known: Known,
        address: Address,
        slots: &[U256],
    ) -> Result<ProvenAccount, ClientError> {
        let wanted = Filter::new([(address, slots.to_vec())])
            .map_err(|error| ClientError::Params(error.to_string()))?;
        let wanted = wanted.slots(address).unwrap_or_default().to_vec();
        let request = Request::Proof {
            block_hash: known.header.hash(),
            address,
            slots: wanted.clone(),
        };
        let header = &known.header;
        let mut found = None;
        let mut judge = |response| {
            let Response::Proof(proof) = response else {
                return Err(misfit());
            };
            found = Some(check(header, address, &wanted, proof)?);
            Ok(())
        };
        let block = (header.number(), header.hash());
        let origin = self.ask(request, block, &mut judge).await?;
        let (account, nodes, slots) = found.unwrap_or_default();
        self.state().counts.proofs += 1 + slots.len() as u64;
        Ok(ProvenAccount {
            known,
            address,
            account,
            nodes,
            slots,
            origin,
        })
    }

    /// The code behind a hash that an account was proven to have.
    async fn prove_code(
        self: &Arc<Self>,
        code_hash: B256,
        known: &Known,
    ) -> Result<(Bytes, Origin), ClientError> {
        if verify_code(&[], code_hash).is_ok() {
            return Ok((
                Bytes::new(),
                Origin {
                    source: "the account's code hash".into(),
                    ..Origin::default()
                },
            ));
        }
        let mut found = Bytes::new();
        let mut judge = |response| {
            let Response::Code(code) = response else {
                return Err(misfit());
            };
            verify_code(&code, code_hash).map_err(proof_fault)?;
            found = code;
            Ok(())
        };
        let block = (known.header.number(), known.header.hash());
        let request = Request::Code { code_hash };
        let origin = self.ask(request, block, &mut judge).await?;
        self.state().counts.bodies += 1;
        Ok((found, origin))
    }

    /// Fetches the first proof of watched accounts whose value is not known, one after another.
    pub(crate) fn fill_watched(self: Arc<Self>) {
        let missing = {
            let mut state = self.state();
            let head = state.archive.head().map(|entry| Known {
                header: entry.header.clone(),
                level: entry.level,
                way: None,
            });
            let is_at_tip = state
                .follower
                .as_ref()
                .is_some_and(|follower| follower.head().hash() == follower.tip().hash());
            let is_linked = state.nodes.iter().any(|node| node.link.is_some());
            if state.mode != Mode::Watch
                || state.is_filling
                || state.is_closed
                || !is_at_tip
                || !is_linked
            {
                return;
            }
            let missing = head.and_then(|head| {
                Some((
                    state
                        .watched
                        .first_unknown(&state.filter, head.header.hash())?,
                    head,
                ))
            });
            state.is_filling = missing.is_some();
            missing
        };
        let Some(((address, slots), known)) = missing else {
            return;
        };
        let inner = self.clone();
        self.platform.spawn(Box::pin(async move {
            let proven = inner.prove(known, address, &slots).await;
            if let Ok(proven) = &proven {
                inner.state().watched.insert(address, proven.watched());
            } else {
                inner.platform.sleep(1_000).await;
            }
            inner.state().is_filling = false;
            if proven.is_ok() {
                inner.fill_watched();
            }
        }));
    }

    /// The value of a watched account, if it is known after this very block.
    fn watched_value(
        &self,
        known: &Known,
        address: Address,
        slots: &[U256],
    ) -> Option<WatchedValue> {
        let state = self.state();
        let value = state.watched.get(address, known.header.hash())?;
        slots
            .iter()
            .all(|slot| value.slot(*slot).is_some())
            .then(|| value.clone())
    }

    fn watched_view(&self, known: &Known, address: Address, slots: &[U256]) -> Option<AccountView> {
        let value = self.watched_value(known, address, slots)?;
        let later = known.header.number().saturating_sub(value.since);
        let mut checks = vec![format!(
            "proven against the state root of block {}",
            value.since
        )];
        if later > 0 {
            checks.push(format!("each of the {later} blocks since then proves under its accounts root that it did not change this account"));
        }
        let origin = Origin {
            source: value.source.clone(),
            ..Origin::default()
        };
        let trust = self.label(known, TrustLevel::Consistent, checks, None, &origin);
        let slots = slots
            .iter()
            .map(|slot| (*slot, value.slot(*slot).unwrap_or_default(), trust.clone()))
            .collect();
        Some(view_account(address, value.account.as_ref(), &trust, slots))
    }

    fn label_account(&self, proven: &ProvenAccount) -> Trust {
        let drawn = view::draw_account(proven.address, &proven.nodes, &[]);
        let check = match &proven.account {
            Some(_) => "a Merkle path leads from the state root to the account",
            None => "a Merkle path shows that the account is not in the state",
        };
        self.label(
            &proven.known,
            TrustLevel::Consistent,
            vec![check.into()],
            Some(drawn),
            &proven.origin,
        )
    }

    fn view_proven(&self, proven: &ProvenAccount, order: &[U256]) -> AccountView {
        let trust = self.label_account(proven);
        let slots = proven.in_order(order);
        let label = |(slot, value, nodes): &ProvenSlot| {
            let account: &[Bytes] = if slots.len() <= FULL_LABELS {
                &proven.nodes
            } else {
                &[]
            };
            let drawn = (slots.len() <= DRAWN_SLOTS)
                .then(|| view::draw_account(proven.address, account, &[(*slot, nodes.clone())]));
            let check = match value.is_zero() {
                true => "a Merkle path shows that the slot holds nothing",
                false => "a Merkle path leads from the account's storage root to the slot",
            };
            let checks = [
                trust.checks.last().cloned().unwrap_or_default(),
                check.into(),
            ]
            .to_vec();
            (
                *slot,
                *value,
                self.label(
                    &proven.known,
                    TrustLevel::Consistent,
                    checks,
                    drawn,
                    &proven.origin,
                ),
            )
        };
        let slots = slots.iter().map(label).collect();
        view_account(proven.address, proven.account.as_ref(), &trust, slots)
    }
}

impl ProvenAccount {
    /// The proven value of a slot that was asked for.
    pub(crate) fn slot(&self, wanted: U256) -> Option<U256> {
        let (_, value, _) = self.slots.iter().find(|(slot, ..)| *slot == wanted)?;
        Some(*value)
    }

    /// The slots in the order in which they were asked for.
    fn in_order(&self, order: &[U256]) -> Vec<ProvenSlot> {
        let find = |wanted: &U256| self.slots.iter().find(|(slot, ..)| slot == wanted).cloned();
        order.iter().filter_map(find).collect()
    }

    fn watched(&self) -> WatchedValue {
        WatchedValue {
            account: self.account,
            slots: self
                .slots
                .iter()
                .map(|(slot, value, _)| (*slot, *value))
                .collect(),
            at: self.known.header.hash(),
            since: self.known.header.number(),
            source: self.origin.source.clone(),
        }
    }
}

type Checked = (Option<Account>, Vec<Bytes>, Vec<ProvenSlot>);

/// Has the core check a proof: the account's path, and one path for each slot that was asked for.
fn check(
    header: &VerifiedHeader,
    address: Address,
    wanted: &[U256],
    proof: ProofResponse,
) -> Result<Checked, Fault> {
    let ProofResponse {
        account: nodes,
        storage,
    } = proof;
    let account =
        verify_account_proof(header.state_root(), address, &nodes).map_err(proof_fault)?;
    if storage.len() != wanted.len() {
        return Err(Fault::new(
            FaultKind::WrongResponse,
            Mismatch::new("proof.storage", wanted.len(), storage.len()),
        ));
    }
    let storage_root = account.unwrap_or_default().storage_root;
    let mut slots = Vec::with_capacity(wanted.len());
    for (wanted, (slot, nodes)) in wanted.iter().zip(storage) {
        if *wanted != slot {
            return Err(Fault::new(
                FaultKind::WrongResponse,
                Mismatch::new("proof.slot", *wanted, slot),
            ));
        }
        let value =
            verify_storage_proof(storage_root, B256::from(slot), &nodes).map_err(proof_fault)?;
        slots.push((slot, value, nodes));
    }
    Ok((account, nodes, slots))
}

fn view_account(
    address: Address,
    account: Option<&Account>,
    trust: &Trust,
    slots: Vec<(U256, U256, Trust)>,
) -> AccountView {
    let fields = account.copied().unwrap_or_default();
    AccountView {
        address,
        exists: label(account.is_some(), trust),
        balance: label(fields.balance, trust),
        nonce: label(fields.nonce, trust),
        code_hash: label(fields.code_hash, trust),
        code: None,
        storage_root: label(fields.storage_root, trust),
        storage: slots
            .into_iter()
            .map(|(slot, value, trust)| SlotView {
                slot,
                labelled: Labelled { value, trust },
            })
            .collect(),
    }
}

fn label<T>(value: T, trust: &Trust) -> Labelled<T> {
    Labelled {
        value,
        trust: trust.clone(),
    }
}
