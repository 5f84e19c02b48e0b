//! What a client keeps between runs, and why it may be used again (check 12).
//!
//! ```text
//! meta       schema, rules hash, trust root        other rules: another chain, everything is dropped
//! root       the checkpoint's signed header         only if the user pinned a checkpoint
//! handovers  every header that names another signer
//! headers-k  signed headers 64 k .. 64 k + 63       the newest 1,024
//! watch      watched accounts
//! ```
//!
//! Storage is a place that others can write to. What is read from it is worth exactly as much as what a peer says:
//!
//! * The **trust root** comes from the program, not from the store: the rules pin the genesis hash and the first signer, or the user pins a checkpoint's hash.
//! * From there the **schedule of signers** is rebuilt: each stored handover must be signed by the signer who was due, and names the next one. Leaving one out or adding one breaks the schedule for all
//!   that follow.
//! * The first stored header whose own signature is by the signer due at its height is the **anchor**; every later one must follow it by the chain's rules and be covered by a due signature.
//!
//! So a forged entry needs a scheduled sequencer's key, the same as a forged chain from the network. What cannot be seen here: a store that was put back to an older, truly signed state. That is an old
//! head, and the freshness checks of following find it. Nor does the anchor prove that *it* descends from genesis by hash: two truly signed histories are equivocation, and that halts the client.

use std::collections::VecDeque;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::{Decodable, Encodable};
use sidelight_core::{
    checkpoint::verify_anchor,
    fault::{Fault, FaultKind, Mismatch, Value},
    header::{HeaderError, SignedHeader, VerifiedHeader, verify_segment},
    rules::ChainRules,
    signature::recover_signer,
    wire::Filter,
};

/// Layout of the records.
const SCHEMA: u64 = 1;
/// Headers in one record.
const CHUNK: u64 = 64;
/// Headers that are kept.
pub(crate) const KEPT_HEADERS: usize = 1_024;
/// Handovers that are kept; a chain that hands over more often starts again from its trust root.
const MAX_HANDOVERS: usize = 1_024;

pub(crate) const META: &str = "meta";
const ROOT: &str = "root";
const HANDOVERS: &str = "handovers";
const WATCH: &str = "watch";
const HEADERS: &str = "headers-";

/// Records as a store gives them.
pub(crate) type Records = Vec<(String, Vec<u8>)>;
/// Records as a store takes them.
pub(crate) type Changes = Vec<(String, Option<Vec<u8>>)>;

/// What the program, not the store, says is true.
#[derive(Clone, Debug)]
pub(crate) struct TrustRoot {
    pub(crate) rules: ChainRules,
    /// A block hash that the user pinned.
    pub(crate) checkpoint: Option<B256>,
}

/// What was found in a store.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one of them exists, once, while a store is opened"
)]
pub(crate) enum Opened {
    /// Nothing, or of another chain or layout: start from the trust root.
    Empty,
    /// Headers that were verified again, ascending and not empty.
    Restored {
        snapshot: Snapshot,
        headers: Vec<VerifiedHeader>,
    },
    /// Something that is not what it should be: start from the trust root, and say so.
    Refused(Fault),
}

/// The current content of a store, and what of it is not written yet.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    root: Option<SignedHeader>,
    handovers: Vec<SignedHeader>,
    headers: VecDeque<SignedHeader>,
    next_signer: Option<Address>,
    /// Chunks; may repeat.
    dirty: Vec<u64>,
    dirty_handovers: bool,
    is_new: bool,
}

/// Why stored records are refused.
enum Refused {
    Malformed(&'static str),
    Header(Option<u64>, HeaderError),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed(record) => Self::new(
                FaultKind::BadCheckpoint,
                Mismatch::new(record, "a record of this program", Value::None),
            ),
            Refused::Header(number, error) => Self {
                number,
                ..Self::new(FaultKind::BadCheckpoint, error.mismatch())
            },
        }
    }
}

