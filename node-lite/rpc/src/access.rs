//! Who may call: the `Origin` of a web page and the `Host` under which the node is addressed.
//!
//! CORS alone does not protect a local node: it does not cover WebSockets, and a page can rebind its own host name to 127.0.0.1. So every request
//! is judged here before anything else reads it. Requests without an `Origin` come from programs, not from pages, and pass.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Where binary tensors follow the JSON of an inference request or response.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The web pages that may call this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Pages that were themselves loaded from this machine, and browser extensions.
    Loopback,
    /// Any page.
    Any,
    /// Loopback pages and these origins, for example `https://app.example`.
    List(Vec<String>),
}

/// An origin that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an origin: {got:?}; expected \"*\" or scheme://host[:port] without a path")]
pub struct OriginError {
    got: String,
}

impl AllowedOrigins {
    /// Reads `*` or a list of origins; an empty list means loopback only.
    pub fn parse(values: &[String]) -> Result<Self, OriginError> {
        if values.is_empty() {
            return Ok(Self::Loopback);
        }
        if values.iter().any(|value| value == "*") {
            return Ok(Self::Any);
        }
        let origins = values.iter().map(|value| {
            let origin = value.trim_end_matches('/').to_ascii_lowercase();
            let valid = host_of_origin(&origin).is_some() && HeaderValue::from_str(&origin).is_ok();
            valid
                .then_some(origin)
                .ok_or_else(|| OriginError { got: value.clone() })
        });
        origins.collect::<Result<_, _>>().map(Self::List)
    }

    fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => is_local_origin(origin),
            Self::List(list) => {
                is_local_origin(origin)
                    || list
                        .iter()
                        .any(|allowed| allowed.eq_ignore_ascii_case(origin))
            }
        }
    }

    /// The layer that answers preflight requests.
    pub(crate) fn cors(&self) -> CorsLayer {
        let origins = self.clone();
        let allow = AllowOrigin::predicate(move |origin, _| {
            origin.to_str().is_ok_and(|origin| origins.allows(origin))
        });
        CorsLayer::new()
            .allow_origin(allow)
            .allow_methods([axum::http::Method::GET, axum::http::Method::POST])
            .allow_headers([header::CONTENT_TYPE, header::RANGE, JSON_LENGTH])
            .expose_headers([header::CONTENT_RANGE, JSON_LENGTH])
            .max_age(std::time::Duration::from_secs(600))
    }
}

/// What [`check`] judges by.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) origins: AllowedOrigins,
    pub(crate) hosts: Vec<String>,
}

/// Middleware: refuses with 403 what may not call.
pub(crate) async fn check(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    match access.judge(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
    }
}

impl Access {
    fn judge(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let host = headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        if host.is_some_and(|host| !self.knows_host(host)) {
            return Err("this host name is not allowed; start the node with --allow-host\n");
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().map_err(|_| "malformed origin\n")?;
        let same =
            origin.split_once("://").map(|(_, authority)| authority) == host && host.is_some();
        if same || self.origins.allows(origin) {
            return Ok(());
        }
        Err("this origin is not allowed; start the node with --cors\n")
    }

    fn knows_host(&self, host: &str) -> bool {
        let Ok(authority) = Authority::from_str(host) else {
            return false;
        };
        let name = authority.host();
        is_loopback_name(name)
            || parse_ip(name).is_some()
            || self
                .hosts
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

fn is_local_origin(origin: &str) -> bool {
    match origin.split_once("://") {
        Some(("chrome-extension" | "moz-extension" | "safari-web-extension", _)) => true,
        Some(("http" | "https", _)) => {
            host_of_origin(origin).is_some_and(|host| is_loopback_name(&host))
        }
        _ => false,
    }
}

fn host_of_origin(origin: &str) -> Option<String> {
    let (scheme, rest) = origin.split_once("://")?;
    if scheme.is_empty() || rest.contains('/') {
        return None;
    }
    Authority::from_str(rest)
        .ok()
        .map(|authority| authority.host().to_owned())
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || parse_ip(&name).is_some_and(|ip| ip.is_loopback())
}

fn parse_ip(name: &str) -> Option<IpAddr> {
    name.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(access: &Access, pairs: &[(header::HeaderName, &str)]) -> Result<(), &'static str> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        access.judge(&headers)
    }

    fn loopback() -> Access {
        Access {
            origins: AllowedOrigins::Loopback,
            hosts: vec!["node.example".into()],
        }
    }

    #[test]
    fn a_foreign_page_is_refused_and_a_local_one_is_not() {
        let host = (header::HOST, "127.0.0.1:8545");
        assert!(
            judge(
                &loopback(),
                &[host.clone(), (header::ORIGIN, "https://evil.example")]
            )
            .is_err()
        );
        assert!(
            judge(
                &loopback(),
                &[
                    host.clone(),
                    (header::ORIGIN, "https://localhost.evil.example")
                ]
            )
            .is_err()
        );
        assert!(judge(&loopback(), &[host.clone(), (header::ORIGIN, "null")]).is_err());
        assert!(
            judge(
                &loopback(),
                &[host.clone(), (header::ORIGIN, "http://localhost:5173")]
            )
            .is_ok()
        );
        assert!(
            judge(
                &loopback(),
                &[host.clone(), (header::ORIGIN, "http://[::1]:5173")]
            )
            .is_ok()
        );
        assert!(judge(&loopback(), &[host]).is_ok());
    }

    #[test]
    fn a_rebound_host_name_is_refused() {
        let evil = (header::HOST, "evil.example:8545");
        assert!(
            judge(
                &loopback(),
                &[evil.clone(), (header::ORIGIN, "http://evil.example:8545")]
            )
            .is_err()
        );
        assert!(judge(&loopback(), &[evil]).is_err());
        let own = (header::HOST, "node.example");
        assert!(
            judge(
                &loopback(),
                &[own, (header::ORIGIN, "https://node.example")]
            )
            .is_ok()
        );
    }

    #[test]
    fn a_listed_origin_is_matched_whole() {
        let origins = AllowedOrigins::parse(&["https://app.example/".into()]).unwrap();
        assert!(origins.allows("https://app.example"));
        assert!(!origins.allows("https://app.example.org"));
        assert!(!origins.allows("http://app.example"));
    }

    #[test]
    fn an_origin_with_a_path_is_refused() {
        assert!(AllowedOrigins::parse(&["https://app.example/x".into()]).is_err());
        assert!(AllowedOrigins::parse(&["app.example".into()]).is_err());
    }
}
