//! The figures as rows: printed, and written to a file for who prints them all together.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// Where the rows go.
pub struct Table {
    file: Option<File>,
}

/// One figure beside its peer.
pub struct Row {
    /// What is measured.
    pub figure: String,
    /// With its unit.
    pub ours: String,
    /// With its unit and its name; empty without one.
    pub peer: String,
    /// How many times better than the peer; over 1 is better.
    pub ratio: Option<f64>,
    /// As it is written in the requirement.
    pub goal: &'static str,
    /// Whether the goal is reached; `None` without one.
    pub reached: Option<bool>,
}

impl Row {
    /// A figure with the peer's, without a goal.
    pub fn new(figure: impl Into<String>, ours: String, peer: String, ratio: f64) -> Self {
        Self {
            figure: figure.into(),
            ours,
            peer,
            ratio: Some(ratio),
            goal: "",
            reached: None,
        }
    }

    /// The goal: at least so many times as good as the peer.
    pub fn at_least(mut self, least: f64, goal: &'static str) -> Self {
        self.goal = goal;
        self.reached = self.ratio.map(|ratio| ratio >= least);
        self
    }
}

impl Table {
    /// Appends to a file, if there is one.
    pub fn new(path: Option<PathBuf>) -> Self {
        let file = path.map(|path| {
            let mut options = OpenOptions::new();
            options.create(true).append(true).open(path).unwrap()
        });
        Self { file }
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Row) {
        let ratio = row
            .ratio
            .map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let reached = match row.reached {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let line = [&row.figure, &row.ours, &row.peer, &ratio, row.goal, reached].join("\t");
        println!("{}", line.replace('\t', " | "));
        if let Some(file) = &mut self.file {
            writeln!(file, "{line}").unwrap();
        }
    }
}
