//! What the code promises about itself and no compiler checks: who may name what, how long a file may be, which names
//! say nothing.

use std::fs;
use std::path::{Path, PathBuf};

const PRODUCTION_LINES_MAX: usize = 800;

/// A word in code and the only places that may hold it.
const LAYERS: [(&str, &[&str]); 7] = [
    ("datafusion", &["engine/"]),
    ("rocksdb", &["storage/src/kv/rocks.rs"]),
    ("parquet::", &["storage/src/segment/", "engine/src/provider/files/"]),
    ("object_store::", &["storage/src/segment/files/object.rs", "engine/src/provider/files/"]),
    ("tokio::net", &["server/", "tests/"]),
    ("std::net::Tcp", &["server/", "tests/"]),
    ("tokio_postgres", &["tests/"]),
];

/// What no file may hold. They are put together here so that this file does not hold them itself.
const BANNED: [&str; 8] = [
    concat!("unbounded", "_channel"),
    concat!("mpsc::", "unbounded"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("/root", "/"),
    concat!("/home", "/"),
    concat!("/work", "/"),
];

const EMPTY_NAMES: [&str; 8] = ["utils", "util", "common", "helpers", "helper", "manager", "misc", "shared"];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace");
    let mut files = Vec::new();
    for room in ["storage", "auth", "engine", "server", "tests"] {
        collect(&root.join(room), &mut files);
    }
    assert!(files.len() > 50, "the sources were not found");
    let mut faults = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).expect("files lie in the workspace").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("sources are text");
        check(&name, &text, &mut faults);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn check(name: &str, text: &str, faults: &mut Vec<String>) {
    for part in name.split(['/', '.']).filter(|part| EMPTY_NAMES.contains(part)) {
        faults.push(format!("{name}: a module called {part} says nothing"));
    }
    let lines = production_lines(text);
    if !is_test(name) && lines > PRODUCTION_LINES_MAX {
        faults.push(format!("{name}: {lines} lines; a file has at most {PRODUCTION_LINES_MAX}"));
    }
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        for word in BANNED.iter().filter(|word| line.contains(**word)) {
            faults.push(format!("{name}:{number}: {word} has no place here"));
        }
        if line.trim_start().starts_with("//") || is_test(name) {
            continue;
        }
        for (word, homes) in LAYERS {
            if line.contains(word) && !homes.iter().any(|home| name.starts_with(home)) {
                faults.push(format!("{name}:{number}: {word} belongs to {}", homes.join(", ")));
            }
        }
    }
}

fn is_test(name: &str) -> bool {
    name.starts_with("tests/") || name.ends_with("/tests.rs") || name.contains("/tests/")
}

/// Lines before the test module at the end of a file.
fn production_lines(text: &str) -> usize {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources can be read") {
        let path = entry.expect("a folder of sources can be read").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
