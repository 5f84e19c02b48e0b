//! The help texts. One table, so that the overview and the details cannot disagree.

use std::process::ExitCode;

/// One subcommand as the help shows it.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    usage: &'static str,
    summary: &'static str,
    details: &'static str,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        usage: "run [--release] [-- NODE-LITE-FLAGS]",
        summary: "set up what is missing, build, start a development chain with the explorer",
        details: "Starts `node-lite --dev` and prints the address to open. Ctrl-C stops it.\n\
                  Words after `--` go to node-lite: `cargo xtask run -- --block-time 250ms`.",
    },
    Command {
        name: "test",
        usage: "test [native] [wasm] [npm] [browser]",
        summary: "set up what is missing, then run the tests; without a name, all suites",
        details: "native   every Rust test (cargo nextest where it is found, else cargo test), and the doc tests\n\
                  wasm     the core and the browser store compiled to wasm32, in Node and in Chromium\n\
                  npm      the package's own tests and the consumer projects\n\
                  browser  the Playwright suites against `node-lite --dev`\n\n\
                  The last line is `N passed, N failed`, summed over the suites.",
    },
    Command {
        name: "bench",
        usage: "bench [native] [wasm] [executed] [size] [rivals] [stream] [history] [inference] [browser] [--keep] | page",
        summary: "measure, and write docs/benchmarks.md and docs/benchmarks.json",
        details: "Without a name everything is measured in one run and both files are written.\n\
                  With names only those parts are measured and printed.\n\
                  --keep  take the place of those parts in the files, with their commit beside them\n\
                  `bench page` writes the page again from the numbers.",
    },
    Command {
        name: "conformance",
        usage: "conformance SUITE PATH [--filter S] [--json FILE] [--every N] [--in native|node|chromium]",
        summary: "run a suite that others wrote over a folder of cases in its format; `all` runs everything",
        details: "Suites: trie, rlp, transactions, blockchain (ethereum/tests), rpc (ethereum/execution-apis); mutations attacks every valid block of blockchain and prints\n\
                  how many mutants of each class it tried.\n\
                  --filter  only cases whose file and name contain S\n\
                  --json    where the report goes\n\
                  --every   only every Nth file, beginning with the first\n\
                  --in      where it runs: natively, or compiled to wasm\n\n\
                  `cargo xtask conformance onnx` runs ONNX's own cases on the pinned engine and on ONNX Runtime and writes docs/onnx-conformance.md.\n\
                  `cargo xtask conformance all` runs every suite of SIDELIGHT_VECTORS and writes docs/conformance.md.\n\
                  Exit status 1 when a case fails.",
    },
    Command {
        name: "contracts",
        usage: "contracts [--check]",
        summary: "compile the Solidity contracts into node-lite/contracts/artifacts",
        details: "The compiler is the npm package solc in the version of node-lite/contracts/package.json; the same sources give the same bytes everywhere.\n\
                  With --check nothing is written and a difference is a failure; `ci` does that.",
    },
    Command {
        name: "differential",
        usage: "differential",
        summary: "compare our trie with eth_trie and our execution with ethrex-levm",
        details: "Builds a second EVM, which takes some minutes the first time; not a part of `ci`.",
    },
    Command {
        name: "fuzz",
        usage: "fuzz [TARGET]... [--seconds N]",
        summary: "run the fuzz targets, each for ten seconds unless told otherwise",
        details: "Needs a C++ compiler for libFuzzer, and no nightly Rust. Without names every target runs, one for each core at a time.\n\
                  Exit status 1 when there is a finding; it is in light-client/fuzz/artifacts. Fixed findings are kept in light-client/fuzz/vectors and run first.",
    },
    Command {
        name: "ci",
        usage: "ci [--no-tests]",
        summary: "formatting, lints, purity, sizes, then all tests; what .ci/run calls",
        details: "Exit status 0 only when nothing failed. The last line is `N passed, N failed`.",
    },
    Command {
        name: "setup",
        usage: "setup [run] [test] [bench] [ci]",
        summary: "install what the named commands need; without a name, everything",
        details: "Looks for what is there first. Installs with rustup, cargo, npm and, as root on Debian, apt-get.\n\
                  Elsewhere it says exactly what to install.",
    },
    Command {
        name: "doctor",
        usage: "doctor",
        summary: "print what was found and how to get what was not",
        details: "Exit status 1 when something is missing that `run` or `test` need.",
    },
    Command {
        name: "build",
        usage: "build [wasm] [pkg] [web] [node]",
        summary: "build the named parts and what they stand on; without a name, everything",
        details: "wasm  the verifier and the EVM for wasm32, with bindings, into pkg/\n\
                  pkg   the npm package\n\
                  web   the explorer, into web-app/dist\n\
                  node  node-lite with the explorer inside, and the sidelight command line\n\n\
                  A part whose inputs have not changed is not built again.",
    },
    Command {
        name: "engine",
        usage: "engine [build|exactness]",
        summary: "check the pinned inference engine, or build the artefact of a new version",
        details: "Without a word: its hash, that it imports nothing, and its size (gate: 700 kB gzip).\n\
                  build      compile it for wasm32 and replace the artefact: its bytes are its identity, so this makes another engine\n\
                  exactness  110,390 inferences in V8 and in wasmtime, with equal bits",
    },
    Command {
        name: "models",
        usage: "models [--check]",
        summary: "train the models of edge-runtime/models and write them with their manifests",
        details: "Makes a Python environment with pinned packages in the cache folder.\n\
                  --check  write nothing; fail when training gives other bytes",
    },
    Command {
        name: "size",
        usage: "size",
        summary: "print the sizes of the wasm modules; fails when one is over its gate",
        details: "Gates: a ratchet for the verifier, whose goal is 100 kB gzip (docs/adr/0009), 480 kB gzip for the EVM, 700 kB gzip for the inference engine.",
    },
    Command {
        name: "fmt",
        usage: "fmt [--check]",
        summary: "format the Rust sources",
        details: "With --check nothing is written and a difference is a failure.",
    },
    Command {
        name: "lint",
        usage: "lint",
        summary: "clippy for native and wasm32, purity of the core, spelling and licences",
        details: "Every warning is a failure. `typos` and `cargo deny` run where they are installed.",
    },
];

