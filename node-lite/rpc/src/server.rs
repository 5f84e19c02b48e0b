//! The server: one port for JSON-RPC over HTTP and WebSocket, the light client's protocol, health, and static pages.
//!
//! ```text
//!  TCP -> bounded listener -> origin and host check -> CORS -> router
//!                                                              |-- POST /        JSON-RPC
//!                                                              |-- GET  /        JSON-RPC over WebSocket, or the pages
//!                                                              |-- POST /lite    one request of the light protocol
//!                                                              |-- GET  /stream  the light protocol over WebSocket
//!                                                              |-- GET  /health /livez /readyz
//!                                                              |-- the caller's routes
//!                                                              +-- GET  other    the pages
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use jsonrpsee::Methods;
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, RegisterMethodError, ServerConfig as RpcConfig, ServerHandle,
    StopHandle, TowerServiceBuilder, stop_channel,
};
use node_lite_exec::{Chain, ChainView};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::layer::util::Identity;
use tower::{Service, ServiceExt};

use crate::access::{self, Access};
use crate::api::Api;
use crate::config::{Limits, ServerConfig};
use crate::decisions::{self, Shelf};
use crate::eth::subscribe::HexIds;
use crate::lie::Lies;
use crate::listener::BoundedListener;
use crate::lite::LiteServer;
use crate::node::{Control, Node, Peer};
use crate::{debug_api, dev, eth, lite_api, stream};

/// How long open requests may take to finish once the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is taken or may not be used.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Two methods have the same name.
    #[error(transparent)]
    Methods(#[from] RegisterMethodError),
}

