//! Methods by name, as the worker, the provider and the command line call them: `docs/architecture.md`, "Threads and workers".
//!
//! ```text
//! sidelight_start, _close   the worker itself
//! sidelight_*               views for a user interface
//! eth_*, net_version        the provider's methods: Ethereum's shapes, verified values
//! anything else             4200
//! ```

mod eth;
mod options;
mod params;
mod receipts;

use serde_json::Value as Json;

pub use self::options::read_options;
use self::params::Params;
use crate::{
    driver::Client,
    dto::{ErrorView, Finality, Labelled, Trust, TrustLevel},
    error::ClientError,
    json,
};

impl Client {
    /// Answers one call: `params` is a JSON list, the answer is JSON.
    pub async fn call(&self, method: &str, params: &str) -> Result<String, ErrorView> {
        let answer = match serde_json::from_str(params) {
            Ok(params) => self.answer(method, &Params(params)).await,
            Err(error) => Err(ClientError::Params(format!("not JSON: {error}"))),
        };
        answer.map_err(|error| error.view(method))
    }

    async fn answer(&self, method: &str, params: &Params) -> Result<String, ClientError> {
        match method {
            "sidelight_status" => to_text(&self.status()),
            "sidelight_account" => {
                let (address, slots) = (params.address(0)?, params.slots(1)?);
                to_text(&self.account(address, &slots, params.block(2)?).await?)
            }
            "sidelight_block" => to_text(&self.block(params.block(0)?).await?),
            "sidelight_transaction" => to_text(&self.transaction(params.hash(0)?).await?),
            "sidelight_getLogs" => to_text(&self.logs(&receipts::read_query(params, 0)?).await?),
            "sidelight_request" => to_text(&self.request(params.text(0)?, &params.list(1)).await?),
            "sidelight_saveProof" => {
                let (address, slots) = (params.address(0)?, params.slots(1)?);
                let text = self.save_proof(address, &slots, params.block(2)?).await?;
                Ok(Json::String(text).to_string())
            }
            "sidelight_verifyFile" => {
                let (text, root) = (params.text(0)?, params.optional_hash(1)?);
                to_text(&self.verify_file(text, root).await)
            }
            "sidelight_evidence" => to_text(&self.evidence()?),
            "sidelight_watch" => to_text(&self.watch(&options::read_watch(params.at(0))?).await?),
            "sidelight_forget" => self.forget().await.map(|()| "null".into()),
            "sidelight_close" => {
                self.close().await;
                Ok("null".into())
            }
            _ => Ok(self.request(method, params).await?.value.to_string()),
        }
    }

    /// Answers a provider's method with the label of its answer.
    async fn request(&self, method: &str, params: &Params) -> Result<Labelled<Json>, ClientError> {
        let chain_id = self.inner.trust.rules.chain_id;
        match method {
            "eth_chainId" => Ok(pinned(json::number(chain_id))),
            "net_version" => Ok(pinned(Json::String(chain_id.to_string()))),
            "eth_blockNumber" => self.block_number(),
            "eth_getBalance" | "eth_getTransactionCount" => {
                let view = self
                    .account(params.address(0)?, &[], params.block(1)?)
                    .await?;
                Ok(match method {
                    "eth_getBalance" => view.balance.map(json::quantity),
                    _ => view.nonce.map(json::number),
                })
            }
            "eth_getStorageAt" => {
                let (address, slot) = (params.address(0)?, params.quantity(1)?);
                let view = self.account(address, &[slot], params.block(2)?).await?;
                eth::only_slot(view)
            }
            "eth_getCode" => {
                let code = self.code(params.address(0)?, params.block(1)?).await?;
                Ok(code.map(|code| json::data(&code)))
            }
            "eth_getProof" => {
                self.proof(params.address(0)?, &params.slots(1)?, params.block(2)?)
                    .await
            }
            "eth_getBlockByNumber" | "eth_getBlockByHash" => {
                self.block_by(params.block(0)?, params.flag(1)?).await
            }
            "eth_getTransactionByHash" => self.transaction_by_hash(params.hash(0)?).await,
            "eth_getTransactionByBlockHashAndIndex" | "eth_getTransactionByBlockNumberAndIndex" => {
                self.transaction_by_place(params.block(0)?, params.quantity(1)?)
                    .await
            }
            "eth_getTransactionReceipt" => self.receipt(params.hash(0)?).await,
            "eth_getBlockReceipts" => self.block_receipts(params.block(0)?).await,
            "eth_getLogs" => self.complete_logs(&receipts::read_query(params, 0)?).await,
            _ => Err(ClientError::NotSupported(method.chars().take(80).collect())),
        }
    }
}

impl<T> Labelled<T> {
    /// The same value in another form.
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Labelled<U> {
        Labelled {
            value: change(self.value),
            trust: self.trust,
        }
    }
}

/// What the rules say: their hash is in every signature.
fn pinned(value: Json) -> Labelled<Json> {
    let trust = Trust {
        level: TrustLevel::Signed,
        finality: Finality::Sealed,
        block: None,
        state_root: None,
        checks: vec!["part of the chain's rules, whose hash is in every signature".into()],
        proof: None,
        proof_bytes: 0,
        ms: 0.0,
        source: "rules".into(),
        age_ms: 0,
        stale: false,
    };
    Labelled { value, trust }
}

/// Written at once, without a tree of values between: one serializer for everything that leaves.
fn to_text(value: &impl serde::Serialize) -> Result<String, ClientError> {
    serde_json::to_string(value)
        .map_err(|error| ClientError::NotSupported(format!("this value as JSON: {error}")))
}
