//! A question to the verifier as a signal: waiting, answered, or failed. An answer to an old question is dropped; a lie stays until the reader asks again.

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sidelight_client::dto::ErrorView;

use crate::health::Health;
use crate::state::{App, use_app};
use crate::ui::empty::Trouble;
use crate::ui::skeleton::Skeleton;

/// Where a question stands.
#[derive(Clone, Debug)]
pub(crate) enum Read<T> {
    /// No answer yet.
    Waiting,
    /// The answer, verified.
    Got(T),
    /// Refused or not to be had; the error says which.
    Failed(Box<ErrorView>),
}

/// A question and its answer.
pub(crate) struct Reading<T: Send + Sync + 'static> {
    /// The answer.
    pub(crate) value: RwSignal<Read<T>>,
    round: RwSignal<u32>,
}

impl<T: Send + Sync + 'static> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Reading<T> {}

impl<T: Clone + Send + Sync + 'static> Reading<T> {
    /// Asks again, and forgets the answer that there was.
    pub(crate) fn again(self) {
        self.value.set(Read::Waiting);
        self.round.update(|round| *round += 1);
    }

    /// The same question at a newer head: the old answer stays until the new one is there, and a lie stays for good.
    pub(crate) fn refresh(self) {
        if !self
            .value
            .with_untracked(|value| matches!(value, Read::Failed(error) if error.data.is_some()))
        {
            self.round.update(|round| *round += 1);
        }
    }
}

/// Asks `question` as soon as there is a verified head, and again whenever it changes. `None` asks nothing.
pub(crate) fn read<T>(
    question: impl Fn() -> Option<(&'static str, Value)> + Send + Sync + 'static,
) -> Reading<T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    let app = use_app();
    let reading = Reading {
        value: RwSignal::new(Read::Waiting),
        round: RwSignal::new(0),
    };
    let question = Memo::new(move |_| question());
    let is_ready = Memo::new(move |_| app.is_ready());
    Effect::new(move |before: Option<Option<(&'static str, Value)>>| {
        let round = reading.round.get();
        let asked = if is_ready.get() { question.get() } else { None };
        if before.is_some_and(|before| before != asked) {
            reading.value.set(Read::Waiting);
        }
        if let Some((method, params)) = asked.clone() {
            spawn_local(ask(app, reading, question, round, method, params));
        }
        asked
    });
    reading
}

async fn ask<T>(
    app: App,
    reading: Reading<T>,
    question: Memo<Option<(&'static str, Value)>>,
    round: u32,
    method: &'static str,
    params: Value,
) where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    let answer = app.ask::<T>(method, params.clone()).await;
    // The page may be gone, or may ask something else by now.
    let is_current = reading.round.try_get_untracked() == Some(round)
        && question.try_get_untracked() == Some(Some((method, params)));
    if is_current {
        reading
            .value
            .set(answer.map_or_else(|error| Read::Failed(Box::new(error)), Read::Got));
    }
}

/// Draws a reading in each of its states.
#[component]
pub(crate) fn ReadView<T>(
    reading: Reading<T>,
    /// Stands where the answer will be, at its height.
    skeleton: fn() -> AnyView,
    /// Draws the answer.
    draw: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    let app = use_app();
    move || match reading.value.get() {
        Read::Got(answer) => draw(answer),
        Read::Failed(error) => {
            view! { <Trouble error=*error on_again=move || reading.again() /> }.into_any()
        }
        Read::Waiting => match app.health.get() {
            Health::Failed(reason) => {
                let error = crate::worker::failure(4900, reason);
                view! { <Trouble error on_again=move || reading.again() /> }.into_any()
            }
            _ if app.is_ready() => skeleton(),
            _ => view! { <Skeleton words="Waiting for the first verified block" lines=4 /> }
                .into_any(),
        },
    }
}
