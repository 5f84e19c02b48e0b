//! The explorer's files: inside a release binary, read from the checkout by a development binary, or from a folder that is named.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy_primitives::hex;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use eyre::{Result, bail};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// What trunk builds.
#[derive(RustEmbed)]
#[folder = "../web-app/dist"]
#[allow_missing = true]
struct Built;

/// The page that has every route in it.
const INDEX: &str = "index.html";
/// What a page from this node may load: its own files and inline styles; it may talk to any node that the user adds.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src * ws: wss:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

/// One worker imports ONNX Runtime out of bytes whose hash it has compared; it talks to nobody.
const ONNXRUNTIME_WORKER: &str = "sidelight/decisions/onnxruntime-worker.js";
const ONNXRUNTIME_POLICY: &str =
    "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; connect-src 'none'";

/// What is served when no explorer was built.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>node-lite</title><style>body{font:16px/1.5 system-ui;max-width:40rem;margin:15vh auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>\
<h1>The node runs; the explorer is not built</h1><p>In the checkout, run <code>cargo xtask build web</code> and reload this page, or start the node with \
<code>--explorer DIR</code>.</p><p>JSON-RPC answers at this address: <code>POST /</code> or a WebSocket.</p></html>";

/// Where the files come from.
#[derive(Debug)]
enum Source {
    BuiltIn,
    Folder(PathBuf),
}

/// Whether there is an explorer to serve without a folder.
pub(crate) fn is_built() -> bool {
    Built::get(INDEX).is_some()
}

/// Serves the explorer; a path that is no file is a page of it, for whoever asks for a page.
pub(crate) fn router(folder: Option<PathBuf>) -> Result<Router> {
    let source = match folder {
        Some(folder) if !folder.join(INDEX).is_file() => {
            bail!("--explorer {}: there is no {INDEX} in it", folder.display())
        }
        Some(folder) => Source::Folder(folder.canonicalize()?),
        None => Source::BuiltIn,
    };
    Ok(Router::new()
        .fallback(any(serve))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(Arc::new(source)))
}

async fn serve(State(source): State<Arc<Source>>, request: Request) -> Response {
    let Some(path) = clean(request.uri()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = if path.is_empty() {
        INDEX
    } else {
        path.as_str()
    };
    if let Some(file) = source.read(path).await {
        return answer(path, file, request.headers());
    }
    // What a person opens in a browser is a route inside the page; a program that asks for data must not be given HTML.
    let names_a_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    if path != INDEX && (names_a_file || !takes_html(request.headers())) {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    }
    let page = source.read(INDEX).await.unwrap_or(File {
        bytes: Cow::Borrowed(NOT_BUILT.as_bytes()),
        tag: "W/\"none\"".into(),
    });
    answer(INDEX, page, request.headers())
}

/// As browsers say it when they navigate; `*/*` is not it.
fn takes_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// A file, or 304 for a browser that has it: it asks every time, and is never a version behind.
fn answer(path: &str, file: File, asked: &HeaderMap) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let policy = if path == ONNXRUNTIME_WORKER {
        ONNXRUNTIME_POLICY
    } else {
        POLICY
    };
    let headers = [
        (header::CONTENT_TYPE, kind.essence_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::ETAG, file.tag.as_str()),
    ];
    let has_it = asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|tag| tag.trim() == file.tag);
    if has_it {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.bytes.into_owned()).into_response()
}

/// A file and the tag that changes with it (RFC 9110, section 8.8.3).
struct File {
    bytes: Cow<'static, [u8]>,
    tag: String,
}

impl Source {
    async fn read(&self, path: &str) -> Option<File> {
        match self {
            Self::BuiltIn => Built::get(path).map(|file| File {
                tag: format!("W/\"{}\"", hex::encode(file.metadata.sha256_hash())),
                bytes: file.data,
            }),
            Self::Folder(folder) => {
                let wanted = tokio::fs::canonicalize(folder.join(path)).await.ok()?;
                // A link may not lead out of the folder.
                if !wanted.starts_with(folder) || !wanted.is_file() {
                    return None;
                }
                let bytes = tokio::fs::read(wanted).await.ok()?;
                let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(&bytes)));
                Some(File {
                    bytes: Cow::Owned(bytes),
                    tag,
                })
            }
        }
    }
}

/// The path without its slash; `None` if it could leave the folder.
fn clean(uri: &Uri) -> Option<String> {
    let path = uri.path().trim_start_matches('/');
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'%' | b'\0'));
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    (plain && inside).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    async fn get(router: &Router, path: &str) -> (StatusCode, String, String) {
        get_as(router, path, "text/html,application/xhtml+xml,*/*;q=0.8").await
    }

    async fn get_as(router: &Router, path: &str, accept: &str) -> (StatusCode, String, String) {
        let request = Request::builder()
            .uri(path)
            .header(header::ACCEPT, accept)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let kind = response
            .headers()
            .get(header::CONTENT_TYPE)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (status, kind, String::from_utf8_lossy(&body).into_owned())
    }

    fn folder() -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("node-lite-explorer-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("site/assets")).unwrap();
        std::fs::write(folder.join("site/index.html"), "<html>page").unwrap();
        std::fs::write(folder.join("site/assets/app.wasm"), b"\0asm").unwrap();
        std::fs::write(folder.join("secret.txt"), "secret").unwrap();
        folder
    }

    #[tokio::test]
    async fn files_have_their_types_routes_get_the_page_and_nothing_else_leaves_the_folder() {
        let folder = folder();
        let router = router(Some(folder.join("site"))).unwrap();
        assert_eq!(
            get(&router, "/").await,
            (StatusCode::OK, "text/html".into(), "<html>page".into())
        );
        assert_eq!(get(&router, "/assets/app.wasm").await.1, "application/wasm");
        assert_eq!(get(&router, "/block/12").await.2, "<html>page");
        assert_eq!(get(&router, "/missing.js").await.0, StatusCode::NOT_FOUND);
        for accept in ["*/*", "application/json"] {
            assert_eq!(get_as(&router, "/", accept).await.2, "<html>page");
            let (status, _, body) = get_as(&router, "/v2/decisions/0x12", accept).await;
            assert_eq!(
                (status, body),
                (StatusCode::NOT_FOUND, "no such file\n".into())
            );
        }
        for path in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/assets/../../secret.txt",
        ] {
            assert_ne!(get(&router, path).await.2, "secret", "{path}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn who_has_a_file_is_told_so_and_others_get_it_compressed() {
        let folder = std::env::temp_dir().join(format!("node-lite-tags-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(INDEX), "<html>".repeat(1_000)).unwrap();
        let router = router(Some(folder.clone())).unwrap();
        let ask = async |name: header::HeaderName, value: String| {
            let request = Request::builder().uri("/").header(name, value);
            let request = request.body(axum::body::Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let headers = response.headers().clone();
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
            (status, headers, body.unwrap())
        };
        let (status, headers, body) = ask(header::ACCEPT_ENCODING, "gzip".into()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
        assert!(body.len() < 600, "{}", body.len());
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();

        let (status, _, body) = ask(header::IF_NONE_MATCH, format!("\"other\", {tag}")).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));

        std::fs::write(folder.join(INDEX), "<html>new").unwrap();
        let (status, headers, body) = ask(header::IF_NONE_MATCH, tag.clone()).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"<html>new"[..]));
        assert_ne!(headers[header::ETAG], tag);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_without_a_page_is_refused() {
        assert!(router(Some(std::env::temp_dir().join("node-lite-no-such-folder"))).is_err());
    }
}
