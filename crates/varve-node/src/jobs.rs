//! Flush and compaction: a thread each, and a thread-safe function that brings progress and outcome back.
//!
//! The thread-safe function keeps the process alive while the job runs, and no longer. When the environment is torn down first, the engine's
//! state cancels the job (see `engine.rs`) and its messages are dropped.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use napi::sys;
use varve_core::table::TableOptions;
use varve_core::{CompactionJob, Engine, FlushJob, JobControl, JobOutput, TableSummary};

use crate::js::{check, Error, Result, Scope, Value};

/// What a job's thread tells the JavaScript thread.
enum Message {
    Progress(u64, u64),
    Done(Result<Vec<TableSummary>>),
}

/// What is to be done.
pub enum Job {
    Flush(FlushJob),
    Compact(CompactionJob),
}

/// A thread-safe function, to be used by the job's thread.
///
/// Node deletes it when the environment is torn down, whoever still holds a count of it. So it is used only under a lock, and only until its
/// finalizer has been here.
struct Channel {
    function: sys::napi_threadsafe_function,
    open: Mutex<bool>,
}
// SAFETY: that is what thread-safe functions are for; `open` keeps to their lifetime.
unsafe impl Send for Channel {}
unsafe impl Sync for Channel {}

impl Channel {
    /// Does something with the function unless it is gone; answers whether Node took it.
    fn with(&self, work: impl FnOnce(sys::napi_threadsafe_function) -> sys::napi_status) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open && check(work(self.function)).is_ok()
    }

    fn send(&self, message: Message) {
        let data = Box::into_raw(Box::new(message));
        // SAFETY: the function is open. `receive` takes the box when it is called.
        let taken = self.with(|function| unsafe {
            sys::napi_call_threadsafe_function(function, data.cast(), sys::ThreadsafeFunctionCallMode::nonblocking)
        });
        if !taken {
            // The environment is going away and nobody listens. SAFETY: the box was not taken.
            drop(unsafe { Box::from_raw(data) });
        }
    }

    /// Lets go of the one count, once: the process may end.
    fn release(&self) {
        // SAFETY: the function is open.
        self.with(|function| unsafe {
            sys::napi_release_threadsafe_function(function, sys::ThreadsafeFunctionReleaseMode::release)
        });
    }
}

unsafe extern "C" fn channel_gone(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the count that `channel` has leaked to Node, given back once.
    let channel = unsafe { Arc::from_raw(data.cast::<Channel>()) };
    *channel.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
}

/// Starts a job; returns the promise of its tables and what cancels it. `on_progress` is a function `(done, total)` or undefined.
pub fn start(scope: Scope, engine: Arc<Engine>, job: Job, on_progress: Value) -> Result<(Value, Arc<JobControl>)> {
    let (deferred, promise) = scope.promise()?;
    let channel = channel(scope, on_progress, deferred)?;
    let progress = Arc::clone(&channel);
    let control = Arc::new(JobControl::new(move |done, total| progress.send(Message::Progress(done, total))));
    let (reins, outcome_channel) = (Arc::clone(&control), Arc::clone(&channel));
    let body = move || {
        let work = || match &job {
            Job::Flush(flush) => engine.flush(flush, &reins),
            Job::Compact(compaction) => engine.compact(compaction, &reins),
        };
        let outcome = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(outcome) => outcome.map_err(Error::from),
            Err(payload) => Err(Error::panic(payload.as_ref())),
        };
        drop(engine);
        outcome_channel.send(Message::Done(outcome));
        outcome_channel.release();
    };
    if let Err(source) = std::thread::Builder::new().name("varve-job".into()).spawn(body) {
        channel.release();
        return Err(varve_core::Error::Resource(format!("no thread could be started: {source}")).into());
    }
    Ok((promise, control))
}

fn channel(scope: Scope, on_progress: Value, deferred: sys::napi_deferred) -> Result<Arc<Channel>> {
    let name = scope.string("varve-job")?;
    let listener = if scope.is_undefined(on_progress)? { ptr::null_mut() } else { on_progress };
    let mut channel = Arc::new(Channel { function: ptr::null_mut(), open: Mutex::new(true) });
    let leaked = Arc::as_ptr(&channel);
    let mut function = ptr::null_mut();
    // SAFETY: `deferred` is the context: an opaque handle, settled once, by the only `Done`. The finalizer gets a count of the channel,
    // which is taken right below.
    check(unsafe {
        sys::napi_create_threadsafe_function(
            scope.env(),
            listener,
            ptr::null_mut(),
            name,
            0,
            1,
            leaked.cast_mut().cast(),
            Some(channel_gone),
            deferred.cast(),
            Some(receive),
            &mut function,
        )
    })?;
    if let Some(channel) = Arc::get_mut(&mut channel) {
        channel.function = function;
    }
    std::mem::forget(Arc::clone(&channel));
    Ok(channel)
}

