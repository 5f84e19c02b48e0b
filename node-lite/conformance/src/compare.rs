//! Whether an answer is the expected one, or of its shape.
//!
//! The shape is read off the example: the same JSON types, the same keys, the same kind of text. What an example cannot tell, it does not fix: nothing follows from `null` and from an
//! empty list, `0x10` may be a quantity or a byte, and an object whose keys are addresses or numbers has any such keys.

use serde_json::{Map, Value};

/// Keys that the [schemas](https://github.com/ethereum/execution-apis/tree/main/src/schemas) do not require, or only of some types of transaction.
const OPTIONAL: [&str; 18] = [
    // Transactions.
    "accessList",
    "authorizationList",
    "blobVersionedHashes",
    "blockTimestamp",
    "chainId",
    "maxFeePerBlobGas",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "yParity",
    // eth_createAccessList, of a call that fails.
    "error",
    // eth_feeHistory.
    "reward",
    "baseFeePerBlobGas",
    "blobGasUsedRatio",
    // eth_capabilities.
    "deleteStrategy",
    // debug_executionWitness.
    "keys",
    // Receipts.
    "blobGasPrice",
    "blobGasUsed",
    "root",
];

/// Fails unless both are the same JSON value; a number may be written in any way.
pub(crate) fn equal(expected: &Value, got: &Value) -> Result<(), String> {
    equal_at("", expected, got)
}

fn equal_at(path: &str, expected: &Value, got: &Value) -> Result<(), String> {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, value) in expected {
                let path = format!("{path}.{key}");
                let got = got
                    .get(key)
                    .ok_or_else(|| differ(&path, value, "nothing"))?;
                equal_at(&path, value, got)?;
            }
            let more = got.iter().find(|(key, _)| !expected.contains_key(*key));
            more.map_or(Ok(()), |(key, value)| {
                Err(differ(&format!("{path}.{key}"), "nothing", value))
            })
        }
        (Value::Array(expected), Value::Array(got)) => {
            if expected.len() != got.len() {
                let count = |list: &[Value]| format!("{} items", list.len());
                return Err(differ(path, count(expected), count(got)));
            }
            let pairs = expected.iter().zip(got).enumerate();
            for (index, (expected, got)) in pairs {
                equal_at(&format!("{path}[{index}]"), expected, got)?;
            }
            Ok(())
        }
        (Value::Number(a), Value::Number(b)) if a == b || a.as_f64() == b.as_f64() => Ok(()),
        (expected, got) if expected == got => Ok(()),
        (Value::String(expected), Value::String(got)) => {
            let (expected, got) = from_difference(expected, got);
            Err(differ(path, expected, got))
        }
        (expected, got) => Err(differ(path, expected, got)),
    }
}

/// Fails unless an answer could be the expected one with other values.
pub(crate) fn same_shape(expected: &Value, got: &Value) -> Result<(), String> {
    shape_at("", expected, got)
}

fn shape_at(path: &str, expected: &Value, got: &Value) -> Result<(), String> {
    match (expected, got) {
        (Value::Null, _)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_)) => Ok(()),
        (Value::String(a), Value::String(b)) if Kind::of(a).admits(b) => Ok(()),
        (Value::Array(examples), Value::Array(items)) => {
            let examples: Vec<&Value> = examples.iter().collect();
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| (format!("{path}[{index}]"), item))
                .try_for_each(|(path, item)| any_shape(&path, &examples, item))
        }
        (Value::Object(example), Value::Object(object)) => match KeyKind::of(example) {
            Some(kind) => {
                let examples: Vec<&Value> = example.values().collect();
                object.iter().try_for_each(|(key, value)| {
                    let path = format!("{path}.{key}");
                    if !kind.admits(key) {
                        return Err(differ(&path, "a key like the others", key));
                    }
                    any_shape(&path, &examples, value)
                })
            }
            None => fields(path, example, object),
        },
        (expected, got) => Err(differ(
            path,
            format!("something like {}", short(expected)),
            got,
        )),
    }
}

/// Fails unless there are no examples or one of them has the shape.
fn any_shape(path: &str, examples: &[&Value], got: &Value) -> Result<(), String> {
    let mut first = Ok(());
    for example in examples {
        match shape_at(path, example, got) {
            Ok(()) => return Ok(()),
            error if first.is_ok() => first = error,
            Err(_) => {}
        }
    }
    first
}

fn fields(
    path: &str,
    example: &Map<String, Value>,
    got: &Map<String, Value>,
) -> Result<(), String> {
    for (key, value) in example {
        let path = format!("{path}.{key}");
        match got.get(key) {
            Some(got) => shape_at(&path, value, got)?,
            None if OPTIONAL.contains(&key.as_str()) => {}
            None => return Err(differ(&path, short(value), "nothing")),
        }
    }
    let is_known = |key: &str| example.contains_key(key) || OPTIONAL.contains(&key);
    match got.iter().find(|(key, _)| !is_known(key)) {
        Some((key, value)) => Err(differ(&format!("{path}.{key}"), "nothing", value)),
        None => Ok(()),
    }
}

/// What a text is, as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Hex without leading zeros, an odd number of digits.
    Quantity,
    /// Bytes of hex that no quantity has: this many, if it is a usual number of them.
    Bytes(Option<usize>),
    /// Either.
    Hex,
    Decimal,
    Words,
}

