//! The operating system's exclusive lock on a file. It goes with the process, however that ends.

use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::rc::Rc;

use crate::js::{methods, Result, Scope, Value};

pub fn register(scope: Scope, exports: Value) -> Result<()> {
    methods!(scope, exports, &Rc::new(()), { c"tryLockFile" => try_lock_file });
    Ok(())
}

type Held = RefCell<Option<File>>;

/// `(path) → { release() } | undefined`; undefined when somebody else holds it.
fn try_lock_file(scope: Scope, _: &Rc<()>, [path]: [Value; 1]) -> Result<Value> {
    let path = PathBuf::from(scope.to_string(path)?);
    let opened = OpenOptions::new().read(true).append(true).create(true).open(&path);
    let file = opened.map_err(varve_core::Error::io(&path, "opened"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return scope.undefined(),
        Err(TryLockError::Error(error)) => return Err(varve_core::Error::io(&path, "locked")(error).into()),
    }
    let object = scope.object()?;
    let held: Rc<Held> = Rc::new(RefCell::new(Some(file)));
    methods!(scope, object, &held, { c"release" => release });
    Ok(object)
}

/// Closing the file lets go of the lock.
fn release(scope: Scope, held: &Rc<Held>, []: [Value; 0]) -> Result<Value> {
    held.borrow_mut().take();
    scope.undefined()
}
