//! Proof verification and block application, natively: `cargo bench -p sidelight-core --features std,bench`.
#![allow(clippy::unwrap_used, reason = "benches fail by panicking")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sidelight_core::bench_cases::World;

fn bench(c: &mut Criterion) {
    let world = World::build().unwrap();

    let read = world.read().unwrap();
    assert!(read.verify());
    c.bench_function("account and one slot", |b| b.iter(|| read.verify()));

    for keys in [1_000, 3_000] {
        let block = world.block(keys).unwrap();
        assert!(block.verify());
        let nodes = block.witness.len();
        let bytes: usize = block.witness.iter().map(|node| node.len()).sum();
        println!("{keys} keys: witness of {nodes} nodes, {bytes} bytes");
        c.bench_function(&format!("BAL of {keys} keys: reveal"), |b| {
            b.iter(|| block.reveal().unwrap());
        });
        c.bench_function(&format!("BAL of {keys} keys: apply and root"), |b| {
            let revealed = block.reveal().unwrap();
            b.iter_batched(
                || revealed.clone(),
                |state| assert!(block.apply(state)),
                BatchSize::LargeInput,
            );
        });
        c.bench_function(&format!("BAL of {keys} keys: all"), |b| {
            b.iter(|| assert!(block.verify()));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = bench
}
criterion_main!(benches);
