//! Starting and stopping the real binary as a child process.
//!
//! A keeper thread that lives as long as the test binary does the spawning, so that the kernel's
//! "die with your parent" signal follows the binary, never the short-lived thread of one test.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// Time from spawning the server to its ready line.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_suixing");

/// One running server.
pub struct Process {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub base: String,
    /// The whole ready line.
    pub ready: serde_json::Value,
}

/// What a finished command said.
pub struct Finished {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

type Job = Box<dyn FnOnce() + Send>;

fn keeper() -> &'static Sender<Job> {
    static KEEPER: OnceLock<Sender<Job>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        std::thread::spawn(move || {
            for job in jobs {
                job();
            }
        });
        sender
    })
}

fn spawn(mut command: Command) -> std::io::Result<Child> {
    let (sender, answer) = channel();
    keeper().send(Box::new(move || sender.send(command.spawn()).unwrap())).unwrap();
    answer.recv().unwrap()
}

fn command(args: &[String]) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.exists() {
        let mut wrapped = Command::new(setpriv);
        wrapped.args(["--pdeathsig", "KILL", BINARY]);
        wrapped
    } else {
        Command::new(BINARY)
    };
    command.args(args);
    for (name, _) in std::env::vars() {
        if name.starts_with("SUIXING_") {
            command.env_remove(name);
        }
    }
    command
}

impl Process {
    /// Starts `suixing ARGS…`, waits for the ready line; standard error is appended to `log`.
    pub fn start(args: &[String], env: &[(String, String)], log: &PathBuf) -> Result<Self, String> {
        let stderr = File::options().create(true).append(true).open(log).unwrap();
        let mut command = command(args);
        command.envs(env.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = spawn(command).expect("the binary starts");
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        while let Ok(line) = lines.recv_timeout(START_LIMIT) {
            let Ok(ready) = serde_json::from_str::<serde_json::Value>(&line) else {
                return Err(Self::give_up(child, log, &format!("not JSON on standard output: {line}")));
            };
            if ready["event"] == "ready" {
                let base = ready["listening"].as_str().unwrap().trim_end_matches('/').to_owned();
                // Keep draining, so that the server never blocks on a full pipe.
                std::thread::spawn(move || lines.into_iter().for_each(drop));
                return Ok(Self { child, base, ready });
            }
        }
        Err(Self::give_up(child, log, "no ready line"))
    }

    fn give_up(mut child: Child, log: &PathBuf, why: &str) -> String {
        let _ = child.kill();
        let status = child.wait().unwrap();
        format!("{why} ({status}); its log:\n{}", tail(log))
    }

    /// The process id, for signals and `/proc`.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGTERM and waits for the exit code.
    pub fn terminate(&mut self) -> i32 {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// The exit code if the process has ended by itself.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// The last 40 lines of a log file.
pub fn tail(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// Runs `suixing ARGS…` to its end with `input` on standard input.
pub fn run(args: &[String], env: &[(String, String)], input: &str) -> Finished {
    let mut command = command(args);
    command.envs(env.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command).expect("the binary starts");
    let mut stdin = child.stdin.take().unwrap();
    // A command that refuses its arguments ends without reading: that is its right.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
