//! Asks an executor that is a contract whether it accepts a signature (ERC-1271): the call is executed here, on state that a light client proves.

use alloy_primitives::{Address, B256};
use eyre::{Result, bail, eyre};
use sidelight_client::{BlockId, Client, dto::BlockView};
use sidelight_edge_core::account::Question;
use sidelight_evm::{
    BlockContext, CallRequest, MAX_ROUNDS, Missing, Outcome, ProvenAccount, ProvenState, U256,
    run_call,
};

const EMPTY_ROOT: B256 =
    alloy_primitives::b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// What the contract answers at the newest block, and that block's number; `None` where the executor is no contract. One that reverts answers with nothing.
pub(crate) async fn ask(
    client: &Client,
    chain_id: u64,
    question: Question,
) -> Result<Option<(Vec<u8>, u64)>> {
    let block = client.block(BlockId::parse("latest")?).await?;
    let at = || BlockId::parse(&block.hash.to_string());
    let executor = client.account(question.account, &[], at()?).await?;
    if executor.code_hash.value == alloy_primitives::KECCAK256_EMPTY || !executor.exists.value {
        return Ok(None);
    }
    let request = CallRequest {
        to: Some(question.account),
        data: question.data.into(),
        gas: Some(question.gas),
        ..CallRequest::default()
    };
    let context = context(chain_id, &block)?;
    let mut state = ProvenState::default();
    for _ in 0..MAX_ROUNDS {
        let answer = match run_call(&context, &request, &state) {
            Outcome::Success { output, .. } => output.to_vec(),
            Outcome::Revert { .. } | Outcome::Halt { .. } => Vec::new(),
            Outcome::Invalid { reason, .. } => bail!("the executor cannot be asked: {reason}"),
            Outcome::Missing(missing) => {
                prove(client, at()?, &missing, &mut state).await?;
                continue;
            }
        };
        return Ok(Some((answer, block.number)));
    }
    bail!("the executor's answer takes more than {MAX_ROUNDS} rounds of proofs")
}

fn context(chain_id: u64, block: &BlockView) -> Result<BlockContext> {
    Ok(BlockContext {
        chain_id,
        number: block.number,
        timestamp: block.timestamp,
        gas_limit: block.gas_limit,
        base_fee: u64::try_from(block.base_fee).map_err(|_| eyre!("a base fee above 64 bits"))?,
        beneficiary: block.beneficiary,
        prevrandao: block.mix_hash,
        excess_blob_gas: 0,
    })
}

/// Proves what a run has missed, all of it at one block.
async fn prove(
    client: &Client,
    at: BlockId,
    missing: &Missing,
    state: &mut ProvenState,
) -> Result<()> {
    for &address in &missing.accounts {
        let view = client.account(address, &[], at).await?;
        let account = ProvenAccount {
            balance: view.balance.value,
            nonce: view.nonce.value,
            code_hash: view.code_hash.value,
            storage_empty: view.storage_root.value == EMPTY_ROOT,
        };
        state.insert_account(address, view.exists.value.then_some(account))?;
    }
    for &(address, slot) in &missing.slots {
        let value = slot_of(client, at, address, slot).await?;
        state.insert_slot(address, slot, value)?;
    }
    for &(address, _) in &missing.codes {
        state.insert_code(client.code(address, at).await?.value)?;
    }
    for &number in &missing.block_hashes {
        let block = client
            .block(BlockId::parse(&format!("{number:#x}"))?)
            .await?;
        state.insert_block_hash(number, block.hash)?;
    }
    Ok(())
}

async fn slot_of(client: &Client, at: BlockId, address: Address, slot: U256) -> Result<U256> {
    let view = client.account(address, &[slot], at).await?;
    let proven = view.storage.first();
    proven
        .map(|slot| slot.labelled.value)
        .ok_or_else(|| eyre!("slot {slot} of {address} was not proven"))
}
