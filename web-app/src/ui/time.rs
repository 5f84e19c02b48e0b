//! Times: relative to look at, absolute to point at.

use js_sys::Date;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::format::relative;
use crate::state::use_app;

/// A moment, in milliseconds since 1970, as "12 s ago" that keeps counting.
#[component]
pub(crate) fn Ago(#[prop(into)] at_ms: Signal<f64>) -> impl IntoView {
    let clock = use_app().now_ms;
    let date = move || Date::new(&JsValue::from_f64(at_ms.get()));
    let iso = move || date().to_iso_string().as_string().unwrap_or_default();
    let absolute = move || String::from(date().to_locale_string("default", &JsValue::UNDEFINED));
    view! {
        <time class="number nowrap" datetime=iso title=absolute>
            {move || relative(clock.get(), at_ms.get())}
        </time>
    }
}
