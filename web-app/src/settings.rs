//! What this browser remembers for the reader: nodes, mode, unit, theme. Never chain data.

use leptos::prelude::window;
use serde_json::Value;
use sidelight_client::dto::Mode;
use web_sys::{Storage, UrlSearchParams};

use crate::format::Unit;
use crate::health::SeenFault;

const NODES: &str = "sidelight.nodes";
const MODE: &str = "sidelight.mode";
const UNIT: &str = "sidelight.unit";
const THEME: &str = "sidelight.theme";
const FAULTS: &str = "sidelight.faults";
const DEV_OPEN: &str = "sidelight.dev";

/// A colour scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every theme, in the order in which they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its name, as it is shown and stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The nodes to ask: those of `?node=`, which then hold for this tab; else those of the settings; else whoever served the page.
pub(crate) fn nodes() -> Vec<String> {
    let from_address = query()
        .map(|query| strings(&query.get_all("node")))
        .unwrap_or_default();
    if !from_address.is_empty() {
        write(session(), NODES, &from_address.join("\n"));
        return from_address;
    }
    let stored = read(session(), NODES).or_else(|| read(local(), NODES));
    let stored: Vec<String> = stored
        .iter()
        .flat_map(|text| text.lines())
        .map(str::to_owned)
        .collect();
    if stored.is_empty() {
        window().location().origin().into_iter().collect()
    } else {
        stored
    }
}

/// Remembers nodes, one a line; none for whoever serves the page.
pub(crate) fn keep_nodes(lines: &str) {
    let nodes: Vec<_> = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    remove(session(), NODES);
    if nodes.is_empty() {
        remove(local(), NODES)
    } else {
        write(local(), NODES, &nodes.join("\n"))
    }
}

/// What to check of every block. The explorer shows blocks, so it checks all of each unless told otherwise.
pub(crate) fn mode() -> Mode {
    let word = query()
        .and_then(|query| query.get("mode"))
        .or_else(|| read(local(), MODE));
    word.and_then(|word| serde_json::from_value(Value::String(word)).ok())
        .unwrap_or(Mode::Consistent)
}

/// Remembers the mode by its name.
pub(crate) fn keep_mode(name: &str) {
    write(local(), MODE, name);
}

/// The unit of amounts.
pub(crate) fn unit() -> Unit {
    read(local(), UNIT)
        .and_then(|name| Unit::parse(&name))
        .unwrap_or_default()
}

/// Remembers the unit of amounts.
pub(crate) fn keep_unit(unit: Unit) {
    write(local(), UNIT, unit.name());
}

/// The chosen theme. `theme.js` reads the same key before the first paint.
pub(crate) fn theme() -> Theme {
    let name = read(local(), THEME);
    Theme::ALL
        .into_iter()
        .find(|theme| Some(theme.name()) == name.as_deref())
        .unwrap_or(Theme::System)
}

/// Remembers the theme and puts it on the page.
pub(crate) fn keep_theme(theme: Theme) {
    write(local(), THEME, theme.name());
    let Some(root) = leptos::prelude::document().document_element() else {
        return;
    };
    // Setting an attribute on the root element cannot fail.
    let _ = match theme {
        Theme::System => root.remove_attribute("data-theme"),
        Theme::Light | Theme::Dark => root.set_attribute("data-theme", theme.name()),
    };
}

/// Reports of this tab: a reload does not make a lie undone.
pub(crate) fn kept_faults() -> Vec<SeenFault> {
    read(session(), FAULTS)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Remembers the reports of this tab.
pub(crate) fn keep_faults(faults: &[SeenFault]) {
    if let Ok(text) = serde_json::to_string(faults) {
        write(session(), FAULTS, &text);
    }
}

/// Whether the panel of the lying node stands open: as the reader left it, else where there is room beside the page.
pub(crate) fn is_dev_open() -> bool {
    let width = window()
        .inner_width()
        .ok()
        .and_then(|width| width.as_f64())
        .unwrap_or_default();
    read(local(), DEV_OPEN).map_or(width >= 1024.0, |word| word == "open")
}

/// Remembers whether the panel of the lying node stands open.
pub(crate) fn keep_dev_open(open: bool) {
    write(local(), DEV_OPEN, if open { "open" } else { "closed" });
}

fn query() -> Option<UrlSearchParams> {
    UrlSearchParams::new_with_str(&window().location().search().ok()?).ok()
}

fn strings(array: &js_sys::Array) -> Vec<String> {
    array.iter().filter_map(|value| value.as_string()).collect()
}

// Storage can be switched off. Then nothing is remembered, and nothing else changes.

fn local() -> Option<Storage> {
    window().local_storage().ok()?
}

fn session() -> Option<Storage> {
    window().session_storage().ok()?
}

fn read(storage: Option<Storage>, key: &str) -> Option<String> {
    storage?.get_item(key).ok()?
}

fn write(storage: Option<Storage>, key: &str, value: &str) {
    if let Some(storage) = storage {
        let _ = storage.set_item(key, value);
    }
}

fn remove(storage: Option<Storage>, key: &str) {
    if let Some(storage) = storage {
        let _ = storage.remove_item(key);
    }
}
