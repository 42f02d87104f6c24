//! `cargo run --release -p varve-core --example file_reads -- [MiB]`: ways to read the blocks of a table, timed. Linux only.
//!
//! Scans with reading ahead and without it, and random blocks through pread, a memory map and direct I/O; each with the file in the page
//! cache and, after `posix_fadvise`, out of it. The library uses none of this: it is here to measure what was declined.

#[cfg(target_os = "linux")]
mod os;
#[cfg(target_os = "linux")]
mod ways;

#[cfg(target_os = "linux")]
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mebibytes = std::env::args().nth(1).map_or(Ok(256), |text| text.parse())?;
    ways::measure(mebibytes)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("This example measures calls that only Linux has.");
}