impl Kind {
    fn of(text: &str) -> Self {
        let Some(digits) = text.strip_prefix("0x") else {
            let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            return if is_decimal {
                Self::Decimal
            } else {
                Self::Words
            };
        };
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Self::Words;
        }
        let is_quantity = digits == "0" || (!digits.is_empty() && !digits.starts_with('0'));
        match (is_quantity, digits.len().is_multiple_of(2)) {
            (true, false) => Self::Quantity,
            (true, true) => Self::Hex,
            (false, true) => {
                let usual = [8, 20, 32, 256].map(|bytes| 2 * bytes);
                Self::Bytes(Some(digits.len()).filter(|length| usual.contains(length)))
            }
            (false, false) => Self::Words,
        }
    }

    /// Whether a text may be of this kind.
    fn admits(self, text: &str) -> bool {
        match (self, Self::of(text)) {
            (Self::Bytes(Some(length)), Self::Bytes(_) | Self::Hex) => text.len() == length + 2,
            (Self::Bytes(None), Self::Bytes(_) | Self::Hex)
            | (Self::Quantity, Self::Quantity | Self::Hex)
            | (Self::Hex, Self::Quantity | Self::Hex | Self::Bytes(_)) => true,
            (kind, got) => kind == got,
        }
    }
}

/// What the keys of an object are, if they are values themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Address,
    Number,
    /// There are none.
    Any,
}

impl KeyKind {
    fn of(object: &Map<String, Value>) -> Option<Self> {
        let mut kinds = object.keys().map(|key| Self::of_key(key));
        let Some(first) = kinds.next() else {
            return Some(Self::Any);
        };
        first.filter(|_| kinds.all(|kind| kind == first))
    }

    fn of_key(key: &str) -> Option<Self> {
        match Kind::of(key) {
            Kind::Decimal => Some(Self::Number),
            Kind::Hex | Kind::Bytes(_) if key.len() == 42 => Some(Self::Address),
            _ => None,
        }
    }

    fn admits(self, key: &str) -> bool {
        self == Self::Any || Self::of_key(key) == Some(self)
    }
}

fn differ(path: &str, expected: impl ToString, got: impl ToString) -> String {
    let cut = |text: String| match text.char_indices().nth(160) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    };
    let at = path.trim_start_matches('.');
    let (expected, got) = (cut(expected.to_string()), cut(got.to_string()));
    format!("{at}: expected {expected}, got {got}")
}

/// Two texts from shortly before where they begin to differ.
fn from_difference(a: &str, b: &str) -> (String, String) {
    const KEPT: usize = 16;
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let skip = same.saturating_sub(KEPT);
    let rest = |text: &str| {
        let dots = if skip == 0 { "" } else { "..." };
        format!("\"{dots}{}\"", text.chars().skip(skip).collect::<String>())
    };
    (rest(a), rest(b))
}

fn short(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_is_equal_in_any_order_and_writing() {
        assert_eq!(
            equal(&json!({"a": 1, "b": [0]}), &json!({"b": [0.0], "a": 1})),
            Ok(())
        );
        for (expected, got) in [
            (json!({"a": 1}), json!({"a": 2})),
            (json!({"a": 1}), json!({})),
            (json!({}), json!({"a": null})),
            (json!([1]), json!([1, 1])),
            (json!("0x1"), json!("0x01")),
            (json!(null), json!(0)),
        ] {
            assert!(equal(&expected, &got).is_err(), "{expected} {got}");
        }
    }

    #[test]
    fn a_difference_at_the_end_of_a_long_text_is_shown() {
        let text = |end: &str| json!({ "code": format!("0x{}{end}", "00".repeat(500)) });
        let error = equal(&text("01"), &text("02")).unwrap_err();
        assert!(error.starts_with("code: expected \"...0000"), "{error}");
        assert!(error.ends_with("2\""), "{error}");
    }

    #[test]
    fn a_shape_admits_other_values_of_the_same_kind() {
        let hash = format!("0x{}", "0a".repeat(32));
        let other = format!("0x{}", "ff".repeat(32));
        for (example, got) in [
            (
                json!({"n": "0x1", "h": hash}),
                json!({"n": "0xffff", "h": other}),
            ),
            (json!([{"x": true}]), json!([{"x": false}, {"x": true}])),
            (json!([{"x": 1}]), json!([])),
            (json!([]), json!([7])),
            (json!({"a": null}), json!({"a": "0x"})),
            (
                json!({"1": {"v": "0x1"}}),
                json!({"7": {"v": "0x2"}, "8": {"v": "0x0"}}),
            ),
            (json!({"pending": {}}), json!({"pending": {"0x1": 1}})),
            (
                json!({"gasUsed": "0x1"}),
                json!({"gasUsed": "0x2", "error": "reverted"}),
            ),
        ] {
            assert_eq!(same_shape(&example, &got), Ok(()), "{example} {got}");
        }
    }

    #[test]
    fn another_shape_is_refused() {
        let hash = format!("0x{}", "0a".repeat(32));
        for (example, got) in [
            (json!({"result": 1}), json!({"error": 1})),
            (json!({"n": "0x1"}), json!({"n": 1})),
            (json!({"n": "0x1"}), json!({"n": "0x01"})),
            (json!({"n": "0x1"}), json!({"n": null})),
            (json!({"n": "0x1"}), json!({"m": "0x1"})),
            (json!({"n": "0x1"}), json!({"n": "0x1", "m": 1})),
            (json!({"h": hash}), json!({"h": "0x0a"})),
            (json!({"1": 1}), json!({"x": 1})),
            (json!([1]), json!({"0": 1})),
            (json!(["0x1"]), json!([true])),
            (json!("1"), json!("one")),
        ] {
            assert!(same_shape(&example, &got).is_err(), "{example} {got}");
        }
    }
}
