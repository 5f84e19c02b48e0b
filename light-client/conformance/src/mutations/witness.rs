//! The witness: nothing may be missing, altered or superfluous, and its order says nothing.

use alloy_primitives::Bytes;

use super::{Expected, Trial};

pub(super) fn attack(trial: &mut Trial<'_>) {
    let wrong = Expected::SenderAtFault;
    let witness = trial.subject.witness.clone();
    for at in trial.sample(witness.state.len()) {
        trial.try_one("witness: node left out", wrong, |subject| {
            drop(subject.witness.state.remove(at));
        });
        trial.try_one("witness: node twice", wrong, |subject| {
            let node = subject.witness.state[at].clone();
            subject.witness.state.push(node);
        });
        trial.try_one("witness: node altered", wrong, |subject| {
            let mut node = subject.witness.state[at].to_vec();
            if let Some(last) = node.last_mut() {
                *last ^= 1;
            }
            subject.witness.state[at] = node.into();
        });
        trial.try_one("witness: node replaced", wrong, |subject| {
            subject.witness.state[at] = Bytes::from(vec![0x80; 33]);
        });
    }
    trial.try_one("witness: unreachable node", wrong, |subject| {
        // A leaf that is well formed.
        let mut leaf = vec![0xe3, 0x20, 0xa1];
        leaf.extend([7; 33]);
        subject.witness.state.push(leaf.into());
    });
    trial.try_one("witness: node that is none", wrong, |subject| {
        subject.witness.state.insert(0, Bytes::new());
    });
    trial.try_one("witness: order", Expected::Valid, |subject| {
        subject.witness.state.reverse();
        subject.witness.codes.reverse();
    });
    for at in trial.sample(witness.codes.len()) {
        trial.try_one("witness: code left out", wrong, |subject| {
            drop(subject.witness.codes.remove(at));
        });
        trial.try_one("witness: code twice", wrong, |subject| {
            let code = subject.witness.codes[at].clone();
            subject.witness.codes.push(code);
        });
        trial.try_one("witness: code swapped", wrong, |subject| {
            subject.witness.codes[at] = Bytes::from_static(&[0x00, 0x5e]);
        });
    }
    trial.try_one("witness: code added", wrong, |subject| {
        subject
            .witness
            .codes
            .push(Bytes::from_static(&[0xfe, 0x5e]));
    });
    for at in trial.sample(witness.headers.len()) {
        trial.try_one("witness: ancestor left out", wrong, |subject| {
            drop(subject.witness.headers.remove(at));
        });
        trial.try_one("witness: ancestor altered", wrong, |subject| {
            let mut header = subject.witness.headers[at].to_vec();
            if let Some(last) = header.last_mut() {
                *last ^= 1;
            }
            subject.witness.headers[at] = header.into();
        });
    }
    trial.try_one("witness: ancestors in another order", wrong, |subject| {
        subject.witness.headers.reverse();
    });
    let parent = Bytes::from(alloy_rlp::encode(&trial.subject.parent));
    let older = Bytes::from(alloy_rlp::encode(&trial.subject.decoded.block.header));
    for extra in [parent, older] {
        trial.try_one("witness: ancestor added", wrong, |subject| {
            subject.witness.headers.insert(0, extra);
        });
    }
}