/// Reads a store's records and verifies them again.
pub(crate) fn open(records: &Records, trust: &TrustRoot, now_s: u64) -> Opened {
    let meta = find(records, META);
    if meta.is_none_or(|meta| *meta != encode_meta(trust)) {
        return Opened::Empty;
    }
    match restore(records, trust, now_s) {
        Ok(Some((snapshot, headers))) => Opened::Restored { snapshot, headers },
        Ok(None) => Opened::Empty,
        Err(refused) => Opened::Refused(refused.into()),
    }
}

/// The watched accounts in a store: a wish of the user, not a claim about the chain, so nothing is to be verified.
pub(crate) fn read_watch(records: &Records) -> Option<Filter> {
    let accounts: Vec<Bytes> = decode(find(records, WATCH)?)?;
    let read = |account: &Bytes| -> Option<(Address, Vec<U256>)> {
        let (address, slots) = account.split_at_checked(20)?;
        let slots = slots.chunks_exact(32).map(U256::from_be_slice).collect();
        Some((Address::from_slice(address), slots))
    };
    Filter::new(accounts.iter().filter_map(read)).ok()
}

/// The record of the watched accounts.
pub(crate) fn write_watch(filter: &Filter) -> (String, Option<Vec<u8>>) {
    let encode_account = |account: &sidelight_core::wire::FilterAccount| {
        let mut bytes = account.address.to_vec();
        account
            .slots
            .iter()
            .for_each(|slot| bytes.extend_from_slice(&slot.to_be_bytes::<32>()));
        Bytes::from(bytes)
    };
    let accounts: Vec<Bytes> = filter.accounts().iter().map(encode_account).collect();
    (WATCH.into(), Some(encode(&accounts)))
}

fn restore(
    records: &Records,
    trust: &TrustRoot,
    now_s: u64,
) -> Result<Option<(Snapshot, Vec<VerifiedHeader>)>, Refused> {
    let rules = &trust.rules;
    let root = match trust.checkpoint {
        None => None,
        Some(hash) => {
            let stored = find(records, ROOT).ok_or(Refused::Malformed("store.root"))?;
            let signed =
                SignedHeader::decode(stored).map_err(|_| Refused::Malformed("store.root"))?;
            Some(
                trust_by_hash(&signed, hash, rules, now_s)
                    .map_err(|error| Refused::Header(Some(signed.header.number), error))?,
            )
        }
    };
    let handovers = match find(records, HANDOVERS) {
        Some(record) => {
            read_headers(record, MAX_HANDOVERS).ok_or(Refused::Malformed("store.handovers"))?
        }
        None => Vec::new(),
    };
    let stored = read_chunks(records)?;
    let Some(first) = stored.first() else {
        return Ok(None);
    };

    let start = root
        .as_ref()
        .map_or(rules.genesis_signer, VerifiedHeader::next_signer);
    let schedule = Schedule::rebuild(start, &handovers, rules, now_s)?;
    let (place, anchor) = find_anchor(&stored, &schedule, rules, now_s).ok_or_else(|| {
        let expected = schedule.due_at(first.header.number);
        // Nobody who was due signed any of them; the first one says what was expected instead.
        match verify_anchor(first, expected, rules, now_s) {
            Err(error) => Refused::Header(Some(first.header.number), error),
            Ok(_) => Refused::Malformed("store.headers"),
        }
    })?;
    let later = stored.get(place.saturating_add(1)..).unwrap_or_default();
    let mut headers = verify_segment(later, &anchor, rules, now_s)
        .map_err(|error| Refused::Header(None, error))?;
    headers.insert(0, anchor);

    let snapshot = Snapshot {
        root: root.as_ref().and_then(VerifiedHeader::signed),
        next_signer: headers.last().map(VerifiedHeader::next_signer),
        handovers,
        headers: stored.into_iter().skip(place).collect(),
        ..Snapshot::default()
    };
    Ok(Some((snapshot, headers)))
}

