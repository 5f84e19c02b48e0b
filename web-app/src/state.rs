//! The signals that every page reads, and the one place that writes them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::Shared;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sidelight_client::dto::{
    ClientState, ErrorView, Event, EvidenceView, FaultView, Mode, ReorgEvent, Status,
};

use crate::feed::{Feed, Line, Pace, Row};
use crate::format::Unit;
use crate::health::{Health, SeenFault, note_fault};
use crate::settings;
use crate::ui::trust::Shown;
use crate::worker::{Verifier, failure};

/// Messages that come within this time are drawn at once.
const TOGETHER_MS: f64 = 16.0;

/// Everything that is shared between pages. Cheap to copy: it holds handles.
#[derive(Clone, Copy)]
pub(crate) struct App {
    /// Milliseconds since 1970, once a second while the tab is seen.
    pub(crate) now_ms: RwSignal<f64>,
    /// The unit of every amount.
    pub(crate) unit: RwSignal<Unit>,
    /// The client's own account of itself.
    pub(crate) status: RwSignal<Option<Status>>,
    /// The verifier has reached a node's head, or there is no node to reach.
    was_synced: RwSignal<bool>,
    /// The state of the page.
    pub(crate) health: RwSignal<Health>,
    /// When that began, in milliseconds of Unix time.
    pub(crate) health_since_ms: RwSignal<f64>,
    /// The live list, newest first.
    pub(crate) lines: RwSignal<Vec<Line>>,
    /// Rows that wait behind a held list.
    pub(crate) waiting: RwSignal<usize>,
    /// Every lie that was caught in this tab, newest first.
    pub(crate) faults: RwSignal<Vec<SeenFault>>,
    /// Two signed blocks at one height.
    pub(crate) evidence: RwSignal<Option<EvidenceView>>,
    /// The newest reorganisation.
    pub(crate) reorg: RwSignal<Option<ReorgEvent>>,
    /// What the trust drawer shows.
    pub(crate) shown: RwSignal<Option<Shown>>,
    /// The trust drawer is open.
    pub(crate) drawer: RwSignal<bool>,
    verifier: StoredValue<Option<Rc<Verifier>>, LocalStorage>,
    /// Done when the verifier has started, or has failed to.
    started: StoredValue<Shared<oneshot::Receiver<()>>, LocalStorage>,
    inbox: StoredValue<Inbox, LocalStorage>,
}

/// What came from the verifier and is not on the page yet.
#[derive(Default)]
struct Inbox {
    feed: Feed,
    pace: Pace,
    status: Option<Status>,
    is_scheduled: bool,
}

/// The shared state; every component below `App` can have it.
pub(crate) fn use_app() -> App {
    expect_context()
}

impl App {
    /// Makes the signals and starts the clock. The verifier is started by [`App::start`].
    pub(crate) fn new() -> Self {
        let app = Self {
            started: StoredValue::new_local(oneshot::channel().1.shared()),
            now_ms: RwSignal::new(js_sys::Date::now()),
            unit: RwSignal::new(settings::unit()),
            status: RwSignal::new(None),
            was_synced: RwSignal::new(false),
            health: RwSignal::new(Health::Starting),
            health_since_ms: RwSignal::new(js_sys::Date::now()),
            lines: RwSignal::new(Vec::new()),
            waiting: RwSignal::new(0),
            faults: RwSignal::new(settings::kept_faults()),
            evidence: RwSignal::new(None),
            reorg: RwSignal::new(None),
            shown: RwSignal::new(None),
            drawer: RwSignal::new(false),
            verifier: StoredValue::new_local(None),
            inbox: StoredValue::new_local(Inbox::default()),
        };
        Effect::new(move |_| settings::keep_unit(app.unit.get()));
        Effect::new(move |_| app.faults.with(|faults| settings::keep_faults(faults)));
        set_interval(
            move || {
                if !document().hidden() {
                    app.now_ms.set(js_sys::Date::now());
                }
            },
            Duration::from_secs(1),
        );
        // A hidden tab draws nothing; what it missed is drawn at once when it is seen again.
        window_event_listener_untyped("visibilitychange", move |_| app.wake());
        app
    }

    /// Starts the verifier with the nodes and the mode of the settings.
    pub(crate) fn start(self) {
        let started = Verifier::start(
            move |event| self.receive(event),
            move |reason| self.health.set(Health::Failed(reason)),
        );
        match started {
            Ok(verifier) => self.verifier.set_value(Some(verifier)),
            Err(error) => return self.health.set(Health::Failed(error.message)),
        }
        let (done, started) = oneshot::channel();
        self.started.set_value(started.shared());
        let options = json!([{ "nodes": settings::nodes(), "mode": settings::mode() }]);
        spawn_local(async move {
            let status = self.send::<Status>("sidelight_start", options).await;
            // Nobody may be waiting.
            let _ = done.send(());
            match status {
                Ok(status) => self.receive(Event::Status(Box::new(status))),
                Err(error) => {
                    if let Some(fault) = fault_of(&error) {
                        self.note(fault);
                    }
                    self.health.set(Health::Failed(error.message));
                }
            }
        });
    }

