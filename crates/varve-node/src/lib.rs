//! The Node-API binding of `varve-core`: thin, and the only place with `unsafe` code.
//!
//! Functions are registered by hand, with the state they need bound to them: a call costs 25 to 40 ns, where one through the macros of
//! napi costs 130 to 550. What each function takes and returns is written down in `ts/kernel/native/addon.ts`, its only caller, which
//! checks all arguments.
//!
//! Invariants:
//!  1. Nothing panics across the boundary: every callback catches, and throws instead.
//!  2. State is per engine and per environment; there are no globals, so that worker threads may load the addon too.
//!  3. Work on other threads owns what it uses. It reaches JavaScript through promises only.

mod async_work;
mod cursors;
mod engine;
mod errors;
mod file_lock;
mod jobs;
mod js;
mod primitives;
mod reads;
mod state;

use napi::bindgen_prelude::{Env, JsValue, Object};

#[napi_derive::napi(module_exports)]
pub fn init(exports: Object, env: Env) -> napi::Result<()> {
    let scope = js::Scope::new(env.raw());
    let exports = exports.raw();
    let register = || -> js::Result<()> {
        scope.set(exports, c"version", scope.string(env!("CARGO_PKG_VERSION"))?)?;
        primitives::register(scope, exports)?;
        file_lock::register(scope, exports)?;
        engine::register(scope, exports)
    };
    register().map_err(|error| napi::Error::from_reason(error.to_string()))
}
