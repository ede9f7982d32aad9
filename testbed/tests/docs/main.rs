//! What the pages say is true: their examples are checked, the README's first scenario and its session are run and its
//! stored run is judged again, the runs that it shows are of the scenarios as they are, their links lead somewhere, and the
//! commands, exit codes, host features and controls that they list are those of the program.

mod examples;
mod first;
mod pages;
mod report;
mod runs;
mod session;
mod tables;
