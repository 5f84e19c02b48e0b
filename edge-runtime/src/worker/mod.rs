//! Models in a process of their own: what crashes, hangs or eats memory there ends that process, and the next request starts another one.
//!
//! ```text
//!   Worker::run --frames--> stdin  [ child: setrlimit, back ends, sessions ]  stdout --frames--> outputs
//!        |                                  |
//!        +-- time is over: killed           +-- panics, aborts, runs out of memory: its end is the answer
//! ```
//!
//! The child is the same program, started with arguments that make it call [`serve`].

mod child;
mod frame;

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use alloy_sol_types::SolValue;
use sidelight_edge_core::{
    tensor::{Tensor, decode_message, encode_message},
    typed::Runtime,
};
use thiserror::Error;

use crate::{backend::BackendError, store::Model};
use frame::{Frame, LOAD, NOT_LOADED, OK, RUN, from_status};

pub use child::{ChildConfig, serve};

/// Which back end runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendName {
    /// The pinned engine in wasmtime: class D0.
    Pinned,
    /// ONNX Runtime: class D1 or D2.
    OnnxRuntime,
}

impl BackendName {
    /// The word in JSON and on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::OnnxRuntime => "onnxruntime",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Pinned => 0,
            Self::OnnxRuntime => 1,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Pinned),
            1 => Some(Self::OnnxRuntime),
            _ => None,
        }
    }
}

/// How to start a worker, and what it may use.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The program.
    pub program: PathBuf,
    /// Arguments that make it call [`serve`].
    pub args: Vec<OsString>,
    /// How long loading a model, or one run of it, may take.
    pub time: Duration,
}

/// Why a worker did not answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The back end refused.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// It took too long and was killed.
    #[error("time: expected an answer within {limit:?}")]
    Time {
        /// The limit.
        limit: Duration,
    },
    /// The process ended.
    #[error("the worker ended: {how}")]
    Ended {
        /// Its exit status.
        how: String,
    },
    /// The process cannot be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It says what no worker says.
    #[error("the worker's answer is malformed")]
    Malformed,
}

impl WorkerError {
    /// Whether the caller's model or input is to blame.
    pub const fn is_callers_fault(&self) -> bool {
        match self {
            Self::Backend(error) => !matches!(error, BackendError::Backend(_)),
            Self::Time { .. } | Self::Ended { .. } => true,
            Self::Start { .. } | Self::Malformed => false,
        }
    }
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Sorted by name.
    pub outputs: Vec<Tensor>,
    /// What ran, and what its result can be held to.
    pub runtime: Runtime,
    /// Of the run alone.
    pub elapsed: Duration,
}

/// A worker, started when it is first needed.
#[derive(Debug)]
pub struct Worker {
    config: WorkerConfig,
    running: Option<Running>,
    starts: u64,
}

#[derive(Debug)]
struct Running {
    child: Child,
    requests: Sender<Frame>,
    answers: Receiver<io::Result<Frame>>,
    /// What each loaded model's results can be held to.
    runtimes: Vec<(BackendName, bool, alloy_primitives::B256, Runtime)>,
}

impl Worker {
    /// A worker that is not running yet.
    pub const fn new(config: WorkerConfig) -> Self {
        Self {
            config,
            running: None,
            starts: 0,
        }
    }

    /// How often a process was started.
    pub const fn starts(&self) -> u64 {
        self.starts
    }

