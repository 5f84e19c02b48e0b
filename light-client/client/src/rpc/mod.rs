//! Methods by name, as the worker, the provider and the command line call them: `docs/architecture.md`, "Threads and workers".
//!
//! ```text
//! sidelight_start, _close   the worker itself
//! sidelight_*               views for a user interface
//! eth_*, net_version        the provider's methods: Ethereum's shapes, verified values
//! anything else             4200
//! ```

mod eth;
mod params;

use serde_json::{Value as Json, json};

use self::params::Params;
use crate::{
    driver::Client,
    dto::{ErrorView, Labelled, StartOptions, Trust},
    error::ClientError,
    files::verify_file,
};

/// Reads the options of `sidelight_start`.
#[allow(
    clippy::result_large_err,
    reason = "called once, and what comes out is what leaves the client"
)]
pub fn read_options(json: &str) -> Result<StartOptions, ErrorView> {
    serde_json::from_str(json)
        .map_err(|error| ClientError::Params(format!("options: {error}")).view("sidelight_start"))
}

impl Client {
    /// Answers one call: `params` is a JSON list, the answer is JSON.
    pub async fn call(&self, method: &str, params: &str) -> Result<String, ErrorView> {
        let answer = match serde_json::from_str(params) {
            Ok(params) => self.answer(method, &Params(params)).await,
            Err(error) => Err(ClientError::Params(format!("not JSON: {error}"))),
        };
        answer
            .map(|json| json.to_string())
            .map_err(|error| error.view(method))
    }

    async fn answer(&self, method: &str, params: &Params) -> Result<Json, ClientError> {
        match method {
            "sidelight_status" => to_json(&self.status()),
            "sidelight_account" => to_json(
                &self
                    .account(params.address(0)?, &params.slots(1)?, params.block(2)?)
                    .await?,
            ),
            "sidelight_block" => to_json(&self.block(params.block(0)?).await?),
            "sidelight_transaction" => to_json(&self.transaction(params.hash(0)?).await?),
            "sidelight_request" => {
                let (method, params) = (params.text(0)?, params.list(1));
                to_json(&self.request(method, &params).await?)
            }
            "sidelight_saveProof" => Ok(json!(
                self.save_proof(params.address(0)?, &params.slots(1)?, params.block(2)?)
                    .await?
            )),
            "sidelight_verifyFile" => {
                to_json(&verify_file(params.text(0)?, params.optional_hash(1)?))
            }
            "sidelight_watch" => to_json(&self.watch(&params.watch(0)?).await?),
            "sidelight_forget" => self.forget().await.map(|()| Json::Null),
            "sidelight_close" => {
                self.close().await;
                Ok(Json::Null)
            }
            _ => Ok(self.request(method, params).await?.value),
        }
    }

    /// Answers a provider's method with the label of its answer.
    async fn request(&self, method: &str, params: &Params) -> Result<Labelled<Json>, ClientError> {
        match method {
            "eth_chainId" => {
                Ok(self.pinned(json!(format!("{:#x}", self.inner.trust.rules.chain_id))))
            }
            "net_version" => Ok(self.pinned(json!(self.inner.trust.rules.chain_id.to_string()))),
            "eth_blockNumber" => self.block_number(),
            "eth_getBalance" => self.balance(params.address(0)?, params.block(1)?).await,
            "eth_getTransactionCount" => self.nonce(params.address(0)?, params.block(1)?).await,
            "eth_getStorageAt" => {
                self.storage_at(params.address(0)?, params.quantity(1)?, params.block(2)?)
                    .await
            }
            "eth_getCode" => {
                let Labelled { value, trust } =
                    self.code(params.address(0)?, params.block(1)?).await?;
                Ok(Labelled {
                    value: json!(value),
                    trust,
                })
            }
            "eth_getProof" => {
                self.proof(params.address(0)?, &params.slots(1)?, params.block(2)?)
                    .await
            }
            "eth_getBlockByNumber" | "eth_getBlockByHash" => {
                self.block_by(params.block(0)?, params.flag(1)?).await
            }
            _ => Err(ClientError::NotSupported(method.chars().take(80).collect())),
        }
    }

    /// What the rules say, and nobody else has a say in.
    fn pinned(&self, value: Json) -> Labelled<Json> {
        let trust = Trust {
            level: crate::dto::TrustLevel::Proven,
            finality: crate::dto::Finality::Settled,
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
}

fn to_json(value: &impl serde::Serialize) -> Result<Json, ClientError> {
    serde_json::to_value(value)
        .map_err(|error| ClientError::NotSupported(format!("this value as JSON: {error}")))
}
