//! Work on a thread of the pool, and the promise of its outcome.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use napi::sys;

use crate::js::{check, Error, Result, Scope, Value};

struct Work<T> {
    compute: Option<Box<dyn FnOnce() -> Result<T> + Send>>,
    outcome: Option<Result<T>>,
    finish: Option<Finish<T>>,
    deferred: sys::napi_deferred,
    handle: sys::napi_async_work,
}

/// Makes a value of what was computed, on the JavaScript thread.
type Finish<T> = Box<dyn FnOnce(Scope, T) -> Result<Value>>;

/// Computes on another thread, then makes a value of it on this one; returns a promise of the value.
pub fn spawn<T: Send + 'static>(
    scope: Scope,
    compute: impl FnOnce() -> Result<T> + Send + 'static,
    finish: impl FnOnce(Scope, T) -> Result<Value> + 'static,
) -> Result<Value> {
    let (deferred, promise) = scope.promise()?;
    let name = scope.string("varve")?;
    let work = Box::into_raw(Box::new(Work {
        compute: Some(Box::new(compute)),
        outcome: None,
        finish: Some(Box::new(finish)),
        deferred,
        handle: ptr::null_mut(),
    }));
    // SAFETY: `work` is leaked to Node-API and taken back in `complete`, which runs exactly once for work that was queued. Between the two
    // only `execute` touches it.
    let queued = unsafe {
        check(sys::napi_create_async_work(
            scope.env(),
            ptr::null_mut(),
            name,
            Some(execute::<T>),
            Some(complete::<T>),
            work.cast(),
            &raw mut (*work).handle,
        ))
        .and_then(|()| check(sys::napi_queue_async_work(scope.env(), (*work).handle)))
    };
    if let Err(error) = queued {
        // SAFETY: it was not queued, so nobody else has it.
        drop(unsafe { Box::from_raw(work) });
        return Err(error);
    }
    Ok(promise)
}

unsafe extern "C" fn execute<T>(_env: sys::napi_env, data: *mut c_void) {
    // SAFETY: see `spawn`.
    let work = unsafe { &mut *data.cast::<Work<T>>() };
    let compute = work.compute.take();
    let run = || compute.map_or(Err(Error::Usage("the work was begun twice")), |compute| compute());
    work.outcome = Some(catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| Err(Error::panic(payload.as_ref()))));
}

unsafe extern "C" fn complete<T>(env: sys::napi_env, _status: sys::napi_status, data: *mut c_void) {
    // SAFETY: see `spawn`.
    let work = unsafe { Box::from_raw(data.cast::<Work<T>>()) };
    let Work { outcome, finish, deferred, handle, .. } = *work;
    let scope = Scope::new(env);
    let settle = || {
        let outcome = outcome.unwrap_or(Err(Error::Usage("the work was cancelled")));
        let value = outcome.and_then(|result| finish.map_or_else(|| scope.undefined(), |finish| finish(scope, result)));
        scope.settle(deferred, value.as_ref().copied());
    };
    let _ = catch_unwind(AssertUnwindSafe(settle));
    // SAFETY: the work is done, and its handle is deleted once.
    let _ = check(unsafe { sys::napi_delete_async_work(env, handle) });
}
