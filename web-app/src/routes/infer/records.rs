//! The records of this device: how many, whose, replayed, saved, read back, forgotten.

use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};
use wasm_bindgen_futures::JsFuture;

use crate::decisions::{self, Records};
use crate::state::use_app;
use crate::ui::button::Button;
use crate::ui::hash::Hash;
use crate::ui::icon::Glyph;
use crate::ui::number::grouped;

/// Records that one press runs again.
const SAMPLE: u64 = 16;

/// The panel; `round` changes when there may be a new record.
#[component]
pub(super) fn RecordsPanel(#[prop(into)] round: Signal<u32>) -> impl IntoView {
    let app = use_app();
    let records = RwSignal::new(None::<Records>);
    let said = RwSignal::new(None::<(bool, String)>);
    let is_busy = RwSignal::new(false);
    let file = NodeRef::<Input>::new();
    let ask = move |action: Option<&'static str>, text: Option<String>| {
        is_busy.set(true);
        spawn_local(async move {
            let params = json!({ "action": action, "text": text, "sample": SAMPLE });
            let answer = decisions::records(app, params).await;
            if is_busy.try_set(false).is_some() {
                // The page is gone.
                return;
            }
            match answer {
                Ok(found) => {
                    if let Some(action) = action {
                        said.set(Some(say(action, &found.result)));
                    }
                    records.set(Some(found));
                }
                Err(error) => said.set(Some((false, error.message))),
            }
        });
    };
    Effect::new(move |_| {
        // A memo that is only tracked is never computed.
        round.get();
        ask(None, None);
    });
    let open = move || {
        let Some(input) = file.get_untracked() else {
            return;
        };
        let chosen = input.files().and_then(|files| files.get(0));
        input.set_value("");
        let Some(chosen) = chosen else { return };
        spawn_local(async move {
            match JsFuture::from(chosen.text()).await {
                Ok(text) => ask(Some("import"), text.as_string()),
                Err(_) => said.set(Some((false, "the file cannot be read".to_owned()))),
            }
        });
    };
    let is_blocked = Signal::derive(move || {
        is_busy.get() || records.with(|records| records.as_ref().is_none_or(|it| it.count == 0))
    });
    view! {
        <section class="panel stack-s panel-text" aria-labelledby="records-title">
            <h2 id="records-title">"Records of this device"</h2>
            <p class="quiet small">"Every run here is kept in this browser, signed by its key and chained to the one before. Replaying runs some of them again and compares every bit."</p>
            {move || {
                records
                    .get()
                    .map(|Records { count, signer, .. }| {
                        view! {
                            <p class="row small" data-testid="records-count" data-count=count.to_string()>
                                <span class="number">{grouped(&count.to_string())}</span>
                                {if count == 1 { "record, signed by" } else { "records, signed by" }}
                                <Hash value=signer what="device's address" />
                            </p>
                        }
                    })
            }}
            <div class="row">
                <Button label="Replay" glyph=Glyph::Again testid="records-replay" disabled=is_blocked on_click=move |_| ask(Some("replay"), None) />
                <Button label="Save" glyph=Glyph::Save testid="records-save" disabled=is_blocked on_click=move |_| ask(Some("export"), None) />
                <label class="link small file-link">
                    <input type="file" class="visually-hidden" accept=".jsonl,.txt" node_ref=file data-testid="records-file" on:change=move |_| open() />
                    "Read a file"
                </label>
                <Button label="Forget" testid="records-clear" disabled=is_blocked on_click=move |_| ask(Some("clear"), None) />
            </div>
            <p class="small" aria-live="polite" class:wrong=move || said.get().is_some_and(|(is_good, _)| !is_good) data-testid="records-said">
                {move || said.get().map(|(_, words)| words)}
            </p>
        </section>
    }
}

/// What came of an action, in words; whether it is good.
fn say(action: &str, result: &Value) -> (bool, String) {
    match action {
        "export" => {
            let text = result.as_str().unwrap_or_default();
            match crate::download::download("records.jsonl", text) {
                Ok(()) => (true, "Saved.".to_owned()),
                Err(reason) => (false, reason),
            }
        }
        "import" => (true, format!("{result} new records.")),
        "replay" => {
            let number = |name: &str| result.get(name).and_then(Value::as_u64).unwrap_or_default();
            let (equal, of) = (number("equal"), number("of"));
            match result.get("divergence").and_then(Value::as_object) {
                None => (true, format!("{equal} of {of} equal.")),
                Some(found) => {
                    let text =
                        |name: &str| found.get(name).map(Value::to_string).unwrap_or_default();
                    (
                        false,
                        format!(
                            "{equal} of {of} equal; record {} differs: {}",
                            text("sequence"),
                            text("message")
                        ),
                    )
                }
            }
        }
        _ => (true, "Forgotten.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_told_in_one_line() {
        let equal = json!({ "equal": 3, "of": 3, "divergence": null });
        assert_eq!(say("replay", &equal), (true, "3 of 3 equal.".to_owned()));
        let differs = json!({ "equal": 1, "of": 2, "divergence": { "sequence": 7, "message": "y: element 0" } });
        let (is_good, words) = say("replay", &differs);
        assert!(!is_good);
        assert_eq!(words, "1 of 2 equal; record 7 differs: \"y: element 0\"");
    }
}
