//! What a world does comes from its seed alone. That stands and falls with the core: its sources know no clock, no thread,
//! no global and no map in random order, and what it is built on brings none in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sim::{Voice, replay_line, run_seed};

/// Where the core's sources are.
const SOURCES: [&str; 2] = ["../core/src", "../core/wire/src"];

/// What sources of the core don't name, tests aside.
const FORBIDDEN: &[&str] = &[
    // Maps in random order, and where the randomness comes from.
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "getrandom",
    "OsRng",
    "thread_rng",
    // Clocks.
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    // Threads, and what only they need.
    "thread",
    "spawn",
    "Mutex",
    "RwLock",
    "Condvar",
    "mpsc",
    // Globals that change.
    "thread_local",
    "OnceLock",
    "OnceCell",
    "Once",
    "LazyLock",
    "LazyCell",
    "lazy_static",
    "AtomicBool",
    "AtomicU8",
    "AtomicU16",
    "AtomicU32",
    "AtomicU64",
    "AtomicUsize",
    "AtomicI32",
    "AtomicI64",
    "AtomicIsize",
    "AtomicPtr",
    // All of the above, and files, sockets and the environment.
    "std",
];

/// Where one of them is, and why that is well.
const EXCEPTIONS: &[(&str, &str)] = &[
    // hashbrown's, with a hasher that takes the keys as they are, and nobody iterates it.
    ("log/compaction/keys.rs", "HashMap"),
];

/// Each crate that the core is built on. A new one is looked at first: does it read a clock, draw from the system, start threads,
/// or keep anything between two calls? cpufeatures and crc32c remember what the processor can do, and no more; libc tells it on some.
const DEPENDENCIES: &[&str] = &[
    "adler2",
    "block-buffer",
    "bytes",
    "cfg-if",
    "chacha20",
    "cmov",
    "cpufeatures",
    "crc32c",
    "crc32fast",
    "crypto-common",
    "ctutils",
    "digest",
    "hashbrown",
    "hmac",
    "hybrid-array",
    "libc",
    "lz4_flex",
    "miniz_oxide",
    "ottla-core",
    "ottla-wire",
    "rand_core",
    "regex-lite",
    "ruzstd",
    "sha2",
    "siphasher",
    "snap",
    "thiserror",
    "tinyvec",
    "twox-hash",
    "typenum",
];

/// Features of dependencies that would bring in what the core must not have.
const FORBIDDEN_FEATURES: &[&str] = &[
    "default-hasher",
    "foldhash",
    "getrandom",
    "os_rng",
    "sys_rng",
    "thread_rng",
    "random",
    "rand",
    "rayon",
    "multithread",
];

#[test]
fn the_same_seed_gives_the_same_transcript_whoever_listens() {
    for seed in 2..4 {
        let alone = run_seed(seed, Voice::Silent);
        let plan = sim::plan::Plan::of(seed);
        let (watched, _) = sim::timeline::run_recorded(plan, Voice::Silent, replay_line(seed));
        assert_eq!(alone, watched, "{}", replay_line(seed));
    }
}

#[test]
fn the_core_s_sources_name_no_clock_thread_global_or_random_map() {
    let mut found = Vec::new();
    let mut files = 0;
    for root in SOURCES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let mut tests = BTreeSet::new();
        let sources = sources_below(&root);
        for file in &sources {
            let (_, modules) = without_tests(&tokens(&fs::read_to_string(file).unwrap()));
            tests.extend(modules.iter().map(|module| home_of(file).join(module)));
        }
        for file in sources {
            let is_test = file.ancestors().any(|part| tests.contains(&part.with_extension("")));
            if is_test {
                continue;
            }
            files += 1;
            let name = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let (own, _) = without_tests(&tokens(&fs::read_to_string(&file).unwrap()));
            let faults = faults_of(&own);
            let excepted = |fault: &String| EXCEPTIONS.contains(&(&*name, &**fault));
            found.extend(faults.into_iter().filter(|fault| !excepted(fault)).map(|fault| format!("{name}: {fault}")));
        }
    }
    assert!(files > 200, "{files} files");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_core_s_one_hash_map_has_a_fixed_hasher() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/log/compaction/keys.rs");
    let source = tokens(&fs::read_to_string(file).unwrap()).join(" ");
    assert_eq!(source.matches("HashMap <").count(), source.matches("HashMap < u128 , Offset , AsIs >").count());
    assert_eq!(source.matches("HashMap :: with_hasher ( AsIs )").count(), source.matches("HashMap ::").count());
    for order in [". iter (", ". keys (", ". values (", ". drain (", ". retain (", ". into_iter ("] {
        assert!(!source.contains(&format!("tables {order}")), "an order that no one knows: {order}");
    }
}

