//! One instance of the engine with one model: the host's side of `edge-runtime/engine/src/abi.rs`.

use sidelight_edge_core::{
    tensor::{Tensor, decode_message, encode_message},
    trace::decode_trace,
    typed,
};
use wasmtime::{
    Extern, Instance, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, Trap, TypedFunc,
    WasmParams,
};

use super::{ABI, damaged};
use crate::{
    backend::{BackendError, Options, RunLimits, Session},
    store::Model,
};

/// Flag of `engine_load`.
const UNOPTIMISED: u32 = 1;
/// Bytes of a panic's text that are read.
const PANIC_BYTES: usize = 512;

pub(super) struct EngineSession {
    store: Store<StoreLimits>,
    exports: Exports,
    limits: RunLimits,
    /// The buffer for messages in the instance: address and size.
    buffer: (u32, u32),
    over: Option<String>,
}

struct Exports {
    memory: Memory,
    panic: u32,
    alloc: TypedFunc<u32, u32>,
    free: TypedFunc<(u32, u32), ()>,
    load: TypedFunc<(u32, u32, u32), u32>,
    run: TypedFunc<(u32, u32), u32>,
    trace: TypedFunc<(u32, u32), u32>,
    result: TypedFunc<(), u32>,
    result_length: TypedFunc<(), u32>,
}

impl EngineSession {
    pub(super) fn load(
        module: &Module,
        model: &Model,
        options: &Options,
    ) -> Result<Self, BackendError> {
        let limits = options.limits;
        let guard = StoreLimitsBuilder::new()
            .memory_size(limits.memory)
            .memories(1)
            .tables(1)
            .instances(1)
            .build();
        let mut store = Store::new(module.engine(), guard);
        store.limiter(|guard| guard);
        store.set_fuel(limits.steps).map_err(damaged)?;
        let instance = Instance::new(&mut store, module, &[]).map_err(damaged)?;
        let exports = Exports::find(&mut store, &instance)?;
        let mut session = Self {
            store,
            exports,
            limits,
            buffer: (0, 0),
            over: None,
        };
        let (pointer, length) = session.copy_in(model.file(), None)?;
        let flags = if options.optimise { 0 } else { UNOPTIMISED };
        let load = session.exports.load.clone();
        let status = session.call(&load, (pointer, length, flags))?;
        session.take_result(status)?;
        Ok(session)
    }

    /// Sends a message to `function` and gives back its result.
    fn exchange(
        &mut self,
        function: TypedFunc<(u32, u32), u32>,
        inputs: &[Tensor],
    ) -> Result<Vec<u8>, BackendError> {
        if let Some(why) = &self.over {
            return Err(BackendError::Over(why.clone()));
        }
        self.store.set_fuel(self.limits.steps).map_err(damaged)?;
        let message = encode_message(inputs)?;
        let (pointer, length) = self.copy_in(&message, Some(self.buffer))?;
        let status = self.call(&function, (pointer, length))?;
        self.take_result(status)
    }

