//! What a run gave, where it ran and why there, and the decision that is made of it.

use leptos::prelude::*;
use leptos_router::components::A;
use sidelight_client::dto::TrustLevel;

use super::State;
use crate::decisions::{Committed, Gate, Manifest, Numbers, Run};
use crate::ui::button::Button;
use crate::ui::empty::Trouble;
use crate::ui::facts::{Fact, Facts};
use crate::ui::hash::{Hash, Show as Shorten};
use crate::ui::icon::{Glyph, Icon};
use crate::ui::skeleton::Skeleton;
use crate::ui::tensor::Outcome;
use crate::ui::trust::Gauge;

#[component]
pub(super) fn Nothing() -> impl IntoView {
    view! {
        <div class="panel panel-text stack-s quiet">
            <h2>"What happens"</h2>
            <p>"The engine and the model are loaded once, checked by their hashes, and run in a worker of this tab. What you draw or paste stays here."</p>
            <p>"Committing signs the result with a key that this browser made, and anchors it on the chain. Whoever has the link can then check who signed what and when, and run it again."</p>
        </div>
    }
}

#[component]
pub(super) fn Ran(run: Run, model: Memo<Option<Manifest>>) -> impl IntoView {
    let Run {
        place,
        runtime,
        load_ms,
        run_ms,
        from,
        outputs,
        decision,
        recorded,
        ..
    } = run;
    let (labels, after) = model
        .get_untracked()
        .map(|model| (model.labels, model.postprocess))
        .unwrap_or_default();
    let output: Option<Numbers> = outputs.into_iter().next();
    let is_here = decision.is_none();
    let loaded = match (load_ms, from.as_str()) {
        (0.0, _) => "was loaded already".to_owned(),
        (ms, "cache") => format!("{ms:.0} ms, the file from this browser's store"),
        (ms, _) => format!("{ms:.0} ms"),
    };
    let class = match runtime.det_class {
        0 => "D0: the same bits on every device".to_owned(),
        1 => "D1: the same bits on one kind of device".to_owned(),
        class => format!("D{class}: equal within a tolerance"),
    };
    let took = if is_here {
        format!("{run_ms:.2} ms")
    } else {
        format!("{run_ms:.2} ms, by the node's clock")
    };
    view! {
        <section class="panel" data-testid="infer-result" data-place=place.place.clone()>
            {(!is_here)
                .then(|| {
                    view! {
                        <p class="claim panel-text small" data-testid="node-word">
                            <Gauge level=TrustLevel::Unverified />
                            <span><strong>"The node's word."</strong>" It has signed this; nothing here has repeated it yet."</span>
                        </p>
                    }
                })}
            {output.map(|output| view! { <Outcome output labels after /> })}
            <Facts>
                <Fact name="Ran on">{place.node.unwrap_or_else(|| "this device".to_owned())}</Fact>
                <Fact name="Why">{place.reason}<Gates gates=place.gates /></Fact>
                <Fact name="Took"><span class="number">{took}</span></Fact>
                {is_here.then(|| view! { <Fact name="Loading">{loaded}</Fact> })}
                <Fact name="Class">{class}</Fact>
                <Fact name="Engine">{runtime.engine}" "<Hash value=runtime.engine_sha256 what="engine's hash" /></Fact>
                {recorded
                    .map(|kept| {
                        let words = match (kept.sequence, kept.error) {
                            (Some(sequence), _) => format!("number {sequence}, in this browser"),
                            (None, error) => format!("none: {}", error.unwrap_or_default()),
                        };
                        view! { <Fact name="Record">{words}</Fact> }
                    })}
                {decision.map(|hash| view! { <Fact name="Decision"><Hash value=hash what="decision's hash" /></Fact> })}
            </Facts>
        </section>
    }
}

/// What the router asked, in its order.
#[component]
fn Gates(gates: Vec<Gate>) -> impl IntoView {
    let items = gates.into_iter().map(|Gate { name, passes, text }| {
        let glyph = if passes { Glyph::Done } else { Glyph::Next };
        view! { <li class="row small quiet" data-gate=name><Icon glyph />{text}</li> }
    });
    view! { <ul class="gates" aria-label="What was asked before">{items.collect_view()}</ul> }
}

#[component]
pub(super) fn Commit(
    committed: RwSignal<State<Committed>>,
    /// A node has signed it already.
    is_signed: bool,
    on_commit: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let (label, waiting) = if is_signed {
        (
            "Check its anchor and publish",
            "Waiting for the node's anchor, and checking it",
        )
    } else {
        (
            "Commit on the chain",
            "Signing, anchoring, and waiting for the verified receipt",
        )
    };
    view! {
        <section class="panel stack-s panel-text">
            {move || match committed.get() {
                State::None => {
                    view! {
                        <p class="quiet">
                            {is_signed.then_some("The node anchors what it has signed within a block or two. ")}
                            "The file of the decision opens input and output to whoever gets its link; the chain itself gets salted hashes only."
                        </p>
                        <div><Button label=label glyph=Glyph::Next testid="commit" on_click=move |_| on_commit() /></div>
                    }
                    .into_any()
                }
                State::Waiting => view! { <Skeleton words=waiting lines=3 /> }.into_any(),
                State::Failed(error) => view! { <Trouble error=*error on_again=on_commit /> }.into_any(),
                State::Got(done) => view! { <Done done /> }.into_any(),
            }}
        </section>
    }
}

#[component]
fn Done(done: Committed) -> impl IntoView {
    let Committed {
        hash,
        transaction,
        block,
        stored,
        text,
    } = done;
    let name = format!("decision-{}.json", hash.get(2..10).unwrap_or_default());
    let save = move |_| {
        if let Err(reason) = crate::download::download(&name, &text) {
            leptos::logging::warn!("{reason}");
        }
    };
    view! {
        <h2>"Committed"</h2>
        <p data-testid="committed"><A href=format!("/decision/{hash}")>"Open the decision"</A></p>
        <p class="small"><Hash value=hash show=Shorten::Whole what="decision's hash" /></p>
        <p class="row small"><span class="quiet">"Block"</span> <A href=format!("/block/{block}")>{block}</A> {transaction.map(|hash| view! { <span class="quiet">"Transaction"</span> <Hash value=hash.clone() href=format!("/tx/{hash}") /> })}</p>
        {stored.error.map(|reason| view! { <p class="wrong small">{format!("No node keeps the file, so save it: {reason}")}</p> })}
        <div><Button label="Save the file" glyph=Glyph::Save testid="decision-save" on_click=save /></div>
    }
}
