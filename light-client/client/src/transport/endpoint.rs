//! The two addresses of a node, from the one that a user gives.

/// Longest address that is accepted.
const MAX_URL_BYTES: usize = 2_048;

/// A node's address, and what is derived from it.
///
/// ```
/// let node = sidelight_client::transport::Endpoint::parse("http://127.0.0.1:8545/").unwrap();
/// assert_eq!(node.url, "http://127.0.0.1:8545");
/// assert_eq!(node.lite, "http://127.0.0.1:8545/lite");
/// assert_eq!(node.stream, "ws://127.0.0.1:8545/stream");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As given, without what follows the path and without a final `/`.
    pub url: String,
    /// Where requests are posted.
    pub lite: String,
    /// Where updates are streamed.
    pub stream: String,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a node address: {got:?}; expected http://, https://, ws:// or wss:// and a host")]
pub struct EndpointError {
    /// What was given.
    pub got: String,
}

impl Endpoint {
    /// Reads `http(s)://host[:port][/path]` or `ws(s)://…`. `/stream` and `/lite` at the end are accepted and dropped.
    pub fn parse(given: &str) -> Result<Self, EndpointError> {
        let refused = || EndpointError {
            got: given.chars().take(200).collect(),
        };
        let (scheme, rest) = given.trim().split_once(':').ok_or_else(refused)?;
        let rest = rest.strip_prefix("//").ok_or_else(refused)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(refused()),
        };
        let rest = rest
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/');
        let base = rest
            .strip_suffix("/stream")
            .or_else(|| rest.strip_suffix("/lite"))
            .unwrap_or(rest);
        let host = base.split('/').next().unwrap_or_default();
        let printable = base
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        // A user and password in an address would end up in logs and on screens.
        if host.is_empty()
            || host.starts_with(':')
            || host.contains('@')
            || !printable
            || given.len() > MAX_URL_BYTES
        {
            return Err(refused());
        }
        let (http, ws) = if secure {
            ("https", "wss")
        } else {
            ("http", "ws")
        };
        Ok(Self {
            url: format!("{scheme}://{base}"),
            lite: format!("{http}://{base}/lite"),
            stream: format!("{ws}://{base}/stream"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_scheme_gives_both_addresses() {
        for given in [
            "http://node.example/base/",
            "ws://node.example/base/stream",
            "http://node.example/base/lite?x=1",
        ] {
            let node = Endpoint::parse(given).unwrap();
            assert_eq!(node.lite, "http://node.example/base/lite");
            assert_eq!(node.stream, "ws://node.example/base/stream");
        }
        assert_eq!(
            Endpoint::parse("wss://node.example").unwrap().lite,
            "https://node.example/lite"
        );
        assert_eq!(
            Endpoint::parse("http://[::1]:8545").unwrap().stream,
            "ws://[::1]:8545/stream"
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused_and_named() {
        for given in [
            "",
            "localhost:8545",
            "ftp://x",
            "http://",
            "http:///lite",
            "http://user:pass@host",
            "http://a b",
            "javascript://x\"y",
        ] {
            assert_eq!(Endpoint::parse(given).unwrap_err().got, given);
        }
        assert!(Endpoint::parse(&format!("http://{}", "a".repeat(4_000))).is_err());
    }
}
