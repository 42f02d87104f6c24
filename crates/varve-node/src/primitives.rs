//! The kernels one by one: for tests, and for benchmarks that compare the two languages.

use std::rc::Rc;

use varve_core::filter::{policy_of, FilterPolicy};
use varve_core::primitives;

use crate::js::{methods, Error, Result, Scope, Value};

type NoState = Rc<()>;
type Entry = (Vec<u8>, Vec<u8>);

pub fn register(scope: Scope, exports: Value) -> Result<()> {
    methods!(scope, exports, &Rc::new(()), {
        c"crc32" => crc32,
        c"xxHash64" => xx_hash64,
        c"buildFilter" => build_filter,
        c"filterMayContain" => filter_may_contain,
        c"encodeBlock" => encode_block,
        c"encodeDataBlock" => encode_data_block,
        c"decodeBlock" => decode_block,
        c"seekBlock" => seek_block,
        c"findInBlock" => find_in_block,
        c"mergeBlocks" => merge_blocks,
    });
    Ok(())
}

/// `(bytes, initial) → number`
fn crc32(scope: Scope, _: &NoState, [bytes, initial]: [Value; 2]) -> Result<Value> {
    scope.number(f64::from(primitives::crc32(scope.bytes(bytes)?, scope.to_u32(initial)?)))
}

/// `(bytes) → bigint`
fn xx_hash64(scope: Scope, _: &NoState, [bytes]: [Value; 1]) -> Result<Value> {
    scope.bigint(primitives::xx_hash64(scope.bytes(bytes)?))
}

/// The filter policy with this name.
pub fn filter_policy(scope: Scope, name: Value) -> Result<&'static dyn FilterPolicy> {
    policy_of(scope.to_string(name)?.as_bytes()).ok_or(Error::Usage("there is no filter policy with this name"))
}

/// `(policy, keys, milliBitsPerKey, probes) → Buffer`
fn build_filter(scope: Scope, _: &NoState, [policy, keys, milli_bits, probes]: [Value; 4]) -> Result<Value> {
    let keys = scope.list(keys, |key| scope.bytes(key))?;
    scope.buffer(&primitives::build_filter(
        filter_policy(scope, policy)?,
        &keys,
        scope.to_u64(milli_bits)?,
        scope.to_u32(probes)?,
    ))
}

/// `(policy, filter, key) → boolean`
fn filter_may_contain(scope: Scope, _: &NoState, [policy, filter, key]: [Value; 3]) -> Result<Value> {
    scope.boolean(primitives::filter_may_contain(filter_policy(scope, policy)?, scope.bytes(filter)?, scope.bytes(key)?)?)
}

fn pair<'a>(scope: Scope, value: Value) -> Result<(&'a [u8], &'a [u8])> {
    match scope.list(value, |part| scope.bytes(part))?[..] {
        [key, value] => Ok((key, value)),
        _ => Err(Error::Usage("an entry has a key and a value")),
    }
}

fn entry(scope: Scope, (key, value): &Entry) -> Result<Value> {
    scope.array(&[key, value], |part| scope.buffer(part))
}

/// `(entries, restartInterval) → Buffer`
fn encode_block(scope: Scope, _: &NoState, [entries, restart_interval]: [Value; 2]) -> Result<Value> {
    let entries = scope.list(entries, |value| pair(scope, value))?;
    scope.buffer(&primitives::encode_block(&entries, scope.to_usize(restart_interval)?))
}

/// `(entries, restartInterval) → Buffer`
fn encode_data_block(scope: Scope, _: &NoState, [entries, restart_interval]: [Value; 2]) -> Result<Value> {
    let entries = scope.list(entries, |value| pair(scope, value))?;
    scope.buffer(&primitives::encode_data_block(&entries, scope.to_usize(restart_interval)?))
}

/// `(block) → [key, value][]`
fn decode_block(scope: Scope, _: &NoState, [block]: [Value; 1]) -> Result<Value> {
    scope.array(&primitives::decode_block(scope.bytes(block)?)?, |one| entry(scope, one))
}

/// `(block, target) → [key, value] | undefined`
fn seek_block(scope: Scope, _: &NoState, [block, target]: [Value; 2]) -> Result<Value> {
    match primitives::seek_block(scope.bytes(block)?, scope.bytes(target)?)? {
        Some(found) => entry(scope, &found),
        None => scope.undefined(),
    }
}

/// `(block, target) → [key, value] | undefined`
fn find_in_block(scope: Scope, _: &NoState, [block, target]: [Value; 2]) -> Result<Value> {
    match primitives::find_in_block(scope.bytes(block)?, scope.bytes(target)?)? {
        Some(found) => entry(scope, &found),
        None => scope.undefined(),
    }
}

/// `(blocks, restartInterval) → Buffer`
fn merge_blocks(scope: Scope, _: &NoState, [blocks, restart_interval]: [Value; 2]) -> Result<Value> {
    let blocks = scope.list(blocks, |block| scope.bytes(block))?;
    scope.buffer(&primitives::merge_blocks(&blocks, scope.to_usize(restart_interval)?)?)
}