/// A header whose hash the user pinned. The hash covers everything but the signature, and so vouches for whoever signed it.
pub(crate) fn trust_by_hash(
    signed: &SignedHeader,
    hash: B256,
    rules: &ChainRules,
    now_s: u64,
) -> Result<VerifiedHeader, HeaderError> {
    let got = signed.hash();
    if got != hash {
        return Err(HeaderError::ParentHash {
            expected: hash,
            got,
        });
    }
    if signed.header.number == 0 {
        return VerifiedHeader::genesis(signed.header.clone(), rules);
    }
    let digest = sidelight_core::header::compute_signing_digest(
        rules.chain_id,
        rules.hash(),
        signed.header.number,
        hash,
    );
    let signer = recover_signer(digest, &signed.signature).map_err(HeaderError::Signature)?;
    verify_anchor(signed, signer, rules, now_s)
}

/// Who was due at which height.
struct Schedule {
    start: Address,
    /// Height of a handover, and who was due after it.
    changes: Vec<(u64, Address)>,
}

impl Schedule {
    fn rebuild(
        start: Address,
        handovers: &[SignedHeader],
        rules: &ChainRules,
        now_s: u64,
    ) -> Result<Self, Refused> {
        let mut schedule = Self {
            start,
            changes: Vec::new(),
        };
        for signed in handovers {
            let number = signed.header.number;
            if schedule
                .changes
                .last()
                .is_some_and(|(last, _)| *last >= number)
            {
                return Err(Refused::Malformed("store.handovers"));
            }
            let header = verify_anchor(signed, schedule.due_at(number), rules, now_s)
                .map_err(|error| Refused::Header(Some(number), error))?;
            schedule.changes.push((number, header.next_signer()));
        }
        Ok(schedule)
    }

    fn due_at(&self, number: u64) -> Address {
        let change = self.changes.iter().rev().find(|(at, _)| *at < number);
        change.map_or(self.start, |(_, signer)| *signer)
    }
}

/// The first header that carries a signature of its own by whoever was due. Signatures inside of a verified run are not all checked, so the very first may carry none.
fn find_anchor(
    stored: &[SignedHeader],
    schedule: &Schedule,
    rules: &ChainRules,
    now_s: u64,
) -> Option<(usize, VerifiedHeader)> {
    stored.iter().enumerate().find_map(|(place, signed)| {
        let header =
            verify_anchor(signed, schedule.due_at(signed.header.number), rules, now_s).ok()?;
        Some((place, header))
    })
}

fn read_chunks(records: &Records) -> Result<Vec<SignedHeader>, Refused> {
    let malformed = || Refused::Malformed("store.headers");
    let mut chunks: Vec<(u64, &Vec<u8>)> = Vec::new();
    for (name, record) in records {
        if let Some(number) = name.strip_prefix(HEADERS) {
            let number = number.parse().map_err(|_| malformed())?;
            let place = chunks.partition_point(|(other, _)| *other < number);
            chunks.insert(place, (number, record));
        }
    }
    let mut headers = Vec::new();
    for (_, record) in chunks {
        headers.extend(read_headers(record, CHUNK as usize).ok_or_else(malformed)?);
    }
    Ok(headers)
}

fn read_headers(record: &[u8], limit: usize) -> Option<Vec<SignedHeader>> {
    let items: Vec<Bytes> = decode(record)?;
    (items.len() <= limit).then_some(())?;
    items
        .iter()
        .map(|item| SignedHeader::decode(item).ok())
        .collect()
}

impl Snapshot {
    /// The content of a store that was empty, or is to be replaced.
    pub(crate) fn new(start: &VerifiedHeader) -> Self {
        let root = if start.number() == 0 {
            None
        } else {
            start.signed()
        };
        Self {
            root,
            next_signer: Some(start.next_signer()),
            is_new: true,
            ..Self::default()
        }
    }

