//! Node-API, as far as it is needed: values in and out, functions with bound state, promises.
//!
//! Why the `unsafe` here is sound:
//!  1. A [`Scope`] is made in a callback of Node-API from the environment it was given, lives on that thread (it is not `Send`), and does not
//!     outlive the callback: every function gets a new one.
//!  2. Values are used within the callback that they were made in.
//!  3. The bytes of typed arrays are borrowed as slices only while no JavaScript runs. Callers take at most one mutable slice at a time, and
//!     none of a buffer that they read.
//!  4. Bound state is an `Rc` that a finalizer drops when its function has been collected.

use std::ffi::{c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use napi::sys;

pub use crate::errors::{Error, Result};

pub type Value = sys::napi_value;

/// The environment during one callback.
#[derive(Clone, Copy)]
pub struct Scope {
    env: sys::napi_env,
}

/// Turns a status into a result.
pub fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error::NodeApi(status))
    }
}

/// Calls a function of Node-API whose last argument is where the result goes.
macro_rules! call {
    ($function:ident($($argument:expr),*), $initial:expr) => {{
        let mut result = $initial;
        check(unsafe { sys::$function($($argument,)* &mut result) })?;
        result
    }};
}

impl Scope {
    pub fn new(env: sys::napi_env) -> Self {
        Self { env }
    }

    pub fn env(self) -> sys::napi_env {
        self.env
    }

    // Values out

    pub fn undefined(self) -> Result<Value> {
        Ok(call!(napi_get_undefined(self.env), ptr::null_mut()))
    }

    pub fn boolean(self, value: bool) -> Result<Value> {
        Ok(call!(napi_get_boolean(self.env, value), ptr::null_mut()))
    }

    pub fn number(self, value: f64) -> Result<Value> {
        Ok(call!(napi_create_double(self.env, value), ptr::null_mut()))
    }

    pub fn int(self, value: i32) -> Result<Value> {
        Ok(call!(napi_create_int32(self.env, value), ptr::null_mut()))
    }

    pub fn bigint(self, value: u64) -> Result<Value> {
        Ok(call!(napi_create_bigint_uint64(self.env, value), ptr::null_mut()))
    }

    pub fn string(self, text: &str) -> Result<Value> {
        self.utf8(text.as_bytes())
    }

    /// A string from UTF-8; what is not valid becomes U+FFFD.
    pub fn utf8(self, bytes: &[u8]) -> Result<Value> {
        let (data, length) = (bytes.as_ptr().cast(), bytes.len() as isize);
        if bytes.is_ascii() {
            return Ok(call!(napi_create_string_latin1(self.env, data, length), ptr::null_mut()));
        }
        Ok(call!(napi_create_string_utf8(self.env, data, length), ptr::null_mut()))
    }

    /// A `Buffer` with a copy of the bytes.
    pub fn buffer(self, bytes: &[u8]) -> Result<Value> {
        let mut data = ptr::null_mut();
        Ok(call!(napi_create_buffer_copy(self.env, bytes.len(), bytes.as_ptr().cast(), &mut data), ptr::null_mut()))
    }

    pub fn object(self) -> Result<Value> {
        Ok(call!(napi_create_object(self.env), ptr::null_mut()))
    }

    pub fn set(self, object: Value, name: &CStr, value: Value) -> Result<()> {
        check(unsafe { sys::napi_set_named_property(self.env, object, name.as_ptr(), value) })
    }

    /// An array of what the items make.
    pub fn array<T>(self, items: &[T], make: impl Fn(&T) -> Result<Value>) -> Result<Value> {
        let array = call!(napi_create_array_with_length(self.env, items.len()), ptr::null_mut());
        for (i, item) in items.iter().enumerate() {
            check(unsafe { sys::napi_set_element(self.env, array, i as u32, make(item)?) })?;
        }
        Ok(array)
    }

    /// The object that stands for an error.
    pub fn error(self, error: &Error) -> Result<Value> {
        let object = self.object()?;
        self.set(object, c"kind", self.string(error.kind())?)?;
        self.set(object, c"message", self.string(&error.to_string())?)?;
        let (path, offset) = error.place();
        if let Some(path) = path {
            self.set(object, c"path", self.string(&path)?)?;
        }
        if let Some(offset) = offset {
            self.set(object, c"offset", self.number(offset as f64)?)?;
        }
        Ok(object)
    }

