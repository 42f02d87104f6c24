//! Scan cursors, by number: making an object with functions for each would cost more than a short scan.

use std::rc::Rc;
use std::sync::{MutexGuard, PoisonError};

use varve_core::{CursorOptions, Fill, ScanCursor};

use crate::async_work;
use crate::js::{methods, Error, Result, Scope, Value};
use crate::state::{Shared, State};

/// Answers of a fill that are not a count; those of `kernel.ts`.
const FILL_PENDING: i32 = -1;
const FILL_TOO_SMALL: i32 = -2;

/// Bits of `flags`.
const REVERSE: u32 = 1;
const KEYS: u32 = 2;
const VALUES: u32 = 4;
const FILL_CACHE: u32 = 8;

pub fn register(scope: Scope, object: Value, state: &Rc<State>) -> Result<()> {
    methods!(scope, object, state, {
        c"openCursor" => open,
        c"seekCursor" => seek,
        c"fillCursor" => fill,
        c"fillCursorAsync" => fill_async,
        c"closeCursor" => close,
    });
    Ok(())
}

const CURSOR_CLOSED: Error = Error::Closed("the cursor is closed");

fn cursor(scope: Scope, state: &State, id: Value) -> Result<Shared> {
    let id = scope.to_u32(id)?;
    state.cursors.borrow().by_id.get(&id).cloned().ok_or(CURSOR_CLOSED)
}

/// As [`cursor`], without a count: for the calls that must be fast.
fn with_cursor<T>(scope: Scope, state: &State, id: Value, work: impl FnOnce(&mut ScanCursor) -> Result<T>) -> Result<T> {
    let id = scope.to_u32(id)?;
    let cursors = state.cursors.borrow();
    let mut cursor = lock(cursors.by_id.get(&id).ok_or(CURSOR_CLOSED)?);
    work(&mut cursor)
}

/// A panic in a fill leaves a cursor that seeks anew, as after an error.
fn lock(cursor: &Shared) -> MutexGuard<'_, ScanCursor> {
    cursor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `(sequence, lower | undefined, upper | undefined, flags) → id`
fn open(scope: Scope, state: &Rc<State>, [sequence, lower, upper, flags]: [Value; 4]) -> Result<Value> {
    let flags = scope.to_u32(flags)?;
    let options = CursorOptions {
        sequence: scope.to_u64(sequence)?,
        lower: scope.optional_bytes(lower)?,
        upper: scope.optional_bytes(upper)?,
        reverse: flags & REVERSE != 0,
        keys: flags & KEYS != 0,
        values: flags & VALUES != 0,
        fill_cache: flags & FILL_CACHE != 0,
    };
    let cursor = state.with_engine(|engine| Ok(engine.open_cursor(options)))?;
    let id = state.cursors.borrow_mut().add(cursor);
    scope.number(f64::from(id))
}

/// `(id, key: Uint8Array)`
fn seek(scope: Scope, state: &Rc<State>, [id, key]: [Value; 2]) -> Result<Value> {
    let key = scope.bytes(key)?;
    with_cursor(scope, state, id, |cursor| {
        cursor.seek(key);
        scope.undefined()
    })
}

/// `(id, chunk: Uint8Array, index: Uint32Array, limit, allowIo) → entries | FILL_PENDING | FILL_TOO_SMALL`
fn fill(scope: Scope, state: &Rc<State>, [id, chunk, index, limit, allow_io]: [Value; 5]) -> Result<Value> {
    let allow_io = scope.to_bool(allow_io)?;
    let (chunk, index) = (scope.bytes_mut(chunk)?, scope.u32s_mut(index)?);
    let limit = scope.to_usize(limit)?;
    let filled = with_cursor(scope, state, id, |cursor| Ok(cursor.fill(chunk, index, limit, allow_io)?))?;
    scope.int(answer(&filled, index))
}

fn answer(filled: &Fill, index: &mut [u32]) -> i32 {
    match *filled {
        Fill::Entries(count) => count as i32,
        Fill::Pending => FILL_PENDING,
        Fill::TooSmall(needed) => {
            if let Some(first) = index.first_mut() {
                *first = needed as u32;
            }
            FILL_TOO_SMALL
        }
    }
}

/// What an asynchronous fill brings back.
struct Filled {
    answer: i32,
    chunk: Vec<u8>,
    index: Vec<u32>,
}

/// Memory of a size that the caller decides about: too much is an error, not the end of the process.
fn zeros<T: Clone + Default>(length: usize) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    let reserved = memory.try_reserve_exact(length);
    reserved.map_err(|_| varve_core::Error::Resource(format!("there is no memory for {length} elements of a chunk")))?;
    memory.resize(length, T::default());
    Ok(memory)
}

/// `(id, chunkLength, indexLength, limit) → Promise<{ answer, chunk: Buffer, index: Buffer }>`
fn fill_async(scope: Scope, state: &Rc<State>, [id, chunk_length, index_length, limit]: [Value; 4]) -> Result<Value> {
    let cursor = cursor(scope, state, id)?;
    let (chunk_length, index_length) = (scope.to_usize(chunk_length)?, scope.to_usize(index_length)?);
    let limit = scope.to_usize(limit)?;
    let compute = move || -> Result<Filled> {
        let (mut chunk, mut index) = (zeros(chunk_length)?, zeros(index_length)?);
        let filled = lock(&cursor).fill(&mut chunk, &mut index, limit, true)?;
        let answer = answer(&filled, &mut index);
        if let Fill::Entries(count) = filled {
            index.truncate(2 * count);
            chunk.truncate(index.last().map_or(0, |&end| end as usize));
        } else {
            chunk.clear();
            index.truncate(1);
        }
        Ok(Filled { answer, chunk, index })
    };
    async_work::spawn(scope, compute, |scope, filled| {
        let index: Vec<u8> = filled.index.iter().flat_map(|end| end.to_ne_bytes()).collect();
        let object = scope.object()?;
        scope.set(object, c"answer", scope.int(filled.answer)?)?;
        scope.set(object, c"chunk", scope.buffer(&filled.chunk)?)?;
        scope.set(object, c"index", scope.buffer(&index)?)?;
        Ok(object)
    })
}

/// `(id)`; a fill in flight keeps what it needs.
fn close(scope: Scope, state: &Rc<State>, [id]: [Value; 1]) -> Result<Value> {
    let id = scope.to_u32(id)?;
    let closed = state.cursors.borrow_mut().by_id.remove(&id);
    drop(closed);
    scope.undefined()
}
