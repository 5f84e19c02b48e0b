//! Where a digit is drawn, and what the model sees of it.

use leptos::prelude::*;
use leptos::svg::Svg;
use web_sys::{DomRect, PointerEvent};

use crate::digit::Stroke;
use crate::ui::tensor::Cells;

/// The box, and the picture of 8 by 8 cells beside it.
#[component]
pub(super) fn Pad(
    strokes: RwSignal<Vec<Stroke>>,
    #[prop(into)] cells: Signal<Vec<f64>>,
) -> impl IntoView {
    let place = NodeRef::<Svg>::new();
    // The box as it was when the pen came down: a page that moves under the pen must not bend the stroke.
    let frame = StoredValue::new_local(None::<DomRect>);
    let point = move |event: &PointerEvent| {
        let along = |at: i32, from: f64, size: f64| 100.0 * (f64::from(at) - from) / size.max(1.0);
        frame.with_value(|frame| {
            let frame = frame.as_ref()?;
            Some((
                along(event.client_x(), frame.left(), frame.width()),
                along(event.client_y(), frame.top(), frame.height()),
            ))
        })
    };
    let down = move |event: PointerEvent| {
        event.prevent_default();
        let Some(place) = place.get_untracked() else {
            return;
        };
        // A pen that leaves the box goes on drawing; without capture it only stops there.
        let _ = place.set_pointer_capture(event.pointer_id());
        frame.set_value(Some(place.get_bounding_client_rect()));
        if let Some(point) = point(&event) {
            strokes.update(|strokes| strokes.push(vec![point]));
        }
    };
    let drag = move |event: PointerEvent| {
        if let Some(point) = point(&event) {
            strokes.update(|strokes| {
                if let Some(stroke) = strokes.last_mut() {
                    stroke.push(point);
                }
            });
        }
    };
    let up = move |_| frame.set_value(None);
    let path = move || {
        strokes.with(|strokes| {
            strokes
                .iter()
                .map(|stroke| outline(stroke))
                .collect::<String>()
        })
    };
    view! {
        <div class="pad">
            <svg
                node_ref=place
                class="pad-draw"
                viewBox="0 0 100 100"
                role="img"
                aria-label="Draw a digit here with a finger, a pen or the mouse. The row of numbers below does the same from the keyboard."
                data-testid="infer-pad"
                on:pointerdown=down
                on:pointermove=drag
                on:pointerup=up
                on:pointercancel=up
            >
                <path d=path />
            </svg>
            <figure class="pad-seen">
                <Cells values=cells />
                <figcaption class="small quiet">"What the model sees"</figcaption>
            </figure>
        </div>
    }
}

/// A stroke as the path of an SVG. A dot is a line of no length.
fn outline(stroke: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (at, (x, y)) in stroke.iter().enumerate() {
        let letter = if at == 0 { 'M' } else { 'L' };
        path.push_str(&format!("{letter}{x:.1} {y:.1}"));
    }
    if let [(x, y)] = stroke {
        path.push_str(&format!("L{x:.1} {y:.1}"));
    }
    path
}
