//! One engine as JavaScript sees it: an object of functions that share its state.

use std::cell::RefCell;
use std::ffi::CStr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use varve_core::internal_key::TRAILER_SIZE;
use varve_core::{BlobSpec, Engine, EngineOptions, TableSpan, TableSpec};

use crate::cursors;
use crate::js::{methods, Error, Result, Scope, Value};
use crate::state::{SharedBuffer, State};
use crate::{async_work, jobs, reads};

pub fn register(scope: Scope, exports: Value) -> Result<()> {
    methods!(scope, exports, &Rc::new(()), { c"createEngine" => create_engine });
    Ok(())
}

/// `(cacheBytes, maxOpenFiles, keys: Uint8Array, slab: Uint8Array) → engine`
fn create_engine(scope: Scope, _: &Rc<()>, [cache_bytes, max_open_files, keys, slab]: [Value; 4]) -> Result<Value> {
    let (cache_bytes, max_open_files) = (scope.to_usize(cache_bytes)?, scope.to_usize(max_open_files)?);
    let engine = Engine::new(EngineOptions { cache_bytes, max_open_files });
    let state = Rc::new(State {
        engine: RefCell::new(Some(Arc::new(engine))),
        keys: RefCell::new(Some(SharedBuffer::new(scope, keys)?)),
        slab: RefCell::new(Some(SharedBuffer::new(scope, slab)?)),
        cursors: RefCell::default(),
        jobs: RefCell::default(),
    });
    let object = scope.object()?;
    methods!(scope, object, &state, {
        c"setKeys" => set_keys,
        c"setSlab" => set_slab,
        c"createMemtable" => create_memtable,
        c"apply" => apply,
        c"dropMemtable" => drop_memtable,
        c"openTables" => open_tables,
        c"openTablesSync" => open_tables_sync,
        c"dropTables" => drop_tables,
        c"addBlobs" => add_blobs,
        c"dropBlobs" => drop_blobs,
        c"setCacheCapacity" => set_cache_capacity,
        c"setJobRate" => set_job_rate,
        c"installView" => install_view,
        c"approximateOffset" => approximate_offset,
        c"coveredTables" => covered_tables,
        c"rawBytes" => raw_bytes,
        c"setTime" => set_time,
        c"flush" => flush,
        c"compact" => compact,
        c"cancelJobs" => cancel_jobs,
        c"stats" => stats,
        c"filterStats" => filter_stats,
        c"close" => close,
    });
    reads::register(scope, object, &state)?;
    cursors::register(scope, object, &state)?;
    Ok(object)
}

fn set_keys(scope: Scope, state: &Rc<State>, [keys]: [Value; 1]) -> Result<Value> {
    replace(scope, state, &state.keys, keys)
}

fn set_slab(scope: Scope, state: &Rc<State>, [slab]: [Value; 1]) -> Result<Value> {
    replace(scope, state, &state.slab, slab)
}

fn replace(scope: Scope, state: &State, place: &RefCell<Option<SharedBuffer>>, value: Value) -> Result<Value> {
    state.engine()?;
    let before = place.borrow_mut().replace(SharedBuffer::new(scope, value)?);
    if let Some(before) = before {
        before.release(scope);
    }
    scope.undefined()
}

/// Places in the memtables of the core have 32 bits.
const MOST_MEMTABLE_BYTES: usize = u32::MAX as usize;

fn create_memtable(scope: Scope, state: &Rc<State>, [id, capacity]: [Value; 2]) -> Result<Value> {
    let capacity = scope.to_usize(capacity)?;
    if capacity > MOST_MEMTABLE_BYTES {
        let message = format!("a memtable has less than 4 GiB, not {capacity} bytes: write smaller batches");
        return Err(varve_core::Error::Resource(message).into());
    }
    state.engine()?.create_memtable(scope.to_u64(id)?, capacity);
    scope.undefined()
}

/// `(record: Uint8Array, start, end)`
fn apply(scope: Scope, state: &Rc<State>, [record, start, end]: [Value; 3]) -> Result<Value> {
    let range = scope.to_usize(start)?..scope.to_usize(end)?;
    let record = scope.bytes(record)?.get(range).ok_or(Error::Usage("the record lies outside its buffer"))?;
    state.with_engine(|engine| Ok(engine.apply(record)?))?;
    scope.undefined()
}

fn drop_memtable(scope: Scope, state: &Rc<State>, [id]: [Value; 1]) -> Result<Value> {
    state.engine()?.drop_memtable(scope.to_u64(id)?);
    scope.undefined()
}