    /// The process, if it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Runs a model. After an error of the process itself, the next call starts another one.
    pub fn run(
        &mut self,
        model: &Model,
        backend: BackendName,
        optimise: bool,
        inputs: &[Tensor],
    ) -> Result<Answer, WorkerError> {
        let head = || {
            let mut head = vec![backend.number(), u8::from(optimise)];
            head.extend(model.sha256());
            head
        };
        let mut body = head();
        body.extend(encode_message(inputs).map_err(BackendError::from)?);
        let key = |known: &(BackendName, bool, alloy_primitives::B256, Runtime)| {
            (known.0, known.1, known.2) == (backend, optimise, model.sha256())
        };
        // Loaded at most once: a worker that forgets it at once is broken.
        for may_load in [true, false] {
            let known = self
                .running
                .as_ref()
                .and_then(|running| running.runtimes.iter().find(|known| key(known)))
                .map(|known| known.3.clone());
            if let Some(runtime) = known {
                let answer = self.call(Frame {
                    kind: RUN,
                    body: body.clone(),
                })?;
                match answer.kind {
                    OK => return read_answer(&answer.body, runtime),
                    NOT_LOADED => {}
                    status => return Err(from_status(status, &answer.body).into()),
                }
            }
            if may_load {
                let mut body = head();
                body.extend(model.file());
                let answer = self.call(Frame { kind: LOAD, body })?;
                if answer.kind != OK {
                    return Err(from_status(answer.kind, &answer.body).into());
                }
                let runtime =
                    Runtime::abi_decode(&answer.body).map_err(|_| WorkerError::Malformed)?;
                if let Some(running) = &mut self.running {
                    running.runtimes.retain(|known| !key(known));
                    running
                        .runtimes
                        .push((backend, optimise, model.sha256(), runtime));
                }
            }
        }
        Err(WorkerError::Malformed)
    }

    fn call(&mut self, request: Frame) -> Result<Frame, WorkerError> {
        let limit = self.config.time;
        let running = match &mut self.running {
            Some(running) => running,
            none => {
                self.starts = self.starts.saturating_add(1);
                none.insert(start(&self.config)?)
            }
        };
        let answer = match running.requests.send(request) {
            Ok(()) => running.answers.recv_timeout(limit),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match answer {
            Ok(Ok(frame)) => Ok(frame),
            Err(RecvTimeoutError::Timeout) => {
                self.end();
                Err(WorkerError::Time { limit })
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                Err(WorkerError::Ended { how: self.end() })
            }
        }
    }

    /// Kills the process, if it still runs, and says how it ended.
    fn end(&mut self) -> String {
        let Some(mut running) = self.running.take() else {
            return "it did not run".into();
        };
        // Its own end comes first: a process that crashed closes its output a moment before it can be waited for.
        let given = Instant::now();
        while given.elapsed() < Duration::from_millis(200) {
            if let Ok(Some(status)) = running.child.try_wait() {
                return status.to_string();
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = running.child.kill();
        running
            .child
            .wait()
            .map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// Starts the process, and a thread for each direction: neither a full pipe nor an empty one may hold up the caller beyond its time.
fn start(config: &WorkerConfig) -> Result<Running, WorkerError> {
    let failed = |source| WorkerError::Start {
        program: config.program.clone(),
        source,
    };
    let mut child = Command::new(&config.program)
        .args(&config.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (mut stdin, mut stdout) = pipes.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
    let (requests, outgoing) = mpsc::channel::<Frame>();
    let (incoming, answers) = mpsc::channel();
    thread::spawn(move || {
        for frame in outgoing {
            if frame.write(&mut stdin).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        loop {
            let frame = match Frame::read(&mut stdout) {
                Ok(Some(frame)) => Ok(frame),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            if frame.is_err() | incoming.send(frame).is_err() {
                return;
            }
        }
    });
    Ok(Running {
        child,
        requests,
        answers,
        runtimes: Vec::new(),
    })
}

fn read_answer(body: &[u8], runtime: Runtime) -> Result<Answer, WorkerError> {
    let (nanoseconds, message) = body
        .split_first_chunk::<8>()
        .ok_or(WorkerError::Malformed)?;
    Ok(Answer {
        outputs: decode_message(message).map_err(|_| WorkerError::Malformed)?,
        runtime,
        elapsed: Duration::from_nanos(u64::from_le_bytes(*nanoseconds)),
    })
}