/// A running server. Dropping it stops it without grace.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    lies: Arc<Lies>,
    stop: ServerHandle,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts to listen. `pages` answers every GET that the node itself does not; `control` is what the `dev_*` methods may change.
    pub async fn start(
        chain: Chain,
        config: ServerConfig,
        pages: Router,
        control: Option<Arc<dyn Control>>,
    ) -> Result<Self, ServerError> {
        Self::start_with(chain, config, pages, Router::new(), control).await
    }

    /// As [`Self::start`], with routes of the caller's own. They are behind the same checks of host and origin.
    pub async fn start_with(
        chain: Chain,
        config: ServerConfig,
        pages: Router,
        routes: Router,
        control: Option<Arc<dyn Control>>,
    ) -> Result<Self, ServerError> {
        let lies = Arc::new(Lies::default());
        let view = chain.view().clone();
        let node = Arc::new(Node::new(view, Arc::clone(&lies), config.limits));
        let peer = Peer {
            lite: LiteServer::new(chain.clone(), lies),
            node: Arc::clone(&node),
            chain,
            control,
            decisions: Shelf::default(),
        };
        Self::listen(node, Some(Arc::new(peer)), config, (pages, routes)).await
    }

    /// As [`Self::start`], for a chain that nobody signs for light clients: JSON-RPC alone, and neither the light protocol nor `dev_*`.
    pub async fn start_view(chain: ChainView, config: ServerConfig) -> Result<Self, ServerError> {
        let node = Arc::new(Node::new(chain, Arc::default(), config.limits));
        Self::listen(node, None, config, Default::default()).await
    }

    async fn listen(
        node: Arc<Node>,
        peer: Option<Arc<Peer>>,
        config: ServerConfig,
        (pages, routes): (Router, Router),
    ) -> Result<Self, ServerError> {
        let bind = |source| ServerError::Bind {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let lies = Arc::clone(&node.lies);
        let limits = config.limits;
        let (stop_handle, stop) = stop_channel();
        let router = router(
            &node,
            peer.as_ref(),
            &config,
            methods(&node, peer.as_ref(), config.dev)?,
            stop_handle.clone(),
            (pages, routes),
        );
        let serve = axum::serve(BoundedListener::new(listener, limits.connections), router)
            .with_graceful_shutdown(stop_handle.shutdown());
        let task = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the server ended");
            }
        });
        Ok(Self {
            address,
            lies,
            stop,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lies that this server tells.
    #[must_use]
    pub fn lies(&self) -> &Lies {
        &self.lies
    }

    /// Takes no new connections, lets open requests finish for a few seconds, and ends.
    pub async fn stop(mut self) {
        // It has stopped by itself if this fails.
        let _ = self.stop.stop();
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            tracing::debug!("some connections did not end in time");
            self.task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.stop();
        self.task.abort();
    }
}

fn methods(
    node: &Arc<Node>,
    peer: Option<&Arc<Peer>>,
    dev: bool,
) -> Result<Methods, RegisterMethodError> {
    let mut api = Api::new(Arc::clone(node));
    eth::register(&mut api)?;
    debug_api::register(&mut api)?;
    let mut methods: Methods = api.module.into();
    if let Some(peer) = peer {
        let mut api = Api::new(Arc::clone(peer));
        lite_api::register(&mut api)?;
        decisions::register(&mut api)?;
        if dev {
            dev::register(&mut api)?;
        }
        methods.merge(api.module)?;
    }
    Ok(methods)
}

type RpcBuilder = TowerServiceBuilder<Identity, Identity>;

#[derive(Clone, Debug)]
struct Rpc {
    builder: RpcBuilder,
    methods: Methods,
    stop: StopHandle,
    pages: Router,
}

fn router(
    node: &Arc<Node>,
    peer: Option<&Arc<Peer>>,
    config: &ServerConfig,
    methods: Methods,
    stop: StopHandle,
    (pages, routes): (Router, Router),
) -> Router {
    let builder = jsonrpsee::server::Server::builder()
        .set_config(rpc_config(&config.limits))
        .to_service_builder();
    let rpc = Rpc {
        builder,
        methods,
        stop: stop.clone(),
        pages,
    };
    let access = Access {
        origins: config.origins.clone(),
        hosts: config.hosts.clone(),
    };
    let lite = peer.map_or_else(Router::new, |peer| {
        Router::new()
            .route("/lite", post(stream::answer))
            .layer(DefaultBodyLimit::max(stream::MAX_CLIENT_MESSAGE))
            .route("/stream", get(stream::upgrade))
            .with_state(stream::StreamState::new(Arc::clone(peer), stop))
    });
    Router::new()
        .route("/health", get(health))
        .route("/readyz", get(health))
        .with_state(Arc::clone(node))
        .route("/livez", get(|| async { "ok\n" }))
        .merge(lite)
        .merge(routes)
        .fallback(any(call).with_state(rpc))
        .layer(config.origins.cors())
        .layer(middleware::from_fn_with_state(
            Arc::new(access),
            access::check,
        ))
}

fn rpc_config(limits: &Limits) -> RpcConfig {
    RpcConfig::builder()
        .max_connections(u32::try_from(limits.connections).unwrap_or(u32::MAX))
        .max_request_body_size(limits.body_bytes)
        .max_response_body_size(limits.response_bytes)
        .max_subscriptions_per_connection(limits.subscriptions)
        .set_batch_request_config(BatchRequestConfig::Limit(limits.batch))
        .set_message_buffer_capacity(limits.subscription_queue)
        .enable_ws_ping(PingConfig::new())
        .set_id_provider(HexIds)
        .build()
}

/// JSON-RPC where it is called for, the pages otherwise.
async fn call(State(rpc): State<Rpc>, request: Request) -> Response {
    let at_root = request.uri().path() == "/";
    let is_rpc = at_root && (request.method() == Method::POST || is_upgrade(request.headers()));
    if !is_rpc {
        return match *request.method() {
            Method::GET | Method::HEAD => rpc.pages.oneshot(request).await.into_response(),
            _ => (
                StatusCode::METHOD_NOT_ALLOWED,
                [(header::ALLOW, "GET, HEAD")],
            )
                .into_response(),
        };
    }
    // Every request gets a service, so that subscriptions of two connections have different connection ids.
    let mut service = rpc.builder.build(rpc.methods, rpc.stop);
    match service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::debug!(%error, "a JSON-RPC request failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The head and its age, for people and load balancers.
async fn health(State(node): State<Arc<Node>>) -> Response {
    let head = node.head();
    let body = serde_json::json!({
        "status": "ok",
        "version": node.client_version(),
        "chainId": node.chain.chain_id(),
        "genesisHash": node.chain.forks().genesis_hash(),
        "head": { "number": head.number(), "hash": head.hash, "timestamp": head.header().timestamp },
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