pub(crate) fn print(command: Option<&str>) -> ExitCode {
    let Some(name) = command else {
        println!("{}", overview());
        return ExitCode::SUCCESS;
    };
    match COMMANDS.iter().find(|known| known.name == name) {
        Some(known) => {
            println!(
                "{}\n\nUsage: cargo xtask {}\n\n{}",
                known.summary, known.usage, known.details
            );
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("error: {}", unknown(name));
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn unknown(name: &str) -> String {
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    format!("expected one of {}; got {name:?}", names.join(", "))
}

fn overview() -> String {
    let mut text = String::from("Everything that a person runs in this repository.\n\n");
    text.push_str("Usage: cargo xtask COMMAND [ARGS]\n\nCommands:\n");
    for command in COMMANDS {
        text.push_str(&format!("  {:<11} {}\n", command.name, command.summary));
    }
    text.push_str("\n`cargo xtask COMMAND --help` says more.\n\nEnvironment:\n");
    text.push_str(
        "  CARGO_TARGET_DIR  compiled Rust; default: target/ in the cache folder below\n",
    );
    text.push_str(
        "  XDG_CACHE_HOME    cache, stamps and logs go to its sidelight/; default: ~/.cache\n",
    );
    text.push_str("  SIDELIGHT_VECTORS official test data; default: ../shared/vectors\n");
    text.push_str("  CHROMIUM          the browser to test with; default: the first one found\n");
    text.push_str("  NO_COLOR          no colours");
    text
}