    /// Throws an error; the value is what the callback then returns.
    pub fn throw(self, error: &Error) -> Value {
        if let Ok(object) = self.error(error) {
            // When even this fails, an exception is pending already, or the environment is being torn down.
            let _ = check(unsafe { sys::napi_throw(self.env, object) });
        }
        ptr::null_mut()
    }

    /// Hands a pending exception to the handlers of uncaught ones: for callbacks that no JavaScript has called.
    pub fn raise_uncaught(self) -> Result<()> {
        let exception = call!(napi_get_and_clear_last_exception(self.env), ptr::null_mut());
        check(unsafe { sys::napi_fatal_exception(self.env, exception) })
    }

    // Values in

    pub fn to_f64(self, value: Value) -> Result<f64> {
        Ok(call!(napi_get_value_double(self.env, value), 0.0))
    }

    /// A number that TypeScript has checked to be an integer from 0 to 2^53 − 1.
    pub fn to_u64(self, value: Value) -> Result<u64> {
        self.to_f64(value).map(|number| number as u64)
    }

    pub fn to_usize(self, value: Value) -> Result<usize> {
        self.to_f64(value).map(|number| number as usize)
    }

    pub fn to_u32(self, value: Value) -> Result<u32> {
        Ok(call!(napi_get_value_uint32(self.env, value), 0))
    }

    pub fn to_bool(self, value: Value) -> Result<bool> {
        Ok(call!(napi_get_value_bool(self.env, value), false))
    }

    pub fn to_bigint(self, value: Value) -> Result<u64> {
        let mut lossless = false;
        let mut number = 0;
        check(unsafe { sys::napi_get_value_bigint_uint64(self.env, value, &mut number, &mut lossless) })?;
        Ok(number)
    }

    pub fn to_string(self, value: Value) -> Result<String> {
        let length = call!(napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0), 0);
        let mut bytes = vec![0u8; length + 1];
        let written = call!(napi_get_value_string_utf8(self.env, value, bytes.as_mut_ptr().cast(), bytes.len()), 0);
        bytes.truncate(written);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn is_undefined(self, value: Value) -> Result<bool> {
        Ok(call!(napi_typeof(self.env, value), 0) == sys::ValueType::napi_undefined)
    }

