//! The worker's own side: reads requests, runs models, and knows nothing else.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use alloy_primitives::B256;
use alloy_sol_types::SolValue;
use rustix::process::{Resource, Rlimit, setrlimit};
use sidelight_edge_core::tensor::{decode_message, encode_message};

use super::{
    BackendName,
    frame::{Frame, LOAD, NOT_LOADED, OK, RUN, to_status},
};
use crate::{
    backend::{Backend, BackendError, Options, RunLimits, Session},
    engine::PinnedEngine,
    store::Model,
};

/// Models that stay loaded.
const KEPT: usize = 8;

/// How a worker is started. Its parent passes these on; nobody else calls it.
#[derive(Clone, Debug)]
pub struct ChildConfig {
    /// Bytes of memory that the process may write to.
    pub memory: u64,
    /// ONNX Runtime's library, if there is one.
    pub onnxruntime: Option<PathBuf>,
    /// Where the engine's compiled code is kept.
    pub cache: Option<PathBuf>,
}

/// Serves requests on standard input until it ends.
pub fn serve(config: ChildConfig) -> ExitCode {
    match serve_until_closed(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_until_closed(config: ChildConfig) -> io::Result<()> {
    // Writable memory, not addresses: wasmtime reserves many more of them than it ever uses.
    let limit = Rlimit {
        current: Some(config.memory),
        maximum: Some(config.memory),
    };
    setrlimit(Resource::Data, limit)?;
    let mut child = Child {
        config,
        backends: Vec::new(),
        sessions: VecDeque::new(),
    };
    let (mut requests, mut answers) = (BufReader::new(io::stdin().lock()), io::stdout().lock());
    while let Some(request) = Frame::read(&mut requests)? {
        let answer = match child.answer(&request) {
            Ok(answer) => answer,
            Err(error) => {
                let (kind, text) = to_status(&error);
                Frame {
                    kind,
                    body: text.into_bytes(),
                }
            }
        };
        answer.write(&mut answers)?;
    }
    Ok(())
}

/// What is loaded, and with which options.
type Key = (BackendName, bool, B256);

struct Child {
    config: ChildConfig,
    backends: Vec<(BackendName, Box<dyn Backend>)>,
    /// Used last, first.
    sessions: VecDeque<(Key, Box<dyn Session>)>,
}

impl Child {
    fn answer(&mut self, request: &Frame) -> Result<Frame, BackendError> {
        let malformed = || BackendError::Backend("malformed request".into());
        let (head, rest) = request.body.split_at_checked(34).ok_or_else(malformed)?;
        let [backend, options, hash @ ..] = head else {
            return Err(malformed());
        };
        let backend = BackendName::from_number(*backend).ok_or_else(malformed)?;
        let key = (backend, *options == 1, B256::from_slice(hash));
        match request.kind {
            LOAD => self.load(key, rest),
            RUN => self.run(&key, rest),
            _ => Err(malformed()),
        }
    }

    fn load(&mut self, key: Key, file: &[u8]) -> Result<Frame, BackendError> {
        let model =
            Model::new(file.to_vec()).map_err(|error| BackendError::Model(error.to_string()))?;
        if model.sha256() != key.2 {
            return Err(BackendError::Model(format!(
                "sha256: expected {}, got {}",
                key.2,
                model.sha256()
            )));
        }
        let options = Options {
            optimise: key.1,
            limits: RunLimits {
                // The limit that holds is the process's own.
                memory: usize::try_from(self.config.memory).unwrap_or(usize::MAX),
                ..RunLimits::default()
            },
        };
        let backend = self.backend(key.0)?;
        let session = backend.load(&model, &options)?;
        let runtime = backend.runtime_for(&model, &options);
        self.sessions.retain(|(other, _)| *other != key);
        self.sessions.push_front((key, session));
        self.sessions.truncate(KEPT);
        Ok(Frame {
            kind: OK,
            body: runtime.abi_encode(),
        })
    }

    fn run(&mut self, key: &Key, message: &[u8]) -> Result<Frame, BackendError> {
        let place = self.sessions.iter().position(|(other, _)| other == key);
        let Some((_, mut session)) = place.and_then(|place| self.sessions.remove(place)) else {
            return Ok(Frame {
                kind: NOT_LOADED,
                body: Vec::new(),
            });
        };
        let inputs = decode_message(message)?;
        let started = Instant::now();
        let outcome = session.run(&inputs);
        let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // A session that is over is not kept.
        if !outcome.as_ref().is_err_and(BackendError::ends_session) {
            self.sessions.push_front((*key, session));
        }
        let mut body = elapsed.to_le_bytes().to_vec();
        body.extend(encode_message(&outcome?)?);
        Ok(Frame { kind: OK, body })
    }

    fn backend(&mut self, name: BackendName) -> Result<&dyn Backend, BackendError> {
        let place = match self.backends.iter().position(|(other, _)| *other == name) {
            Some(place) => place,
            None => {
                let opened = open(name, &self.config)?;
                self.backends.push((name, opened));
                self.backends.len() - 1
            }
        };
        match self.backends.get(place) {
            Some((_, backend)) => Ok(backend.as_ref()),
            None => Err(BackendError::Backend("no back end".into())),
        }
    }
}

fn open(name: BackendName, config: &ChildConfig) -> Result<Box<dyn Backend>, BackendError> {
    match name {
        BackendName::Pinned => Ok(Box::new(PinnedEngine::open(config.cache.as_deref())?)),
        #[cfg(feature = "onnxruntime")]
        BackendName::OnnxRuntime => {
            let library = config.onnxruntime.as_deref().ok_or_else(|| {
                BackendError::Unsupported("ONNX Runtime's library is not here".into())
            })?;
            Ok(Box::new(crate::onnxruntime::OnnxRuntime::open(library)?))
        }
        #[cfg(not(feature = "onnxruntime"))]
        BackendName::OnnxRuntime => Err(BackendError::Unsupported(
            "this program was built without ONNX Runtime".into(),
        )),
    }
}
