//! Inside the lab: build, start, exercise, probe, end; tells the commander as it goes.

mod asks;
mod build;
mod calls;
mod change;
mod exercise;
mod flags;
mod listing;
mod once;
mod orders;
mod prober;
mod probing;
mod stand_ins;
mod star;
mod stay;
mod teller;
mod trials;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use super::order::{Order, Task};
use crate::event::{Event, Failure, Fault};
use crate::kernel::enter::{Entered, enter};
use crate::kernel::{KernelError, features};
use crate::observation::Observations;

use asks::Asks;
use teller::Teller;

/// Entry of the lab process: reads the order, enters the lab, works. Returns the exit status.
///
/// Must be called before the process has a second thread. Standard output carries events.
pub fn lab_process() -> u8 {
    let teller = Teller::new();
    close_inherited();
    let order = match read_order() {
        Ok(order) => order,
        Err(error) => return teller.fail(ours(format!("the lab got no order: {error}"))),
    };
    let report = |error: &KernelError| {
        teller.fail(kernel_failure(error));
    };
    // The site and its open copy, a fabric each.
    let networks = 2 * (order.plan.nodes.len() + 1);
    match enter(&order.root, networks, &report) {
        Ok(Entered::Outer(status)) => u8::try_from(status).unwrap_or(1),
        Ok(Entered::Worker) => work(&order, &teller),
        Err(error) => teller.fail(kernel_failure(&error)),
    }
}

/// Closes what whoever called `testbed` had open: a lab must not get at files that were not handed to it.
fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    #[expect(unsafe_code, reason = "close_range(2) has no safe form")]
    // SAFETY: nothing of ours is open yet but standard input, output and error.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
    if closed != 0 {
        // Linux before 5.9; no kernel that has what a lab needs otherwise.
        tracing::warn!("inherited files stay open: {}", io::Error::last_os_error());
    }
}

/// Reads the order without a buffer: what follows it on standard input is not ours to read ahead.
fn read_order() -> io::Result<Order> {
    Order::read(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn work(order: &Order, teller: &Teller) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return teller.fail(ours(format!("no async runtime: {error}"))),
    };
    match runtime.block_on(carry_out(order, teller)) {
        Ok(seen) => {
            seen.into_iter().for_each(|seen| teller.tell(&Event::Observed(Box::new(seen))));
            0
        }
        Err(failure) => teller.fail(failure),
    }
}

/// Carries out the order, unless the end is asked for before it is done; a lab that stays has nothing left to tell.
async fn carry_out(order: &Order, teller: &Teller) -> Result<Option<Observations>, Failure> {
    let mut asks = Asks::listen().map_err(|error| ours(format!("no life-line: {error}")))?;
    if order.task == Task::Stay {
        return stay::stay(order, teller, &mut asks).await.map(|()| None);
    }
    let done = async {
        match order.task {
            Task::Bench => star::bench(order, teller).await,
            Task::Features => {
                let missing = features::missing().await.map_err(|error| kernel_failure(&error))?;
                Ok(Observations { missing, ..Observations::default() })
            }
            Task::Run | Task::Stay => once::once(order, teller).await,
        }
    };
    tokio::select! {
        done = done => done.map(Some),
        () = asks.end() => Err(interrupted()),
    }
}

fn interrupted() -> Failure {
    Failure { fault: Fault::Interrupted, text: "interrupted".into(), node: None, last_lines: Vec::new() }
}

fn kernel_failure(error: &KernelError) -> Failure {
    Failure { fault: error.fault(), text: error.to_string(), node: None, last_lines: Vec::new() }
}

fn ours(text: String) -> Failure {
    Failure { fault: Fault::Ours, text, node: None, last_lines: Vec::new() }
}
