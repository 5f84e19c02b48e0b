//! Writes the inputs that fuzzing starts from: those of `seeds`, and small tries with leaves, extensions, full and sparse branches, inlined nodes, and changes that collapse them.

use std::{fs, path::Path};

use alloy_primitives::{B256, Bytes};
use sidelight_core::trie::SparseTrie;
use sidelight_fuzz::input::Input;

/// Keys by their first nibbles, filled up with zeros, and the length of their values.
const TRIES: [(&[&str], u8); 6] = [
    (&["1"], 40),
    (&["1", "2"], 40),
    (&["1a", "1b", "2"], 40),
    (&["3aaa1", "3aaa2", "3b", "4"], 60),
    (
        &[
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f",
        ],
        33,
    ),
    // They part at the last nibble: leaves and branch are inlined.
    (
        &[
            "7777777777777777777777777777777777777777777777777777777777777771",
            "7777777777777777777777777777777777777777777777777777777777777772",
            "8",
        ],
        1,
    ),
];

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (index, (keys, length)) in TRIES.iter().enumerate() {
        let keys: Vec<B256> = keys
            .iter()
            .map(|nibbles| format!("{nibbles:0<64}").parse().expect("hex"))
            .collect();
        let values = (1..).zip(&keys);
        let changes: Vec<_> = values
            .map(|(seed, key)| (*key, Some(vec![seed; usize::from(*length)])))
            .collect();
        let mut trie = SparseTrie::empty();
        trie.update(&changes).expect("nothing is blinded");
        let mut all: Vec<Bytes> = Vec::new();
        trie.root_with(|_, rlp| all.push(Bytes::copy_from_slice(rlp)));

        for (number, key) in keys.iter().enumerate() {
            let mut path = trie.prove(key).expect("the trie is whole");
            path.reverse();
            for (target, nodes, changes) in [
                ("trie_reveal", all.clone(), vec![(*key, None)]),
                ("trie_reveal", path.clone(), vec![(*key, Some(vec![9; 40]))]),
                ("proof_verify", path.clone(), vec![(*key, None)]),
            ] {
                let kind = nodes.len();
                let input = Input { nodes, changes };
                let bytes = input.encode();
                assert_eq!(Input::parse(&bytes).nodes.len(), kind);
                fs::create_dir_all(folder.join(target))?;
                fs::write(
                    folder.join(target).join(format!("{index}-{number}-{kind}")),
                    bytes,
                )?;
            }
        }
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for target in fs::read_dir(kept)? {
        let target = target?;
        let into = folder.join(target.file_name());
        fs::create_dir_all(&into)?;
        for seed in fs::read_dir(target.path())? {
            let seed = seed?;
            fs::copy(seed.path(), into.join(seed.file_name()))?;
        }
    }
    Ok(())
}