#[test]
fn the_core_forbids_itself_std_and_unsafe_code() {
    for root in SOURCES {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(root).join("lib.rs");
        let source = tokens(&fs::read_to_string(file).unwrap()).join(" ");
        assert!(source.contains("# ! [ no_std ]"), "{root}");
        assert!(source.contains("# ! [ forbid ( unsafe_code ) ]"), "{root}");
    }
}

#[test]
fn what_the_core_is_built_on_was_looked_at() {
    let tree = tree_of("ottla-core", &[]);
    let mut names = BTreeSet::new();
    for (name, features) in &tree {
        names.insert(name.as_str());
        for feature in features {
            assert!(!FORBIDDEN_FEATURES.contains(&feature.as_str()), "{name} with {feature}");
        }
    }
    let new: Vec<_> = names.iter().filter(|name| !DEPENDENCIES.contains(name)).collect();
    assert!(new.is_empty(), "not looked at yet: {new:?}");
    let gone: Vec<_> = DEPENDENCIES.iter().filter(|name| !names.contains(*name)).collect();
    assert!(gone.is_empty(), "no longer there: {gone:?}");
}

/// What is only there for the simulator is in no broker, whatever is asked for.
#[test]
fn a_broker_has_no_planted_bugs_and_no_marks() {
    let core = |package: &str, more: &[&str]| {
        let tree = tree_of(package, more);
        let features = tree.into_iter().filter(|(name, _)| name == "ottla-core").flat_map(|(_, features)| features);
        features.collect::<BTreeSet<_>>()
    };
    let simulated = core("sim", &[]);
    let of_broker = core("ottla", &["--all-features"]);
    for feature in ["planted-bugs", "marks"] {
        assert!(simulated.contains(feature), "the simulator has {feature}");
        assert!(!of_broker.contains(feature), "the broker has {feature}");
    }
}

/// A package and what it is built on, each with its features.
fn tree_of(package: &str, more: &[&str]) -> Vec<(String, Vec<String>)> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()))
        .args(["tree", "--package", package, "--edges", "normal,no-proc-macro", "--target", "all", "--prefix", "none"])
        .args(more)
        .args(["--format", "{p}|{f}", "--locked", "--offline", "--manifest-path"])
        .arg(manifest)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let tree = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let (package, features) = line.split_once('|')?;
        let features = features.trim_end_matches(" (*)").split(',').map(str::to_owned).collect();
        Some((package.split(' ').next()?.to_owned(), features))
    };
    tree.lines().filter_map(line).collect()
}

/// The search itself: what it must find, and what it must not take for it.
#[test]
fn the_search_sees_tokens_and_neither_comments_nor_texts_nor_tests() {
    let faults = |source: &str| faults_of(&without_tests(&tokens(source)).0);
    assert_eq!(faults("use std::time::Instant;"), ["Instant", "std"]);
    assert_eq!(faults("static mut COUNT: u32 = 0;"), ["static mut"]);
    assert_eq!(faults("thread_local! { static X: u8 = 0 }"), ["thread_local"]);
    assert_eq!(faults("fn f<'a>(x: &'a str) -> char { '\\'' } fn g() { HashSet::new() }"), ["HashSet"]);
    assert_eq!(faults("static COUNT: AtomicU64 = AtomicU64::new(0);"), ["AtomicU64"]);
    assert!(
        faults("// std::thread\n/* a /* HashMap */ std */ let x = \"std\\\" thread\"; let y = r#\"Instant\"#;")
            .is_empty()
    );
    assert!(faults("static NAMES: [&str; 1] = [\"thread\"];").is_empty());
    assert!(faults("#[cfg(test)]\nmod tests { extern crate std; fn f() { std::thread::spawn(|| {}); } }").is_empty());
    assert_eq!(faults("#[cfg(test)] use std::vec; fn f() { std::process::abort() }"), ["std"]);
    assert_eq!(without_tests(&tokens("#[cfg(test)]\nmod drawings;")).1, ["drawings"]);
}

