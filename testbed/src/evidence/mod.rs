//! The run folder: every file name, written as things happen.
