//! `sidelight-edge record`: export, import, check and replay of what ran.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::Path,
};

use alloy_primitives::{Address, B256};
use eyre::{Context, Result, bail, eyre};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use sidelight_edge::{BackendName, Worker};
use sidelight_edge_core::{class::check_runtime, entry::Recorded, tensor::compare, typed::Runtime};

use crate::{args::Record, config::Config, context, recorder::Recorder};

/// What the first line of a file says.
const FORMAT: &str = "sidelight/records@1";
/// Longest line of a file.
const MAX_LINE: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    r#type: String,
    signer: Address,
    count: u64,
}

pub(crate) fn run(config: &Config, command: &Record) -> Result<bool> {
    let recorder = Recorder::open(&config.data)?;
    match command {
        Record::Export { file } => export(&recorder, file),
        Record::Import { file } => import(&recorder, file),
        Record::Replay { sample } => replay(config, &recorder, *sample),
        Record::Check => {
            let (count, last) = recorder.verify()?;
            println!(
                "{count} records of {}, the last one is {last}",
                recorder.signer()?
            );
            Ok(true)
        }
    }
}

fn export(recorder: &Recorder, file: &Path) -> Result<bool> {
    // Nothing is passed on that does not hold.
    let (count, _) = recorder.verify()?;
    let out: Box<dyn Write> = if file == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        Box::new(File::create(file).wrap_err_with(|| file.display().to_string())?)
    };
    let mut out = BufWriter::new(out);
    let header = Header {
        r#type: FORMAT.into(),
        signer: recorder.signer()?,
        count,
    };
    writeln!(out, "{}", serde_json::to_string(&header)?)?;
    recorder.for_each(|recorded| Ok(writeln!(out, "{}", serde_json::to_string(&recorded)?)?))?;
    out.flush()?;
    eprintln!("{count} records");
    Ok(true)
}

fn import(recorder: &Recorder, file: &Path) -> Result<bool> {
    let opened = File::open(file).wrap_err_with(|| file.display().to_string())?;
    let mut lines = BufReader::new(opened);
    let header: Header = match read_line(&mut lines)? {
        Some(line) => serde_json::from_str(&line).wrap_err("the first line")?,
        None => bail!("{}: the file is empty", file.display()),
    };
    if header.r#type != FORMAT {
        bail!("type: expected {FORMAT}, got {:?}", header.r#type);
    }
    let mut records: Vec<Recorded> = Vec::new();
    while let Some(line) = read_line(&mut lines)? {
        let number = records.len() + 2;
        records.push(serde_json::from_str(&line).wrap_err_with(|| format!("line {number}"))?);
    }
    if records.len() as u64 != header.count {
        bail!("records: expected {}, got {}", header.count, records.len());
    }
    match recorder.import(&records, header.signer) {
        Ok(new) => {
            println!("{new} new records of {}", header.signer);
            Ok(true)
        }
        Err(error) => {
            println!("refused: {error:#}");
            Ok(false)
        }
    }
}

fn read_line(from: &mut impl BufRead) -> Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(MAX_LINE).read_line(&mut line)?;
    if read as u64 == MAX_LINE {
        bail!("a line is longer than {MAX_LINE} bytes");
    }
    Ok((read > 0).then_some(line))
}

/// Runs records again and compares: `k of k equal`, or the first one that differs and where.
fn replay(config: &Config, recorder: &Recorder, sample: Option<usize>) -> Result<bool> {
    let (count, _) = recorder.verify()?;
    let chosen = choose(count, sample);
    let (mut worker, ..) = context::worker(config)?;
    let bar = ProgressBar::new(chosen.len() as u64).with_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} records",
    )?);
    let mut equal = 0;
    for &sequence in &chosen {
        let recorded = recorder.get(sequence)?;
        match again(config, &mut worker, &recorded)? {
            None => equal += 1,
            Some(difference) => {
                bar.finish_and_clear();
                println!(
                    "{equal} of {} equal; record {sequence} differs: {difference}",
                    equal + 1
                );
                return Ok(false);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{equal} of {} equal", chosen.len());
    Ok(true)
}

/// What differs in a second run, if anything does.
fn again(config: &Config, worker: &mut Worker, recorded: &Recorded) -> Result<Option<String>> {
    let runtime = recorded.runtime.to_runtime();
    let (_, tolerance) = check_runtime(&runtime)?;
    let found = context::by_hash(config, recorded.model_sha256)?;
    let answer = worker.run(
        &found.model,
        backend(&runtime)?,
        recorded.optimised,
        &recorded.inputs()?,
    )?;
    if answer.runtime != runtime {
        return Err(eyre!(
            "record {}: it ran on {}; here is {}, which promises nothing about it",
            recorded.sequence,
            runtime.engine,
            answer.runtime.engine
        ));
    }
    Ok(compare(&recorded.outputs()?, &answer.outputs, tolerance)
        .map(|difference| difference.to_string()))
}

fn backend(runtime: &Runtime) -> Result<BackendName> {
    match runtime.engine.split_once('/') {
        Some(("sidelight-engine", _)) => Ok(BackendName::Pinned),
        Some(("onnxruntime", _)) => Ok(BackendName::OnnxRuntime),
        _ => bail!("not supported: the engine {:?}", runtime.engine),
    }
}

/// Records to replay, in order: all of them, or as many as asked for, drawn without repetition.
fn choose(count: u64, sample: Option<usize>) -> Vec<u64> {
    let mut all: Vec<u64> = (0..count).collect();
    let Some(wanted) = sample.filter(|&wanted| wanted < all.len()) else {
        return all;
    };
    for at in 0..wanted {
        let left = (all.len() - at) as u64;
        let [a, b, c, d, ..] = B256::random().0;
        let drawn = u64::from(u32::from_le_bytes([a, b, c, d])) % left;
        all.swap(at, at + usize::try_from(drawn).unwrap_or(0));
    }
    all.truncate(wanted);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_as_many_different_records_as_asked_for() {
        assert_eq!(choose(3, None), [0, 1, 2]);
        assert_eq!(choose(3, Some(9)), [0, 1, 2]);
        for wanted in 0..20 {
            let mut chosen = choose(20, Some(wanted));
            chosen.dedup();
            assert_eq!(chosen.len(), wanted);
            assert!(chosen.iter().all(|&sequence| sequence < 20));
        }
    }
}