    /// Copies bytes into the instance: into the buffer that is there, where they fit. The model's own buffer is not kept, since loading gives it back.
    fn copy_in(
        &mut self,
        bytes: &[u8],
        buffer: Option<(u32, u32)>,
    ) -> Result<(u32, u32), BackendError> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| self.stopped("more bytes than the engine can address"))?;
        let pointer = match buffer {
            Some((pointer, size)) if pointer != 0 && length <= size => pointer,
            _ => {
                if let Some((pointer, size)) = buffer.filter(|&(pointer, _)| pointer != 0) {
                    let free = self.exports.free.clone();
                    self.call(&free, (pointer, size))?;
                    self.buffer = (0, 0);
                }
                let alloc = self.exports.alloc.clone();
                let pointer = self.call(&alloc, length)?;
                if pointer == 0 {
                    return Err(self.stopped("no memory for the message"));
                }
                if buffer.is_some() {
                    self.buffer = (pointer, length);
                }
                pointer
            }
        };
        let written = self
            .exports
            .memory
            .write(&mut self.store, pointer as usize, bytes);
        written.map_err(|_| {
            BackendError::Backend("engine_alloc gave a buffer outside its memory".into())
        })?;
        Ok((pointer, length))
    }

    fn take_result(&mut self, status: u32) -> Result<Vec<u8>, BackendError> {
        let (at, length) = (
            self.exports.result.clone(),
            self.exports.result_length.clone(),
        );
        let (at, length) = (
            self.call(&at, ())? as usize,
            self.call(&length, ())? as usize,
        );
        let memory = self.exports.memory.data(&self.store);
        let bytes = at.checked_add(length).and_then(|end| memory.get(at..end));
        let bytes = bytes.ok_or_else(|| {
            BackendError::Backend("the engine's result lies outside its memory".into())
        })?;
        if status == 0 {
            return Ok(bytes.to_vec());
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        // The numbers of `Status` in the engine.
        Err(match status {
            1 | 4 => BackendError::Input(text),
            2 => BackendError::Model(text),
            3 => BackendError::Unsupported(text),
            5 => BackendError::Run(text),
            _ => BackendError::Unsupported(text),
        })
    }

    /// A trap ends the session.
    fn call<P: WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> Result<R, BackendError> {
        let error = match function.call(&mut self.store, params) {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        let failed = match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => BackendError::Steps {
                limit: self.limits.steps,
            },
            Some(trap) => {
                let text = self.panic_text().unwrap_or_else(|| trap.to_string());
                self.stopped(&text)
            }
            None => BackendError::Backend(format!("{error:#}")),
        };
        self.over = Some(failed.to_string());
        Err(failed)
    }

    fn panic_text(&self) -> Option<String> {
        let start = self.exports.panic as usize;
        let bytes = self
            .exports
            .memory
            .data(&self.store)
            .get(start..start.checked_add(PANIC_BYTES)?)?;
        let text = bytes
            .split(|&byte| byte == 0)
            .next()
            .filter(|text| !text.is_empty())?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn stopped(&self, text: &str) -> BackendError {
        BackendError::Stopped {
            text: text.into(),
            memory: self.limits.memory,
        }
    }
}

impl Session for EngineSession {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, BackendError> {
        let answer = self.exchange(self.exports.run.clone(), inputs)?;
        Ok(decode_message(&answer)?)
    }

    fn trace(&mut self, inputs: &[Tensor]) -> Result<Vec<typed::Tensor>, BackendError> {
        let answer = self.exchange(self.exports.trace.clone(), inputs)?;
        decode_trace(&answer).map_err(|error| BackendError::Backend(error.to_string()))
    }
}

impl Exports {
    fn find(store: &mut Store<StoreLimits>, instance: &Instance) -> Result<Self, BackendError> {
        let missing =
            |name: &str| BackendError::Backend(format!("the engine does not export {name}"));
        let memory = instance
            .get_memory(&mut *store, "memory")
            .ok_or_else(|| missing("memory"))?;
        let panic = match instance.get_export(&mut *store, "engine_panic") {
            Some(Extern::Global(global)) => global.get(&mut *store).i32().map(i32::cast_unsigned),
            _ => None,
        };
        let abi: TypedFunc<(), u32> = instance
            .get_typed_func(&mut *store, "engine_abi")
            .map_err(damaged)?;
        let got = abi.call(&mut *store, ()).map_err(damaged)?;
        if got != ABI {
            return Err(BackendError::Backend(format!(
                "engine_abi: expected {ABI}, got {got}"
            )));
        }
        Ok(Self {
            memory,
            panic: panic.ok_or_else(|| missing("engine_panic"))?,
            alloc: instance
                .get_typed_func(&mut *store, "engine_alloc")
                .map_err(damaged)?,
            free: instance
                .get_typed_func(&mut *store, "engine_free")
                .map_err(damaged)?,
            load: instance
                .get_typed_func(&mut *store, "engine_load")
                .map_err(damaged)?,
            run: instance
                .get_typed_func(&mut *store, "engine_run")
                .map_err(damaged)?,
            trace: instance
                .get_typed_func(&mut *store, "engine_trace")
                .map_err(damaged)?,
            result: instance
                .get_typed_func(&mut *store, "engine_result")
                .map_err(damaged)?,
            result_length: instance
                .get_typed_func(&mut *store, "engine_result_length")
                .map_err(damaged)?,
        })
    }
}
