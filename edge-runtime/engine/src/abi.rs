//! The exported functions. Every pointer is one that [`engine_alloc`] gave to the host, with the length that was asked for.
//!
//! There is one thread and one model; results and errors stand where [`engine_result`] says until the next call.

use std::{
    ptr, slice,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use crate::{
    error::{EngineError, Status},
    session::Session,
};

/// Version of this interface.
const ABI: u32 = 1;
/// Most bytes of a panic's text that are kept.
const PANIC_BYTES: usize = 512;
/// Largest buffer that is handed out: a model or a message.
const MAX_BUFFER: usize = 512 << 20;

/// Where a panic leaves its text, ended by a zero. The instance has trapped by then, so this is memory and not a function.
#[unsafe(export_name = "engine_panic")]
pub static PANIC: [AtomicU8; PANIC_BYTES] = [const { AtomicU8::new(0) }; PANIC_BYTES];

static STATE: Mutex<State> = Mutex::new(State {
    session: None,
    result: Vec::new(),
});

struct State {
    session: Option<Session>,
    result: Vec<u8>,
}

/// The version of the interface, before anything else is called.
#[unsafe(no_mangle)]
pub extern "C" fn engine_abi() -> u32 {
    ABI
}

/// A buffer for the host to write to; null when it is refused. `engine_load` and `engine_free` give it back.
#[unsafe(no_mangle)]
pub extern "C" fn engine_alloc(length: usize) -> *mut u8 {
    catch_panics();
    let mut buffer = Vec::new();
    if length == 0 || length > MAX_BUFFER || buffer.try_reserve_exact(length).is_err() {
        return ptr::null_mut();
    }
    buffer.resize(length, 0_u8);
    Box::into_raw(buffer.into_boxed_slice()).cast()
}

/// Gives a buffer back.
///
/// # Safety
/// `pointer` and `length` are those of one [`engine_alloc`], and it was not given back before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_free(pointer: *mut u8, length: usize) {
    if !pointer.is_null() {
        // SAFETY: the caller's contract; `engine_alloc` made it as a boxed slice of this length.
        drop(unsafe { take(pointer, length) });
    }
}

/// Loads the ONNX file in the buffer, which is given back by this call.
///
/// # Safety
/// As for [`engine_free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_load(pointer: *mut u8, length: usize, flags: u32) -> Status {
    // SAFETY: the caller's contract.
    let file = unsafe { take(pointer, length) };
    let mut state = state();
    if state.session.is_some() {
        let error = EngineError::new(
            Status::State,
            "a model is loaded: another one needs another instance",
        );
        return finish(&mut state, Err(error));
    }
    let answer = Session::load(file.into_vec(), flags).map(|session| {
        state.session = Some(session);
        Vec::new()
    });
    finish(&mut state, answer)
}

/// The model's inputs and outputs.
#[unsafe(no_mangle)]
pub extern "C" fn engine_describe() -> Status {
    with_session(|session| Ok(session.describe()))
}

/// Runs the model on the message in the buffer. The buffer stays the host's, for the next message.
///
/// # Safety
/// `pointer` and `length` are those of one [`engine_alloc`], or a part of its buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_run(pointer: *const u8, length: usize) -> Status {
    // SAFETY: the caller's contract.
    let message = unsafe { slice::from_raw_parts(pointer, length) };
    with_session(|session| session.run(message))
}

/// Runs the model on the message in the buffer and commits to every value of the graph.
///
/// # Safety
/// As for [`engine_run`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_trace(pointer: *const u8, length: usize) -> Status {
    // SAFETY: the caller's contract.
    let message = unsafe { slice::from_raw_parts(pointer, length) };
    with_session(|session| session.trace(message))
}

/// Where the last call left its result, or its error's text.
#[unsafe(no_mangle)]
pub extern "C" fn engine_result() -> *const u8 {
    state().result.as_ptr()
}

/// How long it is.
#[unsafe(no_mangle)]
pub extern "C" fn engine_result_length() -> usize {
    state().result.len()
}

fn with_session(run: impl FnOnce(&Session) -> Result<Vec<u8>, EngineError>) -> Status {
    let mut state = state();
    let answer = match &state.session {
        Some(session) => run(session),
        None => Err(EngineError::new(Status::State, "no model is loaded")),
    };
    finish(&mut state, answer)
}

fn finish(state: &mut State, answer: Result<Vec<u8>, EngineError>) -> Status {
    let (status, result) = match answer {
        Ok(result) => (Status::Ok, result),
        Err(error) => (error.status, error.text.into_bytes()),
    };
    state.result = result;
    status
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Safety
/// As for [`engine_free`].
unsafe fn take(pointer: *mut u8, length: usize) -> Box<[u8]> {
    // SAFETY: the caller's contract; `engine_alloc` made it as a boxed slice of this length.
    unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(pointer, length)) }
}

fn catch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let text = info.to_string();
            let bytes = text.bytes().take(PANIC_BYTES - 1).chain([0]);
            PANIC
                .iter()
                .zip(bytes)
                .for_each(|(cell, byte)| cell.store(byte, Ordering::Relaxed));
        }));
    });
}
