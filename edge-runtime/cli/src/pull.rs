//! `sidelight-edge pull`: a model from a node, kept only when it is what its manifest says.
//!
//! ```text
//!   manifest -> checked -> <sha256>.part, continued by Range -> SHA-256 -> the store        what differs is removed
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
    time::Duration,
};

use eyre::{Context, Result, bail, eyre};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{
    StatusCode,
    blocking::{Client, RequestBuilder, Response},
    header,
};
use serde_json::{Value, json};
use sidelight_edge::{Model, ModelStore};
use sidelight_edge_core::{limits::MAX_MANIFEST_BYTES, manifest::Manifest};

use crate::{args::Pull, config::Config, context};

pub(crate) fn run(config: &Config, args: &Pull) -> Result<bool> {
    let client = client()?;
    let base = args.url.trim_end_matches('/');
    let json = fetch(&client, &format!("{base}/manifest"), MAX_MANIFEST_BYTES)?;
    let manifest = Manifest::decode(&json)?;
    if let Some(expected) = args.sha256.filter(|&expected| expected != manifest.sha256) {
        println!(
            "refused: sha256: expected {expected}, got {}",
            manifest.sha256
        );
        return Ok(false);
    }
    let store = context::store(config)?;
    let folder = config.data.join("models");
    if let Ok(model) = store.get(manifest.sha256) {
        if let Err(error) = manifest.verify_file(model.file()) {
            println!("refused: {error}");
            return Ok(false);
        }
        println!("{} is here: {}", manifest.id, manifest.sha256);
    } else {
        let (root, _) = base
            .split_once("/v2/")
            .ok_or_else(|| eyre!("expected an address of the form http://HOST/v2/models/NAME"))?;
        let url = format!("{root}/v2/files/{}", manifest.sha256);
        let part = folder.join(format!("{:x}.part", manifest.sha256));
        download(&client, &url, &part, manifest.bytes)?;
        if let Err(error) = keep(&store, &part, &manifest) {
            println!("refused: {error:#}");
            return Ok(false);
        }
        println!("{} {}", manifest.id, manifest.sha256);
    }
    // Last: a manifest says that the model is here.
    let name = folder.join(format!("{}.json", manifest.id));
    let mut staging = tempfile::NamedTempFile::new_in(&folder)?;
    staging.write_all(&json)?;
    staging.persist(name)?;
    Ok(true)
}

/// What was fetched is the model, or it is removed.
fn keep(store: &ModelStore, part: &Path, manifest: &Manifest) -> Result<()> {
    let bytes = fs::read(part)?;
    let kept = Model::verified(bytes, manifest)
        .map_err(eyre::Report::new)
        .and_then(|model| Ok(store.put(&model)?));
    fs::remove_file(part)?;
    kept
}

/// Fetches what is missing of a file.
fn download(client: &Client, url: &str, part: &Path, total: u64) -> Result<()> {
    let mut have = fs::metadata(part).map_or(0, |data| data.len());
    if have > total {
        fs::remove_file(part)?;
        have = 0;
    }
    if have == total {
        return Ok(());
    }
    let mut request = client.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.send().wrap_err_with(|| url.to_owned())?;
    let mut file = match response.status() {
        StatusCode::PARTIAL_CONTENT if continues(&response, have) => {
            OpenOptions::new().append(true).open(part)?
        }
        // The whole file again, where the node does not continue.
        StatusCode::OK => {
            have = 0;
            File::create(part).wrap_err_with(|| part.display().to_string())?
        }
        other => bail!("{url}: {other}"),
    };
    let style =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")?;
    let bar = ProgressBar::new(total)
        .with_style(style)
        .with_position(have);
    // One byte more than there should be, to notice that there is more.
    let mut body = response.take((total - have).saturating_add(1));
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = body
            .read(&mut buffer)
            .wrap_err("the download stopped; the same command continues it")?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read])
            .wrap_err_with(|| part.display().to_string())?;
        bar.inc(read as u64);
    }
    bar.finish_and_clear();
    file.sync_all()?;
    match file.metadata()?.len() {
        got if got < total => bail!(
            "the download stopped after {got} of {total} bytes; the same command continues it"
        ),
        _ => Ok(()),
    }
}

fn continues(response: &Response, have: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {have}-")))
}

/// A client with limits on time.
pub(crate) fn client() -> Result<Client> {
    let builder = Client::builder().connect_timeout(Duration::from_secs(10));
    Ok(builder.timeout(Duration::from_secs(3_600)).build()?)
}

/// A small answer.
pub(crate) fn fetch(client: &Client, url: &str, limit: usize) -> Result<Vec<u8>> {
    read(client.get(url), url, limit)
}

/// The result of a JSON-RPC call, as JSON; the node's error as an error.
pub(crate) fn call(
    client: &Client,
    url: &str,
    method: &str,
    params: &Value,
    limit: usize,
) -> Result<Vec<u8>> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let post = client
        .post(url)
        .header("content-type", "application/json")
        .body(request.to_string());
    let answer: Value = serde_json::from_slice(&read(post, url, limit)?)?;
    if let Some(error) = answer.get("error") {
        bail!(
            "{url}: {method}: {}",
            error["message"]
                .as_str()
                .unwrap_or("an error without a message")
        );
    }
    Ok(answer["result"].to_string().into_bytes())
}

fn read(request: RequestBuilder, url: &str, limit: usize) -> Result<Vec<u8>> {
    let response = request.send().wrap_err_with(|| url.to_owned())?;
    if !response.status().is_success() {
        bail!("{url}: {}", response.status());
    }
    let mut bytes = Vec::new();
    response.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        bail!("{url}: expected at most {limit} bytes");
    }
    Ok(bytes)
}
