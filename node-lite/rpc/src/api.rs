//! How a JSON-RPC method is registered: cheap ones run where the request was read, expensive ones on a blocking thread, a bounded number at once.

use std::sync::Arc;

use jsonrpsee::RpcModule;
use jsonrpsee::server::RegisterMethodError;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::args::Args;
use crate::error::RpcError;

/// What a method returns.
pub(crate) type RpcResult<T> = Result<T, RpcError>;

/// The methods that have been registered so far, all over the same thing.
#[derive(Debug)]
pub(crate) struct Api<T> {
    pub(crate) module: RpcModule<T>,
}

impl<T: AsRef<Gate> + Send + Sync + 'static> Api<T> {
    pub(crate) fn new(over: Arc<T>) -> Self {
        Self {
            module: RpcModule::from_arc(over),
        }
    }

    /// A method that takes at most `most` parameters and answers within microseconds.
    pub(crate) fn light<R>(
        &mut self,
        name: &'static str,
        most: usize,
        method: fn(&T, Args<'_>) -> RpcResult<R>,
    ) -> Result<(), RegisterMethodError>
    where
        R: Serialize + Clone + Send + 'static,
    {
        self.module
            .register_method(name, move |params, node, _| {
                method(node, Args::parse(&params, most)?)
            })
            .map(drop)
    }

    /// A method that executes, proves or scans.
    pub(crate) fn heavy<R>(
        &mut self,
        name: &'static str,
        most: usize,
        method: fn(&T, Args<'_>) -> RpcResult<R>,
    ) -> Result<(), RegisterMethodError>
    where
        R: Serialize + Clone + Send + 'static,
    {
        let callback = move |params: jsonrpsee::types::Params<'static>, over: Arc<T>, _| async move {
            let worker = Arc::clone(&over);
            AsRef::<Gate>::as_ref(&*over)
                .run(move || method(&worker, Args::parse(&params, most)?))
                .await?
        };
        self.module.register_async_method(name, callback).map(drop)
    }
}

/// Lets a bounded number of expensive jobs run, and a bounded number wait.
#[derive(Debug)]
pub(crate) struct Gate {
    queue: Semaphore,
    running: Semaphore,
}

impl Gate {
    pub(crate) fn new(running: usize, waiting: usize) -> Self {
        Self {
            queue: Semaphore::new(running.saturating_add(waiting)),
            running: Semaphore::new(running.max(1)),
        }
    }

    /// Runs `job` on a blocking thread, as soon as there is a place.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> RpcResult<T> {
        let busy = || RpcError::Overloaded("the node is busy, try again later".to_owned());
        let _queued = self.queue.try_acquire().map_err(|_| busy())?;
        let _running = self.running.acquire().await.map_err(|_| busy())?;
        tokio::task::spawn_blocking(job)
            .await
            .map_err(|error| RpcError::Internal(format!("the call failed: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_instead_of_growing() {
        let gate = Arc::new(Gate::new(1, 0));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                gate.run(move || {
                    started.send(()).unwrap();
                    wait.recv().unwrap();
                })
                .await
            }
        });
        has_started.await.unwrap();
        assert!(matches!(
            gate.run(|| ()).await,
            Err(RpcError::Overloaded(_))
        ));
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(gate.run(|| 1).await, Ok(1));
    }
}
