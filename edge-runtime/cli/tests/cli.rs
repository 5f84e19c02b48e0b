//! The program as a person runs it: run, record, replay, pull, verify, and what happens when something is wrong.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// The program on the pinned engine, with a data folder of its own.
fn edge(data: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sidelight-edge"))
        .args(["--backend", "pinned", "--data"])
        .arg(data)
        .args(args)
        .env_remove("SIDELIGHT_EDGE_CONFIG")
        .env("XDG_CONFIG_HOME", data)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr]
        .concat()
        .iter()
        .map(|&byte| byte as char)
        .collect()
}

/// A data folder with two runs of a digit on record.
fn recorded() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let models = models();
    let digit = data.path().join("digit");
    fs::write(
        &digit,
        &fs::read(models.join("data/digits-images.u8")).unwrap()[..64],
    )
    .unwrap();
    for model in ["digits-mlp-f32", "digits-mlp-int8"] {
        let args = [
            "--models",
            models.to_str().unwrap(),
            "run",
            model,
            "--raw",
            digit.to_str().unwrap(),
        ];
        let output = edge(data.path(), &args);
        assert!(output.status.success(), "{}", text(&output));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["label"], "0");
        assert_eq!(json["detClass"], 0);
    }
    data
}

#[test]
fn runs_are_recorded_and_a_replay_finds_them_equal() {
    let data = recorded();
    let models = models();
    let replay = ["--models", models.to_str().unwrap(), "record", "replay"];
    let output = edge(data.path(), &replay);
    assert!(output.status.success());
    assert!(text(&output).contains("2 of 2 equal"), "{}", text(&output));
    let output = edge(data.path(), &[&replay[..], &["--sample", "1"]].concat());
    assert!(text(&output).contains("1 of 1 equal"), "{}", text(&output));
    let output = edge(data.path(), &["metrics"]);
    let metrics = text(&output);
    assert!(
        metrics.contains("sidelight_edge_runs_total{") && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
}

#[test]
fn records_travel_and_forged_ones_do_not() {
    let data = recorded();
    let file = data.path().join("records.jsonl");
    assert!(
        edge(data.path(), &["record", "export", file.to_str().unwrap()])
            .status
            .success()
    );
    let other = tempfile::tempdir().unwrap();
    let output = edge(other.path(), &["record", "import", file.to_str().unwrap()]);
    assert!(text(&output).contains("2 new records"), "{}", text(&output));
    assert!(edge(other.path(), &["record", "check"]).status.success());

    let lines = fs::read_to_string(&file).unwrap();
    let forged = data.path().join("forged.jsonl");
    let (head, tail) = lines.split_once("\"elapsedNs\":").unwrap();
    fs::write(&forged, format!("{head}\"elapsedNs\":1{tail}")).unwrap();
    let third = tempfile::tempdir().unwrap();
    let output = edge(
        third.path(),
        &["record", "import", forged.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("signer"), "{}", text(&output));
    assert!(text(&edge(third.path(), &["record", "check"])).contains("0 records"));
}

#[test]
fn what_cannot_be_run_is_named() {
    let data = tempfile::tempdir().unwrap();
    let models = models();
    let bad = data.path().join("bad");
    fs::write(&bad, [0; 63]).unwrap();
    let bad = bad.to_str().unwrap();
    let folder = ["--models", models.to_str().unwrap()];
    for (args, word) in [
        (
            &["run", "digits-mlp-f32", "--raw", bad][..],
            "bytes of image",
        ),
        (&["run", "nothing", "--raw", bad], "nothing"),
        (&["run", "digits-mlp-f32", "--raw", "/nowhere"], "/nowhere"),
        (
            &["--memory-mib", "1", "run", "digits-mlp-f32", "--raw", bad],
            "memory_mib",
        ),
        (&["verify", "/nowhere"], "/nowhere"),
    ] {
        let output = edge(data.path(), &[&folder[..], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output).contains(word), "{args:?}: {}", text(&output));
    }
    assert!(
        !data.path().join("records.redb").exists(),
        "nothing was recorded"
    );
}

#[test]
fn a_model_that_takes_too_much_memory_ends_its_process_only() {
    let data = tempfile::tempdir().unwrap();
    let models = models();
    let picture = data.path().join("picture");
    fs::write(&picture, vec![0; 3 * 96 * 96 * 4]).unwrap();
    // Less than the compiled engine and the model take together.
    let args = [
        "--memory-mib",
        "64",
        "--models",
        models.to_str().unwrap(),
        "run",
        "load-f32",
        "--raw",
        picture.to_str().unwrap(),
    ];
    let with_limit = edge(data.path(), &args);
    let args = [
        "--models",
        models.to_str().unwrap(),
        "run",
        "load-f32",
        "--raw",
        picture.to_str().unwrap(),
    ];
    let without = edge(data.path(), &args);
    assert!(without.status.success(), "{}", text(&without));
    if !with_limit.status.success() {
        assert_eq!(
            with_limit.status.code(),
            Some(2),
            "an error, not a crash: {}",
            text(&with_limit)
        );
    }
}

#[test]
fn the_doctor_and_the_bench_see_what_is_here() {
    let data = tempfile::tempdir().unwrap();
    let models = models();
    let folder = ["--models", models.to_str().unwrap()];
    let output = edge(data.path(), &[&folder[..], &["doctor"]].concat());
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("sidelight-engine/"),
        "{}",
        text(&output)
    );
    let output = edge(
        data.path(),
        &[&folder[..], &["bench", "risk-f32", "--json"]].concat(),
    );
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["model"], "risk-f32");
    assert!(rows[0]["steadyUs"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_configuration_says_where_its_values_come_from() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("sidelight/edge.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "time_s = 7\n").unwrap();
    let printed = text(&edge(data.path(), &["config", "print"]));
    assert!(
        printed.contains(&format!("time_s = 7  # {}", file.display())),
        "{printed}"
    );
    assert!(printed.contains("# --data"), "{printed}");
    fs::write(&file, "tme_s = 7\n").unwrap();
    let output = edge(data.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("tme_s"), "{}", text(&output));
}

/// A node that has one model, and whose first answer with the file ends halfway.
fn serve(file: Vec<u8>, manifest: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    thread::spawn(move || {
        let mut stops = true;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (path, start) = read_request(&stream);
            if path.ends_with("/manifest") {
                answer(&mut stream, "200 OK", "", &manifest, manifest.len());
                continue;
            }
            let rest = &file[start.unwrap_or(0)..];
            let cut = if stops { rest.len() / 2 } else { rest.len() };
            stops = false;
            counter.fetch_add(cut, Ordering::SeqCst);
            let range = format!(
                "content-range: bytes {}-{}/{}\r\n",
                start.unwrap_or(0),
                file.len() - 1,
                file.len()
            );
            match start {
                Some(_) => answer(
                    &mut stream,
                    "206 Partial Content",
                    &range,
                    &rest[..cut],
                    rest.len(),
                ),
                None => answer(&mut stream, "200 OK", "", &rest[..cut], rest.len()),
            }
        }
    });
    (url, sent)
}

fn read_request(stream: &TcpStream) -> (String, Option<usize>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let mut start = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().ok();
        }
    }
    (path, start)
}

fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8], said: usize) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {said}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
}

#[test]
fn a_download_that_stops_goes_on_where_it_stopped() {
    let data = tempfile::tempdir().unwrap();
    let file = fs::read(models().join("digits-mlp-f32.onnx")).unwrap();
    let size = file.len();
    let (url, sent) = serve(
        file,
        fs::read(models().join("digits-mlp-f32.json")).unwrap(),
    );
    let url = format!("{url}/v2/models/digits-mlp-f32");
    let output = edge(data.path(), &["pull", &url]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(!data.path().join("models/digits-mlp-f32.json").exists());
    let output = edge(data.path(), &["pull", &url]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(sent.load(Ordering::SeqCst), size, "no byte twice");
    let output = edge(data.path(), &["pull", &url]);
    assert!(text(&output).contains("is here"), "{}", text(&output));
    // It is found without the folder of models.
    let digit = data.path().join("digit");
    fs::write(&digit, [0; 64]).unwrap();
    let output = edge(
        data.path(),
        &["run", "digits-mlp-f32", "--raw", digit.to_str().unwrap()],
    );
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_file_with_another_hash_is_not_kept() {
    let data = tempfile::tempdir().unwrap();
    let mut file = fs::read(models().join("digits-mlp-f32.onnx")).unwrap();
    file[9_000] ^= 1;
    let (url, _) = serve(
        file,
        fs::read(models().join("digits-mlp-f32.json")).unwrap(),
    );
    let url = format!("{url}/v2/models/digits-mlp-f32");
    edge(data.path(), &["pull", &url]);
    let output = edge(data.path(), &["pull", &url]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("sha256"), "{}", text(&output));
    assert_eq!(fs::read_dir(data.path().join("models")).unwrap().count(), 0);
    let wrong = [
        "pull",
        &url,
        "--sha256",
        "0x0000000000000000000000000000000000000000000000000000000000000001",
    ];
    assert_eq!(edge(data.path(), &wrong).status.code(), Some(1));
}