/// `(specs: TableSpec[]) → Promise<void>`
fn open_tables(scope: Scope, state: &Rc<State>, [specs]: [Value; 1]) -> Result<Value> {
    let engine = state.engine()?;
    let specs = table_specs(scope, specs)?;
    async_work::spawn(scope, move || Ok(engine.open_tables(&specs)?), |scope, ()| scope.undefined())
}

/// `(specs: TableSpec[])`
fn open_tables_sync(scope: Scope, state: &Rc<State>, [specs]: [Value; 1]) -> Result<Value> {
    state.engine()?.open_tables(&table_specs(scope, specs)?)?;
    scope.undefined()
}

fn table_specs(scope: Scope, specs: Value) -> Result<Vec<TableSpec>> {
    scope.list(specs, |spec| {
        Ok(TableSpec {
            number: scope.to_u64(scope.get(spec, c"number")?)?,
            path: PathBuf::from(scope.to_string(scope.get(spec, c"path")?)?),
            size: scope.to_u64(scope.get(spec, c"size")?)?,
            lazy: span(scope, scope.get(spec, c"lazy")?)?,
        })
    })
}

/// `TableSpan | undefined`
fn span(scope: Scope, value: Value) -> Result<Option<TableSpan>> {
    if scope.is_undefined(value)? {
        return Ok(None);
    }
    let key = |name| -> Result<Vec<u8>> {
        let key = scope.bytes(scope.get(value, name)?)?.to_vec();
        if key.len() < TRAILER_SIZE {
            return Err(Error::Usage("a table spans internal keys"));
        }
        Ok(key)
    };
    Ok(Some(TableSpan {
        smallest_key: key(c"smallestKey")?,
        largest_key: key(c"largestKey")?,
        smallest_sequence: scope.to_u64(scope.get(value, c"smallestSequence")?)?,
        largest_sequence: scope.to_u64(scope.get(value, c"largestSequence")?)?,
    }))
}

fn set_cache_capacity(scope: Scope, state: &Rc<State>, [bytes]: [Value; 1]) -> Result<Value> {
    state.engine()?.set_cache_capacity(scope.to_usize(bytes)?);
    scope.undefined()
}

fn set_job_rate(scope: Scope, state: &Rc<State>, [bytes_per_second]: [Value; 1]) -> Result<Value> {
    state.engine()?.set_job_rate(scope.to_u64(bytes_per_second)?);
    scope.undefined()
}

fn drop_tables(scope: Scope, state: &Rc<State>, [numbers]: [Value; 1]) -> Result<Value> {
    state.engine()?.drop_tables(&scope.numbers(numbers)?);
    scope.undefined()
}

/// `(specs: BlobSpec[])`
fn add_blobs(scope: Scope, state: &Rc<State>, [specs]: [Value; 1]) -> Result<Value> {
    let specs = scope.list(specs, |spec| {
        Ok(BlobSpec {
            number: scope.to_u64(scope.get(spec, c"number")?)?,
            path: PathBuf::from(scope.to_string(scope.get(spec, c"path")?)?),
            size: scope.to_u64(scope.get(spec, c"size")?)?,
        })
    })?;
    state.engine()?.add_blobs(specs);
    scope.undefined()
}

fn drop_blobs(scope: Scope, state: &Rc<State>, [numbers]: [Value; 1]) -> Result<Value> {
    state.engine()?.drop_blobs(&scope.numbers(numbers)?);
    scope.undefined()
}

fn install_view(scope: Scope, state: &Rc<State>, [memtables, levels]: [Value; 2]) -> Result<Value> {
    let levels = scope.list(levels, |level| scope.numbers(level))?;
    state.engine()?.install_view(&scope.numbers(memtables)?, &levels)?;
    scope.undefined()
}

/// `(table, key: Uint8Array) → offset`
fn approximate_offset(scope: Scope, state: &Rc<State>, [table, key]: [Value; 2]) -> Result<Value> {
    let (table, key) = (scope.to_u64(table)?, scope.bytes(key)?);
    let offset = state.with_engine(|engine| Ok(engine.approximate_offset(table, key)?))?;
    scope.number(offset as f64)
}

/// `(tables: number[], load: boolean) → bytes`
fn raw_bytes(scope: Scope, state: &Rc<State>, [tables, load]: [Value; 2]) -> Result<Value> {
    let bytes = state.engine()?.raw_bytes(&scope.numbers(tables)?, scope.to_bool(load)?)?;
    scope.number(bytes as f64)
}

/// `(snapshots: number[]) → number[]`
fn covered_tables(scope: Scope, state: &Rc<State>, [snapshots]: [Value; 1]) -> Result<Value> {
    let snapshots = scope.numbers(snapshots)?;
    let numbers = state.with_engine(|engine| Ok(engine.covered_tables(&snapshots)))?;
    scope.array(&numbers, |&number| scope.number(number as f64))
}

