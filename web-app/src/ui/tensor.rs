//! Tensors for people: a picture of 8 x 8, the elements with their labels, and the one that differs.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::decisions::Numbers;

/// Ink of a full cell.
const FULL: f64 = 16.0;
/// Elements that a page shows.
const SHOWN: usize = 128;

/// 64 cells of 0 to 16 as a picture.
#[component]
pub(crate) fn Cells(#[prop(into)] values: Signal<Vec<f64>>) -> impl IntoView {
    let ink = move |at: usize| {
        let ink = values.with(|values| values.get(at).copied().unwrap_or_default());
        format!("{:.3}", (ink / FULL).clamp(0.0, 1.0))
    };
    let cells = (0..64).map(|at| {
        let (x, y) = (at % 8, at / 8);
        view! { <rect x=x.to_string() y=y.to_string() width="1" height="1" fill-opacity=move || ink(at) /> }
    });
    view! { <svg class="cells" viewBox="0 0 8 8" role="img" aria-label="The picture in 8 by 8 cells" data-testid="cells">{cells.collect_view()}</svg> }
}

/// What a model's output says, by the id of what is done after it.
#[component]
pub(crate) fn Outcome(output: Numbers, labels: Vec<String>, after: String) -> impl IntoView {
    let values: Vec<f64> = output
        .values
        .iter()
        .flatten()
        .map(|value| value.unwrap_or(f64::NAN))
        .collect();
    let (word, more) = read(&values, &labels, &after);
    view! {
        <div class="outcome-head">
            <p class="outcome-word" data-testid="outcome">{word}</p>
            <p class="quiet small">{more}</p>
        </div>
        <details class="more">
            <summary>{format!("The output: {} × {}", output.name, values.len())}</summary>
            <Elements tensor=output labels />
        </details>
    }
}

/// Every element with its label, as a list; `differs` is marked.
#[component]
pub(crate) fn Elements(
    tensor: Numbers,
    #[prop(optional)] labels: Vec<String>,
    #[prop(optional_no_strip)] differs: Option<usize>,
) -> impl IntoView {
    let values = tensor.values.unwrap_or_default();
    let count = values.len();
    let items = values.into_iter().enumerate().take(SHOWN.max(differs.map_or(0, |at| at + 1))).map(|(at, value)| {
        let label = labels.get(at).cloned().unwrap_or_else(|| at.to_string());
        let is_other = differs == Some(at);
        view! {
            <li class:conflict=is_other data-testid=is_other.then_some("differs") data-index=at.to_string()>
                <span class="quiet">{label}</span>
                <span class="number">{is_other.then(|| view! { <Icon glyph=Glyph::Conflict /> })}{show(value)}</span>
            </li>
        }
    });
    view! {
        <ol class="elements">{items.collect_view()}</ol>
        {(count > SHOWN).then(|| view! { <p class="quiet small panel-text">{format!("{} more in the file", count - SHOWN)}</p> })}
    }
}

/// A number as short as it can be told from its neighbours; `null` is not finite.
fn show(value: Option<f64>) -> String {
    match value {
        None => "not finite".to_owned(),
        // f32 as it is, not as the f64 that holds it.
        Some(value) => format!("{}", value as f32),
    }
}

/// The word of a result, and a sentence.
fn read(values: &[f64], labels: &[String], after: &str) -> (String, String) {
    let best = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_nan())
        .max_by(|a, b| a.1.total_cmp(b.1));
    match (after, best) {
        ("argmax/1", Some((at, _))) => {
            let label = labels.get(at).cloned().unwrap_or_else(|| at.to_string());
            (label, "the largest of the output's elements".to_owned())
        }
        ("probability/1", Some((at, value))) => {
            let label = labels.get(at).cloned().unwrap_or_default();
            (
                format!("{:.1} %", 100.0 * value),
                format!("probability of: {label}"),
            )
        }
        ("threshold-1/1", Some(_)) => {
            let over = values.iter().filter(|value| **value > 1.0).count();
            (
                format!("{over} of {}", values.len()),
                "elements above 1 are unusual".to_owned(),
            )
        }
        (_, Some(_)) => (
            format!("{} numbers", values.len()),
            "this model has no reading of its own".to_owned(),
        ),
        (_, None) => ("nothing".to_owned(), "the output has no numbers".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_by_what_the_manifest_says() {
        let labels: Vec<String> = ["a", "b"].map(String::from).into();
        assert_eq!(read(&[1.0, 2.0], &labels, "argmax/1").0, "b");
        assert_eq!(read(&[f64::NAN, -2.0], &labels, "argmax/1").0, "b");
        assert_eq!(read(&[0.25], &labels, "probability/1").0, "25.0 %");
        assert_eq!(read(&[0.25, 1.5], &labels, "threshold-1/1").0, "1 of 2");
        assert_eq!(read(&[], &labels, "argmax/1").0, "nothing");
        assert_eq!(show(Some(f64::from(0.1_f32))), "0.1");
    }
}
