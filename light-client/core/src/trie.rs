//! Hexary Merkle Patricia trie (Yellow Paper, appendix D).
