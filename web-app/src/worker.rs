//! The one way to the verifier: a Web Worker that is asked `{ id, method, params }` and answers with DTOs. Nothing else in the explorer knows where values come from.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use futures::channel::oneshot;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sidelight_client::dto::{ErrorView, Event};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// Where the npm package's worker is served.
const SCRIPT: &str = "/sidelight/worker.js";

/// JSON-RPC's "internal error", for an answer that has the wrong shape.
const INTERNAL: i32 = -32603;

/// EIP-1193's "disconnected", for a worker that is gone.
const DISCONNECTED: i32 = 4900;

type Pending = Rc<RefCell<HashMap<u64, oneshot::Sender<Result<Value, ErrorView>>>>>;

/// A running worker.
#[derive(Debug)]
pub(crate) struct Verifier {
    worker: Worker,
    pending: Pending,
    next_id: Cell<u64>,
}

/// What a worker posts: an answer, a refusal, or an event.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Refusal { id: u64, error: ErrorView },
    Answer { id: u64, result: Value },
    Crash { data: CrashView },
    Event(Box<Event>),
}

/// `{ event: "crashed", data: { message } }`: the module trapped and answers nothing any more. No other event has a message alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CrashView {
    message: String,
}

impl Verifier {
    #[allow(clippy::result_large_err, reason = "called once, and shown as it is")]
    /// Starts the worker. `on_event` hears its events, `on_death` why it ended.
    pub(crate) fn start(
        on_event: impl Fn(Event) + 'static,
        on_death: impl Fn(String) + 'static,
    ) -> Result<Rc<Self>, ErrorView> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("sidelight");
        let worker = Worker::new_with_options(SCRIPT, &options).map_err(|error| {
            failure(
                DISCONNECTED,
                format!("the browser refused the worker: {}", describe(&error)),
            )
        })?;

        let pending = Pending::default();
        let on_death = Rc::new(on_death);
        let on_crash = Rc::clone(&on_death);
        let waiting = Rc::clone(&pending);
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            match decode(&message.data()) {
                Ok(Message::Answer { id, result }) => settle(&waiting, id, Ok(result)),
                Ok(Message::Refusal { id, error }) => settle(&waiting, id, Err(error)),
                Ok(Message::Event(event)) => on_event(*event),
                Ok(Message::Crash { data }) => on_crash(format!("it crashed: {}", data.message)),
                Err(reason) => {
                    leptos::logging::warn!("unreadable message from the verifier: {reason}")
                }
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        on_message.forget();

        let waiting = Rc::clone(&pending);
        let on_error = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
            let message = js_sys::Reflect::get(&event, &"message".into())
                .ok()
                .and_then(|text| text.as_string());
            let reason = message.unwrap_or_else(|| format!("{SCRIPT} could not be loaded"));
            for (_, sender) in waiting.borrow_mut().drain() {
                // A page that stopped waiting needs no answer.
                let _ = sender.send(Err(failure(DISCONNECTED, reason.clone())));
            }
            on_death(reason);
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        on_error.forget();

        Ok(Rc::new(Self {
            worker,
            pending,
            next_id: Cell::new(1),
        }))
    }

    /// Asks one question.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, ErrorView> {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let text = json!({ "id": id, "method": method, "params": params }).to_string();
        let message =
            js_sys::JSON::parse(&text).map_err(|error| failure(INTERNAL, describe(&error)))?;
        let (sender, receiver) = oneshot::channel();
        self.pending.borrow_mut().insert(id, sender);
        if let Err(error) = self.worker.post_message(&message) {
            self.pending.borrow_mut().remove(&id);
            return Err(failure(DISCONNECTED, describe(&error)));
        }
        let answer = receiver
            .await
            .map_err(|_| failure(DISCONNECTED, "the verifier is gone".to_owned()))??;
        serde_json::from_value(answer).map_err(|error| {
            failure(
                INTERNAL,
                format!("{method} gave an answer of another shape: {error}"),
            )
        })
    }
}

/// An error that the explorer itself found.
pub(crate) const fn failure(code: i32, message: String) -> ErrorView {
    ErrorView {
        code,
        message,
        data: None,
    }
}

fn settle(pending: &Pending, id: u64, outcome: Result<Value, ErrorView>) {
    if let Some(sender) = pending.borrow_mut().remove(&id) {
        // A page that stopped waiting needs no answer.
        let _ = sender.send(outcome);
    }
}

fn decode(data: &JsValue) -> Result<Message, String> {
    let text = js_sys::JSON::stringify(data).map_err(|error| describe(&error))?;
    serde_json::from_str(&String::from(text)).map_err(|error| error.to_string())
}

fn describe(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unwrap_used, reason = "a message of a test")]
    fn read(text: &str) -> Message {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn answers_refusals_and_crashes_are_told_apart() {
        assert!(matches!(
            read(r#"{"id":1,"result":null}"#),
            Message::Answer { id: 1, .. }
        ));
        let refusal = read(r#"{"id":2,"error":{"code":4900,"message":"no peer"}}"#);
        assert!(matches!(refusal, Message::Refusal { id: 2, error } if error.code == 4900));
        let crash = read(r#"{"event":"crashed","data":{"message":"unreachable"}}"#);
        assert!(matches!(crash, Message::Crash { data } if data.message == "unreachable"));
    }

    #[test]
    fn a_lie_is_an_event_though_it_has_a_message_too() {
        let fault = read(
            r#"{"event":"fault","data":{"kind":"bad_signature","block":7,"peer":"http://one","field":"signature",
                "expected":"0x1","got":"0x2","message":"signed by another key","at":1}}"#,
        );
        assert!(
            matches!(fault, Message::Event(event) if matches!(&*event, Event::Fault(fault) if fault.block == Some(7)))
        );
    }

    #[test]
    fn a_failed_verification_keeps_what_was_expected_and_what_came() {
        let refusal = read(
            r#"{"id":3,"error":{"code":-32090,"message":"no","data":{"kind":"bad_proof","method":"eth_getBalance","block":null,
                "peer":"p","field":"accountProof[0]","expected":"a","got":"b"}}}"#,
        );
        let Message::Refusal { error, .. } = refusal else {
            panic!("not a refusal")
        };
        assert_eq!(
            error.data.map(|data| (data.expected, data.got)),
            Some(("a".to_owned(), "b".to_owned()))
        );
    }

    #[test]
    fn an_unknown_event_is_not_taken_for_anything_else() {
        assert!(
            serde_json::from_str::<Message>(
                r#"{"event":"weather","data":{"message":"rain","at":1}}"#
            )
            .is_err()
        );
    }
}
