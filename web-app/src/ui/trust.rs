//! The trust chip: how a value was checked, as a gauge and a word, and the door to the drawer that shows the proof.
//!
//! ```text
//! unverified  signed  consistent  executed  proven
//!   ....       |...      ||..       |||.     ||||      the gauge's bars, each step includes the ones before it
//! ```

use leptos::prelude::*;
use sidelight_client::dto::{BlockEvent, Trust, TrustLevel};

use super::icon::{Glyph, Icon};
use crate::state::use_app;

/// What the trust drawer shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shown {
    /// A value that was read, its name, and what to ask for to save its proof.
    Value {
        /// "Balance".
        what: String,
        /// Its label.
        trust: Box<Trust>,
        /// Parameters of `sidelight_saveProof`, where there is a proof to save.
        save: Option<SaveProof>,
    },
    /// A block of the live list.
    Block(BlockEvent),
}

/// What a saved proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SaveProof {
    /// Address.
    pub(crate) address: String,
    /// Storage slots.
    pub(crate) slots: Vec<String>,
    /// The block that it was proven at.
    pub(crate) block: String,
}

/// How a level is named, and what its name claims and does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    /// The word of the design.
    pub(crate) word: &'static str,
    /// What was checked.
    pub(crate) says: &'static str,
    /// What was not.
    pub(crate) does_not_say: &'static str,
    bars: usize,
}

/// The words for a level.
pub(crate) const fn meaning(level: TrustLevel) -> Meaning {
    match level {
        TrustLevel::Unverified => Meaning {
            word: "unverified",
            says: "This is what a node said.",
            does_not_say: "Nothing about it was checked. It may be wrong or made up.",
            bars: 0,
        },
        TrustLevel::Signed => Meaning {
            word: "signed",
            says: "It is in a header that extends the chain and that the scheduled sequencer signed.",
            does_not_say: "This tab has not checked that the state named there follows from the block’s changes.",
            bars: 1,
        },
        TrustLevel::Consistent => Meaning {
            word: "consistent",
            says: "This tab hashed what it was sent up to the state root that the sequencer signed, and it fits.",
            does_not_say: "Consistent is not valid: whether the sequencer executed the block by the rules was not checked.",
            bars: 2,
        },
        TrustLevel::Executed => Meaning {
            word: "executed",
            says: "This tab executed the block again and got the same state root, receipts and gas.",
            does_not_say: "It is not a validity proof, and it does not say that the block is final.",
            bars: 3,
        },
        TrustLevel::Proven => Meaning {
            word: "proven",
            says: "A validity proof of the block was checked in this tab.",
            does_not_say: "It does not say that the block is final.",
            bars: 4,
        },
    }
}

/// The class of a level's colour; stale wins over every level.
pub(crate) const fn tone(level: TrustLevel, stale: bool) -> &'static str {
    match (stale, level) {
        (true, _) => "stale",
        (false, TrustLevel::Unverified) => "unverified",
        (false, TrustLevel::Signed) => "signed",
        (false, TrustLevel::Consistent | TrustLevel::Executed | TrustLevel::Proven) => "consistent",
    }
}

/// The gauge alone.
#[component]
pub(crate) fn Gauge(level: TrustLevel) -> impl IntoView {
    let lit = meaning(level).bars;
    let bars = (0..4_u8).map(|bar| {
        let height = 4 + 3 * bar;
        view! {
            <rect
                class:lit=usize::from(bar) < lit
                x=(1 + 4 * bar).to_string()
                y=(15 - height).to_string()
                width="2.5"
                height=height.to_string()
                rx="0.75"
            />
        }
    });
    view! {
        <svg class="gauge" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            {bars.collect_view()}
        </svg>
    }
}

/// The label of a value. Pressing it opens the trust drawer.
#[component]
pub(crate) fn TrustChip(shown: Shown) -> impl IntoView {
    let app = use_app();
    let (level, stale, what) = match &shown {
        Shown::Value { what, trust, .. } => (trust.level, trust.stale, what.clone()),
        Shown::Block(block) => (block.level, false, format!("Block {}", block.number)),
    };
    let word = meaning(level).word;
    let words = if stale {
        format!("{word}, stale")
    } else {
        word.to_owned()
    };
    let name = format!("{words}. {what}: show how this was checked");
    let open = move |_| {
        app.shown.set(Some(shown.clone()));
        app.drawer.set(true);
    };
    view! {
        <button
            type="button"
            class=format!("chip {}", tone(level, stale))
            aria-haspopup="dialog"
            aria-label=name
            data-testid="trust-chip"
            data-level=word
            on:click=open
        >
            {if stale { view! { <Icon glyph=Glyph::Clock /> }.into_any() } else { view! { <Gauge level /> }.into_any() }}
            <span>{words}</span>
        </button>
    }
}

/// A value and its label, never the one without the other.
#[component]
pub(crate) fn Labelled(
    /// The value's name in the drawer.
    #[prop(into)]
    what: String,
    trust: Trust,
    #[prop(optional_no_strip)] save: Option<SaveProof>,
    children: Children,
) -> impl IntoView {
    view! {
        <span class="labelled">
            <TrustChip shown=Shown::Value { what, trust: Box::new(trust), save } />
            <span class="labelled-value">{children()}</span>
        </span>
    }
}
