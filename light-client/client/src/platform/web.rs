//! The platform of a page, a worker or Node: `fetch`, `WebSocket`, timers and IndexedDB of the global scope. Nothing here needs a `window`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, select},
};
use js_sys::{ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, BinaryType, Headers, MessageEvent, ReadableStreamDefaultReader, RequestInit,
    Response, WebSocket,
};

use super::{BoxFuture, EXECUTION_LIMIT_MS, Job, NetError, Platform, Socket, Verdict};
use crate::store::{Backend, IdbStore, StoreError};

/// Bytes that may wait between the socket and the verifier. Beyond it the peer floods us, and is dropped.
const MAX_QUEUED_BYTES: usize = 64 << 20;
/// How long a connection attempt may take, in milliseconds.
const CONNECT_TIMEOUT_MS: u32 = 5_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn global_fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &Uint8Array) -> Result<JsValue, JsValue>;
}

#[derive(Debug, Default)]
pub(super) struct Web {
    /// What executes blocks, and how many at a time.
    executor: Option<(Function, usize)>,
}

impl Web {
    pub(super) fn with_executor(execute: Function, parallel: usize) -> Self {
        Self {
            executor: Some((execute, parallel)),
        }
    }
}

impl Platform for Web {
    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    fn ticks_ms(&self) -> f64 {
        performance_now()
    }

    fn random(&self) -> u64 {
        // Jitter and peer choice only; nothing here is a secret.
        (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64
    }

    fn secret(&self) -> Option<[u8; 32]> {
        let bytes = Uint8Array::new_with_length(32);
        get_random_values(&bytes).ok()?;
        let mut bits = [0; 32];
        bytes.copy_to(&mut bits);
        Some(bits)
    }

    fn executors(&self) -> usize {
        self.executor.as_ref().map_or(0, |(_, parallel)| *parallel)
    }

    fn execute(&self, job: Job) -> BoxFuture<'static, Verdict> {
        let execute = self.executor.as_ref().map(|(execute, _)| execute.clone());
        Box::pin(async move {
            let Some(execute) = execute else {
                return Verdict::Failed("blocks are not executed here".into());
            };
            match call(&execute, &job).await {
                Ok(text) => Verdict::parse(&text.as_string().unwrap_or_default()),
                Err(error) => Verdict::Failed(describe(&error)),
            }
        })
    }

    fn sleep(&self, ms: u32) -> BoxFuture<'static, ()> {
        Box::pin(gloo_timers::future::TimeoutFuture::new(ms))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        spawn_local(task);
    }

    fn connect(
        &self,
        url: String,
        max_bytes: usize,
    ) -> BoxFuture<'static, Result<Box<dyn Socket>, NetError>> {
        Box::pin(async move {
            let socket = WebSocket::new(&url).map_err(|_| NetError::Unsupported("WebSocket"))?;
            WebSocketStream::open(socket, max_bytes).await
        })
    }

    fn post(
        &self,
        url: String,
        body: Vec<u8>,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<Vec<u8>, NetError>> {
        Box::pin(async move {
            let abort =
                AbortController::new().map_err(|_| NetError::Unsupported("AbortController"))?;
            let fetching = Box::pin(fetch(&url, &body, max_bytes, &abort));
            let late = gloo_timers::future::TimeoutFuture::new(timeout_ms);
            match select(fetching, late).await {
                Either::Left((answer, _)) => {
                    if answer.is_err() {
                        abort.abort();
                    }
                    answer
                }
                Either::Right(_) => {
                    abort.abort();
                    Err(NetError::Timeout(timeout_ms))
                }
            }
        })
    }

    fn open_store(
        &self,
        name: Option<String>,
    ) -> BoxFuture<'static, Result<Box<dyn Backend>, StoreError>> {
        Box::pin(async move {
            let name = name.unwrap_or_else(|| "sidelight".into());
            Ok(Box::new(IdbStore::open(&name).await?) as Box<dyn Backend>)
        })
    }
}

async fn call(execute: &Function, job: &Job) -> Result<JsValue, JsValue> {
    let arguments = js_sys::Array::of5(
        &JsValue::from(job.chain_id),
        &Uint8Array::from(&job.parent[..]),
        &Uint8Array::from(&job.header[..]),
        &Uint8Array::from(&job.input[..]),
        &JsValue::from(EXECUTION_LIMIT_MS),
    );
    let promise: Promise = execute.apply(&JsValue::NULL, &arguments)?.unchecked_into();
    JsFuture::from(promise).await
}

fn describe(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok();
    message
        .and_then(|message| message.as_string())
        .unwrap_or_else(|| "it failed without a reason".into())
}

