//! Names that are taken, entries that are stale, folders that somebody planted.

use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

fn name(text: &str) -> LabName {
    text.parse().unwrap()
}

fn claim(at: &Path, wanted: &str, exact: bool) -> Result<(Claim, UnixListener), Error> {
    let since = "2026-01-31T23:59:59Z".to_owned();
    Registry::at(at)?.claim(&name(wanted), exact, &"small".parse().unwrap(), since)
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("testbed");
    (folder, path)
}

fn names(at: &Path) -> Vec<String> {
    let (labs, _) = Registry::at(at).unwrap().labs().unwrap();
    labs.iter().map(|lab| lab.name.to_string()).collect()
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_is_free_again_afterwards() {
    let (_folder, at) = folder();
    let first = claim(&at, "small", false).unwrap();
    let second = claim(&at, "small", false).unwrap();
    assert_eq!((first.0.entry.name.as_str(), second.0.entry.name.as_str()), ("small", "small-2"));
    assert!(matches!(claim(&at, "small", true), Err(Error::Taken(taken)) if taken == "small"));
    assert_eq!(names(&at), ["small", "small-2"]);
    drop(first);
    assert_eq!(names(&at), ["small-2"]);
    assert_eq!(claim(&at, "small", true).unwrap().0.entry.name.as_str(), "small");
    drop(second);
    assert!(names(&at).is_empty() && fs::read_dir(&at).unwrap().next().is_none(), "nothing is left");
}

#[test]
fn many_that_come_at_once_get_a_name_each() {
    let (_folder, at) = folder();
    let claims: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| claim(&at, "small", false).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let different: std::collections::BTreeSet<_> =
        claims.iter().map(|(claim, _)| &claim.entry.name).collect();
    assert_eq!((different.len(), names(&at).len()), (8, 8));
}

#[test]
fn a_long_name_has_room_for_a_number() {
    let long = name(&"a".repeat(40));
    assert_eq!(numbered(&long, 12), Some(name(&format!("{}-12", "a".repeat(37)))));
    assert_eq!(numbered(&name("small"), 1), Some(name("small")));
    // No two hyphens where a word was cut.
    let cut = name(&format!("{}-{}", "a".repeat(37), "bb"));
    assert_eq!(numbered(&cut, 2), Some(name(&format!("{}-2", "a".repeat(37)))));
}

#[test]
fn whoever_asks_reaches_the_lab_although_the_path_is_too_long_for_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let (claim, listener) = claim(&deep.join("testbed"), "small", false).unwrap();
    let client = Registry::at(&deep.join("testbed")).unwrap().connect(&claim.entry).unwrap();
    listener.accept().unwrap();
    drop(client);
}

#[test]
fn an_entry_whose_owner_is_gone_is_told_of_once_and_then_unknown() {
    let (_folder, at) = folder();
    let (alive, _listener) = claim(&at, "alive", false).unwrap();
    let stale = |name: &str, change: &dyn Fn(&mut Entry)| {
        let mut entry = Entry { name: name.parse().unwrap(), ..alive.entry.clone() };
        change(&mut entry);
        fs::write(at.join(format!("{name}.json")), serde_json::to_vec(&entry).unwrap()).unwrap();
        fs::write(at.join(format!("{name}.sock")), "").unwrap();
    };
    // The process id is that of a living process, which started at another time; or at another start of the host.
    stale("reused", &|entry| entry.owner.started -= 1);
    stale("rebooted", &|entry| entry.owner.boot = "another".into());
    fs::write(at.join("broken.json"), "{").unwrap();
    let registry = Registry::at(&at).unwrap();
    let pid = alive.entry.owner.pid;
    assert!(matches!(registry.find("reused"), Err(Error::Killed { pid: gone, .. }) if gone == pid));
    let unknown = registry.find("reused").unwrap_err().to_string();
    assert_eq!(unknown, "no lab is called `reused`; `testbed ps` lists them");
    assert_eq!(names(&at), ["alive"]);
    let left: std::collections::BTreeSet<_> =
        fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["alive.json", "alive.sock"]);
    assert_eq!(
        registry.find("alife").unwrap_err().to_string(),
        "no lab is called `alife`; did you mean `alive`?"
    );
    assert_eq!(registry.find("alive").unwrap(), alive.entry);
}

#[test]
fn a_folder_that_others_could_write_to_is_not_used() {
    let (_folder, at) = folder();
    fs::create_dir(&at).unwrap();
    let refused = |why: &str| {
        let error = Registry::at(&at).unwrap_err();
        assert!(matches!(&error, Error::Planted { .. }) && error.to_string().contains(why), "{error}");
    };
    for mode in [0o755, 0o710, 0o702] {
        fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
        refused("is open to others");
    }
    fs::set_permissions(&at, fs::Permissions::from_mode(0o700)).unwrap();
    Registry::at(&at).unwrap();
    if geteuid().is_root() {
        std::os::unix::fs::chown(&at, Some(65534), None).unwrap();
        refused("belongs to somebody else");
    }
    let elsewhere = at.with_file_name("elsewhere");
    fs::rename(&at, &elsewhere).unwrap();
    symlink(&elsewhere, &at).unwrap();
    refused("is a link");
    fs::remove_file(&at).unwrap();
    fs::write(&at, "").unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(0o600)).unwrap();
    refused("is no folder");
}

#[test]
fn the_runtime_folder_is_used_only_if_it_is_ours() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = Path::new("/tmp");
    let own = temporary.join(format!("testbed-{}", geteuid()));
    assert_eq!(place(Some(folder.path().to_owned()), temporary), folder.path().join("testbed"));
    assert_eq!(place(None, temporary), own);
    assert_eq!(place(Some("relative".into()), temporary), own);
    assert_eq!(place(Some("/no/such/folder".into()), temporary), own);
    if geteuid().is_root() {
        std::os::unix::fs::chown(folder.path(), Some(65534), None).unwrap();
        assert_eq!(place(Some(folder.path().to_owned()), temporary), own);
    }
}
