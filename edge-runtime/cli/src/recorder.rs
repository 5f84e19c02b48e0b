//! The device's records on disk ([redb](https://docs.rs/redb)): appended in one transaction each, so that a full disk or a crash leaves whole records only.
//!
//! ```text
//!   data/device.key      32 bytes in hex, readable by its owner
//!   data/records.redb    records: sequence -> JSON;  signers: 0 -> address of whoever signed them
//! ```

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, Bytes, Signature};
use eyre::{Context, Result, bail};
use k256::ecdsa::SigningKey;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use sidelight_edge::worker::Answer;
use sidelight_edge_core::{
    entry::{Recorded, RuntimeFields},
    tensor::{Tensor, encode_message},
};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const SIGNERS: TableDefinition<'_, u8, &[u8; 20]> = TableDefinition::new("signers");

/// The records of one device.
pub(crate) struct Recorder {
    db: Database,
    key: SigningKey,
}

/// A run, to be recorded.
pub(crate) struct Run<'a> {
    pub(crate) model_sha256: B256,
    pub(crate) optimised: bool,
    pub(crate) inputs: &'a [Tensor],
    pub(crate) answer: &'a Answer,
}

impl Recorder {
    /// Opens or makes the records of a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).wrap_err_with(|| folder.display().to_string())?;
        let file = folder.join("records.redb");
        let db = Database::create(&file).wrap_err_with(|| file.display().to_string())?;
        let transaction = db.begin_write()?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(SIGNERS)?;
        transaction.commit()?;
        let key = open_key(&folder.join("device.key"))?;
        Ok(Self { db, key })
    }

    /// Whoever signed the records that are here; this device, where there are none.
    pub(crate) fn signer(&self) -> Result<Address> {
        let transaction = self.db.begin_read()?;
        let signers = transaction.open_table(SIGNERS)?;
        let known = signers
            .get(0)?
            .map(|address| Address::from(address.value()));
        Ok(known.unwrap_or_else(|| self.device()))
    }

    fn device(&self) -> Address {
        Address::from_public_key(self.key.verifying_key())
    }

    /// How many there are.
    pub(crate) fn count(&self) -> Result<u64> {
        let transaction = self.db.begin_read()?;
        Ok(transaction.open_table(RECORDS)?.len()?)
    }

    /// Signs a run and appends it.
    pub(crate) fn append(&self, run: Run<'_>) -> Result<Recorded> {
        if self.signer()? != self.device() {
            bail!("the records here are another device's; use another --data folder");
        }
        let last = self
            .count()?
            .checked_sub(1)
            .map(|last| self.get(last))
            .transpose()?;
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut recorded = Recorded {
            sequence: last.as_ref().map_or(0, |last| last.sequence + 1),
            previous: last.as_ref().map_or(Ok(B256::ZERO), Recorded::digest)?,
            at: at.as_secs(),
            model_sha256: run.model_sha256,
            runtime: RuntimeFields::from(run.answer.runtime.clone()),
            optimised: run.optimised,
            inputs: encode_message(run.inputs)?.into(),
            outputs: encode_message(&run.answer.outputs)?.into(),
            elapsed_ns: u64::try_from(run.answer.elapsed.as_nanos()).unwrap_or(u64::MAX),
            signature: Bytes::new(),
        };
        let signed = self
            .key
            .sign_prehash_recoverable(recorded.digest()?.as_slice())?;
        recorded.signature = Signature::from(signed).as_bytes().into();
        self.write(std::slice::from_ref(&recorded), self.device())?;
        Ok(recorded)
    }

    /// One of them.
    pub(crate) fn get(&self, sequence: u64) -> Result<Recorded> {
        let transaction = self.db.begin_read()?;
        let table = transaction.open_table(RECORDS)?;
        match table.get(sequence)? {
            Some(json) => serde_json::from_slice(json.value())
                .wrap_err_with(|| format!("record {sequence} is damaged")),
            None => bail!("there is no record {sequence}"),
        }
    }

    /// All of them, oldest first.
    pub(crate) fn for_each(&self, mut see: impl FnMut(Recorded) -> Result<()>) -> Result<()> {
        let transaction = self.db.begin_read()?;
        for row in transaction.open_table(RECORDS)?.iter()? {
            let (sequence, json) = row?;
            let recorded = serde_json::from_slice(json.value())
                .wrap_err_with(|| format!("record {} is damaged", sequence.value()))?;
            see(recorded)?;
        }
        Ok(())
    }

    /// Checks every record and its place; how many, and the last digest.
    pub(crate) fn verify(&self) -> Result<(u64, B256)> {
        let (signer, mut count, mut previous) = (self.signer()?, 0, B256::ZERO);
        self.for_each(|recorded| {
            previous = recorded.verify(count, previous, signer)?;
            count += 1;
            Ok(())
        })?;
        Ok((count, previous))
    }

    /// Checks records from elsewhere and keeps those that are not here yet: all of them or none.
    pub(crate) fn import(&self, records: &[Recorded], signer: Address) -> Result<u64> {
        let count = self.count()?;
        if count > 0 && self.signer()? != signer {
            bail!(
                "the records here are signed by {}, those of the file by {signer}",
                self.signer()?
            );
        }
        let mut previous = B256::ZERO;
        for (sequence, recorded) in (0..).zip(records) {
            previous = recorded.verify(sequence, previous, signer)?;
            if sequence < count && self.get(sequence)? != *recorded {
                bail!("record {sequence} of the file is another one than the one here");
            }
        }
        let new = usize::try_from(count)
            .ok()
            .and_then(|count| records.get(count..));
        let new = new.unwrap_or_default();
        self.write(new, signer)?;
        Ok(new.len() as u64)
    }

    fn write(&self, records: &[Recorded], signer: Address) -> Result<()> {
        let transaction = self.db.begin_write()?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            for recorded in records {
                let json = serde_json::to_vec(recorded)?;
                table.insert(recorded.sequence, json.as_slice())?;
            }
            transaction
                .open_table(SIGNERS)?
                .insert(0, &signer.into_array())?;
        }
        Ok(transaction.commit()?)
    }
}

