//! The options of `sidelight_start` and `sidelight_watch`, read field by field: a derived reader of the same takes five times the space in the browser's module.

use std::str::FromStr;

use alloy_primitives::U256;
use serde_json::{Map, Value as Json};

use super::params::read_quantity;
use crate::{
    dto::{
        ChainOption, ErrorView, Mode, RulesView, Share, StartOptions, StorageOption, WatchEntry,
    },
    error::ClientError,
};

/// Reads the options of `sidelight_start`.
#[allow(
    clippy::result_large_err,
    reason = "called once, and what comes out is what leaves the client"
)]
pub fn read_options(text: &str) -> Result<StartOptions, ErrorView> {
    let json = serde_json::from_str(text)
        .map_err(|error| ClientError::Params(format!("options: {error}")));
    json.and_then(|json| read(&json))
        .map_err(|error| error.view("sidelight_start"))
}

fn read(json: &Json) -> Result<StartOptions, ClientError> {
    let mut options = StartOptions::default();
    for (key, value) in object("options", json)? {
        match (key.as_str(), value) {
            ("nodes", value) => {
                options.nodes = list(key, value)?
                    .iter()
                    .map(|node| text(key, node).map(str::to_owned))
                    .collect::<Result<_, _>>()?
            }
            ("mode", value) => options.mode = read_mode(value)?,
            ("share", Json::Null) => {}
            ("share", value) => options.share = Some(read_share(value)?),
            ("chain", Json::String(name)) => options.chain = ChainOption::Named(name.clone()),
            ("chain", value) => options.chain = ChainOption::Rules(read_rules(value)?),
            ("watch", value) => options.watch = read_watch(value)?,
            ("checkpoint" | "storeName", Json::Null) => {}
            ("checkpoint", value) => options.checkpoint = Some(parse(key, value)?),
            ("storeName", value) => options.store_name = Some(text(key, value)?.to_owned()),
            ("storage", Json::String(word)) if word == "auto" => {
                options.storage = StorageOption::Auto
            }
            ("storage", Json::String(word)) if word == "memory" => {
                options.storage = StorageOption::Memory
            }
            ("storage", value) => return Err(refuse(key, "auto or memory", value)),
            _ => return Err(ClientError::Params(format!("options: unknown key {key:?}"))),
        }
    }
    Ok(options)
}

/// Reads a list of `{ address, slots }`.
pub(super) fn read_watch(json: &Json) -> Result<Vec<WatchEntry>, ClientError> {
    list("watch", json)?.iter().map(read_entry).collect()
}

fn read_entry(json: &Json) -> Result<WatchEntry, ClientError> {
    let entry = object("watch", json)?;
    let read_slot = |slot: &Json| {
        read_quantity(slot).ok_or_else(|| refuse("watch.slots", "0x quantities", slot))
    };
    let slots: Vec<U256> = match entry.get("slots") {
        None | Some(Json::Null) => Vec::new(),
        Some(slots) => list("watch.slots", slots)?
            .iter()
            .map(read_slot)
            .collect::<Result<_, _>>()?,
    };
    Ok(WatchEntry {
        address: parse("watch.address", entry.get("address").unwrap_or(&Json::Null))?,
        slots,
    })
}

fn read_mode(json: &Json) -> Result<Mode, ClientError> {
    match json.as_str() {
        Some("headers") => Ok(Mode::Headers),
        Some("watch") => Ok(Mode::Watch),
        Some("consistent") => Ok(Mode::Consistent),
        Some("execute") => Ok(Mode::Execute),
        _ => Err(refuse(
            "mode",
            "headers, watch, consistent or execute",
            json,
        )),
    }
}

fn read_share(json: &Json) -> Result<Share, ClientError> {
    let percent = json.as_u64().and_then(|percent| u8::try_from(percent).ok());
    percent
        .and_then(Share::new)
        .ok_or_else(|| refuse("share", "a percentage between 1 and 100", json))
}

