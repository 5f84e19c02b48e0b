//! `/models`: the models that run on this device, as their makers describe them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;

use crate::decisions::{self, Manifest, Port};
use crate::reads::Read;
use crate::state::use_app;
use crate::ui::empty::Trouble;
use crate::ui::facts::{Fact, Facts};
use crate::ui::hash::{Hash, Show as Shorten};
use crate::ui::number::grouped;
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;

/// The page.
#[component]
pub(crate) fn ModelsPage() -> impl IntoView {
    let app = use_app();
    let models = RwSignal::new(Read::Waiting);
    let load = move || {
        models.set(Read::Waiting);
        spawn_local(async move {
            let answer = decisions::models(app).await;
            models.set(answer.map_or_else(|error| Read::Failed(Box::new(error)), Read::Got));
        });
    };
    load();
    view! {
        <Page title="Models">
            <p class="row"><A href="/infer">"Run a model"</A> <A href="/decision">"Verify a decision"</A></p>
            <p class="quiet lead">
                "These run on this device, in an engine that is known by its bytes: the same input gives the same bits in every browser and on every server. A file is used only if it has the hash below."
            </p>
            {move || match models.get() {
                Read::Waiting => view! { <div class="panel"><Skeleton words="Loading the manifests" lines=6 /></div> }.into_any(),
                Read::Failed(error) => view! { <Trouble error=*error on_again=load /> }.into_any(),
                Read::Got(models) => {
                    view! {
                        <div class="models">
                            {models.into_iter().map(|model| view! { <ModelCard model /> }).collect_view()}
                        </div>
                    }
                    .into_any()
                }
            }}
        </Page>
    }
}

#[component]
fn ModelCard(model: Manifest) -> impl IntoView {
    let metrics: Vec<String> = model
        .metrics
        .iter()
        .map(|(name, value)| format!("{} {}", words(name), metric(*value)))
        .collect();
    let run = format!("/infer?model={}", model.id);
    let (id, test_id) = (model.id.clone(), model.id);
    view! {
        <section class="panel" data-testid="model" data-id=test_id>
            <header class="panel-head">
                <h2>{model.title}</h2>
                <A href=run>"Run it"</A>
            </header>
            <Facts>
                <Fact name="Id"><span class="mono">{id}</span></Fact>
                <Fact name="SHA-256"><Hash value=format!("0x{}", model.sha256) show=Shorten::Whole what="model's hash" /></Fact>
                <Fact name="Size"><span class="number">{grouped(&model.bytes.to_string())}</span>" bytes"</Fact>
                <Fact name="Work"><span class="number">{grouped(&model.macs.to_string())}</span>" multiply-accumulates"</Fact>
                <Fact name="Measured">{metrics.join(", ")}</Fact>
                <Fact name="Licence">{model.licence}</Fact>
            </Facts>
            <details class="more">
                <summary>"Everything else in the manifest"</summary>
                <Facts>
                    <Fact name="Inputs"><Ports ports=model.inputs /></Fact>
                    <Fact name="Outputs"><Ports ports=model.outputs /></Fact>
                    <Fact name="Parameters"><span class="number">{grouped(&model.parameters.to_string())}</span></Fact>
                    <Fact name="Memory"><span class="number">{grouped(&model.peak_bytes.to_string())}</span>" bytes at most"</Fact>
                    <Fact name="Operators">{model.operators.join(", ")}" "<span class="quiet">{format!("opset {}", model.opset)}</span></Fact>
                    <Fact name="Before">{model.preprocess}</Fact>
                    <Fact name="After">{model.postprocess}</Fact>
                    <Fact name="Data">{model.data}</Fact>
                </Facts>
            </details>
        </section>
    }
}

#[component]
fn Ports(ports: Vec<Port>) -> impl IntoView {
    ports
        .into_iter()
        .map(|port| view! { <span class="mono">{format!("{} {} {}", port.name, port.dtype, shape(&port.shape))}</span> })
        .collect_view()
}

/// `1 × 64`; a free size is a question mark.
fn shape(sizes: &[i64]) -> String {
    let size = |size: &i64| match size {
        ..0 => "?".to_owned(),
        size => size.to_string(),
    };
    sizes.iter().map(size).collect::<Vec<_>>().join(" × ")
}

/// `testAccuracy` to `test accuracy`.
fn words(name: &str) -> String {
    name.chars()
        .flat_map(|letter| {
            let space = letter.is_ascii_uppercase().then_some(' ');
            space.into_iter().chain(letter.to_lowercase())
        })
        .collect()
}

/// Whole numbers as they are, others with four digits.
fn metric(value: f64) -> String {
    if value.fract() == 0.0 {
        grouped(&format!("{value:.0}"))
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_metrics_are_words() {
        assert_eq!(words("testAccuracy"), "test accuracy");
        assert_eq!(metric(0.98056), "0.9806");
        assert_eq!(shape(&[-1, 64]), "? × 64");
    }
}