    fn typed_array(self, value: Value, wanted: sys::napi_typedarray_type) -> Result<(*mut c_void, usize)> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        let (buffer, offset) = (ptr::null_mut(), ptr::null_mut());
        check(unsafe { sys::napi_get_typedarray_info(self.env, value, &mut kind, &mut length, &mut data, buffer, offset) })?;
        if kind != wanted {
            return Err(Error::Usage("a typed array of another type was expected"));
        }
        Ok((data, if data.is_null() { 0 } else { length }))
    }

    /// The bytes of a `Uint8Array`; none when it is detached. See 3. above.
    pub fn bytes<'a>(self, value: Value) -> Result<&'a [u8]> {
        self.bytes_mut(value).map(|bytes| &*bytes)
    }

    /// A copy of the bytes; none for undefined.
    pub fn optional_bytes(self, value: Value) -> Result<Option<Vec<u8>>> {
        if self.is_undefined(value)? {
            return Ok(None);
        }
        Ok(Some(self.bytes(value)?.to_vec()))
    }

    /// The bytes of a `Uint8Array`, to write to; none when it is detached. See 3. above.
    pub fn bytes_mut<'a>(self, value: Value) -> Result<&'a mut [u8]> {
        let (data, length) = self.typed_array(value, sys::TypedarrayType::uint8_array)?;
        if length == 0 {
            return Ok(&mut []);
        }
        Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
    }

    /// The numbers of a `Uint32Array`, to write to; none when it is detached. See 3. above.
    pub fn u32s_mut<'a>(self, value: Value) -> Result<&'a mut [u32]> {
        let (data, length) = self.typed_array(value, sys::TypedarrayType::uint32_array)?;
        if length == 0 {
            return Ok(&mut []);
        }
        Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
    }

    pub fn get(self, object: Value, name: &CStr) -> Result<Value> {
        Ok(call!(napi_get_named_property(self.env, object, name.as_ptr()), ptr::null_mut()))
    }

    /// What `take` makes of the elements of an array.
    pub fn list<T>(self, array: Value, take: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
        let length = call!(napi_get_array_length(self.env, array), 0);
        let element = |i| Ok(call!(napi_get_element(self.env, array, i), ptr::null_mut()));
        (0..length).map(|i| element(i).and_then(&take)).collect()
    }

    pub fn numbers(self, array: Value) -> Result<Vec<u64>> {
        self.list(array, |value| self.to_u64(value))
    }

    // Promises

    pub fn promise(self) -> Result<(sys::napi_deferred, Value)> {
        let mut deferred = ptr::null_mut();
        let promise = call!(napi_create_promise(self.env, &mut deferred), ptr::null_mut());
        Ok((deferred, promise))
    }

    /// Settles a promise, once.
    pub fn settle(self, deferred: sys::napi_deferred, outcome: std::result::Result<Value, &Error>) {
        let status = match outcome {
            Ok(value) => unsafe { sys::napi_resolve_deferred(self.env, deferred, value) },
            Err(error) => match self.error(error) {
                Ok(object) => unsafe { sys::napi_reject_deferred(self.env, deferred, object) },
                Err(_) => sys::Status::napi_generic_failure,
            },
        };
        // Fails only while the environment is being torn down; nobody waits then.
        let _ = check(status);
    }

    // Functions

    /// Adds a function with bound state to an object.
    pub fn method<S: 'static, const N: usize>(
        self,
        object: Value,
        name: &CStr,
        state: &Rc<S>,
        _function: Function<S, N>,
        callback: sys::napi_callback,
    ) -> Result<()> {
        let data = Rc::into_raw(Rc::clone(state)).cast_mut().cast::<c_void>();
        let mut function = ptr::null_mut();
        let made = check(unsafe { sys::napi_create_function(self.env, name.as_ptr(), -1, callback, data, &mut function) });
        let kept = made.and_then(|()| {
            check(unsafe {
                sys::napi_add_finalizer(self.env, function, data, Some(drop_state::<S>), ptr::null_mut(), ptr::null_mut())
            })
        });
        if let Err(error) = kept {
            // The finalizer will not run: take the count back.
            drop(unsafe { Rc::from_raw(data.cast::<S>()) });
            return Err(error);
        }
        self.set(object, name, function)
    }
}

/// The body of a function: state and N arguments (missing ones are `undefined`) to a value.
pub type Function<S, const N: usize> = fn(Scope, &Rc<S>, [Value; N]) -> Result<Value>;

unsafe extern "C" fn drop_state<S>(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // Dropping may end jobs and free large memory; it must not unwind into Node.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Rc::from_raw(data.cast::<S>()) })));
}

/// Runs the body of a callback: reads its arguments and state, catches panics, throws errors.
///
/// # Safety
/// To be called from a callback of Node-API only, with what it was given, for a function made by [`Scope::method`] with state `S`.
pub unsafe fn run<S: 'static, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    function: Function<S, N>,
) -> Value {
    let scope = Scope::new(env);
    let mut arguments = [ptr::null_mut(); N];
    let mut count = N;
    let mut data = ptr::null_mut();
    let status = unsafe { sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), &mut data) };
    if let Err(error) = check(status) {
        return scope.throw(&error);
    }
    let pointer = data.cast::<S>().cast_const();
    // The function is being called, so it has not been collected: the state has a count to lend.
    let state = unsafe {
        Rc::increment_strong_count(pointer);
        Rc::from_raw(pointer)
    };
    match catch_unwind(AssertUnwindSafe(|| function(scope, &state, arguments))) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => scope.throw(&error),
        Err(payload) => scope.throw(&Error::panic(payload.as_ref())),
    }
}

/// Adds functions `fn(Scope, &Rc<State>, [Value; N]) -> Result<Value>` to an object: `"name" => function`.
macro_rules! methods {
    ($scope:expr, $object:expr, $state:expr, { $($name:literal => $function:path),* $(,)? }) => {{
        $({
            unsafe extern "C" fn callback(
                env: napi::sys::napi_env,
                info: napi::sys::napi_callback_info,
            ) -> napi::sys::napi_value {
                // SAFETY: called by Node-API for the function that `method` makes below, with this state.
                unsafe { $crate::js::run(env, info, $function) }
            }
            $scope.method($object, $name, $state, $function, Some(callback))?;
        })*
    }};
}
pub(crate) use methods;
