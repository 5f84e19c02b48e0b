//! The pinned engine in wasmtime: what it answers, and how it refuses.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::fs;

use common::{CASES, engine, folder, inputs, model, session};
use sidelight_edge::{Backend, BackendError, Model, Options, RunLimits};
use sidelight_edge_core::{
    class::{DetClass, check_runtime},
    commit::hash_tensor,
    tensor::{DType, Tensor},
};

#[test]
fn the_digits_are_read_as_well_as_the_manifests_say() {
    let labels = fs::read(folder().join("data/digits-labels.u8")).unwrap();
    for (case, bar) in CASES.iter().zip([0.97, 0.97, 0.98, 0.98]) {
        let mut session = session(case.name, true);
        let rows = inputs(case);
        let right = rows.iter().zip(&labels).filter(|&(row, &label)| {
            let logits = session.run(std::slice::from_ref(row)).unwrap()[0]
                .to_f32()
                .unwrap();
            let best = (0..logits.len())
                .max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
                .unwrap();
            best == usize::from(label)
        });
        let share = right.count() as f64 / rows.len() as f64;
        assert!(share >= bar, "{}: {share}", case.name);
    }
}

#[test]
fn a_trace_commits_to_every_value_and_ends_in_the_output() {
    for case in &CASES {
        let row = &inputs(case)[..1];
        let mut session = session(case.name, false);
        let output = session.run(row).unwrap();
        let trace = session.trace(row).unwrap();
        assert!(trace.len() >= 4, "{}", case.name);
        let last = trace.last().unwrap();
        assert_eq!(last.name, output[0].name());
        assert_eq!(
            alloy_sol_types::SolStruct::eip712_hash_struct(last),
            hash_tensor(&output[0])
        );
    }
}

#[test]
fn a_trace_of_fused_operators_is_refused() {
    let mut session = session("digits-mlp-f32", true);
    assert!(
        matches!(session.trace(&inputs(&CASES[0])[..1]), Err(BackendError::Unsupported(text)) if text.contains("optimisation"))
    );
}

#[test]
fn names_types_and_shapes_of_inputs_are_checked_and_the_session_lives_on() {
    let mut session = session("digits-mlp-f32", true);
    let wrong = [
        vec![],
        vec![Tensor::new("picture", DType::U8, [1, 64], vec![0; 64]).unwrap()],
        vec![Tensor::new("image", DType::I8, [1, 64], vec![0; 64]).unwrap()],
        vec![Tensor::new("image", DType::U8, [1, 63], vec![0; 63]).unwrap()],
        vec![Tensor::new("image", DType::U8, [64], vec![0; 64]).unwrap()],
    ];
    for inputs in wrong {
        assert!(
            matches!(session.run(&inputs), Err(BackendError::Input(_))),
            "{inputs:?}"
        );
    }
    assert!(session.run(&inputs(&CASES[0])[..1]).is_ok());
}

#[test]
fn nan_and_infinity_come_out_canonical() {
    let mut session = session("risk-f32", true);
    for odd in [
        f32::NAN,
        -f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
    ] {
        let output = session
            .run(&[Tensor::f32("measurements", &[1, 30], &[odd; 30]).unwrap()])
            .unwrap();
        let value = output[0].to_f32().unwrap()[0];
        assert!(
            !value.is_nan() || value.to_bits() == 0x7fc0_0000,
            "{odd}: {value}"
        );
    }
}

#[test]
fn a_run_that_takes_too_many_steps_ends_the_session() {
    let few = Options {
        limits: RunLimits {
            steps: 40_000_000,
            ..RunLimits::default()
        },
        ..Options::default()
    };
    let mut session = engine().load(&model("load-f32"), &few).unwrap();
    let picture = Tensor::f32("picture", &[1, 3, 96, 96], &vec![0.5; 3 * 96 * 96]).unwrap();
    let error = session.run(std::slice::from_ref(&picture)).unwrap_err();
    assert_eq!(error, BackendError::Steps { limit: 40_000_000 });
    assert!(error.ends_session());
    assert!(matches!(
        session.run(&[picture]),
        Err(BackendError::Over(_))
    ));
}

#[test]
fn a_model_that_needs_more_memory_than_it_may_is_refused() {
    let little = Options {
        limits: RunLimits {
            memory: 2 << 20,
            ..RunLimits::default()
        },
        ..Options::default()
    };
    let mut session = engine().load(&model("load-f32"), &little).unwrap();
    let picture = Tensor::f32("picture", &[1, 3, 96, 96], &vec![0.5; 3 * 96 * 96]).unwrap();
    assert!(
        matches!(session.run(&[picture]), Err(BackendError::Stopped { memory, .. }) if memory == 2 << 20)
    );
}

#[test]
fn what_is_no_model_is_refused_within_the_limits() {
    let engine = engine();
    let limits = RunLimits {
        steps: 200_000_000,
        ..RunLimits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    for file in [b"x".to_vec(), b"not a model".to_vec(), vec![8, 8]] {
        let error = engine.load(&Model::new(file).unwrap(), &options).err();
        assert!(matches!(error, Some(BackendError::Model(_))), "{error:?}");
    }
    // The library's reader of protocol buffers does not end on this one.
    let endless = engine.load(&Model::new(vec![0xff; 4096]).unwrap(), &options);
    assert_eq!(
        endless.err(),
        Some(BackendError::Steps { limit: 200_000_000 })
    );
}

#[test]
fn a_damaged_model_never_harms_the_host() {
    let engine = engine();
    let file = model("digits-mlp-int8").file().to_vec();
    let limits = RunLimits {
        memory: 64 << 20,
        steps: 200_000_000,
    };
    let row = &inputs(&CASES[1])[..1];
    let (mut loaded, mut refused) = (0, 0);
    for at in (0..file.len()).step_by(61) {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 8);
        match engine.load(
            &Model::new(damaged).unwrap(),
            &Options {
                limits,
                ..Options::default()
            },
        ) {
            // Weights are as good as others; what runs must answer or refuse.
            Ok(mut session) => {
                let _ = session.run(row);
                loaded += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        loaded > 10 && refused > 5,
        "{loaded} loaded, {refused} refused"
    );
    for length in (0..file.len()).step_by(499) {
        assert!(
            engine
                .load(
                    &Model::new(file[..length].to_vec()).unwrap(),
                    &Options {
                        limits,
                        ..Options::default()
                    }
                )
                .is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn its_runtime_is_class_d0_and_names_the_module() {
    let engine = engine();
    let runtime = engine.runtime(&Options::default());
    assert_eq!(check_runtime(&runtime).unwrap().0, DetClass::D0);
    assert_eq!(engine.class(), DetClass::D0);
    assert_eq!(runtime.engineSha256, sidelight_edge::engine::SHA256);
    let other = engine.runtime(&Options {
        optimise: false,
        ..Options::default()
    });
    assert_ne!(runtime.optionsHash, other.optionsHash);
}

#[test]
fn the_probe_measures_something() {
    let profile = engine().profile().unwrap();
    assert!(
        profile.f32_macs_per_s > 1e6 && profile.int8_macs_per_s > 1e6,
        "{profile:?}"
    );
}
