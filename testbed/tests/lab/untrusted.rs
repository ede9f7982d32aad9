//! A scenario is untrusted: it gets at nothing that was not handed over, and no name of it becomes a command.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;

use crate::sites;
use crate::support::{ONE_RUN, Place, User, say};

#[test]
fn a_command_needs_leave() {
    let place = Place::new();
    let said = say(place.run(&sites::command(&place, "echo here")), ONE_RUN).expect_code(2);
    assert!(said.all().contains("allow that with --allow-run"), "{said}");
    assert!(place.run_folders().is_empty(), "nothing was begun: {said}");
}

#[test]
fn a_command_reads_and_writes_only_what_was_handed_over() {
    for user in [User::Same, User::Ordinary] {
        let place = Place::of(user);
        let secret = place.write("secret.txt", "SECRET\n");
        let (here, open) = (place.path().display().to_string(), File::open(&secret).unwrap());
        // Each line that begins with LEAK is one. The last part tries to undo what is read-only.
        let script = format!(
            "exec 2>&1
             cat {here}/secret.txt /etc/shadow ~{who}/.profile {here}/site/../secret.txt && echo LEAK read
             cat /proc/1/root/{here}/secret.txt /proc/1/cwd/secret.txt && echo LEAK through the first process
             cat <&9 && echo LEAK inherited
             for at in {here}/site {here} /usr /etc/ssl/certs; do
               (echo x >$at/written) && [ $at != {here} ] && echo LEAK wrote $at
             done
             for at in {here}/site /usr /etc/passwd; do
               mount -o remount,bind,rw $at && echo LEAK remounted $at
               umount $at && echo LEAK unmounted $at
             done
             (echo x >{here}/site/written) && echo LEAK wrote after all
             (echo core >/proc/sys/kernel/core_pattern) && echo LEAK host setting
             (mknod /tmp/disk b 254 0 && cat /tmp/disk) && echo LEAK device
             ls {here}/out/*/* && echo LEAK sees the evidence
             (cd {here}/out/* && echo x >mine) && echo LEAK wrote the evidence
             ln -s {here}/secret.txt {here}/out/*/probes.jsonl && echo LEAK planted a link
             echo tried",
            who = std::env::var("USER").unwrap_or_else(|_| "root".into()),
        );
        let mut run = sites::run_allowed(&place, &sites::command(&place, &script));
        let from = open.as_raw_fd();
        #[expect(
            unsafe_code,
            reason = "a descriptor of a certain number must be inherited, as from a careless shell"
        )]
        // SAFETY: dup2(2) only, which may be called between fork and exec.
        unsafe {
            run.pre_exec(move || {
                if libc::dup2(from, 9) == 9 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            });
        }
        let said = say(run, ONE_RUN).expect_code(0);
        let log = sites::log_of(&place, "desk");
        assert!(log.contains("tried"), "{log}\n{said}");
        assert!(!log.contains("LEAK") && !log.contains("SECRET"), "{user:?}: {log}");
        assert!(!place.run_folders()[0].join("mine").exists());
        for written in ["site/written", "written"] {
            assert!(!place.path().join(written).exists(), "{user:?} wrote {written}: {log}");
        }
    }
}

#[test]
fn a_ruleset_that_leads_out_of_the_folder_is_a_mistake() {
    let place = Place::new();
    let outside = place.write("outside.nft", "flush ruleset\n# SECRET\n");
    let site = sites::small(&place, sites::SMALL_RULES);
    std::fs::remove_file(place.path().join("site/small.nft")).unwrap();
    symlink(outside, place.path().join("site/small.nft")).unwrap();
    let said = say(place.run(&site), ONE_RUN).expect_code(2);
    assert!(
        said.stderr.contains("leads out of the scenario's folder") && said.stderr.contains("small.yaml:"),
        "{said}"
    );
    assert!(!said.all().contains("SECRET") && !said.stderr.contains("did you mean"), "{said}");
    for path in ["../outside.nft", "/etc/nftables.conf", "site/../../outside.nft"] {
        let scenario = place.write("site/path.yaml", sites::changed(sites::SMALL, "small.nft", path));
        let said = say(place.run(&scenario), ONE_RUN).expect_code(2);
        assert!(said.stderr.contains("path.yaml:"), "{path}: {said}");
    }
    assert!(place.run_folders().is_empty());
}

#[test]
fn names_that_a_shell_or_nft_would_obey_are_refused() {
    let place = Place::new();
    sites::small(&place, sites::SMALL_RULES);
    let marker = place.path().join("obeyed");
    let evil = [
        format!("a; touch {}", marker.display()),
        format!("$(touch {})", marker.display()),
        format!("`touch {}`", marker.display()),
        "a\\\" ; flush ruleset ; \\\"".into(),
        "a } ; table ip x {".into(),
        "../../x".into(),
        "--help".into(),
        "a\\nb".into(),
        "a b".into(),
        "%n".into(),
        "\\u0000".into(),
    ];
    for name in evil {
        // As a node, a segment, the scenario, an interface, a check.
        for from in ["desk:", "office", "name: small", "office0", "door-plays"] {
            let to = match from {
                "desk:" => format!("\"{name}\":"),
                "name: small" => format!("name: \"{name}\""),
                _ => format!("\"{name}\""),
            };
            let scenario = place.write("site/evil.yaml", sites::changed(sites::SMALL, from, &to));
            let mut check = place.testbed();
            check.arg("check").arg(&scenario);
            let said = say(check, ONE_RUN).expect_code(2);
            assert!(said.stderr.contains("evil.yaml:"), "{from} {name}: {said}");
            assert!(!said.stderr.contains('\u{1b}') && !said.stderr.contains('\0'), "{from} {name}: {said}");
        }
    }
    assert!(!marker.exists());
}
