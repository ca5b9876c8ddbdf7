//! How soon the video stops when payment does, with real frames.

use std::time::{Duration, Instant};

use crate::stack::{Opened, Stack, Watcher, until};

/// A tick, and the 250 ms by which a frame may reach over the paid media.
const BOUND: Duration = Duration::from_millis(1000 + 250);
/// Dues that are answered before the viewer stops paying.
const ANSWERED: u32 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_video_stops_within_a_tick_of_the_first_due_that_is_not_answered_and_goes_on_when_it_is()
 {
    let stack = Stack::start().await;
    let (streamer, content) = (&stack.streamer, stack.chain.content);
    let _publisher = stack.publish(content).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, started) = opened.session(streamer).await;
    let watcher = Watcher::join(streamer, content, &started).await;

    let mut sequence = 0;
    let mut unanswered: Option<(Instant, u64)> = None;
    let mut opened_once = false;
    let shut = loop {
        let message = socket.next().await.unwrap();
        match message["type"].as_str().unwrap() {
            "due" => {
                let due = message["paid_sat"].as_str().unwrap().parse().unwrap();
                if sequence < ANSWERED {
                    sequence += 1;
                    socket.send(&opened.payment(sequence, due)).await;
                } else {
                    unanswered.get_or_insert((Instant::now(), due));
                }
            }
            "gate" if message["open"] == true => opened_once = true,
            "gate" if unanswered.is_some() => {
                assert_eq!(message["reason"], "payment_due");
                break Instant::now();
            }
            "error" | "end" => panic!("{message}"),
            _ => {}
        }
    };
    assert!(opened_once);
    let (asked, due) = unanswered.unwrap();
    let said = shut.duration_since(asked);
    // A repeated due comes a tick later: by then everything that was on its way has arrived.
    socket.expect("warning").await;
    let last = watcher.0.last_arrival().unwrap();
    let seen = last.saturating_duration_since(asked);
    println!(
        "from the unanswered due to the shut gate {} ms, to the last packet {} ms",
        said.as_millis(),
        seen.as_millis()
    );
    assert!(said <= BOUND, "the gate shut after {said:?}");
    assert!(seen <= BOUND, "the last packet came after {seen:?}");

    let stopped = watcher.0.packets();
    socket.pay(&opened, sequence + 1, due).await;
    until("frames come again", || async {
        (watcher.0.packets() > stopped).then_some(())
    })
    .await;
}