    /// Adds a verified block. One that is not above the newest takes its place, and all above it are dropped.
    pub(crate) fn push(&mut self, header: &VerifiedHeader) {
        let Some(signed) = header.signed() else {
            return;
        };
        let number = header.number();
        while let Some(replaced) = self
            .headers
            .pop_back_if(|last| last.header.number >= number)
        {
            self.touch(replaced.header.number);
        }
        if self
            .headers
            .back()
            .is_some_and(|last| last.header.number.saturating_add(1) != number)
        {
            for dropped in std::mem::take(&mut self.headers) {
                self.touch(dropped.header.number);
            }
        }
        while self
            .handovers
            .last()
            .is_some_and(|last| last.header.number >= number)
        {
            self.handovers.pop();
            self.dirty_handovers = true;
        }
        if header
            .signer()
            .is_some_and(|signer| signer != header.next_signer())
        {
            self.handovers.push(signed.clone());
            self.dirty_handovers = true;
        }
        self.next_signer = Some(header.next_signer());
        self.headers.push_back(signed);
        self.touch(number);
        // Whole records are dropped, so that a record is either complete or the newest.
        while self.headers.len() > KEPT_HEADERS + CHUNK as usize {
            if let Some(oldest) = self.headers.pop_front() {
                self.touch(oldest.header.number);
            }
        }
    }

    /// Notes that the record of this block is to be written. There are as many as the kept headers fill, and few more.
    fn touch(&mut self, number: u64) {
        let chunk = number / CHUNK;
        if let Err(place) = self.dirty.binary_search(&chunk) {
            self.dirty.insert(place, chunk);
        }
    }

    /// Whether [`changes`](Self::changes) would give something.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_new || self.dirty_handovers || !self.dirty.is_empty()
    }

    /// What has to be written since the last call: removals first, then ascending, so that a store that stops in the middle still holds one run of blocks.
    pub(crate) fn changes(&mut self, trust: &TrustRoot) -> Changes {
        let mut changes: Changes = Vec::new();
        if std::mem::take(&mut self.is_new) {
            changes.push((META.into(), Some(encode_meta(trust))));
            changes.push((ROOT.into(), self.root.as_ref().map(SignedHeader::encode)));
            self.dirty_handovers = true;
        }
        if std::mem::take(&mut self.dirty_handovers) {
            changes.push((
                HANDOVERS.into(),
                Some(encode_headers(self.handovers.iter())),
            ));
        }
        for chunk in std::mem::take(&mut self.dirty) {
            let mut headers = self
                .headers
                .iter()
                .filter(|header| header.header.number / CHUNK == chunk)
                .peekable();
            let record = headers
                .peek()
                .is_some()
                .then_some(())
                .map(|()| encode_headers(headers));
            changes.push((format!("{HEADERS}{chunk}"), record));
        }
        let (mut changes, kept): (Changes, Changes) = changes
            .into_iter()
            .partition(|(_, record)| record.is_none());
        changes.extend(kept);
        changes
    }
}

fn find<'a>(records: &'a Records, name: &str) -> Option<&'a Vec<u8>> {
    records
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, bytes)| bytes)
}

pub(crate) fn encode_meta(trust: &TrustRoot) -> Vec<u8> {
    let mut bytes = SCHEMA.to_be_bytes().to_vec();
    bytes.extend_from_slice(trust.rules.hash().as_slice());
    bytes.extend_from_slice(
        trust
            .checkpoint
            .unwrap_or(trust.rules.genesis_hash)
            .as_slice(),
    );
    bytes
}

fn encode_headers<'a>(headers: impl Iterator<Item = &'a SignedHeader>) -> Vec<u8> {
    encode(
        &headers
            .map(|header| Bytes::from(header.encode()))
            .collect::<Vec<_>>(),
    )
}

fn encode(items: &Vec<Bytes>) -> Vec<u8> {
    let mut bytes = Vec::new();
    items.encode(&mut bytes);
    bytes
}

fn decode(mut record: &[u8]) -> Option<Vec<Bytes>> {
    let items = Vec::<Bytes>::decode(&mut record).ok()?;
    record.is_empty().then_some(items)
}

#[cfg(test)]
mod tests;