fn read_rules(json: &Json) -> Result<RulesView, ClientError> {
    let fields = object("chain", json)?;
    let get = |name: &str| fields.get(name).unwrap_or(&Json::Null);
    let number = |name: &str| match get(name) {
        Json::Null => Ok(None),
        value => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| refuse(name, "a whole number", value)),
    };
    const KNOWN: [&str; 8] = [
        "chainId",
        "genesisHash",
        "genesisSigner",
        "baseFeeChangeDenominator",
        "baseFeeElasticity",
        "gasLimitBoundDivisor",
        "minGasLimit",
        "maxClockDriftS",
    ];
    if let Some(key) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(ClientError::Params(format!("chain: unknown key {key:?}")));
    }
    Ok(RulesView {
        chain_id: number("chainId")?
            .ok_or_else(|| refuse("chainId", "a whole number", &Json::Null))?,
        genesis_hash: parse("genesisHash", get("genesisHash"))?,
        genesis_signer: parse("genesisSigner", get("genesisSigner"))?,
        base_fee_change_denominator: number("baseFeeChangeDenominator")?,
        base_fee_elasticity: number("baseFeeElasticity")?,
        gas_limit_bound_divisor: number("gasLimitBoundDivisor")?,
        min_gas_limit: number("minGasLimit")?,
        max_clock_drift_s: number("maxClockDriftS")?,
    })
}

fn object<'a>(name: &str, json: &'a Json) -> Result<&'a Map<String, Json>, ClientError> {
    json.as_object()
        .ok_or_else(|| refuse(name, "an object", json))
}

fn list<'a>(name: &str, json: &'a Json) -> Result<&'a [Json], ClientError> {
    json.as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| refuse(name, "a list", json))
}

fn text<'a>(name: &str, json: &'a Json) -> Result<&'a str, ClientError> {
    json.as_str().ok_or_else(|| refuse(name, "a string", json))
}

fn parse<T: FromStr>(name: &str, json: &Json) -> Result<T, ClientError> {
    let text = json.as_str().filter(|text| text.starts_with("0x"));
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| refuse(name, "0x hex of the right length", json))
}

fn refuse(name: &str, expected: &str, got: &Json) -> ClientError {
    let got: String = got.to_string().chars().take(80).collect();
    ClientError::Params(format!("{name}: expected {expected}, got {got}"))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};

    use super::*;

    #[test]
    fn options_read_as_the_derived_reader_reads_them() {
        let full = StartOptions {
            nodes: vec!["http://a".into(), "ws://b".into()],
            chain: ChainOption::Rules(RulesView {
                chain_id: 7,
                genesis_hash: B256::repeat_byte(1),
                genesis_signer: Address::repeat_byte(2),
                base_fee_change_denominator: Some(8),
                base_fee_elasticity: None,
                gas_limit_bound_divisor: Some(1_024),
                min_gas_limit: None,
                max_clock_drift_s: Some(3),
            }),
            mode: Mode::Execute,
            share: Share::new(25),
            watch: vec![WatchEntry {
                address: Address::repeat_byte(3),
                slots: vec![U256::from(300)],
            }],
            checkpoint: Some(B256::repeat_byte(4)),
            storage: StorageOption::Memory,
            store_name: Some("s".into()),
        };
        for options in [
            full,
            StartOptions {
                nodes: vec!["http://a".into()],
                ..StartOptions::default()
            },
        ] {
            let text = serde_json::to_string(&options).unwrap();
            assert_eq!(read_options(&text).unwrap(), options);
            assert_eq!(
                serde_json::from_str::<StartOptions>(&text).unwrap(),
                options
            );
        }
        assert_eq!(read_options("{}").unwrap(), StartOptions::default());
    }

    #[test]
    fn each_bad_option_is_named() {
        let bad = [
            ("[]", "options"),
            (r#"{"nodez":[]}"#, "nodez"),
            (r#"{"nodes":"http://a"}"#, "nodes"),
            (r#"{"nodes":[7]}"#, "nodes"),
            (r#"{"mode":"fast"}"#, "mode"),
            (r#"{"mode":"execute","share":0}"#, "share"),
            (r#"{"mode":"execute","share":101}"#, "share"),
            (r#"{"mode":"execute","share":356}"#, "share"),
            (r#"{"chain":{"chainId":"7"}}"#, "chainId"),
            (r#"{"chain":{"chainId":7,"genesis":1}}"#, "genesis"),
            (r#"{"checkpoint":"0x12"}"#, "checkpoint"),
            (r#"{"storage":"disk"}"#, "storage"),
            (r#"{"watch":[{"address":"0x0"}]}"#, "address"),
            (
                r#"{"watch":[{"address":"0x0000000000000000000000000000000000000000","slots":[7]}]}"#,
                "slots",
            ),
            ("nonsense", "options"),
        ];
        for (text, name) in bad {
            let error = read_options(text).unwrap_err();
            assert_eq!(error.code, -32602);
            assert!(error.message.contains(name), "{text}: {}", error.message);
        }
    }
}
