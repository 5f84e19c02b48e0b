//! What a search box's text is, judged by its shape alone: nothing is asked of a node before it is known what to ask.
//!
//! ```text
//! 0x + 64 hex  -> a transaction, else a block        0x + 40 hex -> an address
//! 1234, 1,234  -> a block number                     latest      -> the head
//! ```

/// What the text looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    /// Nothing was typed.
    Empty,
    /// A block number, `latest` excluded.
    Block(u64),
    /// The word `latest`.
    Latest,
    /// 32 bytes: a transaction hash or a block hash.
    Hash(String),
    /// 20 bytes.
    Address(String),
    /// None of the above, with a sentence that helps.
    Unknown(String),
}

impl Query {
    /// The explorer's path for this query; none where there is nothing to open.
    pub(crate) fn path(&self) -> Option<String> {
        match self {
            Self::Empty | Self::Unknown(_) => None,
            Self::Block(number) => Some(format!("/block/{number}")),
            Self::Latest => Some("/block/latest".to_owned()),
            Self::Hash(hash) => Some(format!("/tx/{hash}")),
            Self::Address(address) => Some(format!("/address/{address}")),
        }
    }

    /// What the search box says under itself while this is typed.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Empty => "Block number, 32-byte hash or 20-byte address".to_owned(),
            Self::Block(number) => format!("Open block {number}"),
            Self::Latest => "Open the newest verified block".to_owned(),
            Self::Hash(_) => "32 bytes: a transaction, or else a block".to_owned(),
            Self::Address(_) => "20 bytes: an address".to_owned(),
            Self::Unknown(hint) => hint.clone(),
        }
    }
}

/// Sorts a search text by its shape. Whitespace around it, and a missing `0x` in front of hex of the right length, are forgiven.
pub(crate) fn classify(text: &str) -> Query {
    let text = text.trim();
    if text.is_empty() {
        return Query::Empty;
    }
    if text.eq_ignore_ascii_case("latest") {
        return Query::Latest;
    }
    if let Some(number) = parse_number(text) {
        return number.map_or_else(
            || Query::Unknown("That number is larger than any block number (64 bits)".to_owned()),
            Query::Block,
        );
    }
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let hex = prefixed.unwrap_or(text);
    if let Some(bad) = hex.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Query::Unknown(if prefixed.is_some() {
            format!("“{bad}” is not a hexadecimal digit")
        } else {
            "Not a block number, a hash or an address".to_owned()
        });
    }
    match hex.len() {
        64 => Query::Hash(format!("0x{}", hex.to_ascii_lowercase())),
        // The case of an address is its checksum (EIP-55): it is kept.
        40 => Query::Address(format!("0x{hex}")),
        digits => Query::Unknown(format!(
            "{digits} hexadecimal digits: an address has 40, a hash has 64"
        )),
    }
}

/// `Some(None)` for digits that do not fit; `None` for what is not a number at all.
fn parse_number(text: &str) -> Option<Option<u64>> {
    let text = text.strip_prefix('#').unwrap_or(text);
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ',' | '_' | ' ' | '\u{a0}' | '\u{202f}'))
        .collect();
    let starts_like_number = text.starts_with(|c: char| c.is_ascii_digit());
    // 40 or 64 digits without a prefix are far more likely hex than a number, and would not fit anyway.
    let is_number = starts_like_number
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !matches!(digits.len(), 40 | 64);
    is_number.then(|| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0x1f2e3d4c5b6a79880716253443526170f1e2d3c4b5a69788790a1b2c3d4e5f60";
    const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn sorts_each_shape_to_its_page() {
        assert_eq!(classify("1234").path().as_deref(), Some("/block/1234"));
        assert_eq!(classify(HASH).path(), Some(format!("/tx/{HASH}")));
        assert_eq!(
            classify(ADDRESS).path(),
            Some(format!("/address/{ADDRESS}"))
        );
        assert_eq!(classify("latest").path().as_deref(), Some("/block/latest"));
    }

    #[test]
    fn forgives_what_pasting_adds() {
        assert_eq!(
            classify(&format!("  {HASH}\n")),
            Query::Hash(HASH.to_owned())
        );
        assert_eq!(classify(&HASH[2..]), Query::Hash(HASH.to_owned()));
        assert_eq!(
            classify(&HASH.to_uppercase().replacen("0X", "0x", 1)),
            Query::Hash(HASH.to_owned())
        );
        assert_eq!(classify("#1,234,567"), Query::Block(1_234_567));
        assert_eq!(classify("1_000"), Query::Block(1000));
    }

    #[test]
    fn keeps_the_checksum_of_an_address() {
        assert_eq!(classify(&ADDRESS[2..]), Query::Address(ADDRESS.to_owned()));
    }

    #[test]
    fn zero_is_a_block() {
        assert_eq!(classify("0"), Query::Block(0));
    }

    #[test]
    fn all_digit_hex_of_the_right_length_is_hex() {
        assert!(matches!(classify(&"1".repeat(40)), Query::Address(_)));
        assert!(matches!(classify(&"2".repeat(64)), Query::Hash(_)));
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        for (text, part) in [
            ("0x12", "2 hexadecimal digits"),
            ("0xzz", "“z” is not"),
            ("hello", "Not a block number"),
            ("99999999999999999999999", "larger than any block number"),
        ] {
            let query = classify(text);
            assert!(query.hint().contains(part), "{text}: {}", query.hint());
            assert_eq!(query.path(), None, "{text}");
        }
    }

    #[test]
    fn nothing_opens_nothing() {
        assert_eq!(classify("   "), Query::Empty);
        assert_eq!(Query::Empty.path(), None);
    }
}
