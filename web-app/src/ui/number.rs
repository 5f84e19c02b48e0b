//! Whole numbers and amounts in the reader's own notation.

use alloy_primitives::U256;
use js_sys::{Array, BigInt, Function, Intl, Object};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::format::{Unit, amount};
use crate::state::use_app;

thread_local! {
    /// The locale's formatter. Making one takes as long as a thousand uses.
    static FORMAT: Function = Intl::NumberFormat::new(&Array::new(), &Object::new()).format();
}

/// A number as the reader's locale writes it.
fn format(number: &JsValue) -> Option<String> {
    let text = FORMAT.with(|format| format.call1(&JsValue::UNDEFINED, number));
    text.ok()?.as_string()
}

/// Decimal digits, grouped as the reader's locale does it. Exact at any length.
pub(crate) fn grouped(digits: &str) -> String {
    BigInt::new(&digits.into())
        .ok()
        .and_then(|number| format(&number))
        .unwrap_or_else(|| digits.to_owned())
}

/// The locale's decimal separator.
fn separator() -> String {
    format(&1.5.into())
        .and_then(|text| text.chars().nth(1))
        .unwrap_or('.')
        .to_string()
}

/// An amount of wei in the chosen unit, exact to the last digit.
#[component]
pub(crate) fn Amount(
    wei: U256,
    /// A unit of its own, such as gwei for gas prices.
    #[prop(optional)]
    always: Option<Unit>,
) -> impl IntoView {
    let chosen = use_app().unit;
    let unit = Signal::derive(move || always.unwrap_or_else(|| chosen.get()));
    let text = move || {
        let parts = amount(wei, unit.get());
        let integer = grouped(&parts.integer);
        match parts.fraction.as_str() {
            "" => integer,
            fraction => format!("{integer}{}{fraction}", separator()),
        }
    };
    view! {
        <span class="amount number">{text} " " <span class="amount-unit">{move || unit.get().name()}</span></span>
    }
}

/// Chooses the unit of every amount.
#[component]
pub(crate) fn UnitToggle() -> impl IntoView {
    let unit = use_app().unit;
    view! {
        <fieldset class="segments">
            <legend class="visually-hidden">"Unit of amounts"</legend>
            {Unit::ALL
                .map(|choice| {
                    view! {
                        <label class="segment">
                            <input
                                type="radio"
                                name="unit"
                                value=choice.name()
                                prop:checked=move || unit.get() == choice
                                on:change=move |_| unit.set(choice)
                            />
                            <span>{choice.name()}</span>
                        </label>
                    }
                })
                .collect_view()}
        </fieldset>
    }
}
