//! `yichuan bench chain`: county, city and province as three processes on this machine, 2 KiB bodies, every hop durable
//! before custody, and the delivered receipt back at the origin before a message counts.
//!
//! | phase | what is measured |
//! |---|---|
//! | disk | fdatasync of the same disk, idle |
//! | throughput | messages a second until the last delivered receipt is at the origin; CPU, memory, bytes on disk |
//! | latency | send to delivered receipt at the origin, at a steady rate |
//! | backlog | the province is killed, messages wait at the city, the province returns: how fast they drain |
//! | return | the city is killed, messages wait at the county, the city returns: when the first one is through |
//!
//! The load shares the machine with what it measures, so its questions are put into bytes once and its answers are
//! hardly looked at. The CPU figure counts the three nodes only.

mod disk;
pub mod evidence;
mod figures;
pub mod judge;
mod load;
pub mod log;
mod machine;
mod meter;

use std::{path::PathBuf, time::Duration};

use self::{
    disk::Rhythm,
    figures::{Backlog, Figures, Latency, Microseconds, quantile},
    load::{Load, Tally},
    meter::{Meter, Usage},
};
use crate::{
    cli::BenchArguments,
    clock::Clock,
    control::view::Status,
    network::{Network, Place, RoomProcess},
    problem::Problem,
};

const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const COUNTY: &str = "411322";

/// Messages that wait at the county for a city that returns.
const RETURN_MESSAGES: u64 = 64;

/// Measures; `remark` is told the catalogue's id of each phase as it begins.
///
/// # Errors
/// [`Problem`] when the network does not come up, a message is not accepted, or nothing moves any more.
pub async fn run(arguments: &BenchArguments, remark: &mut dyn FnMut(&str)) -> Result<Figures, Problem> {
    let mut network = Network::new(Place::take(arguments.dir.as_deref(), false)?)?;
    let measured = tokio::select! {
        measured = measure(arguments, &mut network, remark) => measured,
        _ = tokio::signal::ctrl_c() => Err(Problem::failed("demo_interrupted")),
    };
    network.stop().await;
    measured
}

async fn measure(
    arguments: &BenchArguments,
    network: &mut Network,
    remark: &mut dyn FnMut(&str),
) -> Result<Figures, Problem> {
    remark("bench-founding");
    network.found(MAP, &mut |_| {}).await?;
    remark("bench-disk");
    let fdatasync_us = disk::measure(network.directory(), Rhythm::BackToBack).await?;
    let fdatasync_paced_us = disk::measure(network.directory(), Rhythm::Paced).await?;
    let load = Load::new(network.room(COUNTY)?.directory(), PROVINCE).await?;
    load.send_all(WARM_UP, arguments.open).await?;
    remark("bench-throughput");
    let throughput = throughput(arguments, network, &load).await?;
    remark("bench-latency");
    let latency_ms = latency(arguments, &load).await?;
    remark("bench-backlog");
    let backlog = backlog(arguments, network, &load).await?;
    remark("bench-return");
    let return_to_first_ms = time_of_return(network, &load).await?;
    Ok(Figures {
        messages: arguments.messages,
        messages_per_s: throughput.messages_per_s,
        latency_ms,
        cpu_s_per_1000: throughput.usage.cpu_s * 1_000.0 / arguments.messages.max(1) as f64,
        rss_mib: throughput.usage.rss_mib,
        disk_bytes_per_message: throughput.disk_bytes / arguments.messages.max(1),
        fdatasync_us,
        fdatasync_paced_us,
        backlog,
        return_to_first_ms,
        machine: machine::describe(),
    })
}

/// The caches of a node that has just started are cold; a duty room's are not.
const WARM_UP: u64 = 200;

struct Throughput {
    messages_per_s: f64,
    usage: Usage,
    disk_bytes: u64,
}

async fn throughput(
    arguments: &BenchArguments,
    network: &Network,
    load: &Load,
) -> Result<Throughput, Problem> {
    let before = disk::used(&directories(network));
    let meter = Meter::start(pids(network));
    let started = Clock::instant();
    load.send_all(arguments.messages, arguments.open).await?;
    let elapsed = started.elapsed();
    let usage = meter.stop().await;
    let disk_bytes = disk::used(&directories(network)).saturating_sub(before);
    Ok(Throughput { messages_per_s: rate(arguments.messages, elapsed), usage, disk_bytes })
}

