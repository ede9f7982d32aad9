//! Sends what the plan asks for.