async fn fetch(
    url: &str,
    body: &[u8],
    max_bytes: usize,
    abort: &AbortController,
) -> Result<Vec<u8>, NetError> {
    let broken = |_: JsValue| NetError::Connect("fetch failed".into());
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&Uint8Array::from(body));
    init.set_signal(Some(&abort.signal()));
    let headers = Headers::new().map_err(broken)?;
    headers
        .set("content-type", "application/octet-stream")
        .map_err(broken)?;
    init.set_headers(&headers);
    let response: Response = JsFuture::from(global_fetch(url, &init).map_err(broken)?)
        .await
        .map_err(broken)?
        .unchecked_into();
    if response.status() != 200 {
        return Err(NetError::Status(response.status()));
    }
    let Some(stream) = response.body() else {
        return Ok(Vec::new());
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let step = JsFuture::from(reader.read()).await.map_err(broken)?;
        if Reflect::get(&step, &"done".into())
            .map_err(broken)?
            .is_truthy()
        {
            return Ok(bytes);
        }
        let chunk: Uint8Array = Reflect::get(&step, &"value".into())
            .map_err(broken)?
            .unchecked_into();
        let (start, length) = (bytes.len(), chunk.length() as usize);
        if start.saturating_add(length) > max_bytes {
            return Err(NetError::TooLarge { limit: max_bytes });
        }
        bytes.resize(start + length, 0);
        if let Some(target) = bytes.get_mut(start..) {
            chunk.copy_to(target);
        }
    }
}

type Incoming = Result<Vec<u8>, NetError>;

/// A browser's WebSocket, as a queue of messages.
struct WebSocketStream {
    socket: WebSocket,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    queued: Rc<Cell<usize>>,
    // The browser calls these for as long as the socket lives; dropping them before it would make those calls throw.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_end: Closure<dyn FnMut()>,
    _on_open: Closure<dyn FnMut()>,
}

impl WebSocketStream {
    async fn open(socket: WebSocket, max_bytes: usize) -> Result<Box<dyn Socket>, NetError> {
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (sender, mut incoming) = mpsc::unbounded::<Incoming>();
        let queued = Rc::new(Cell::new(0usize));

        let (on_sender, on_queued) = (sender.clone(), queued.clone());
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let message = read_message(&event, max_bytes, &on_queued);
            let _ = on_sender.unbounded_send(message);
        });
        let on_end = Closure::<dyn FnMut()>::new(move || {
            let _ = sender.unbounded_send(Err(NetError::Closed));
        });
        let (opened, open) = oneshot::channel::<()>();
        let opened = RefCell::new(Some(opened));
        let on_open = Closure::<dyn FnMut()>::new(move || {
            if let Some(opened) = opened.borrow_mut().take() {
                let _ = opened.send(());
            }
        });
        socket.set_onmessage(Some(function(&on_message)));
        socket.set_onclose(Some(function(&on_end)));
        socket.set_onerror(Some(function(&on_end)));
        socket.set_onopen(Some(function(&on_open)));

        let late = gloo_timers::future::TimeoutFuture::new(CONNECT_TIMEOUT_MS);
        let connected = match select(open, select(incoming.next(), late)).await {
            Either::Left((Ok(()), _)) => true,
            Either::Left(_) | Either::Right(_) => false,
        };
        let stream = Self {
            socket,
            incoming,
            queued,
            _on_message: on_message,
            _on_end: on_end,
            _on_open: on_open,
        };
        match connected {
            true => Ok(Box::new(stream)),
            false => Err(NetError::Connect(
                "the WebSocket could not be opened".into(),
            )),
        }
    }
}

impl Drop for WebSocketStream {
    fn drop(&mut self) {
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        self.socket.set_onopen(None);
        let _ = self.socket.close();
    }
}

impl Socket for WebSocketStream {
    fn send(&mut self, message: Vec<u8>) -> Result<(), NetError> {
        self.socket
            .send_with_u8_array(&message)
            .map_err(|_| NetError::Closed)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Vec<u8>, NetError>> {
        Box::pin(async move {
            let message = self
                .incoming
                .next()
                .await
                .unwrap_or(Err(NetError::Closed))?;
            self.queued
                .set(self.queued.get().saturating_sub(message.len()));
            Ok(message)
        })
    }
}

/// Copies a message out of the browser, after its size was checked.
fn read_message(event: &MessageEvent, max_bytes: usize, queued: &Cell<usize>) -> Incoming {
    let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() else {
        return Err(NetError::NotBinary);
    };
    let length = buffer.byte_length() as usize;
    let total = queued.get().saturating_add(length);
    if length > max_bytes || total > MAX_QUEUED_BYTES {
        return Err(NetError::TooLarge { limit: max_bytes });
    }
    queued.set(total);
    Ok(Uint8Array::new(&buffer).to_vec())
}

fn function<T: ?Sized>(closure: &Closure<T>) -> &Function {
    closure.as_ref().unchecked_ref()
}
