//! Stock drivers of other languages, and the examples, which use them: notifications and live queries without any help.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tests::{Program, Server, node, python};

/// How long something may take that takes moments.
const SOON: Duration = Duration::from_secs(60);

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a program that checks for itself what it is told.
fn assert_content(mut program: Command, server: &Server) {
    let output = program.envs(server.environment()).output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said == "ok\n", "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn psycopg_hears_notifications_and_follows_queries() {
    assert_content(python(&beside("python/psycopg_live.py")), &Server::start());
}

#[test]
fn asyncpg_hears_notifications_and_follows_queries() {
    assert_content(python(&beside("python/asyncpg_live.py")), &Server::start());
}

#[test]
fn node_postgres_hears_notifications_and_follows_queries() {
    if let Some(program) = node(&beside("node/pg_live.js")) {
        assert_content(program, &Server::start());
    }
}

#[test]
fn jdbc_hears_notifications_and_follows_queries() {
    match Program::java("java/Live.java") {
        Ok(program) => assert_eq!(program.output(&Server::start().config()), "ok\n"),
        Err(missing) => println!("skipped: {missing}"),
    }
}

#[test]
#[ignore = "scripts/soak installs a browser"]
fn the_page_shows_what_anybody_writes() {
    let Some(mut program) = node(&beside("node/page.js")) else { return };
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let is_there =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let Some(browser) = browsers.iter().find(is_there) else {
        println!("skipped: there is no Chromium");
        return;
    };
    program.env("BROWSER", browser).env("PAGE_SERVER", beside("../examples/page.js"));
    assert_content(program, &Server::start());
}

/// Somebody who chats, by one of the examples.
struct Chatter {
    child: Child,
    typed: Option<ChildStdin>,
    printed: Receiver<String>,
}

impl Chatter {
    fn start(mut program: Command, server: &Server, name: &str) -> Self {
        let program = program.args(["7", name]).envs(server.environment());
        let mut child =
            program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts");
        let (typed, output) = (child.stdin.take(), child.stdout.take().expect("its output was asked for"));
        let (sender, printed) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, typed, printed }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.typed.as_mut().expect("it is open"), "{line}").expect("it reads");
    }

    fn prints(&self, expected: &str) {
        let line = self.printed.recv_timeout(SOON).expect("a line is printed");
        assert_eq!(line, expected);
    }

    /// The end of what is typed is the end of the chat.
    fn leaves(mut self) {
        drop(self.typed.take());
        assert!(self.child.wait().expect("it is ours").success());
        assert_eq!(self.printed.iter().collect::<Vec<_>>(), [] as [&str; 0]);
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two of a room, who may use different programs.
fn chat(first: Command, second: Command) {
    let server = Server::start();
    let mut ann = Chatter::start(first, &server, "ann");
    ann.types("is anybody there?");
    ann.prints("ann: is anybody there?");
    let mut bob = Chatter::start(second, &server, "bob");
    bob.prints("ann: is anybody there?");
    bob.types("I am; it's nice here");
    for each in [&ann, &bob] {
        each.prints("bob: I am; it's nice here");
    }
    ann.types("indeed");
    for each in [&ann, &bob] {
        each.prints("ann: indeed");
    }
    bob.leaves();
    ann.leaves();
}

#[test]
fn the_chat_in_python_runs_as_it_stands() {
    let program = || python(&beside("../examples/chat.py"));
    chat(program(), program());
}

#[test]
fn the_chat_for_node_runs_as_it_stands() {
    let program = beside("../examples/chat.js");
    if let (Some(first), Some(second)) = (node(&program), node(&program)) {
        chat(first, second);
    }
    if let Some(first) = node(&program) {
        chat(first, python(&beside("../examples/chat.py")));
    }
}
