//! A chain with one sequencer: the handle that seals. Reading it is [`ChainView`]'s.

use std::{ops::Deref, sync::Arc};

use alloy_genesis::Genesis;
use alloy_primitives::Address;
use node_lite_state::StateDb;
use parking_lot::Mutex;
use sidelight_core::{execution::Retained, header::VerifiedHeader, rules::ChainRules};
use sidelight_executor::ChainSpec;

use crate::{
    block::SealedBlock,
    config::{SealMode, SequencerConfig},
    error::ChainError,
    forks::ForkSchedule,
    genesis,
    seal::{self, Tip},
    sequencer::Sequencer,
    signer::Signer,
    view::{ChainView, Shared},
};

/// A running chain. Cheap to clone; every clone is the same chain. What can be read of it is read through [`ChainView`].
#[derive(Clone, Debug)]
pub struct Chain {
    pub(crate) inner: Arc<Inner>,
}

/// What sealing needs beyond what is read.
#[derive(Debug)]
pub(crate) struct Inner {
    view: ChainView,
    pub(crate) rules: ChainRules,
    pub(crate) signer: Signer,
    pub(crate) fee_recipient: Address,
    config: SequencerConfig,
    /// Held while a block is built.
    sealing: Mutex<Tip>,
}

impl Chain {
    /// Starts a chain from genesis. Nothing is sealed until [`Self::start_sequencer`] or [`Self::seal`].
    pub fn open(genesis: &Genesis, config: SequencerConfig) -> Result<Self, ChainError> {
        config.validate()?;
        let state = StateDb::new();
        let start = genesis::build(genesis, &state)?;
        let signer = Signer::new(config.signer_key, start.rules.chain_id, start.rules.hash())?;
        if signer.address() != start.rules.genesis_signer {
            return Err(ChainError::NotTheSigner {
                expected: start.rules.genesis_signer,
                got: signer.address(),
            });
        }
        let head = VerifiedHeader::genesis(start.block.header().clone(), &start.rules)?;
        let spec = ChainSpec::sidelight(start.rules.chain_id);
        let forks = ForkSchedule::new(&genesis.config, start.block.hash, genesis.timestamp);
        let view = config.view();
        let view = ChainView::new(Shared::new(spec, forks, view, state, start.block));
        let inner = Inner {
            fee_recipient: config.fee_recipient.unwrap_or(signer.address()),
            sealing: Mutex::new(Tip {
                header: head,
                retained: Retained::default(),
            }),
            rules: start.rules,
            signer,
            config,
            view,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The chain without the sequencer.
    pub fn view(&self) -> &ChainView {
        &self.inner.view
    }

    /// Starts the thread that seals as [`SequencerConfig::seal`] says. It stops when the returned handle is dropped.
    pub fn start_sequencer(&self) -> Sequencer {
        self.start_sequencer_in(self.inner.config.seal)
    }

    /// As [`Self::start_sequencer`], in another mode than the configured one. Two of them at once seal twice as often.
    pub fn start_sequencer_in(&self, mode: SealMode) -> Sequencer {
        Sequencer::start(self.clone(), mode)
    }

    /// What clients must know of this chain.
    pub fn rules(&self) -> &ChainRules {
        &self.inner.rules
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &SequencerConfig {
        &self.inner.config
    }

    /// The sequencer's key. For the lying node only: anything signed here that is not a sealed block is evidence of equivocation.
    pub fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// Seals a block now, with whatever the pool holds, in any seal mode.
    pub fn seal(&self) -> Result<Arc<SealedBlock>, ChainError> {
        let mut tip = self.inner.sealing.lock();
        let block = Arc::new(seal::seal_next(&self.inner, &mut tip)?);
        self.inner.publish(&block)?;
        Ok(block)
    }
}

impl Deref for Chain {
    type Target = ChainView;

    fn deref(&self) -> &ChainView {
        &self.inner.view
    }
}

impl Deref for Inner {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.view.inner
    }
}
