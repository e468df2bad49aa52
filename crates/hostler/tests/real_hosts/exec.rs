//! `hostler exec` on several hosts, some of them with faults.

use crate::lab::{Lab, stderr_of, stdout_of};

#[test]
fn each_host_returns_its_own_output_and_status() {
    let lab = Lab::new("every", 5);
    let output = lab.exec(&[], &["sh", "-c", "hostname; test $(hostname) != every3 || exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr_of(&output));
    let mut lines: Vec<String> = stdout_of(&output).lines().map(str::to_owned).collect();
    lines.sort();
    let expected: Vec<String> = (1..=5).map(|n| format!("every{n} | every{n}")).collect();
    assert_eq!(lines, expected);
    assert!(stderr_of(&output).starts_with("4 of 5 machines done, 1 failed\nevery3: exit status 7\n  every3\n"));
}

#[test]
fn faulty_hosts_are_reported_and_the_others_complete() {
    let lab = Lab::new("order", 6);
    assert!(lab.exec(&[], &["true"]).status.success());
    for (host, fault) in [(0, "link"), (1, "hang"), (2, "sshd"), (3, "key")] {
        lab.fault("break", host, fault);
    }
    let output = lab.exec(&["--timeout", "20s", "-o", "json"], &["echo", "here"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr_of(&output));
    let documents: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    for (host, expected) in [
        (0, "no answer within"),
        (1, "sent no banner within"),
        (2, "connection refused"),
        (3, "the host key changed from SHA256:"),
    ] {
        let error = documents[host]["error"].as_str().unwrap();
        // Once the ARP entry has expired, a link that is down appears as a missing route.
        assert!(error.contains(expected) || host == 0 && error.contains("no route to the host"), "{error}");
    }
    for document in &documents[4..] {
        assert_eq!((&document["exit_status"], &document["stdout"][0]), (&0.into(), &"here".into()));
    }
    assert!(
        stderr_of(&output).contains("if the host was reinstalled on purpose, remove line 4 of"),
        "{}",
        stderr_of(&output)
    );
    lab.fault("mend", 0, "link");
    lab.fault("mend", 1, "hang");
}

#[test]
fn a_host_lost_during_a_command_fails_with_its_output() {
    let lab = Lab::new("drops", 2);
    let script = "echo begun; test $(hostname) = drops2 || exit 0; sudo pkill -KILL -f '^sshd: [^/]'; sleep 60";
    let output = lab.exec(&[], &["sh", "-c", script]);
    assert_eq!(output.status.code(), Some(5));
    let text = stderr_of(&output);
    assert!(text.contains("1 of 2 machines done, 1 failed") && text.contains("the connection was lost"), "{text}");
    assert!(text.contains("\n  begun\n"), "{text}");
}

#[test]
fn large_output_goes_to_the_log_and_not_into_memory() {
    let lab = Lab::new("much", 1);
    let list = lab.list().display().to_string();
    let script = "yes \"$(printf %0999d 7)\" | head -c 256000000";
    let (text, peak) = peak(lab.command(&["exec", "--hosts", &list, "-o", "json", "--", "sh", "-c", script]));
    let documents: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!((&documents[0]["exit_status"], &documents[0]["truncated"]), (&0.into(), &true.into()));
    assert_eq!(std::fs::metadata(documents[0]["log"].as_str().unwrap()).unwrap().len(), 256_000_000);
    assert!(peak < 150 * 1024, "{peak} KiB");
}

/// Output of a program, and its peak memory in KiB.
fn peak(mut command: std::process::Command) -> (String, u64) {
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (ended, watch) = std::sync::mpsc::channel::<()>();
    let watching = std::thread::spawn(move || {
        let mut most = 0;
        while watch.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            most = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(most);
            std::thread::yield_now();
        }
        most
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    (stdout_of(&output), watching.join().unwrap())
}

#[test]
fn fail_fast_stops_the_other_hosts_and_their_processes() {
    let lab = Lab::new("first", 3);
    let script = "test $(hostname) != first2 || { sleep 1; exit 4; }; trap '' TERM; sleep 1000";
    let output = lab.exec(&["--fail-fast"], &["sh", "-c", script]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr_of(&output));
    assert!(stderr_of(&output).starts_with("0 of 3 machines done, 1 failed, 2 cancelled\n"), "{}", stderr_of(&output));
    // Processes that ignore the signal are killed too.
    let left = "while pgrep -f 'sleep 100[0]' >/dev/null; do sleep 0.2; done";
    assert!(lab.exec(&["--timeout", "30s"], &["sh", "-c", left]).status.success());
}

#[test]
fn a_full_remote_disk_fails_only_that_command() {
    let lab = Lab::new("full", 2);
    lab.fault("break", 0, "disk");
    let output = lab.exec(&[], &["sh", "-c", "head -c 1000000 /dev/zero >big"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr_of(&output).contains("full1 | head: error writing 'standard output': No space left on device"));
    assert!(stderr_of(&output).contains("1 of 2 machines done"), "{}", stderr_of(&output));
}
