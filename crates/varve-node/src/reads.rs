//! Point lookups.
//!
//! The key is read from the key buffer, the value goes into the slab; both are memory that the two sides share. A value that does not fit
//! comes back as a `Buffer` of its own.

use std::rc::Rc;

use varve_core::{Io, Lookup, PointReads};

use crate::async_work;
use crate::js::{methods, Error, Result, Scope, Value};
use crate::state::{SharedBuffer, State, CLOSED};

/// Answers that are no value.
const MISSING: i32 = -1;
const PENDING: i32 = -2;

/// Modes of `kernel.ts`.
const READ_UTF8: u32 = 1;
const READ_PRESENCE: u32 = 2;
/// Policies of `kernel.ts`.
const IO_NONE: u32 = 0;
const IO_CACHE: u32 = 1;
const IO_PASS: u32 = 2;
const IO_NO_WAIT: u32 = 3;
/// The length of a missing value in the answer of `getMany`.
const NO_VALUE: u32 = u32::MAX;

pub fn register(scope: Scope, object: Value, state: &Rc<State>) -> Result<()> {
    methods!(scope, object, state, {
        c"get" => get,
        c"has" => has,
        c"getString" => get_string,
        c"getInto" => get_into,
        c"getAsync" => get_async,
        c"getMany" => get_many,
        c"getManyAsync" => get_many_async,
    });
    Ok(())
}

#[inline]
fn io(scope: Scope, policy: Value) -> Result<Io> {
    match scope.to_u32(policy)? {
        IO_NONE => Ok(Io::None),
        IO_CACHE => Ok(Io::Cache),
        IO_PASS => Ok(Io::Pass),
        IO_NO_WAIT => Ok(Io::NoWait),
        _ => Err(Error::Usage("there is no such policy for I/O")),
    }
}

fn io_filling(scope: Scope, fill_cache: Value) -> Result<Io> {
    Ok(Io::of(true, scope.to_bool(fill_cache)?))
}

/// The key that TypeScript has put into the key buffer.
#[inline]
fn key(scope: Scope, keys: &Option<SharedBuffer>, length: Value) -> Result<&[u8]> {
    let length = scope.to_u32(length)? as usize;
    let keys = keys.as_ref().ok_or(CLOSED)?.bytes();
    keys.get(..length).ok_or(Error::Usage("the key is longer than its buffer"))
}

#[inline]
fn lookup<R>(
    scope: Scope,
    state: &State,
    [key_length, sequence, policy]: [Value; 3],
    take: impl FnOnce(&[u8]) -> R,
) -> Result<Lookup<R>> {
    let keys = state.keys.borrow();
    let key = key(scope, &keys, key_length)?;
    let (sequence, io) = (scope.to_u64(sequence)?, io(scope, policy)?);
    state.with_engine(|engine| Ok(engine.reads().get(key, sequence, io, take)?))
}

/// `(keyLength, sequence, io, slabOffset) → length in the slab | MISSING | PENDING | Buffer`
fn get(scope: Scope, state: &Rc<State>, [key_length, sequence, policy, offset]: [Value; 4]) -> Result<Value> {
    let offset = scope.to_u32(offset)? as usize;
    let found = lookup(scope, state, [key_length, sequence, policy], |value| {
        let slab = state.slab.borrow();
        let bytes = slab.as_ref().map_or(&mut [][..], SharedBuffer::bytes);
        // A value over an eighth of the slab gets memory of its own: it would keep the slab alive for long, or fill it in no time.
        let target = bytes.len() / 8;
        match bytes.get_mut(offset..).and_then(|rest| rest.get_mut(..value.len())).filter(|_| value.len() <= target) {
            Some(place) => {
                place.copy_from_slice(value);
                scope.int(value.len() as i32)
            }
            None => scope.buffer(value),
        }
    })?;
    match found {
        Lookup::Found(answer) => answer,
        Lookup::Missing => scope.int(MISSING),
        Lookup::Pending => scope.int(PENDING),
    }
}

/// `(keyLength, sequence, io) → 0 | MISSING | PENDING`
fn has(scope: Scope, state: &Rc<State>, arguments: [Value; 3]) -> Result<Value> {
    let [key_length, sequence, policy] = arguments;
    let keys = state.keys.borrow();
    let key = key(scope, &keys, key_length)?;
    let (sequence, io) = (scope.to_u64(sequence)?, io(scope, policy)?);
    scope.int(match state.with_engine(|engine| Ok(engine.reads().contains(key, sequence, io)?))? {
        Lookup::Found(()) => 0,
        Lookup::Missing => MISSING,
        Lookup::Pending => PENDING,
    })
}

/// `(keyLength, sequence, io) → string | undefined | PENDING`
fn get_string(scope: Scope, state: &Rc<State>, arguments: [Value; 3]) -> Result<Value> {
    match lookup(scope, state, arguments, |value| scope.utf8(value))? {
        Lookup::Found(text) => text,
        Lookup::Missing => scope.undefined(),
        Lookup::Pending => scope.int(PENDING),
    }
}