/// What is forbidden and there, each once.
fn faults_of(tokens: &[String]) -> Vec<String> {
    let named = tokens.iter().filter(|token| FORBIDDEN.contains(&&***token)).cloned();
    let changing = tokens.windows(2).filter(|pair| pair[0] == "static" && pair[1] == "mut");
    named.chain(changing.map(|_| "static mut".to_owned())).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The tokens that are not under `#[cfg(test)]`, and the modules in files of their own that are.
fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut own, mut modules) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    while let Some(token) = rest.first() {
        if !rest.iter().map(String::as_str).take(ATTRIBUTE.len()).eq(ATTRIBUTE) {
            own.push(token.clone());
            rest = &rest[1..];
            continue;
        }
        rest = &rest[ATTRIBUTE.len()..];
        let item = &rest[..item_len(rest)];
        if let Some(at) = item.iter().position(|token| token == "mod")
            && item.last().is_some_and(|last| last == ";")
        {
            modules.push(item[at + 1].clone());
        }
        rest = &rest[item.len()..];
    }
    (own, modules)
}

/// How many tokens an item has: up to its semicolon, or the brace that closes it.
fn item_len(tokens: &[String]) -> usize {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Words and signs of Rust, without comments, texts and lifetimes.
fn tokens(source: &str) -> Vec<String> {
    let letters: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|letter| *letter == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => comment_len(rest),
            ['r', '"' | '#', ..] | ['b', 'r', '"' | '#', ..] if raw_text_len(rest).is_some() => {
                raw_text_len(rest).expect("just seen")
            }
            ['b', '"', ..] => 1 + text_len(&rest[1..]),
            ['"', ..] => text_len(rest),
            ['\'', '\\', ..] => {
                2 + rest[2..].iter().skip(1).position(|letter| *letter == '\'').map_or(0, |len| len + 2)
            }
            ['\'', _, '\'', ..] => 3,
            ['\'', ..] => 1 + word_len(&rest[1..]),
            [letter, ..] if is_word(*letter) => {
                let len = word_len(rest);
                tokens.push(rest[..len].iter().collect());
                len
            }
            [letter, ..] if letter.is_whitespace() => 1,
            [':', ':', ..] => {
                tokens.push("::".to_owned());
                2
            }
            [letter, ..] => {
                tokens.push(letter.to_string());
                1
            }
            [] => unreachable!("there is a rest"),
        };
    }
    tokens
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn word_len(rest: &[char]) -> usize {
    rest.iter().position(|letter| !is_word(*letter)).unwrap_or(rest.len())
}

fn comment_len(rest: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_u32);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text_len(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_text_len(rest: &[char]) -> Option<usize> {
    let begin = rest.iter().position(|letter| *letter == 'r')? + 1;
    let hashes = rest[begin..].iter().take_while(|letter| **letter == '#').count();
    let open = begin + hashes;
    if rest.get(open) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let content = rest[open + 1..].windows(end.len()).position(|window| window == end)?;
    Some(open + 1 + content + end.len())
}

fn sources_below(dir: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(sources_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources.sort();
    sources
}

/// The directory of a file's modules.
fn home_of(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap();
    if stem == "lib" || stem == "mod" { file.parent().unwrap().into() } else { file.with_extension("") }
}
