//! ONNX Runtime beside the pinned engine: each result is as close as its class says, and no class says more than holds.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::sync::LazyLock;

use common::{CASES, inputs, model, session};
use sidelight_edge::{
    Backend, BackendError, Model, Options,
    onnxruntime::{OnnxRuntime, find},
};
use sidelight_edge_core::{
    class::{DetClass, check_runtime},
    tensor::{DType, Tensor, Tolerance, compare},
};

static RUNTIME: LazyLock<OnnxRuntime> = LazyLock::new(|| {
    let library = find(None).expect("ONNX Runtime is needed: cargo xtask setup test");
    OnnxRuntime::open(&library).unwrap()
});

/// What a quantised value that is one step off does to a logit at most.
const ONE_STEP: Tolerance = Tolerance {
    absolute_e9: 100_000_000,
    relative_e9: 0,
};

#[test]
fn every_model_agrees_with_the_pinned_engine_within_its_class() {
    for case in &CASES {
        let model = model(case.name);
        let (class, tolerance) =
            check_runtime(&RUNTIME.runtime_for(&model, &Options::default())).unwrap();
        let is_int8 = case.name.ends_with("int8");
        let expected = if is_int8 { DetClass::D1 } else { DetClass::D2 };
        assert_eq!(class, expected, "{}", case.name);
        // Class D1 is exact among builds of ONNX Runtime only: where a value lies between two steps, it rounds a quotient and the pinned engine a product.
        let tolerance = if is_int8 { ONE_STEP } else { tolerance };
        let mut theirs = RUNTIME.load(&model, &Options::default()).unwrap();
        let mut ours = session(case.name, true);
        let mut exact = 0;
        let rows = inputs(case);
        for (at, row) in rows.iter().enumerate() {
            let row = std::slice::from_ref(row);
            let (a, b) = (ours.run(row).unwrap(), theirs.run(row).unwrap());
            if let Some(difference) = compare(&a, &b, tolerance) {
                panic!("{}, row {at}: {difference}", case.name);
            }
            exact += usize::from(compare(&a, &b, Tolerance::EXACT).is_none());
        }
        println!("{}: {exact} of {} bit for bit", case.name, rows.len());
        assert!(
            !is_int8 || exact * 1000 >= rows.len() * 995,
            "{}",
            case.name
        );
    }
}

#[test]
fn fusing_operators_does_not_change_a_quantised_model() {
    for case in CASES.iter().filter(|case| case.name.ends_with("int8")) {
        let model = model(case.name);
        let plain = Options {
            optimise: false,
            ..Options::default()
        };
        let mut plain = RUNTIME.load(&model, &plain).unwrap();
        let mut fused = RUNTIME.load(&model, &Options::default()).unwrap();
        for row in inputs(case).iter().take(200) {
            let row = std::slice::from_ref(row);
            assert_eq!(plain.run(row).unwrap(), fused.run(row).unwrap());
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_the_session_lives_on() {
    let case = &CASES[0];
    let mut session = RUNTIME
        .load(&model(case.name), &Options::default())
        .unwrap();
    let good = inputs(case).remove(0);
    let renamed = Tensor::new("x", good.dtype(), good.shape(), good.bytes().to_vec()).unwrap();
    let short = Tensor::new(good.name(), DType::U8, [1, 3], vec![0; 3]).unwrap();
    let wide = Tensor::f32(good.name(), &[1, 64], &[0.0; 64]).unwrap();
    for wrong in [
        vec![],
        vec![renamed],
        vec![short],
        vec![wide],
        vec![good.clone(), good.clone()],
    ] {
        assert!(matches!(session.run(&wrong), Err(BackendError::Input(_))));
    }
    assert!(session.run(std::slice::from_ref(&good)).is_ok());
    assert!(matches!(
        session.trace(&[good]),
        Err(BackendError::Unsupported(_))
    ));
}

#[test]
fn what_is_no_model_is_refused() {
    let whole = model(CASES[0].name);
    let half = Model::new(whole.file()[..whole.file().len() / 2].to_vec()).unwrap();
    for file in [Model::new(b"not a model".to_vec()).unwrap(), half] {
        assert!(RUNTIME.load(&file, &Options::default()).is_err());
    }
}
