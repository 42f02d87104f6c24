//! Flush and compaction: a thread each, and a thread-safe function that brings progress and the end back.
//!
//! Invariants:
//!  1. The thread-safe function keeps the process alive while the job runs, and no longer.
//!  2. A job does not outlive its environment. When a worker thread is ended, a cleanup hook cancels the job and waits for its thread: before
//!     the store's lock is free for another owner, and before the code of the addon may be unloaded.
//!  3. Whoever takes `Channel::running` first (the hook, the message of the end, or `wait`) ends the job; there is no second time.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;

use napi::sys;
use varve_core::table::TableOptions;
use varve_core::{BlobOutput, Bounds, CompactionJob, Compression, Engine, FlushJob, JobControl, JobOutput, TableSummary};

use crate::js::{check, Error, Result, Scope, Value};
use crate::primitives::filter_policy;

/// What a job's thread tells the JavaScript thread.
enum Message {
    Progress(u64, u64),
    /// The outcome is in the channel.
    Done,
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
    /// Touched on the JavaScript thread only.
    running: Mutex<Option<Running>>,
    /// Set before the thread ends.
    outcome: OnceLock<Result<Vec<TableSummary>>>,
}
// SAFETY: that is what thread-safe functions are for; `open` keeps to their lifetime. The promise in `running` is a handle that the other
// threads do not touch.
unsafe impl Send for Channel {}
unsafe impl Sync for Channel {}

