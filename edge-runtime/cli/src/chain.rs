//! What the chain says about a decision, by a light client of its own: the node that answers is believed nothing.

use std::{path::Path, time::Duration};

use alloy_primitives::Address;
use eyre::{Context, Result, bail, eyre};
use sidelight_client::{
    BlockId, Client,
    dto::{ChainOption, Mode, StartOptions, StorageOption},
    platform,
};
use sidelight_edge_core::{
    account::Question,
    verdict::{Anchored, ChainFacts, VerifiedRecord, compute_batch_slot},
};
use tokio::runtime::Runtime;

use crate::account;

/// How long to wait for a verified head.
const PATIENCE: Duration = Duration::from_secs(20);

/// A light client that has a verified head.
#[derive(Debug)]
pub(crate) struct Chain {
    client: Client,
    runtime: Runtime,
}

impl Chain {
    /// Follows the chain until there is a head.
    pub(crate) fn connect(node: &str, chain: &str) -> Result<Self> {
        let options = StartOptions {
            nodes: vec![node.to_owned()],
            chain: read_chain(chain)?,
            mode: Mode::Headers,
            share: None,
            watch: Vec::new(),
            checkpoint: None,
            storage: StorageOption::Memory,
            store_name: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = runtime.block_on(async {
            let client = Client::start(options, platform::current()).await?;
            tokio::time::timeout(PATIENCE, client.wait_synced())
                .await
                .wrap_err_with(|| format!("no verified head within {PATIENCE:?}"))??;
            Ok::<_, eyre::Report>(client)
        })?;
        Ok(Self { client, runtime })
    }

    /// Checks that the decision's batch is in the registry, and its anchor block on the followed chain.
    pub(crate) fn verify_anchor(
        &self,
        registry: Address,
        verified: &VerifiedRecord,
    ) -> Result<Anchored> {
        let root = verified
            .batch_root()
            .ok_or_else(|| eyre!("the file does not say in which batch it is"))?;
        let anchor = verified.decision().anchorBlock;
        let facts = read_facts(&self.client, root, registry, anchor);
        Ok(verified.verify_anchor(&self.runtime.block_on(facts)?)?)
    }

    /// What an executor that is a contract says about a signature, and in which block; `None` where it is none.
    pub(crate) fn ask(&self, chain_id: u64, question: Question) -> Result<Option<(Vec<u8>, u64)>> {
        let asked = account::ask(&self.client, chain_id, question);
        self.runtime.block_on(asked)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.runtime.block_on(self.client.close());
    }
}

async fn read_facts(
    client: &Client,
    root: alloy_primitives::B256,
    registry: Address,
    anchor: u64,
) -> Result<ChainFacts> {
    let slot = compute_batch_slot(root).into();
    let latest = BlockId::parse("latest")?;
    let view = client.account(registry, &[slot], latest).await?;
    let Some(slot) = view.storage.first() else {
        bail!("the registry's slot was not proven");
    };
    let head = slot.labelled.trust.block.as_ref().map(|block| block.number);
    let block = client
        .block(BlockId::parse(&format!("{anchor:#x}"))?)
        .await?;
    Ok(ChainFacts {
        head: head.ok_or_else(|| eyre!("the registry's slot was not proven"))?,
        batch: slot.labelled.value,
        anchor_hash: Some(block.hash),
    })
}

/// `dev`, or a file with chainId, genesisHash and genesisSigner.
fn read_chain(name: &str) -> Result<ChainOption> {
    if name == "dev" {
        return Ok(ChainOption::default());
    }
    let text = std::fs::read_to_string(Path::new(name)).wrap_err_with(|| name.to_owned())?;
    let rules = serde_json::from_str(&text).wrap_err_with(|| name.to_owned())?;
    Ok(ChainOption::Rules(rules))
}