async fn latency(arguments: &BenchArguments, load: &Load) -> Result<Latency, Problem> {
    let mut samples = load.send_steadily(arguments.samples, arguments.rate).await?;
    let [p50, p99] = [0.50, 0.99].map(|part| quantile(&mut samples, part).as_secs_f64() * 1_000.0);
    Ok(Latency { p50, p99 })
}

/// The province is away while the messages gather at the city.
async fn backlog(arguments: &BenchArguments, network: &mut Network, load: &Load) -> Result<Backlog, Problem> {
    kill(network, PROVINCE, CITY).await?;
    let before = load.tally().await?;
    let meter = Meter::start(vec![network.room(COUNTY)?.pid(), network.room(CITY)?.pid()]);
    load.pile_up(arguments.backlog).await?;
    let city = network.room(CITY)?;
    city.until_status(|status| queued(status, PROVINCE) >= arguments.backlog).await?;
    let gathered = meter.stop().await;
    network.room_mut(PROVINCE)?.start_again().await?;
    let meter = Meter::start(pids(network));
    let first = Clock::instant();
    load.until_delivered(Tally { delivered: before.delivered + arguments.backlog, ..before }).await?;
    let drained = meter.stop().await;
    Ok(Backlog {
        messages: arguments.backlog,
        messages_per_s: rate(arguments.backlog, first.elapsed()),
        rss_mib: gathered.rss_mib.max(drained.rss_mib),
    })
}

/// From the start of the city's process to the first delivered receipt at the county.
async fn time_of_return(network: &mut Network, load: &Load) -> Result<f64, Problem> {
    kill(network, CITY, COUNTY).await?;
    let before = load.tally().await?;
    load.pile_up(RETURN_MESSAGES).await?;
    let started = Clock::instant();
    let first = Tally { delivered: before.delivered + 1, ..before };
    let city = network.room_mut(CITY)?;
    let (started_again, through) = tokio::join!(city.start_again(), async {
        load.until_delivered(first).await.map(|()| started.elapsed())
    });
    started_again?;
    Ok(through?.as_secs_f64() * 1_000.0)
}

/// Kills a node and waits until the one below it has noticed.
async fn kill(network: &mut Network, hub: &str, below: &str) -> Result<(), Problem> {
    network.room_mut(hub)?.kill().await?;
    network.room(below)?.until_status(|status| !is_up(status, hub)).await
}

fn is_up(status: &Status, hub: &str) -> bool {
    status.links.iter().any(|link| link.room.code == hub && link.state == "up")
}

fn queued(status: &Status, neighbour: &str) -> u64 {
    status.links.iter().filter(|link| link.room.code == neighbour).map(|link| link.queued).sum()
}

fn rate(messages: u64, elapsed: Duration) -> f64 {
    messages as f64 / elapsed.as_secs_f64()
}

fn pids(network: &Network) -> Vec<u32> {
    network.rooms().iter().map(RoomProcess::pid).collect()
}

fn directories(network: &Network) -> Vec<PathBuf> {
    network.rooms().iter().map(|room| room.directory().to_owned()).collect()
}

const MAP: &str = r#"
network = "bench"
version = 1
demo = true

[[room]]
code = "410000"
name = "河南省政府总值班室"
level = "province"
address = "127.0.0.1:7110"

[[room]]
code = "411300"
name = "南阳市政府总值班室"
level = "city"
parent = "410000"
address = "127.0.0.1:7111"

[[room]]
code = "411322"
name = "方城县政府值班室"
level = "county"
parent = "411300"
address = "127.0.0.1:7112"
"#;

/// Microseconds of a duration, for [`Microseconds`].
fn microseconds(samples: &mut [Duration]) -> Microseconds {
    let [p50, p99] = [0.50, 0.99].map(|part| quantile(samples, part).as_secs_f64() * 1_000_000.0);
    Microseconds { p50, p99 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_a_map_of_three_rooms_in_a_row() {
        let mut next: u8 = 0;
        let mut fresh = || {
            next += 1;
            topology::RoomId::from_bytes([next; 16])
        };
        let map = topology::map_file::parse("bench.toml", MAP, &mut fresh, 0).unwrap();
        let [county, province] = [COUNTY, PROVINCE].map(|code| map.resolve(code).unwrap());
        assert_eq!(topology::route::path(&map, county, province).len(), 3);
        assert!(map.is_demo());
    }
}
