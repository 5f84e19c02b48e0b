//! Numbers, amounts, hashes and times as text. Pure: grouping by locale is added in the user interface, where `Intl` is.

use alloy_primitives::U256;

/// The unit in which amounts are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    /// 10^18 wei.
    #[default]
    Ether,
    /// 10^9 wei.
    Gwei,
    /// The smallest unit.
    Wei,
}

impl Unit {
    /// Every unit, in the order in which the toggle steps through them.
    pub(crate) const ALL: [Self; 3] = [Self::Ether, Self::Gwei, Self::Wei];

    /// How many decimal places of a wei amount this unit shifts.
    pub(crate) const fn decimals(self) -> usize {
        match self {
            Self::Ether => 18,
            Self::Gwei => 9,
            Self::Wei => 0,
        }
    }

    /// The unit's name as it is shown.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ether => "ether",
            Self::Gwei => "gwei",
            Self::Wei => "wei",
        }
    }

    /// The unit with this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

/// A decimal number in two halves, exact: `fraction` has no trailing zeros and may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// Digits before the point, at least one.
    pub(crate) integer: String,
    /// Digits after the point, possibly none.
    pub(crate) fraction: String,
}

/// An amount of wei in `unit`, without rounding.
pub(crate) fn amount(wei: U256, unit: Unit) -> Decimal {
    let digits = wei.to_string();
    let decimals = unit.decimals();
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (integer, fraction) = padded.split_at(padded.len() - decimals);
    Decimal {
        integer: integer.to_owned(),
        fraction: fraction.trim_end_matches('0').to_owned(),
    }
}

/// Hex quantity (`0x..`) or decimal digits as a number; none for anything else.
pub(crate) fn parse_quantity(text: &str) -> Option<U256> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => None,
        Some(hex) => U256::from_str_radix(hex, 16).ok(),
        None if text.is_empty() => None,
        None => U256::from_str_radix(text, 10).ok(),
    }
}

/// A storage slot as typed (decimal or hex, any length up to 32 bytes) as `0x` and 64 digits.
pub(crate) fn parse_slot(text: &str) -> Option<String> {
    parse_quantity(text).map(|slot| format!("0x{slot:064x}"))
}

/// Splits `0x1234..abcd` into what is shown at its start, hidden in its middle and shown at its end. Short text has no middle.
pub(crate) fn ellipsis(text: &str, head: usize, tail: usize) -> (&str, &str, &str) {
    let is_short = text.len() <= head + tail + 1;
    if is_short || !text.is_ascii() {
        return (text, "", "");
    }
    let (start, rest) = text.split_at(head);
    let (middle, end) = rest.split_at(rest.len() - tail);
    (start, middle, end)
}

/// A duration before now in words. Clocks differ: up to two seconds into the future is now.
pub(crate) fn relative(now_ms: f64, then_ms: f64) -> String {
    let seconds = ((now_ms - then_ms) / 1000.0).round();
    if (-2.0..1.0).contains(&seconds) {
        return "now".to_owned();
    }
    let words = duration(seconds.abs());
    if seconds < 0.0 {
        format!("in {words}")
    } else {
        format!("{words} ago")
    }
}

/// A duration in seconds in one rounded-down unit.
pub(crate) fn duration(seconds: f64) -> String {
    const STEPS: [(f64, f64, &str); 4] = [
        (60.0, 1.0, "s"),
        (3_600.0, 60.0, "min"),
        (86_400.0, 3_600.0, "h"),
        (f64::INFINITY, 86_400.0, "d"),
    ];
    let seconds = seconds.max(0.0);
    STEPS
        .iter()
        .find(|(limit, ..)| seconds < *limit)
        .map_or_else(
            || "long".to_owned(),
            |(_, size, name)| format!("{:.0} {name}", (seconds / size).floor()),
        )
}

/// A size in bytes with at most three significant digits.
pub(crate) fn bytes(count: f64) -> String {
    match count {
        n if n < 1e3 => format!("{n:.0} B"),
        n if n < 1e4 => format!("{:.2} kB", n / 1e3),
        n if n < 1e6 => format!("{:.0} kB", n / 1e3),
        n if n < 1e7 => format!("{:.2} MB", n / 1e6),
        n => format!("{:.0} MB", n / 1e6),
    }
}