/// A job that has not ended.
struct Running {
    control: Arc<JobControl>,
    thread: JoinHandle<()>,
    deferred: sys::napi_deferred,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel {
    /// Does something with the function unless it is gone; answers whether Node took it.
    fn with(&self, work: impl FnOnce(sys::napi_threadsafe_function) -> sys::napi_status) -> bool {
        let open = lock(&self.open);
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

    /// What came of the job, once its thread has ended.
    fn outcome(&self) -> std::result::Result<&[TableSummary], &Error> {
        self.outcome.get().map_or(Err(&Error::Usage("the job has not ended")), |outcome| outcome.as_deref())
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
    *lock(&channel.open) = false;
}

/// The cleanup hook: the environment ends before the job.
unsafe extern "C" fn environment_ends(data: *mut c_void) {
    // SAFETY: the count that `start` has leaked to the hook; a hook that was not removed runs once.
    let channel = unsafe { Arc::from_raw(data.cast::<Channel>()) };
    let running = lock(&channel.running).take();
    if let Some(Running { control, thread, .. }) = running {
        control.cancel();
        // A panic of the thread has been caught in it.
        let _ = thread.join();
    }
}

/// Waits for the thread, in an environment that lives, and ends the job, unless somebody was first.
fn end(scope: Scope, channel: &Channel) -> Option<sys::napi_deferred> {
    let Running { thread, deferred, .. } = lock(&channel.running).take()?;
    let data = ptr::from_ref(channel).cast_mut().cast::<c_void>();
    // SAFETY: added by `start` with this very pointer, and not run yet, since `running` was there. Its count is taken back.
    let _ = check(unsafe { sys::napi_remove_env_cleanup_hook(scope.env(), Some(environment_ends), data) });
    drop(unsafe { Arc::from_raw(data.cast::<Channel>()) });
    // A panic of the thread has been caught in it.
    let _ = thread.join();
    channel.release();
    Some(deferred)
}

/// Ends the job and answers its promise, unless somebody was first.
fn settle(scope: Scope, channel: &Channel) {
    let Some(deferred) = end(scope, channel) else { return };
    match channel.outcome() {
        Ok(tables) => scope.settle(deferred, summaries(scope, tables).as_ref().copied()),
        Err(error) => scope.settle(deferred, Err(error)),
    }
}

/// A job that was started.
pub struct Handle {
    control: Arc<JobControl>,
    channel: Arc<Channel>,
}

impl Handle {
    /// What cancels the job, for as long as somebody else keeps it.
    pub fn control(&self) -> Weak<JobControl> {
        Arc::downgrade(&self.control)
    }

    /// Asks the job to stop; returns at once.
    pub fn cancel(&self) {
        self.control.cancel();
    }

    /// Blocks until the job has ended; returns its tables, or throws what its promise is rejected with.
    pub fn wait(&self, scope: Scope) -> Result<Value> {
        settle(scope, &self.channel);
        match self.channel.outcome() {
            Ok(tables) => summaries(scope, tables),
            Err(error) => Ok(scope.throw(error)),
        }
    }
}

/// Starts a job; returns the promise of its tables. `on_progress` is a function `(done, total)` or undefined.
pub fn start(scope: Scope, engine: Arc<Engine>, job: Job, on_progress: Value) -> Result<(Value, Handle)> {
    let (deferred, promise) = scope.promise()?;
    let channel = channel(scope, on_progress)?;
    let progress = Arc::clone(&channel);
    let control = Arc::new(JobControl::new(move |done, total| progress.send(Message::Progress(done, total))));
    let (reins, outcomes) = (Arc::clone(&control), Arc::clone(&channel));
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
        // Set once: here.
        let _ = outcomes.outcome.set(outcome);
        outcomes.send(Message::Done);
    };
    let thread = std::thread::Builder::new().name("varve-job".into()).spawn(body).map_err(|source| {
        channel.release();
        varve_core::Error::Resource(format!("no thread could be started: {source}"))
    })?;
    *lock(&channel.running) = Some(Running { control: Arc::clone(&control), thread, deferred });
    let data = Arc::into_raw(Arc::clone(&channel)).cast_mut().cast::<c_void>();
    // SAFETY: the hook gets the count that is leaked here. Adding it fails for a null environment only.
    check(unsafe { sys::napi_add_env_cleanup_hook(scope.env(), Some(environment_ends), data) })?;
    Ok((promise, Handle { control, channel }))
}

fn channel(scope: Scope, on_progress: Value) -> Result<Arc<Channel>> {
    let name = scope.string("varve-job")?;
    let listener = if scope.is_undefined(on_progress)? { ptr::null_mut() } else { on_progress };
    let mut channel = Arc::new(Channel {
        function: ptr::null_mut(),
        open: Mutex::new(true),
        running: Mutex::default(),
        outcome: OnceLock::new(),
    });
    let leaked = Arc::as_ptr(&channel).cast_mut().cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: the finalizer gets a count of the channel, which is taken right below, and the channel is the context too: no call comes after
    // the finalizer.
    check(unsafe {
        sys::napi_create_threadsafe_function(
            scope.env(),
            listener,
            ptr::null_mut(),
            name,
            0,
            1,
            leaked,
            Some(channel_gone),
            leaked,
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

unsafe extern "C" fn receive(env: sys::napi_env, listener: Value, channel: *mut c_void, data: *mut c_void) {
    // SAFETY: `data` is the box that `send` has leaked.
    let message = unsafe { Box::from_raw(data.cast::<Message>()) };
    if env.is_null() {
        return;
    }
    let scope = Scope::new(env);
    // SAFETY: see `channel`.
    let channel = unsafe { &*channel.cast::<Channel>() };
    let handle = || match *message {
        Message::Progress(done, total) => drop(report(scope, listener, done, total)),
        Message::Done => settle(scope, channel),
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
    // SAFETY: values of this scope.
    let called = unsafe { sys::napi_call_function(scope.env(), receiver, listener, 2, arguments.as_ptr(), &mut result) };
    if called == sys::Status::napi_pending_exception {
        return scope.raise_uncaught();
    }
    check(called)
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
        number(c"rangeDeletes", table.range_deletes)?;
        number(c"smallestSequence", table.smallest_sequence)?;
        number(c"largestSequence", table.largest_sequence)?;
        scope.set(object, c"smallestKey", scope.buffer(&table.smallest_key)?)?;
        scope.set(object, c"largestKey", scope.buffer(&table.largest_key)?)?;
        number(c"rawDataBytes", table.raw_data_bytes)?;
        number(c"storedDataBytes", table.stored_data_bytes)?;
        if !table.blob_references.is_empty() {
            let pair = |&(file, bytes): &(u64, u64)| scope.array(&[file, bytes], |&part| scope.number(part as f64));
            scope.set(object, c"blobReferences", scope.array(&table.blob_references, pair)?)?;
        }
        if let Some(expiry) = &table.expiry {
            let object_of_expiry = scope.object()?;
            scope.set(object_of_expiry, c"entries", scope.number(expiry.entries as f64)?)?;
            scope.set(object_of_expiry, c"latest", scope.number(expiry.latest as f64)?)?;
            scope.set(object, c"expiry", object_of_expiry)?;
        }
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
            (Some(end), Some(start)) => Ok((start, end)),
            _ => Err(Error::Usage("a range has two ends")),
        }
    };
    let cuts = scope.get(job, c"cuts")?;
    Ok(Job::Compact(CompactionJob {
        runs: scope.list(scope.get(job, c"runs")?, |run| scope.numbers(run))?,
        snapshots: scope.numbers(scope.get(job, c"snapshots")?)?,
        keep_tombstones: scope.list(scope.get(job, c"keepTombstones")?, range)?,
        bounds: Bounds {
            lower: scope.optional_bytes(scope.get(job, c"lower")?)?,
            upper: scope.optional_bytes(scope.get(job, c"upper")?)?,
        },
        cuts: if scope.is_undefined(cuts)? {
            Vec::new()
        } else {
            scope.list(cuts, |cut| scope.bytes(cut).map(<[u8]>::to_vec))?
        },
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
            filter_policy: filter_policy(scope, scope.get(table, c"filterPolicy")?)?,
            filter_milli_bits_per_key: number(table, c"filterMilliBitsPerKey")?,
            filter_probes: number(table, c"filterProbes")? as u32,
            table_size: number(table, c"tableSize")?,
            compression: compression(number(table, c"compression")?)?,
            compression_level: number(table, c"compressionLevel")? as i32,
        },
        blobs: blob_output(scope, scope.get(output, c"blobs")?)?,
    })
}

fn blob_output(scope: Scope, blobs: Value) -> Result<Option<BlobOutput>> {
    if scope.is_undefined(blobs)? {
        return Ok(None);
    }
    let number = |name| scope.to_u64(scope.get(blobs, name)?);
    Ok(Some(BlobOutput {
        directory: scope.to_string(scope.get(blobs, c"directory")?)?.into(),
        threshold: number(c"threshold")?,
        file_size: number(c"fileSize")?,
        first_number: number(c"firstNumber")?,
        number_count: number(c"numberCount")?,
        collect: scope.numbers(scope.get(blobs, c"collect")?)?,
        salvage: scope.to_bool(scope.get(blobs, c"salvage")?)?,
    }))
}

fn compression(id: u64) -> Result<Compression> {
    u8::try_from(id).ok().and_then(Compression::from_id).ok_or(Error::Usage("the compression is unknown"))
}
