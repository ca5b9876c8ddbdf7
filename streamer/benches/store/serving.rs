//! A stored film delivered under the meter, against a plain axum server that gives away the same bytes.
//!
//! The meter's whole path runs: sessions on funded channels, CARs from `/ipfs/`, each block read from the disk's cache, checked, reserved
//! with the meter and framed. Only the servers' own CPU counts; the clients, on the same cores, throw away what they get.

use std::process::Command;

use super::child::Server;
use super::load::{Get, Served, measure};
use super::stack::{Plan, Stack, StoredFilm};
use super::table::{Row, Table};
use super::viewers::Viewer;
use super::{ROUNDS, median, say};

/// About 4 Mbit/s: a film of 240 MB.
const PLAN: Plan = Plan {
    seconds: 480,
    msat_per_second: 20_000,
    free: false,
};
const CROWD: usize = 50;
/// Bytes for each viewer of a crowd in a round.
const EACH: u64 = 48 << 20;
/// The same while each pays as it goes, which takes the longer the more it is.
const EACH_PAYING: u64 = 16 << 20;
const FUNDING_SAT: u64 = 900_000;

struct Serving {
    stack: Stack,
    film: StoredFilm,
    viewers: Vec<Viewer>,
    plain: Server,
    plain_address: String,
}

/// Who reads what.
#[derive(Clone, Copy)]
struct Crowd {
    count: usize,
    each: u64,
    /// Requests of each, one after the other.
    times: usize,
    /// Each from another place of the film, or all from its begin.
    apart: bool,
    ahead: bool,
}

/// Delivers to one and to many, who pay as they go and who have paid.
pub async fn run(table: &mut Table) {
    say("making a film, chains, and channels for 50 viewers");
    let arguments = [
        "--idle-close-seconds",
        "86400",
        "--max-channels-per-address",
        "1000",
    ];
    let (stack, film) = Stack::with_film(PLAN, &arguments).await;
    let file = stack.data.path().join("film.mp4");
    std::fs::write(&file, &film.bytes).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let (plain, plain_address) = Server::start(command.arg("--plain-server").arg(&file));
    let viewers = Viewer::begin(&stack, &film, CROWD, FUNDING_SAT).await;
    let serving = Serving {
        stack,
        film,
        viewers,
        plain,
        plain_address,
    };

    let one = Crowd {
        count: 1,
        each: serving.film.film.size,
        times: 4,
        apart: false,
        ahead: true,
    };
    let many = Crowd {
        count: CROWD,
        each: EACH,
        times: 1,
        apart: false,
        ahead: true,
    };
    let paying = Crowd {
        each: EACH_PAYING,
        ahead: false,
        ..many
    };
    // Those who pay as they go come first: who has paid ahead has nothing to pay.
    serving
        .compare(
            "1 viewer who pays as it goes",
            Crowd {
                count: 1,
                times: 1,
                ..paying
            },
            None,
            table,
        )
        .await;
    serving
        .compare("50 viewers who pay as they go", paying, None, table)
        .await;
    serving.compare("1 viewer", one, Some(0.7), table).await;
    serving
        .compare("50 viewers from the begin", many, Some(0.7), table)
        .await;
    serving
        .compare(
            "50 viewers at 50 places",
            Crowd {
                apart: true,
                ..many
            },
            Some(0.7),
            table,
        )
        .await;
}

impl Serving {
    async fn compare(&self, name: &str, crowd: Crowd, goal: Option<f64>, table: &mut Table) {
        say(&format!("delivering to {name}"));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            if crowd.ahead {
                let bytes = crowd.each * crowd.times as u64;
                for viewer in &self.viewers[..crowd.count] {
                    viewer
                        .pay_ahead(&self.film.film, bytes, PLAN.msat_per_second)
                        .await;
                }
            }
            ours.push(measure(self.stack.streamer.pid(), self.gets(crowd, true)).await);
            theirs.push(measure(self.plain.pid(), self.gets(crowd, false)).await);
        }
        let figure =
            |served: &[Served], of: fn(&Served) -> f64| median(served.iter().map(of).collect());
        let (ours_rate, their_rate) = (
            figure(&ours, |one| one.rate),
            figure(&theirs, |one| one.rate),
        );
        let (ours_cpu, their_cpu) = (figure(&ours, |one| one.cpu), figure(&theirs, |one| one.cpu));
        let rate = Row::new(
            format!("deliver to {name}"),
            format!("{ours_rate:.0} MB/s"),
            format!("{their_rate:.0} MB/s (axum)"),
            ours_rate / their_rate,
        );
        let mut cpu = Row::new(
            format!("deliver to {name}, CPU"),
            format!("{ours_cpu:.2} s/GB"),
            format!("{their_cpu:.2} s/GB (axum)"),
            their_cpu / ours_cpu,
        );
        // Less than the hundredth of a second in which the kernel counts.
        cpu.ratio = cpu.ratio.filter(|_| their_cpu > 0.0);
        for row in [rate, cpu] {
            table.add(&match goal {
                Some(least) => row.at_least(least, ">= 0.7"),
                None => row,
            });
        }
    }

    fn gets(&self, crowd: Crowd, metered: bool) -> Vec<Vec<Get>> {
        let room = self.film.film.size - crowd.each;
        let viewers = self.viewers[..crowd.count].iter().enumerate();
        viewers
            .map(|(place, viewer)| {
                let from = if crowd.apart {
                    room * place as u64 / crowd.count as u64
                } else {
                    0
                };
                let get = if metered {
                    let (root, last) = (self.film.film.root, from + crowd.each - 1);
                    Get {
                        address: self
                            .stack
                            .streamer
                            .url
                            .trim_start_matches("http://")
                            .to_owned(),
                        path: format!(
                            "/ipfs/{root}?format=car&dag-scope=entity&entity-bytes={from}:{last}"
                        ),
                        token: Some(viewer.token.clone()),
                        bytes: crowd.each,
                    }
                } else {
                    Get {
                        address: self.plain_address.clone(),
                        path: format!("/file?from={from}&length={}", crowd.each),
                        token: None,
                        bytes: crowd.each,
                    }
                };
                vec![get; crowd.times]
            })
            .collect()
    }
}