/// `(keyLength, sequence, io, target: Uint8Array) → length of the value, which is in the target if it fits there | MISSING`
fn get_into(scope: Scope, state: &Rc<State>, [key_length, sequence, policy, target]: [Value; 4]) -> Result<Value> {
    let found = lookup(scope, state, [key_length, sequence, policy], |value| {
        if let Some(place) = scope.bytes_mut(target)?.get_mut(..value.len()) {
            place.copy_from_slice(value);
        }
        scope.number(value.len() as f64)
    })?;
    match found {
        Lookup::Found(length) => length,
        Lookup::Missing => scope.int(MISSING),
        Lookup::Pending => Err(Error::Usage("a read into a buffer may touch files")),
    }
}

fn value_of(scope: Scope, mode: u32, bytes: &[u8]) -> Result<Value> {
    match mode {
        READ_PRESENCE => scope.boolean(true),
        READ_UTF8 => scope.utf8(bytes),
        _ => scope.buffer(bytes),
    }
}

/// `(keyLength, sequence, mode, fillCache) → Promise<Buffer | string | true | undefined>`
fn get_async(scope: Scope, state: &Rc<State>, [key_length, sequence, mode, fill_cache]: [Value; 4]) -> Result<Value> {
    let (engine, sequence, mode) = (state.engine()?, scope.to_u64(sequence)?, scope.to_u32(mode)?);
    let io = io_filling(scope, fill_cache)?;
    let key = key(scope, &state.keys.borrow(), key_length)?.to_vec();
    let work = move || match mode {
        READ_PRESENCE => engine.background_reads().contains(&key, sequence, io).map(|found| match found {
            Lookup::Found(()) => Lookup::Found(Vec::new()),
            Lookup::Missing => Lookup::Missing,
            Lookup::Pending => Lookup::Pending,
        }),
        _ => engine.background_reads().get(&key, sequence, io, <[u8]>::to_vec),
    };
    async_work::spawn(
        scope,
        move || Ok(work()?),
        move |scope, found| match found {
            Lookup::Found(value) => value_of(scope, mode, &value),
            Lookup::Missing | Lookup::Pending => scope.undefined(),
        },
    )
}

/// Values one behind the other, and the length of each.
struct Many {
    values: Vec<u8>,
    lengths: Vec<u32>,
}

/// Looks up keys packed as length (4) and bytes each; `None` when a file would have to be read.
fn many(reads: &PointReads<'_>, packed: &[u8], count: usize, sequence: u64, mode: u32, io: Io) -> Result<Option<Many>> {
    // A key takes at least the four bytes of its length.
    let mut many = Many { values: Vec::new(), lengths: Vec::with_capacity(count.min(packed.len() / 4)) };
    let mut rest = packed;
    for _ in 0..count {
        let malformed = Error::Usage("the packed keys are cut short");
        let Some((length, tail)) = rest.split_first_chunk::<4>() else { return Err(malformed) };
        let Some((key, tail)) = tail.split_at_checked(u32::from_le_bytes(*length) as usize) else { return Err(malformed) };
        rest = tail;
        let values = &mut many.values;
        let before = values.len();
        let found = if mode == READ_PRESENCE {
            reads.contains(key, sequence, io)?
        } else {
            reads.get(key, sequence, io, |value| values.extend_from_slice(value))?
        };
        match found {
            Lookup::Found(()) => many.lengths.push((values.len() - before) as u32),
            Lookup::Missing => many.lengths.push(NO_VALUE),
            Lookup::Pending => return Ok(None),
        }
    }
    Ok(Some(many))
}

/// `(packed, count, sequence, mode, io, lengths: Uint32Array) → Buffer of all values | PENDING`
fn get_many(scope: Scope, state: &Rc<State>, [packed, count, sequence, mode, policy, lengths]: [Value; 6]) -> Result<Value> {
    let (count, sequence, mode) = (scope.to_usize(count)?, scope.to_u64(sequence)?, scope.to_u32(mode)?);
    let (packed, io) = (scope.bytes(packed)?, io(scope, policy)?);
    let Some(found) = state.with_engine(|engine| many(&engine.reads(), packed, count, sequence, mode, io))? else {
        return scope.int(PENDING);
    };
    let lengths = scope.u32s_mut(lengths)?.get_mut(..count).ok_or(Error::Usage("there is no room for the lengths"))?;
    lengths.copy_from_slice(&found.lengths);
    scope.buffer(&found.values)
}

/// `(packed, count, sequence, mode, fillCache) → Promise<{ values: Buffer, lengths: Buffer }>`
fn get_many_async(scope: Scope, state: &Rc<State>, [packed, count, sequence, mode, fill_cache]: [Value; 5]) -> Result<Value> {
    let (count, sequence, mode) = (scope.to_usize(count)?, scope.to_u64(sequence)?, scope.to_u32(mode)?);
    let (engine, packed) = (state.engine()?, scope.bytes(packed)?.to_vec());
    let io = io_filling(scope, fill_cache)?;
    async_work::spawn(
        scope,
        move || many(&engine.background_reads(), &packed, count, sequence, mode, io),
        |scope, found| {
            let Many { values, lengths } = found.unwrap_or(Many { values: Vec::new(), lengths: Vec::new() });
            let lengths: Vec<u8> = lengths.iter().flat_map(|length| length.to_ne_bytes()).collect();
            let object = scope.object()?;
            scope.set(object, c"values", scope.buffer(&values)?)?;
            scope.set(object, c"lengths", scope.buffer(&lengths)?)?;
            Ok(object)
        },
    )
}
