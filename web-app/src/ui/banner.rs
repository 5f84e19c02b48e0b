//! A message across the page about the state of everything on it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// How grave a banner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// What is shown may be old.
    Stale,
    /// What is shown contradicts something.
    Conflict,
    /// Nothing new can come.
    Offline,
}

impl Tone {
    const fn look(self) -> (&'static str, Glyph) {
        match self {
            Self::Stale => ("banner stale", Glyph::Clock),
            Self::Conflict => ("banner conflict", Glyph::Conflict),
            Self::Offline => ("banner offline", Glyph::Offline),
        }
    }
}

/// The banner.
#[component]
pub(crate) fn Banner(tone: Tone, #[prop(into)] title: String, children: Children) -> impl IntoView {
    let (class, glyph) = tone.look();
    view! {
        <div class=class role="status" data-testid="banner">
            <Icon glyph />
            <p><strong>{title}</strong> " " {children()}</p>
        </div>
    }
}