/// The name of a kind of storage.
pub(crate) fn storage_name(kind: &str) -> String {
    match kind {
        "indexeddb" => "IndexedDB".to_owned(),
        other => other.to_owned(),
    }
}

/// Milliseconds, no finer than the clock that browsers give to a page: steps of 0.1 ms.
pub(crate) fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 0.1 => "<0.1 ms".to_owned(),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_in_every_unit() {
        let wei = U256::from(1_500_000_000_000_000_001_u64);
        let parts = |unit| {
            let Decimal { integer, fraction } = amount(wei, unit);
            (integer, fraction)
        };
        assert_eq!(
            parts(Unit::Ether),
            ("1".to_owned(), "500000000000000001".to_owned())
        );
        assert_eq!(
            parts(Unit::Gwei),
            ("1500000000".to_owned(), "000000001".to_owned())
        );
        assert_eq!(
            parts(Unit::Wei),
            ("1500000000000000001".to_owned(), String::new())
        );
    }

    #[test]
    fn zero_and_the_largest_amount_have_a_digit_before_the_point() {
        assert_eq!(
            amount(U256::ZERO, Unit::Ether),
            Decimal {
                integer: "0".to_owned(),
                fraction: String::new()
            }
        );
        assert_eq!(amount(U256::MAX, Unit::Ether).integer.len(), 60);
        assert_eq!(
            amount(U256::from(1), Unit::Ether).fraction,
            "000000000000000001"
        );
    }

    #[test]
    fn quantities_come_in_both_bases_and_nothing_else() {
        assert_eq!(parse_quantity("0x10"), Some(U256::from(16)));
        assert_eq!(parse_quantity(" 10 "), Some(U256::from(10)));
        for bad in ["", "0x", "ten", "-1", "1.5", "0xg"] {
            assert_eq!(parse_quantity(bad), None, "{bad:?}");
        }
        assert_eq!(
            parse_quantity(&format!("0x1{}", "0".repeat(64))),
            None,
            "257 bits"
        );
    }

    #[test]
    fn slots_are_padded_to_a_word() {
        assert_eq!(parse_slot("3"), Some(format!("0x{}3", "0".repeat(63))));
        assert_eq!(parse_slot("0xff"), Some(format!("0x{}ff", "0".repeat(62))));
        assert_eq!(parse_slot("slot"), None);
    }

    #[test]
    fn an_ellipsis_loses_nothing() {
        let hash = "0x1f2e3d4c5b6a79880716253443526170f1e2d3c4b5a69788790a1b2c3d4e5f60";
        let (head, middle, tail) = ellipsis(hash, 8, 6);
        assert_eq!((head, tail), ("0x1f2e3d", "4e5f60"));
        assert_eq!(format!("{head}{middle}{tail}"), hash);
        assert_eq!(ellipsis("0x1234", 8, 6), ("0x1234", "", ""));
        assert_eq!(
            ellipsis("ééééééééééééé", 3, 3).1,
            "",
            "never cuts inside a character"
        );
    }

    #[test]
    fn times_read_as_words() {
        let now = 1_000_000_000.0;
        for (ago_s, words) in [
            (-1.0, "now"),
            (0.4, "now"),
            (1.0, "1 s ago"),
            (59.0, "59 s ago"),
            (60.0, "1 min ago"),
            (3_599.0, "59 min ago"),
            (7_200.0, "2 h ago"),
            (172_800.0, "2 d ago"),
            (-30.0, "in 30 s"),
        ] {
            assert_eq!(relative(now, now - ago_s * 1000.0), words, "{ago_s}");
        }
    }

    #[test]
    fn sizes_and_times_keep_three_digits() {
        assert_eq!(
            [
                bytes(0.0),
                bytes(999.0),
                bytes(1_234.0),
                bytes(45_600.0),
                bytes(2_340_000.0),
                bytes(45e6)
            ],
            ["0 B", "999 B", "1.23 kB", "46 kB", "2.34 MB", "45 MB"]
        );
        assert_eq!(
            [millis(0.0), millis(0.42), millis(12.4), millis(1_340.0)],
            ["<0.1 ms", "0.4 ms", "12 ms", "1.3 s"]
        );
    }

    #[test]
    fn units_are_named_and_found_by_name() {
        for unit in Unit::ALL {
            assert_eq!(Unit::parse(unit.name()), Some(unit));
        }
        assert_eq!(Unit::parse("finney"), None);
    }
}
