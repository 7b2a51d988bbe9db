//! The load: a few standing lines to the county's node, one question over and over, and the node's own count of what
//! came back.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use relay::{message::Kind, receipt::Event};
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet, time::MissedTickBehavior};

use crate::{
    clock::Clock,
    control::{
        request::{Request, SendRequest},
        view::{Progress, Sent},
    },
    network::{Line, question},
    problem::Problem,
};

/// Sends from one node to one room.
pub(super) struct Load {
    directory: PathBuf,
    question: Arc<[u8]>,
}

/// How many messages were accepted, and how many delivered receipts have come back.
pub(super) type Tally = Progress;

/// Lines at once; more would only wait for each other inside the node.
const LINES: usize = 32;
/// The text of a message, bytes.
const BODY_BYTES: usize = 2048;
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Nothing moves for this long: something is broken.
const STANDSTILL: Duration = Duration::from_secs(60);
const AWAIT_MS: u64 = 60_000;

impl Load {
    /// A load of test messages, which no bypassed level gets a copy of.
    ///
    /// # Errors
    /// `not_running`.
    pub(super) async fn new(directory: &Path, to: &str) -> Result<Self, Problem> {
        let request = Request::Send(Box::new(SendRequest {
            kind: Kind::Report.word().to_owned(),
            to: vec![to.to_owned()],
            text: Some(body()),
            precedence: Some("priority".to_owned()),
            status: Some("test".to_owned()),
            ..SendRequest::default()
        }));
        let load = Self { directory: directory.to_owned(), question: question(&request)?.into() };
        load.tally().await?;
        Ok(load)
    }

    pub(super) async fn tally(&self) -> Result<Tally, Problem> {
        Line::open(&self.directory).await?.ask(&Request::Progress).await
    }

    /// Sends so many messages, at most `open` of them without their delivered receipt, and waits for the last.
    pub(super) async fn send_all(&self, messages: u64, open: u64) -> Result<(), Problem> {
        let before = self.tally().await?;
        let window = Arc::new(Semaphore::new(usize::try_from(open.max(1)).unwrap_or(1)));
        let mut senders = self.senders(messages, Some(window.clone())).await?;
        let follow = self.follow(before.delivered, before.delivered + messages, Some(&window));
        let sent = async {
            while let Some(sent) = senders.join_next().await {
                sent.map_err(|error| Problem::failed("internal").with("detail", error))??;
            }
            Ok(())
        };
        tokio::try_join!(sent, follow).map(|_| ())
    }

    /// Hands over so many messages that cannot arrive yet.
    pub(super) async fn pile_up(&self, messages: u64) -> Result<(), Problem> {
        let mut senders = self.senders(messages, None).await?;
        while let Some(sent) = senders.join_next().await {
            sent.map_err(|error| Problem::failed("internal").with("detail", error))??;
        }
        Ok(())
    }

    /// Waits until so many delivered receipts have come back.
    pub(super) async fn until_delivered(&self, wanted: Tally) -> Result<(), Problem> {
        let now = self.tally().await?;
        self.follow(now.delivered, wanted.delivered, None).await
    }

    /// Sends at a steady rate, each message on its own; gives how long each took to its delivered receipt.
    pub(super) async fn send_steadily(&self, messages: u64, rate: u64) -> Result<Vec<Duration>, Problem> {
        let mut ticks =
            tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap_or(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = JoinSet::new();
        let mut samples = Vec::new();
        let mut idle: Vec<Line> = Vec::new();
        for _ in 0..messages {
            ticks.tick().await;
            while let Some(done) = under_way.try_join_next() {
                let (line, sample) =
                    done.map_err(|error| Problem::failed("internal").with("detail", error))??;
                idle.push(line);
                samples.push(sample);
            }
            let line = match idle.pop() {
                Some(line) => line,
                None => Line::open(&self.directory).await?,
            };
            under_way.spawn(one(line, self.question.clone()));
        }
        while let Some(done) = under_way.join_next().await {
            samples.push(done.map_err(|error| Problem::failed("internal").with("detail", error))??.1);
        }
        Ok(samples)
    }

    /// Tasks that share the messages among them.
    async fn senders(
        &self,
        messages: u64,
        window: Option<Arc<Semaphore>>,
    ) -> Result<JoinSet<Result<(), Problem>>, Problem> {
        let lines = LINES as u64;
        let mut senders = JoinSet::new();
        for number in 0..lines {
            let share = messages / lines + u64::from(number < messages % lines);
            let line = Line::open(&self.directory).await?;
            senders.spawn(send(line, self.question.clone(), share, window.clone()));
        }
        Ok(senders)
    }

    /// Counts what comes back, from `seen` to `wanted`, and opens the window for as many more.
    async fn follow(&self, mut seen: u64, wanted: u64, window: Option<&Semaphore>) -> Result<(), Problem> {
        let mut line = Line::open(&self.directory).await?;
        let progress = question(&Request::Progress)?;
        let mut moved = Clock::instant();
        while seen < wanted {
            let tally: Tally = line.ask_bytes(&progress).await?;
            if tally.delivered > seen {
                if let Some(window) = window {
                    window.add_permits(usize::try_from(tally.delivered - seen).unwrap_or(0));
                }
                seen = tally.delivered;
                moved = Clock::instant();
            } else if moved.elapsed() > STANDSTILL {
                return Err(Problem::failed("bench_standstill").with("left", wanted - seen));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

async fn send(
    mut line: Line,
    question: Arc<[u8]>,
    messages: u64,
    window: Option<Arc<Semaphore>>,
) -> Result<(), Problem> {
    for _ in 0..messages {
        if let Some(window) = &window {
            // The follower gives it back when the receipt is there.
            window
                .acquire()
                .await
                .map_err(|error| Problem::failed("internal").with("detail", error))?
                .forget();
        }
        let _: Value = line.ask_bytes(&question).await?;
    }
    Ok(())
}

/// One message, from the question to its delivered receipt.
async fn one(mut line: Line, question: Arc<[u8]>) -> Result<(Line, Duration), Problem> {
    let started = Clock::instant();
    let sent: Sent = line.ask_bytes(&question).await?;
    let event = Event::Delivered.word().to_owned();
    let _: Value = line.ask(&Request::Await { id: sent.id, event, timeout_ms: AWAIT_MS }).await?;
    Ok((line, started.elapsed()))
}

fn body() -> String {
    let mut text = "防汛情况报告\n".to_owned();
    let sentence = "目前雨势持续,各乡镇值守力量已全部到位,重点水库水位平稳,暂无人员伤亡报告。";
    while text.len() + sentence.len() <= BODY_BYTES {
        text.push_str(sentence);
    }
    text.push_str(&".".repeat(BODY_BYTES - text.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_two_kibibytes_and_may_be_sent() {
        assert_eq!(body().len(), BODY_BYTES);
        assert!(relay::message::Message::new_text(Kind::Report, &body()).is_ok());
    }
}
