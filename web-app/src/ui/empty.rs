//! What stands where there is nothing to show, and why.

use leptos::prelude::*;
use sidelight_client::dto::ErrorView;

use super::button::Button;
use super::fault::FaultReport;
use super::icon::Glyph;
use crate::health::SeenFault;
use crate::state::fault_of;

/// An empty place that explains itself.
#[component]
pub(crate) fn Empty(
    #[prop(into)] title: String,
    /// Why, and what can be done.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children.map(|children| view! { <div class="quiet">{children()}</div> })}
        </div>
    }
}

/// A question that got no answer: a lie that was caught, or an ordinary failure, which never look alike.
#[component]
pub(crate) fn Trouble(error: ErrorView, on_again: impl Fn() + Copy + 'static) -> impl IntoView {
    let again =
        view! { <Button label="Ask again" glyph=Glyph::Again on_click=move |_| on_again() /> };
    if let Some(fault) = fault_of(&error) {
        return view! {
            <div class="refused-value">
                <p class="refused-words">"Refused. What the node answered is not part of the signed state, so it is not shown."</p>
                <FaultReport seen=SeenFault { fault, times: 1 } />
                {again}
            </div>
        }
        .into_any();
    }
    let title = match error.code {
        -32001 => "Not found",
        -32602 => "This cannot be asked",
        4200 => "Not supported",
        4900 => "No node answers",
        _ => "No answer",
    };
    let reason = match error.code {
        -32001 => {
            "No node that was asked has it. Whether it does not exist or is kept back cannot be told."
                .to_owned()
        }
        _ => error.message,
    };
    view! {
        <div class="empty" role="status">
            <p class="empty-title">{title}</p>
            <p class="quiet">{reason}</p>
            {again}
        </div>
    }
    .into_any()
}
