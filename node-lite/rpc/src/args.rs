//! Positional parameters of a JSON-RPC call, taken one by one, with go-ethereum's texts for what is missing or wrong.

use jsonrpsee::types::Params;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::RpcError;

/// The parameters that have not been taken yet.
#[derive(Debug)]
pub(crate) struct Args<'a> {
    values: std::vec::IntoIter<&'a RawValue>,
    taken: usize,
}

impl<'a> Args<'a> {
    /// Splits `params` into at most `most` values.
    pub(crate) fn parse(params: &'a Params<'_>, most: usize) -> Result<Self, RpcError> {
        let values: Vec<&RawValue> = match params.as_str() {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|_| RpcError::invalid("non-array args"))?
            }
        };
        if values.len() > most {
            return Err(RpcError::invalid(format!(
                "too many arguments, want at most {most}"
            )));
        }
        Ok(Self {
            values: values.into_iter(),
            taken: 0,
        })
    }

    /// The next parameter, which must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self) -> Result<T, RpcError> {
        let index = self.taken;
        self.optional()?.ok_or_else(|| {
            RpcError::invalid(format!("missing value for required argument {index}"))
        })
    }

    /// The next parameter; `None` if it is missing or null.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RpcError> {
        let index = self.taken;
        self.taken += 1;
        let Some(raw) = self.values.next().filter(|raw| raw.get() != "null") else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map(Some).map_err(|error| {
            RpcError::invalid(format!("invalid argument {index}: {}", text(&error)))
        })
    }
}

/// An error without the place inside the parameter, which says nothing to a caller.
fn text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_argument_is_named_by_its_index() {
        let params = Params::new(Some("[\"0x1\"]"));
        let mut args = Args::parse(&params, 2).unwrap();
        assert_eq!(args.required::<String>().unwrap(), "0x1");
        let error = args.required::<String>().unwrap_err();
        assert_eq!(error.to_string(), "missing value for required argument 1");
    }

    #[test]
    fn a_wrong_type_and_a_surplus_are_refused() {
        let params = Params::new(Some("[1, 2]"));
        assert!(Args::parse(&params, 1).is_err());
        let mut args = Args::parse(&params, 2).unwrap();
        assert!(
            args.required::<String>()
                .unwrap_err()
                .to_string()
                .starts_with("invalid argument 0:")
        );
    }

    #[test]
    fn parameters_by_name_are_refused() {
        let params = Params::new(Some("{\"a\":1}"));
        assert_eq!(
            Args::parse(&params, 1).unwrap_err().to_string(),
            "non-array args"
        );
    }
}