/// The device's key, made when it is first needed.
fn open_key(path: &Path) -> Result<SigningKey> {
    let name = || path.display().to_string();
    if !path.exists() {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .wrap_err_with(name)?;
        file.write_all(B256::random().to_string().as_bytes())?;
        file.sync_all()?;
    }
    let text = fs::read_to_string(path).wrap_err_with(name)?;
    let key: B256 = text
        .trim()
        .parse()
        .wrap_err_with(|| format!("{}: expected 32 bytes in hex", path.display()))?;
    SigningKey::from_slice(key.as_slice()).wrap_err_with(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidelight_edge::{Backend, Options, PinnedEngine};
    use std::time::Duration;

    fn answer(value: f32) -> Answer {
        Answer {
            outputs: vec![Tensor::f32("y", &[1], &[value]).unwrap()],
            runtime: PinnedEngine::open(None)
                .unwrap()
                .runtime(&Options::default()),
            elapsed: Duration::from_micros(5),
        }
    }

    fn filled(folder: &Path, count: u8) -> (Recorder, Vec<Recorded>) {
        let recorder = Recorder::open(folder).unwrap();
        let answer = answer(1.5);
        for at in 0..count {
            let input = Tensor::f32("x", &[1], &[f32::from(at)]).unwrap();
            let run = Run {
                model_sha256: B256::repeat_byte(1),
                optimised: true,
                inputs: &[input],
                answer: &answer,
            };
            recorder.append(run).unwrap();
        }
        let mut records = Vec::new();
        recorder
            .for_each(|recorded| {
                records.push(recorded);
                Ok(())
            })
            .unwrap();
        (recorder, records)
    }

    #[test]
    fn records_form_a_chain_that_outlives_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, _) = filled(folder.path(), 3);
        let before = recorder.verify().unwrap();
        drop(recorder);
        let again = Recorder::open(folder.path()).unwrap();
        assert_eq!(again.verify().unwrap(), before);
        assert_eq!(before.0, 3);
    }

    type Change = Box<dyn Fn(&mut Vec<Recorded>)>;

    #[test]
    fn a_changed_missing_or_moved_record_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, records) = filled(folder.path(), 4);
        let signer = recorder.signer().unwrap();
        let other = tempfile::tempdir().unwrap();
        let other = Recorder::open(other.path()).unwrap();
        let tampered: [(&str, Change); 6] = [
            ("at", Box::new(|list| list[1].at += 1)),
            ("elapsed", Box::new(|list| list[2].elapsed_ns += 1)),
            ("model", Box::new(|list| list[0].model_sha256.0[31] ^= 1)),
            ("class", Box::new(|list| list[3].runtime.det_class = 2)),
            (
                "output",
                Box::new(|list| list[3].outputs = list[3].inputs.clone()),
            ),
            ("order", Box::new(|list| list.swap(1, 2))),
        ];
        for (name, change) in tampered {
            let mut list = records.clone();
            change(&mut list);
            assert!(other.import(&list, signer).is_err(), "{name}");
        }
        assert!(other.import(&records[1..], signer).is_err());
        assert!(other.import(&records, Address::ZERO).is_err());
        assert_eq!(other.count().unwrap(), 0, "nothing is half-stored");
        assert_eq!(other.import(&records[..2], signer).unwrap(), 2);
        assert_eq!(other.import(&records, signer).unwrap(), 2);
        assert_eq!(other.verify().unwrap(), recorder.verify().unwrap());
    }

    #[test]
    fn nobody_appends_to_the_records_of_another_device() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (recorder, records) = filled(a.path(), 1);
        let other = Recorder::open(b.path()).unwrap();
        other.import(&records, recorder.signer().unwrap()).unwrap();
        let run = Run {
            model_sha256: B256::ZERO,
            optimised: true,
            inputs: &[],
            answer: &answer(0.0),
        };
        assert!(other.append(run).is_err());
    }

    #[test]
    fn the_key_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        drop(Recorder::open(folder.path()).unwrap());
        let mode = fs::metadata(folder.path().join("device.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