unsafe extern "C" fn receive(env: sys::napi_env, listener: Value, deferred: *mut c_void, data: *mut c_void) {
    // SAFETY: `data` is the box that `send` has leaked.
    let message = unsafe { Box::from_raw(data.cast::<Message>()) };
    if env.is_null() {
        return;
    }
    let scope = Scope::new(env);
    let handle = || match *message {
        Message::Progress(done, total) => drop(report(scope, listener, done, total)),
        Message::Done(outcome) => scope.settle(deferred.cast(), outcome.and_then(|tables| summaries(scope, &tables))),
    };
    let _ = catch_unwind(AssertUnwindSafe(handle));
}

fn report(scope: Scope, listener: Value, done: u64, total: u64) -> Result<()> {
    if listener.is_null() {
        return Ok(());
    }
    let arguments = [scope.number(done as f64)?, scope.number(total as f64)?];
    let receiver = scope.undefined()?;
    let mut result = ptr::null_mut();
    // SAFETY: values of this scope. An exception of the listener becomes an uncaught one, as it should.
    check(unsafe { sys::napi_call_function(scope.env(), receiver, listener, 2, arguments.as_ptr(), &mut result) })
}

fn summaries(scope: Scope, tables: &[TableSummary]) -> Result<Value> {
    scope.array(tables, |table| {
        let object = scope.object()?;
        let number = |name, value: u64| scope.set(object, name, scope.number(value as f64)?);
        number(c"number", table.number)?;
        number(c"birthLevel", u64::from(table.birth_level))?;
        scope.set(object, c"createdAt", scope.bigint(table.created_at)?)?;
        number(c"size", table.size)?;
        number(c"entries", table.entries)?;
        number(c"tombstones", table.tombstones)?;
        number(c"smallestSequence", table.smallest_sequence)?;
        number(c"largestSequence", table.largest_sequence)?;
        scope.set(object, c"smallestKey", scope.buffer(&table.smallest_key)?)?;
        scope.set(object, c"largestKey", scope.buffer(&table.largest_key)?)?;
        Ok(object)
    })
}

/// Reads a `FlushJob` of `kernel.ts`.
pub fn flush_job(scope: Scope, job: Value) -> Result<Job> {
    Ok(Job::Flush(FlushJob {
        memtable: scope.to_u64(scope.get(job, c"memtable")?)?,
        snapshots: scope.numbers(scope.get(job, c"snapshots")?)?,
        output: output(scope, scope.get(job, c"output")?)?,
    }))
}

/// Reads a `CompactionJob` of `kernel.ts`.
pub fn compaction_job(scope: Scope, job: Value) -> Result<Job> {
    let range = |pair: Value| -> Result<(Vec<u8>, Vec<u8>)> {
        let mut ends = scope.list(pair, |end| scope.bytes(end).map(<[u8]>::to_vec))?;
        match (ends.pop(), ends.pop()) {
            (Some(largest), Some(smallest)) => Ok((smallest, largest)),
            _ => Err(Error::Usage("a range has two ends")),
        }
    };
    Ok(Job::Compact(CompactionJob {
        runs: scope.list(scope.get(job, c"runs")?, |run| scope.numbers(run))?,
        snapshots: scope.numbers(scope.get(job, c"snapshots")?)?,
        keep_tombstones: scope.list(scope.get(job, c"keepTombstones")?, range)?,
        output: output(scope, scope.get(job, c"output")?)?,
    }))
}

fn output(scope: Scope, output: Value) -> Result<JobOutput> {
    let table = scope.get(output, c"table")?;
    let number = |object, name| scope.to_u64(scope.get(object, name)?);
    Ok(JobOutput {
        directory: scope.to_string(scope.get(output, c"directory")?)?.into(),
        level: number(output, c"level")? as u32,
        first_number: number(output, c"firstNumber")?,
        number_count: number(output, c"numberCount")?,
        created_at: scope.to_bigint(scope.get(output, c"createdAt")?)?,
        table: TableOptions {
            block_size: number(table, c"blockSize")? as usize,
            restart_interval: number(table, c"restartInterval")? as usize,
            filter_milli_bits_per_key: number(table, c"filterMilliBitsPerKey")?,
            filter_probes: number(table, c"filterProbes")? as u32,
            table_size: number(table, c"tableSize")?,
        },
    })
}