    /// Asks the verifier, as soon as it has started.
    pub(crate) async fn ask<T: DeserializeOwned>(
        self,
        method: &str,
        params: Value,
    ) -> Result<T, ErrorView> {
        // Where the start was given up, the question itself says so.
        let _ = self.started.get_value().await;
        self.send(method, params).await
    }

    async fn send<T: DeserializeOwned>(self, method: &str, params: Value) -> Result<T, ErrorView> {
        let Some(verifier) = self.verifier.get_value() else {
            return Err(failure(4900, "the verifier is not running".to_owned()));
        };
        verifier.request(method, params).await
    }

    /// The newest verified height.
    pub(crate) fn head_number(self) -> Option<u64> {
        self.status
            .with(|status| status.as_ref()?.head.as_ref().map(|head| head.number))
    }

    /// There is a verified head to ask about, and it was the newest once: before that, "latest" has no answer.
    pub(crate) fn is_ready(self) -> bool {
        self.was_synced.get() && self.head_number().is_some()
    }

    /// What is checked of every block.
    pub(crate) fn mode(self) -> Option<Mode> {
        self.status
            .with(|status| status.as_ref().map(|status| status.mode))
    }

    /// Stops the live list, because a reader points at it.
    pub(crate) fn hold(self) {
        self.inbox.update_value(|inbox| inbox.feed.hold());
    }

    /// Lets the live list move on.
    pub(crate) fn release(self) {
        self.inbox.update_value(|inbox| inbox.feed.release());
        self.draw();
    }

    fn receive(self, event: Event) {
        match event {
            Event::Status(status) => {
                for fault in &status.faults {
                    self.note(fault.clone());
                }
                if let Some(evidence) = &status.halted {
                    self.evidence.set(Some(evidence.clone()));
                }
                self.inbox
                    .update_value(|inbox| inbox.status = Some(*status));
            }
            Event::Block(block) => self
                .inbox
                .update_value(|inbox| inbox.feed.push(Row::Verified(block))),
            Event::Executed(block) => self
                .inbox
                .update_value(|inbox| inbox.feed.mark_executed(block.hash)),
            Event::Fault(fault) => self.note(fault),
            Event::Reorg(reorg) => {
                let kept = reorg.old_head.number.saturating_sub(reorg.depth);
                self.inbox.update_value(|inbox| inbox.feed.rewind(kept));
                self.reorg.set(Some(reorg));
            }
            Event::Halted(evidence) => self.evidence.set(Some(evidence)),
        }
        self.schedule();
    }

    /// Puts a lie into the reports, and into the live list the first time.
    fn note(self, fault: FaultView) {
        let mut is_new = false;
        self.faults
            .update(|faults| is_new = note_fault(faults, fault.clone()));
        if is_new {
            self.inbox
                .update_value(|inbox| inbox.feed.push(Row::Refused(fault)));
        }
    }

    fn schedule(self) {
        let now = js_sys::Date::now();
        let wait = self
            .inbox
            .with_value(|inbox| (!inbox.is_scheduled).then(|| inbox.pace.wait_ms(now)));
        if let Some(wait) = wait {
            self.inbox.update_value(|inbox| inbox.is_scheduled = true);
            // A block and the status that goes with it come as two messages and belong on the page together.
            set_timeout(
                move || self.draw(),
                Duration::from_secs_f64(wait.max(TOGETHER_MS) / 1000.0),
            );
        }
    }

    fn wake(self) {
        if !document().hidden() {
            self.now_ms.set(js_sys::Date::now());
            self.draw();
        }
    }

    /// Moves what has come onto the page.
    fn draw(self) {
        let now = js_sys::Date::now();
        if document().hidden() {
            self.inbox.update_value(|inbox| inbox.is_scheduled = false);
            return;
        }
        let drawn = RefCell::new(None);
        self.inbox.update_value(|inbox| {
            inbox.is_scheduled = false;
            inbox.pace.mark(now);
            drawn.replace(Some((
                inbox.feed.visible(),
                inbox.feed.waiting(),
                inbox.status.take(),
            )));
        });
        let Some((lines, waiting, status)) = drawn.into_inner() else {
            return;
        };
        if self.lines.with_untracked(|old| *old != lines) {
            self.lines.set(lines);
        }
        self.waiting.set(waiting);
        if let Some(status) = status {
            let health = Health::of(Some(&status));
            let is_on_the_way =
                matches!(status.state, ClientState::Starting | ClientState::Syncing);
            if !is_on_the_way && !self.was_synced.get_untracked() {
                self.was_synced.set(true);
            }
            self.status.set(Some(status));
            if self.health.with_untracked(|old| *old != health) {
                self.health_since_ms.set(js_sys::Date::now());
                self.health.set(health);
            }
        }
    }
}

/// The lie that an error names, if it is one.
pub(crate) fn fault_of(error: &ErrorView) -> Option<FaultView> {
    error.data.clone().map(|data| FaultView {
        kind: data.kind,
        block: data.block,
        peer: data.peer,
        field: data.field,
        expected: data.expected,
        got: data.got,
        message: error.message.clone(),
        at: js_sys::Date::now() as u64,
    })
}
