//! What the tests over a real node share: a node in this process behind real sockets, and a client of it.

#![allow(dead_code, reason = "each test program uses its part of it")]

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use futures::{StreamExt, channel::mpsc};
use node_lite_rpc::{Lie, Server, ServerConfig};
use sidelight_client::{
    Client,
    dto::{BlockEvent, Event, FaultView, Mode, StartOptions, Status, StorageOption, WatchEntry},
    platform,
};
use sidelight_testkit::TestChain;

/// Long enough for a busy machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node over a chain, on a port that the system chose.
pub struct Node {
    pub server: Server,
    pub url: String,
}

impl Node {
    pub async fn start(chain: &TestChain) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig {
            listen,
            ..ServerConfig::default()
        };
        let server = Server::start(chain.chain().clone(), config, Router::new(), None)
            .await
            .unwrap();
        let url = format!("http://{}", server.address());
        Self { server, url }
    }

    pub fn lie(&self, lie: Lie, chain: &TestChain) {
        self.server
            .lies()
            .set(lie, true, chain.chain().head().number());
    }
}

pub fn options(mode: Mode, nodes: &[&Node]) -> StartOptions {
    StartOptions {
        nodes: nodes.iter().map(|node| node.url.clone()).collect(),
        mode,
        storage: StorageOption::Memory,
        ..StartOptions::default()
    }
}

pub fn watch(chain: &TestChain) -> Vec<WatchEntry> {
    (0..sidelight_testkit::ACCOUNTS)
        .map(|index| WatchEntry {
            address: chain.account(index),
            slots: vec![],
        })
        .collect()
}

/// A client and everything that it has said.
pub struct Tab {
    pub client: Client,
    events: mpsc::Receiver<Event>,
}

impl Tab {
    pub async fn open(options: StartOptions) -> Self {
        let client = Client::start(options, platform::current()).await.unwrap();
        let events = client.subscribe();
        Self { client, events }
    }

    pub async fn synced(options: StartOptions) -> Self {
        let tab = Self::open(options).await;
        match tokio::time::timeout(PATIENCE, tab.client.wait_synced()).await {
            Ok(synced) => synced.unwrap(),
            Err(_) => panic!("it does not sync: {:#?}", tab.client.status()),
        }
        tab
    }

    /// The first event that `choose` takes.
    pub async fn until<T>(&mut self, mut choose: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.next().await.expect("the client has stopped");
                if let Some(found) = choose(event) {
                    return found;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("nothing happened: {:#?}", self.client.status()),
        }
    }

    pub async fn block(&mut self, number: u64) -> BlockEvent {
        self.until(|event| match event {
            Event::Block(block) if block.number == number => Some(block),
            Event::Fault(fault) => panic!("{fault:?}"),
            _ => None,
        })
        .await
    }

    pub async fn fault(&mut self) -> FaultView {
        self.until(|event| match event {
            Event::Fault(fault) => Some(fault),
            _ => None,
        })
        .await
    }

    /// Waits until the status is as wanted.
    pub async fn status(&self, is_it: impl Fn(&Status) -> bool) -> Status {
        let search = async {
            loop {
                let status = self.client.status();
                if is_it(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(status) => status,
            Err(_) => panic!("the status stays: {:#?}", self.client.status()),
        }
    }
}
