//! The machine's shape, without which the figures say little.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Writes of 4 KiB, each synced.
const SYNCS: u32 = 200;
/// What is written to see how fast the disk takes it.
const WRITTEN: usize = 512 << 20;

/// Prints cores, load, kernel and disk.
pub fn describe(folder: &Path) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or("?".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let info = read("/proc/cpuinfo");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let hashes = if field(&info, "flags").contains("sha_ni") {
        "with"
    } else {
        "without"
    };
    println!(
        "machine: {cores} cores ({}, {hashes} SHA instructions), {} memory",
        field(&info, "model name"),
        field(&read("/proc/meminfo"), "MemTotal")
    );
    println!(
        "kernel: Linux {}; load {}",
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").trim()
    );
    println!(
        "disk: {:.0} syncs of 4 KiB a second, {:.0} MB/s written and synced",
        syncs(folder),
        throughput(folder)
    );
}

fn syncs(folder: &Path) -> f64 {
    let path = folder.join("syncs");
    let mut file = fs::File::create(&path).unwrap();
    let begun = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    let rate = f64::from(SYNCS) / begun.elapsed().as_secs_f64();
    fs::remove_file(path).unwrap();
    rate
}

fn throughput(folder: &Path) -> f64 {
    let path = folder.join("throughput");
    let block = vec![7; 1 << 20];
    let begun = Instant::now();
    let mut file = fs::File::create(&path).unwrap();
    for _ in 0..WRITTEN / block.len() {
        file.write_all(&block).unwrap();
    }
    file.sync_all().unwrap();
    let rate = WRITTEN as f64 / 1e6 / begun.elapsed().as_secs_f64();
    fs::remove_file(path).unwrap();
    rate
}
