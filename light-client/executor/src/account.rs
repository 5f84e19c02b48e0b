//! Accounts as revm takes them, and creation over storage ([EIP-7610](https://eips.ethereum.org/EIPS/eip-7610)), which revm does not know.
//!
//! revm lets a contract be created wherever nonce and code are empty; the protocol wants the storage to be empty as well. An account that has nothing but storage and perhaps a
//! balance (a relic of the time before Spurious Dragon) is therefore shown to revm with a code hash of zero: to its rules that is no code, and no place to create a contract. What
//! could be seen of the difference is the hash itself, so `EXTCODEHASH` gives the right one.

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, KECCAK256_EMPTY};
use revm::{
    bytecode::opcode,
    context_interface::Host,
    handler::instructions::EthInstructions,
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, instructions::host,
        interpreter::EthInterpreter,
    },
    state::AccountInfo,
};
use sidelight_core::state::Account;

/// revm's view of an account.
#[must_use]
pub fn account_info(account: &Account) -> AccountInfo {
    let is_relic = account.nonce == 0
        && account.code_hash == KECCAK256_EMPTY
        && account.storage_root != EMPTY_ROOT_HASH;
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: if is_relic {
            B256::ZERO
        } else {
            account.code_hash
        },
        code: None,
        ..AccountInfo::default()
    }
}

/// Makes `EXTCODEHASH` right for accounts that [`account_info`] shows with a hash of zero.
pub(crate) fn mend_extcodehash<H: Host>(instructions: &mut EthInstructions<EthInterpreter, H>) {
    let table = instructions.instruction_table_mut();
    if let Some(entry) = table.get_mut(usize::from(opcode::EXTCODEHASH)) {
        *entry = Instruction::new(extcodehash);
    }
}

/// EIP-1052.
fn extcodehash<H: Host + ?Sized>(
    context: InstructionContext<'_, H, EthInterpreter>,
) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    let address = interpreter.stack.top().map(|top| *top);
    host::extcodehash(InstructionContext {
        interpreter: &mut *interpreter,
        host: &mut *host,
    })?;
    let (Some(address), Some(top)) = (address, interpreter.stack.top()) else {
        return Ok(());
    };
    if top.is_zero() {
        // The account is loaded now, so this costs nothing and reads nothing.
        let address = alloy_primitives::Address::from_word(address.into());
        let account = host.load_account_info_skip_cold_load(address, false, false);
        if account.is_ok_and(|account| !account.is_empty) {
            *top = KECCAK256_EMPTY.into();
        }
    }
    Ok(())
}
