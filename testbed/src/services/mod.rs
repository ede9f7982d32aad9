//! Starts the fakes in their nodes, waits for facts, stops them.
