//! The explorer's icons: twelve line drawings on a 16-unit grid, drawn in the colour of the text beside them.

use leptos::prelude::*;

/// An icon by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// A clock: something is old.
    Clock,
    /// A broken outline: two statements that do not fit.
    Conflict,
    /// Two sheets.
    Copy,
    /// A tick.
    Done,
    /// A cross.
    Close,
    /// A lens.
    Search,
    /// An arrow onto a line.
    Save,
    /// A turning arrow.
    Again,
    /// Half a disc: the theme.
    Theme,
    /// A mask: the lying node.
    Mask,
    /// A cable pulled out.
    Offline,
    /// An arrow to the right.
    Next,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Clock => "M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M8 4.9V8l2.2 1.6",
            Self::Conflict => "M8 2.2L13.8 8L8 13.8L2.2 8ZM8 5.4v3.2M8 10.6v.2",
            Self::Copy => "M5.75 5.75h7.5v7.5h-7.5ZM10.25 5.75v-3h-7.5v7.5h3",
            Self::Done => "M3 8.5l3.3 3.3L13 4.8",
            Self::Close => "M3.75 3.75l8.5 8.5M12.25 3.75l-8.5 8.5",
            Self::Search => "M7 2.75a4.25 4.25 0 1 0 0 8.5a4.25 4.25 0 1 0 0-8.5M10.1 10.1l3.4 3.4",
            Self::Save => "M8 2.5v7.2M4.9 6.8L8 9.9l3.1-3.1M2.75 13.25h10.5",
            Self::Again => "M13.2 8.3a5.25 5.25 0 1 1-1.5-4M13.3 2.2v2.9h-2.9",
            Self::Theme => {
                "M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M8 2.25v11.5M8 5h4.7M8 8h5.7M8 11h4.7"
            }
            Self::Mask => {
                "M2.5 4.5c2 .8 3.8.8 5.5 0c1.7.8 3.5.8 5.5 0c.3 4.6-1.6 8-5.5 9c-3.9-1-5.8-4.4-5.5-9ZM4.9 7.3h1.8M9.3 7.3h1.8"
            }
            Self::Offline => {
                "M2.5 13.5L13.5 2.5M4.3 6.2L3 7.5a3.9 3.9 0 0 0 .3 5.2M11.7 9.8L13 8.5a3.9 3.9 0 0 0-.3-5.2a3.9 3.9 0 0 0-5.2-.3L6.2 4.3M5.6 13.4a3.9 3.9 0 0 0 2.9-.4l1.3-1.3"
            }
            Self::Next => "M3 8h9.5M8.7 4.2L12.5 8l-3.8 3.8",
        }
    }
}

/// One icon. Decoration only: the words beside it carry the meaning.
#[component]
pub(crate) fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d=glyph.path() />
        </svg>
    }
}

/// The mark: a lamp seen from the side.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <circle class="mark-ring" cx="16" cy="16" r="12.5" />
            <path class="mark-light" d="M16 3.5a12.5 12.5 0 0 1 0 25c4-3.4 6-7.6 6-12.5s-2-9.1-6-12.5z" />
        </svg>
    }
}