/// `(milliseconds | undefined)`
fn set_time(scope: Scope, state: &Rc<State>, [milliseconds]: [Value; 1]) -> Result<Value> {
    let fixed = if scope.is_undefined(milliseconds)? { None } else { Some(scope.to_u64(milliseconds)?) };
    state.engine()?.set_time(fixed);
    scope.undefined()
}

/// `(job: FlushJob, onProgress?) → { done, wait, cancel }`
fn flush(scope: Scope, state: &Rc<State>, [job, on_progress]: [Value; 2]) -> Result<Value> {
    start_job(scope, state, jobs::flush_job(scope, job)?, on_progress)
}

/// `(job: CompactionJob, onProgress?) → { done, wait, cancel }`
fn compact(scope: Scope, state: &Rc<State>, [job, on_progress]: [Value; 2]) -> Result<Value> {
    start_job(scope, state, jobs::compaction_job(scope, job)?, on_progress)
}

/// Cancels all jobs.
fn cancel_jobs(scope: Scope, state: &Rc<State>, []: [Value; 0]) -> Result<Value> {
    state.cancel_jobs();
    scope.undefined()
}

fn start_job(scope: Scope, state: &Rc<State>, job: jobs::Job, on_progress: Value) -> Result<Value> {
    let (done, handle) = jobs::start(scope, state.engine()?, job, on_progress)?;
    let mut running = state.jobs.borrow_mut();
    running.retain(|job| job.strong_count() > 0);
    running.push(handle.control());
    let handle = Rc::new(handle);
    let object = scope.object()?;
    scope.set(object, c"done", done)?;
    methods!(scope, object, &handle, { c"wait" => wait, c"cancel" => cancel });
    Ok(object)
}

/// `() → TableSummary[]`, when the job has ended
fn wait(scope: Scope, job: &Rc<jobs::Handle>, []: [Value; 0]) -> Result<Value> {
    job.wait(scope)
}

fn cancel(scope: Scope, job: &Rc<jobs::Handle>, []: [Value; 0]) -> Result<Value> {
    job.cancel();
    scope.undefined()
}

fn stats(scope: Scope, state: &Rc<State>, []: [Value; 0]) -> Result<Value> {
    let stats = state.engine()?.stats();
    let fields = [
        (c"cacheBytes", stats.cache_bytes),
        (c"cacheCapacity", stats.cache_capacity),
        (c"cacheHits", stats.cache_hits),
        (c"cacheMisses", stats.cache_misses),
        (c"blockReads", stats.block_reads),
        (c"fileReads", stats.file_reads),
        (c"blobReads", stats.blob_reads),
        (c"filterProbes", stats.filter_probes),
        (c"filterNegatives", stats.filter_negatives),
        (c"filterFalsePositives", stats.filter_false_positives),
        (c"openTables", stats.open_tables),
        (c"loadedTables", stats.loaded_tables),
        (c"tableMemory", stats.table_memory),
        (c"openFiles", stats.open_files),
        (c"fileOpens", stats.file_opens),
        (c"fileHits", stats.file_hits),
        (c"memtables", stats.memtables),
        (c"memtableMemory", stats.memtable_memory),
    ];
    counters(scope, &fields)
}

/// An object of numbers.
fn counters(scope: Scope, fields: &[(&CStr, u64)]) -> Result<Value> {
    let object = scope.object()?;
    for &(name, value) in fields {
        scope.set(object, name, scope.number(value as f64)?)?;
    }
    Ok(object)
}

/// `() → LevelFilterStats[]`
fn filter_stats(scope: Scope, state: &Rc<State>, []: [Value; 0]) -> Result<Value> {
    scope.array(&state.engine()?.filter_stats(), |level| {
        let fields = [
            (c"tables", level.tables),
            (c"unknown", level.unknown),
            (c"bytes", level.bytes),
            (c"keys", level.keys),
            (c"probes", level.probes),
            (c"negatives", level.negatives),
            (c"falsePositives", level.false_positives),
        ];
        counters(scope, &fields)
    })
}

/// Frees the engine; what is under way on other threads keeps it until it is done.
fn close(scope: Scope, state: &Rc<State>, []: [Value; 0]) -> Result<Value> {
    state.cancel_jobs();
    state.cursors.borrow_mut().close_all();
    state.engine.borrow_mut().take();
    for buffer in [state.keys.borrow_mut().take(), state.slab.borrow_mut().take()].into_iter().flatten() {
        buffer.release(scope);
    }
    scope.undefined()
}
