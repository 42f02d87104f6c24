//! The state of one engine in one environment, shared by the functions that JavaScript calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use napi::sys;
use varve_core::{Engine, JobControl, ScanCursor};

use crate::js::{check, Error, Result, Scope, Value};

/// A buffer of JavaScript's that native code writes to or reads from at any call.
///
/// The reference keeps its memory alive. A private buffer is marked untransferable by TypeScript; the slab, whose views reach users, is
/// checked by TypeScript before each use, and replaced when it has been detached.
pub struct SharedBuffer {
    reference: sys::napi_ref,
    data: *mut u8,
    length: usize,
}

impl SharedBuffer {
    pub fn new(scope: Scope, value: Value) -> Result<Self> {
        let bytes = scope.bytes_mut(value)?;
        let mut reference = std::ptr::null_mut();
        // SAFETY: a value of this scope.
        check(unsafe { sys::napi_create_reference(scope.env(), value, 1, &mut reference) })?;
        Ok(Self { reference, data: bytes.as_mut_ptr(), length: bytes.len() })
    }

    /// The bytes, for as long as no JavaScript runs.
    #[allow(clippy::mut_from_ref)]
    pub fn bytes(&self) -> &mut [u8] {
        // SAFETY: the reference keeps the memory; callers hold one slice of a buffer at a time (rule 3 of `js.rs`).
        unsafe { std::slice::from_raw_parts_mut(self.data, self.length) }
    }

    /// Lets go of the buffer. Not done when it is dropped: that may be at the end of the environment, which deletes its references itself,
    /// and before this.
    pub fn release(self, scope: Scope) {
        // SAFETY: made by this environment, which lives, and deleted once.
        let _ = check(unsafe { sys::napi_delete_reference(scope.env(), self.reference) });
    }
}

/// The state of one engine in one environment.
pub struct State {
    pub engine: RefCell<Option<Arc<Engine>>>,
    /// Both `None` once the engine is closed.
    pub keys: RefCell<Option<SharedBuffer>>,
    pub slab: RefCell<Option<SharedBuffer>>,
    pub cursors: RefCell<Cursors>,
    pub jobs: RefCell<Vec<Weak<JobControl>>>,
}

impl State {
    /// The engine, unless it has been closed.
    pub fn engine(&self) -> Result<Arc<Engine>> {
        self.engine.borrow().clone().ok_or(CLOSED)
    }

    /// As [`State::engine`], without a count: for the calls that must be fast.
    #[inline]
    pub fn with_engine<T>(&self, work: impl FnOnce(&Engine) -> Result<T>) -> Result<T> {
        self.engine.borrow().as_ref().map_or(Err(CLOSED), |engine| work(engine))
    }

    pub fn cancel_jobs(&self) {
        self.jobs.borrow().iter().filter_map(Weak::upgrade).for_each(|control| control.cancel());
    }
}

pub const CLOSED: Error = Error::Closed("the engine is closed");

impl Drop for State {
    /// All functions have been collected, or the environment ends: nobody waits for the jobs any more.
    fn drop(&mut self) {
        self.cancel_jobs();
    }
}

pub type Shared = Arc<Mutex<ScanCursor>>;

#[derive(Default)]
pub struct Cursors {
    pub by_id: HashMap<u32, Shared>,
    last_id: u32,
}

impl Cursors {
    pub fn add(&mut self, cursor: ScanCursor) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if !self.by_id.contains_key(&self.last_id) {
                break;
            }
        }
        self.by_id.insert(self.last_id, Arc::new(Mutex::new(cursor)));
        self.last_id
    }

    pub fn close_all(&mut self) {
        self.by_id.clear();
    }
}
