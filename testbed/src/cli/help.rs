//! What the help of each command says below its arguments: examples, which tests try.

pub(super) const EXAMPLES: &str = "\
Examples:
  testbed run scenarios                    run all scenarios of a folder; evidence goes to runs/
  testbed run site.yaml --junit out.xml    one scenario, with a JUnit file for CI
  testbed twins scenarios                  each broken twin must be reported exactly as it expects
  testbed check site.yaml                  every mistake of a scenario, at its place
  testbed plan site.yaml --format mermaid  what would be built, as a drawing
  testbed doctor                           what this host can do, and how to mend what it cannot
  testbed up site.yaml                     build and stay; then, in another terminal:
  testbed shell site guest                 a shell in one of its nodes
  testbed fault site cut guest             pull a cable

Exit codes: 0 all as expected; 1 a check failed; 2 wrong usage or scenario; 3 inconclusive;
4 our own failure; 130 interrupted.";

pub(super) const RUN: &str = "\
PATH is a scenario, a twin, or a folder: then the files directly in it that have `version:` and `site:`.

Examples:
  testbed run scenarios                          all scenarios of a folder
  testbed run site.yaml --json - --quiet         the verdicts for a program, after the report
  testbed run scenarios --sarif testbed.sarif    what is wrong, at the lines of scenarios and rule files, for code hosts
  testbed run scenarios --summary $GITHUB_STEP_SUMMARY
                                                 a summary of the job's step in Markdown, appended to this file
  testbed run site.yaml --out evidence --jobs 2  two labs at once, run folders in evidence/
  testbed run scenarios --accept-unsupported scenarios/unsupported.yaml
                                                 exit code 0 though the kernel lacks what listed checks require";

pub(super) const TWINS: &str = "\
PATH is a scenario (its twins lie in broken/ beside it), a twin, or a folder of scenarios.

Examples:
  testbed twins scenarios                                 every twin of every scenario of a folder
  testbed twins scenarios --allow-run                     the same, where some of them run a command in a node
  testbed twins scenarios/broken/t3-forward-accept.yaml   one twin";

pub(super) const UP: &str = "\
Prints the lab's name and how to reach it, and stays until Ctrl-C (exit code 130), until the terminal closes, or until
`testbed down` (exit code 0). With --detach it returns when the lab is up, which then stays until `testbed down`.

Examples:
  testbed up site.yaml                          until Ctrl-C
  testbed up site.yaml --detach --name mine     in the background, as `mine`
  testbed up site.yaml --detach --quiet         says the lab's name and nothing else, for scripts";

pub(super) const PS: &str = "\
A lab is starting, up, judging, ending, or damaged: then something in it has ended by itself.

Examples:
  testbed ps          name, scenario, process, since when, state
  testbed ps --json   the same for a program, with folder and what has ended";

pub(super) const SHELL: &str = "\
The command has the node's network, resolv.conf and hosts, and any program of the host. It sees the host's files as the
lab does: programs and the scenario's folder read-only, the lab's folder for writing, nothing else. It ends with the lab.
Without a command it is $SHELL where the lab has that, else /bin/sh. Exit code: the command's; 125 if it could not be
started.

Examples:
  testbed shell site guest                             a shell
  testbed shell site guest -- curl -v http://10.1.0.5  one command
  testbed shell site rtr -- nft list ruleset           what a router has loaded";

pub(super) const FAULT: &str = "\
Returns when it is done, and says what was done. A judgement that goes on meanwhile names it in its evidence; what is
still broken is named in every later one. Each fault has its own help: `testbed help fault flap`.

Examples:
  testbed fault site cut app.eth0                   carrier loss, as the far end sees it
  testbed fault site heal app.eth0                  the link is whole again
  testbed fault site flap app --times 5 --every 2s  the link of a node that has only one
  testbed fault site kill app                       power fails
  testbed fault site restart rtr --service dns      one service is started again
  testbed fault site reload rtr broken/open.nft     another rule file of the scenario's folder
  testbed fault site rate app.eth0 2mbit            a slow link
  testbed fault site list                           what is in force
  testbed fault site heal --all                     everything is mended";

pub(super) const CAPTURE: &str = "\
Every frame at every link, or at those of one segment, as pcapng; an interface for each link. Ends when nobody reads any
more, with Ctrl-C, and with the lab.

Examples:
  testbed capture site | wireshark -k -i -        all taps, in Wireshark
  testbed capture site cam | tcpdump -n -r -      one segment, as text
  testbed capture site cam > cam.pcapng           into a file";

pub(super) const JUDGE: &str = "\
Carries out the scenario's checks on the lab as it stands, and reports as `testbed run` does, with the same exit codes.
The evidence goes to a run folder of its own inside the lab's folder.

Examples:
  testbed judge site                    the report
  testbed judge site --json - --quiet   the verdicts for a program";

pub(super) const REPORT: &str = "\
Every file of the folder is held against manifest.json first. Then the captures are read frame by frame as the taps read
them, and judged as `testbed run` judges, with the same exit codes; stored verdicts are not asked, and may be missing.
Exit code 2: the folder is damaged. Of a run that ended before its time nothing passes: exit code 3, or 1 for what was seen.

Examples:
  testbed report runs/20260131T235959Z-site           the report, from the evidence
  testbed report RUNDIR --verdicts - --quiet          verdicts.json, byte for byte as the run wrote it
  testbed report RUNDIR --html report.html            the page again, if it was lost";

pub(super) const REPLAY: &str = "\
The scenario and the files that lie in the run folder are run, in a lab of this machine and with a run folder of its own.
Then each check must come to the same verdict, each fail for the same pairs by the same rules, and the same nodes must have
opened the same things towards one another. Exit code: 0 if nothing differs, else 1; if the run itself fails, that of the
run.

Examples:
  testbed replay runs/20260131T235959Z-site          the report of the new run, then what differs
  testbed replay RUNDIR --out replays --patience 4   on a slow machine, into another folder";

pub(super) const DOWN: &str = "\
Waits until nothing of the lab runs any more. A lab that is gone already is no failure.

Examples:
  testbed down site     one lab
  testbed down --all    all of yours";

pub(super) const CHECK: &str = "\
PATH is a scenario, a twin, or a folder: then the files directly in it that have `version:` and `site:`.

Examples:
  testbed check site.yaml     one scenario
  testbed check scenarios     all scenarios of a folder";

pub(super) const CONTROLS: &str = "\
`part` says that a check proves some of the control only. Controls that no check names stand at the end.

Examples:
  testbed controls scenarios          the table over all scenarios of a folder
  testbed controls scenarios --json   the same for a program";

pub(super) const PLAN: &str = "\
Examples:
  testbed plan site.yaml                            nodes, addresses, routes, flows, checks
  testbed plan site.yaml --format json | jq .nodes  the same for a program
  testbed plan site.yaml --format dot | dot -Tsvg   a drawing, by Graphviz";

pub(super) const SCHEMA: &str = "\
Examples:
  testbed schema > scenario.schema.json            and in a scenario's first line:
  # yaml-language-server: $schema=scenario.schema.json
  testbed schema verdicts > verdicts.schema.json   of verdicts.json, and of what --json writes";

pub(super) const COMPLETIONS: &str = "\
Examples:
  testbed completions bash > ~/.local/share/bash-completion/completions/testbed
  testbed completions zsh > ~/.zfunc/_testbed
  testbed completions fish > ~/.config/fish/completions/testbed.fish";

pub(super) const DOCTOR: &str = "\
Example:
  testbed doctor   exit code 0 if every run can be made, 3 if not";
