//! Other programs, and what they take of the machine, as Linux's /proc has it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a program took from its start to its end.
pub struct Took {
    /// Wall clock.
    pub seconds: f64,
    /// The most memory that it had resident.
    pub peak_rss: u64,
    /// What it wrote to standard output.
    pub output: String,
}

/// Runs a program to its end, which must be a good one.
pub fn run(command: &mut Command) -> Took {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut peak_rss = 0;
    let status = loop {
        // The kernel keeps the peak; it is asked often only so that the last answer is close to the end.
        peak_rss = peak_rss.max(high_water(child.id()).unwrap_or(0));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}: {status}");
    let mut output = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut output).unwrap();
    Took {
        seconds,
        peak_rss,
        output,
    }
}

fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The CPU seconds that a process has used so far, in its own code and in the kernel's. Linux counts them in hundredths.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

/// A server that ends with this.
pub struct Server(Child);

impl Server {
    /// Starts it; the first line that it writes says where it listens.
    pub fn start(command: &mut Command) -> (Self, String) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut lines, &mut address).unwrap();
        (Self(child), address.trim().to_owned())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
