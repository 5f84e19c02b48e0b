//! Every limit on input from outside, with the reason for its size. `docs/wire-format.md` section 4 lists them.

/// Largest encoded envelope, in bytes: a full BAL of a 36 Mgas block with its witness, compressed, fits with room to spare.
pub const MAX_ENVELOPE_BYTES: usize = 8 << 20;
/// Largest decoded payload of an envelope, in bytes.
pub const MAX_DECODED_BYTES: usize = 32 << 20;
/// Largest ratio of decoded to encoded payload. Zeros aside, trie nodes and BALs compress less than tenfold.
pub const MAX_COMPRESSION_RATIO: usize = 512;
/// Largest header in RLP, in bytes: Osaka's fields take about 650, with 32 bytes of extra data.
pub const MAX_HEADER_BYTES: usize = 2_048;
/// Largest extension record in RLP, in bytes.
pub const MAX_EXTENSION_BYTES: usize = 256;
/// Largest raw BAL, in bytes.
pub const MAX_BAL_BYTES: usize = 16 << 20;
/// Largest branch or extension node, in bytes: 16 hashes of 33 bytes, a list header and an empty value make 532.
pub const MAX_NODE_BYTES: usize = 1_024;
/// Largest leaf node, in bytes: official vectors store values of this order inline.
pub const MAX_LEAF_BYTES: usize = 64 << 10;
/// Most nodes in one witness.
pub const MAX_WITNESS_NODES: usize = 65_536;
/// Most places that the nodes of one witness fill. Honest tries repeat a node only where accounts have equal storage; made-up ones could unfold exponentially.
pub const MAX_WITNESS_USES: usize = 131_072;
/// Most nodes on one path: 64 nibbles and the root.
pub const MAX_PROOF_DEPTH: usize = 65;
/// Most accounts in a filter, and most slots of each.
pub const MAX_FILTER_ACCOUNTS: usize = 256;
/// Most slots of one account in a filter or a proof request.
pub const MAX_FILTER_SLOTS: usize = 256;
/// Largest contract code, in bytes: twice EIP-170's limit, as EIP-7907 drafts allow more.
pub const MAX_CODE_BYTES: usize = 49_152;
/// Most transactions in one block.
pub const MAX_BLOCK_TRANSACTIONS: usize = 65_536;
/// Most headers in one response.
pub const MAX_HEADERS: usize = 1_024;
/// Largest message from a client, decoded: a full filter (256 accounts with 256 slots of 33 bytes) is 2.2 MB.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 4 << 20;
/// Largest payload of the small messages of a node (welcome, gap, failure), decoded.
pub const MAX_NOTICE_BYTES: usize = 4 << 10;
/// Longest text of a failure, in bytes.
pub const MAX_FAILURE_TEXT_BYTES: usize = 1 << 10;
/// Largest EIP-2718 transaction or receipt, in bytes: what a block's gas can pay for is far below it.
pub const MAX_BODY_ITEM_BYTES: usize = 8 << 20;
/// Largest input of a block's execution, in bytes: access list, transactions, witness and codes.
pub const MAX_EXECUTION_BYTES: usize = 24 << 20;
/// Largest list of watched accounts in an update, in bytes. Decoding allocates at most about twentyfold, before any hash is checked.
pub const MAX_WATCHED_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};

    fn mib(bytes: usize) -> String {
        assert_eq!(bytes % (1 << 20), 0, "{bytes}");
        format!("{} MiB", bytes >> 20)
    }

    fn kb(bytes: usize) -> String {
        assert_eq!(bytes % (1 << 10), 0, "{bytes}");
        format!("{} kB", bytes >> 10)
    }

    fn count(number: usize) -> String {
        if number < 1_000 {
            format!("{number}")
        } else {
            format!("{},{:03}", number / 1_000, number % 1_000)
        }
    }

    /// What other implementations read must be what this one does.
    #[test]
    fn limits_are_those_of_the_wire_format() {
        let document = include_str!("../../../docs/wire-format.md");
        let rows = [
            ("envelope, encoded", mib(MAX_ENVELOPE_BYTES)),
            ("update or response, decoded", mib(MAX_DECODED_BYTES)),
            ("update or response, decoded", count(MAX_COMPRESSION_RATIO)),
            (
                "hello, set filter, request, decoded",
                mib(MAX_CLIENT_MESSAGE_BYTES),
            ),
            (
                "credit, welcome, gap, failure, decoded",
                kb(MAX_NOTICE_BYTES),
            ),
            (
                "credit, welcome, gap, failure, decoded",
                kb(MAX_FAILURE_TEXT_BYTES),
            ),
            ("headers in a response", count(MAX_HEADERS)),
            ("execution input", mib(MAX_EXECUTION_BYTES)),
            ("header RLP", kb(MAX_HEADER_BYTES)),
            ("BAL", mib(MAX_BAL_BYTES)),
            ("watched accounts of an update", mib(MAX_WATCHED_BYTES)),
            ("trie node", kb(MAX_NODE_BYTES)),
            ("trie node", kb(MAX_LEAF_BYTES)),
            ("witness", count(MAX_WITNESS_NODES)),
            ("witness", count(MAX_WITNESS_USES)),
            ("proof depth", count(MAX_PROOF_DEPTH)),
            ("filter", count(MAX_FILTER_ACCOUNTS)),
            ("filter", count(MAX_FILTER_SLOTS)),
            ("code", count(MAX_CODE_BYTES)),
            ("transactions in a block", count(MAX_BLOCK_TRANSACTIONS)),
            ("transactions in a block", mib(MAX_BODY_ITEM_BYTES)),
        ];
        for (what, limit) in rows {
            let start = format!("| {what} |");
            let row = document.lines().find(|line| line.starts_with(&start));
            assert!(
                row.is_some_and(|row| row.contains(&limit)),
                "{what}: {limit}, got {row:?}"
            );
        }
        assert_eq!(MAX_EXTENSION_BYTES, 256);
    }
}
