//! Network namespaces, each with one interface (TUN) whose packets [`Lines`] carry. They are gone with the test.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use node::clock::Clock;
use tempfile::TempDir;

use super::{attempt, line::Lines, run};
use crate::cluster::text;

/// What namespaces need of the machine.
pub const SPACES_NEED: [&str; 3] = ["ip", "socat", "/dev/net/tun"];

/// Some namespaces on one network, numbered from 1.
pub struct Spaces {
    names: Vec<String>,
    lines: Lines,
    tunnels: Vec<Child>,
    _place: TempDir,
}

const INTERFACE: &str = "line0";
const READY: Duration = Duration::from_secs(10);

impl Spaces {
    /// Makes so many.
    pub fn make(count: usize, seed: u64) -> Self {
        let place = tempfile::tempdir().expect("a throw-away directory can be made");
        let lines = Lines::between(count, place.path(), seed);
        let unique = place.path().display().to_string();
        let unique: String = unique.chars().rev().filter(char::is_ascii_alphanumeric).take(6).collect();
        let names: Vec<String> = (1..=count).map(|port| format!("yichuan-{unique}-{port}")).collect();
        let mut spaces = Self { names, lines, tunnels: Vec::new(), _place: place };
        for port in 1..=count {
            let name = spaces.names[port - 1].clone();
            run(&["ip", "netns", "add", &name]);
            run(&["ip", "-n", &name, "link", "set", "lo", "up"]);
            let tunnel = spaces.tunnel(port, &name);
            spaces.tunnels.push(tunnel);
        }
        spaces
    }

    /// The program that moves packets between the interface and the lines.
    fn tunnel(&self, port: usize, name: &str) -> Child {
        let end = self.lines.end(port);
        let interface =
            format!("TUN:{}/24,tun-name={INTERFACE},tun-type=tun,iff-no-pi,iff-up", address(port, 0));
        let socket = format!("UNIX-SENDTO:{},bind={}", text(&self.lines.socket(port)), text(&end));
        let child = Command::new("ip")
            .args(["netns", "exec", name, "socat", "-b", "65536", &interface, &socket])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("socat is installed");
        let started = Clock::instant();
        while !end.exists() || attempt(&["ip", "-n", name, "link", "show", INTERFACE]).is_err() {
            assert!(started.elapsed() < READY, "the interface of {name} does not come");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.set_mtu(port, 1500);
        child
    }

    /// The name of one.
    pub fn name(&self, port: usize) -> &str {
        &self.names[port - 1]
    }

    /// The lines between them.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The longest packet that passes its interface.
    pub fn set_mtu(&self, port: usize, bytes: u32) {
        run(&["ip", "-n", self.name(port), "link", "set", INTERFACE, "mtu", &bytes.to_string()]);
    }

    /// Gives one another address, and takes the old one away.
    pub fn move_to(&self, port: usize, from: usize, to: usize) {
        let with_mask = |which| format!("{}/24", address(port, which));
        run(&["ip", "-n", self.name(port), "addr", "del", &with_mask(from), "dev", INTERFACE]);
        run(&["ip", "-n", self.name(port), "addr", "add", &with_mask(to), "dev", INTERFACE]);
    }
}

/// The addresses of a port: the first is `which` 0.
pub fn address(port: usize, which: usize) -> String {
    format!("10.77.0.{}", 10 * which + port)
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for mut tunnel in self.tunnels.drain(..) {
            let _ = tunnel.kill();
            let _ = tunnel.wait();
        }
        for name in &self.names {
            let _ = attempt(&["ip", "netns", "del", name]);
        }
    }
}

/// Words that let a program run in a namespace.
pub fn within(name: &str) -> Vec<PathBuf> {
    ["ip", "netns", "exec", name].map(PathBuf::from).to_vec()
}
