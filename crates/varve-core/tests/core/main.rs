//! Tests of the core from outside: what its parts promise each other, and what the store relies on.

mod support;

mod conformance;
mod corruption;
mod engine_model;
mod golden;
mod jobs;
mod memtable;
mod reads;
