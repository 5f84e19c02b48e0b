//! What a client must know of a chain before it believes anything about it. `docs/wire-format.md` section 1, "Rules".
//!
//! The hash of the rules stands in every extension record and in every signing digest, so that a chain cannot change a rule without every client noticing.

use crate::rlp::{DecodeError, Reader, check_size, check_version, write_list};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use alloy_rlp::Encodable;

/// The rules format that this client speaks.
const VERSION: u64 = 1;
/// The only execution rules that this client knows.
const SPEC: &str = "osaka";
/// Longest encoding: eleven short fields.
const MAX_RULES_BYTES: usize = 256;

/// The rules of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRules {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of the genesis header, which nobody signs.
    pub genesis_hash: B256,
    /// The signer of block 1.
    pub genesis_signer: Address,
    /// EIP-1559: the base fee moves by at most one part in this many per block.
    pub base_fee_change_denominator: u64,
    /// EIP-1559: the gas limit is this many times the gas target.
    pub base_fee_elasticity: u64,
    /// The gas limit moves by less than one part in this many per block.
    pub gas_limit_bound_divisor: u64,
    /// The smallest gas limit of a block.
    pub min_gas_limit: u64,
    /// How far a header's timestamp may be ahead of the client's clock, in seconds.
    pub max_clock_drift_s: u64,
}

impl ChainRules {
    /// The rules of a development chain: Ethereum's constants, chain id 31337, 15 s of drift.
    pub const fn dev(genesis_hash: B256, genesis_signer: Address) -> Self {
        Self {
            chain_id: 31_337,
            genesis_hash,
            genesis_signer,
            base_fee_change_denominator: 8,
            base_fee_elasticity: 2,
            gas_limit_bound_divisor: 1_024,
            min_gas_limit: 5_000,
            max_clock_drift_s: 15,
        }
    }

    /// `rules_hash`: Keccak-256 of the encoding.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// The canonical RLP.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_list(&mut out, |out| {
            VERSION.encode(out);
            self.chain_id.encode(out);
            self.genesis_hash.encode(out);
            self.genesis_signer.encode(out);
            SPEC.encode(out);
            self.base_fee_change_denominator.encode(out);
            self.base_fee_elasticity.encode(out);
            self.gas_limit_bound_divisor.encode(out);
            self.min_gas_limit.encode(out);
            self.max_clock_drift_s.encode(out);
        });
        out
    }

    /// Reads rules. A zero divisor, and a smallest gas limit whose target would be zero, are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("rules", MAX_RULES_BYTES, bytes.len())?;
        let mut reader = Reader::open("rules", bytes)?;
        check_version("rules", VERSION, reader.value("rules.version")?)?;
        let chain_id = reader.value("rules.chain_id")?;
        let genesis_hash = reader.value("rules.genesis_hash")?;
        let genesis_signer = reader.value("rules.genesis_signer")?;
        if reader.string("rules.spec", MAX_RULES_BYTES)? != SPEC.as_bytes() {
            return Err(DecodeError::Forbidden { what: "rules.spec" });
        }
        let rules = Self {
            chain_id,
            genesis_hash,
            genesis_signer,
            base_fee_change_denominator: read_divisor(&mut reader, "rules.denominator")?,
            base_fee_elasticity: read_divisor(&mut reader, "rules.elasticity")?,
            gas_limit_bound_divisor: read_divisor(&mut reader, "rules.gas_limit_bound_divisor")?,
            min_gas_limit: reader.value("rules.min_gas_limit")?,
            max_clock_drift_s: reader.value("rules.max_clock_drift_s")?,
        };
        if rules.min_gas_limit < rules.base_fee_elasticity {
            return Err(DecodeError::Forbidden {
                what: "rules.min_gas_limit",
            });
        }
        reader.finish()?;
        Ok(rules)
    }
}

/// A number that something is divided by.
fn read_divisor(reader: &mut Reader<'_>, what: &'static str) -> Result<u64, DecodeError> {
    match reader.value(what)? {
        0 => Err(DecodeError::Forbidden { what }),
        divisor => Ok(divisor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ChainRules {
        ChainRules::dev(B256::repeat_byte(0x11), Address::repeat_byte(0x22))
    }

    #[test]
    fn rules_survive_a_round_trip() {
        assert_eq!(ChainRules::decode(&rules().encode()), Ok(rules()));
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let base = rules();
        let variants = [
            ChainRules {
                chain_id: 1,
                ..base.clone()
            },
            ChainRules {
                genesis_hash: B256::ZERO,
                ..base.clone()
            },
            ChainRules {
                genesis_signer: Address::ZERO,
                ..base.clone()
            },
            ChainRules {
                base_fee_change_denominator: 9,
                ..base.clone()
            },
            ChainRules {
                base_fee_elasticity: 3,
                ..base.clone()
            },
            ChainRules {
                gas_limit_bound_divisor: 9,
                ..base.clone()
            },
            ChainRules {
                min_gas_limit: 9,
                ..base.clone()
            },
            ChainRules {
                max_clock_drift_s: 9,
                ..base
            },
        ];
        for variant in variants {
            assert_ne!(variant.hash(), base.hash(), "{variant:?}");
        }
    }

    #[test]
    fn rejects_divisors_of_zero_and_unknown_versions() {
        let encode = |edit: fn(&mut ChainRules)| {
            let mut rules = rules();
            edit(&mut rules);
            ChainRules::decode(&rules.encode())
        };
        let forbidden = |what| Err(DecodeError::Forbidden { what });
        assert_eq!(
            encode(|r| r.base_fee_change_denominator = 0),
            forbidden("rules.denominator")
        );
        assert_eq!(
            encode(|r| r.base_fee_elasticity = 0),
            forbidden("rules.elasticity")
        );
        assert_eq!(
            encode(|r| r.gas_limit_bound_divisor = 0),
            forbidden("rules.gas_limit_bound_divisor")
        );
        assert_eq!(
            encode(|r| r.min_gas_limit = 1),
            forbidden("rules.min_gas_limit")
        );
        // A target of one gas is the smallest.
        assert!(encode(|r| r.min_gas_limit = r.base_fee_elasticity).is_ok());
        let mut bytes = rules().encode();
        bytes[2] = 2;
        assert_eq!(
            ChainRules::decode(&bytes),
            Err(DecodeError::Version {
                what: "rules",
                expected: 1,
                got: 2
            })
        );
    }

    #[test]
    fn damaged_rules_are_refused_or_are_other_rules() {
        crate::tests::check_decoder(&rules().encode(), |bytes| {
            ChainRules::decode(bytes).map(|rules| rules.encode())
        });
    }
}
